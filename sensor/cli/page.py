"""Titles and tables on standard output that fit its width, whatever that is."""

import shutil
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sensor import words

_UNBOUNDED_COLUMNS = 100_000
"""Where the output is no terminal a row stays on its line, for grep and less -S."""
_UNBROKEN = 17
"""Words up to this length, that of a MAC, stay whole where the room allows it."""
_GAP = 2
_INDENT = 2


Lines = Sequence[tuple[str, str]]
"""Texts with their styles."""


class Page:
    """Where to print, and how many rows of a table (0 is all of them). Texts are shown as they are, never as markup."""

    def __init__(self, limit: int) -> None:
        columns = shutil.get_terminal_size(fallback=(_UNBOUNDED_COLUMNS, 0)).columns
        self._console = Console(width=columns, highlight=False, markup=False, emoji=False)
        self._limit = limit

    def title(self, text: str, remark: str = "", style: str = "bold") -> None:
        """A heading, with what to know about what follows."""
        self._console.print()
        self._console.print(Text.assemble((text, style), ("  " + remark if remark else "", "dim")), soft_wrap=True)

    def line(self, text: str, style: str = "") -> None:
        """A paragraph."""
        self._console.print(Text(text, style))

    def point(self, mark: str, style: str, text: str) -> None:
        """A paragraph with a mark before it."""
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row(Text(mark, style), Text(text, overflow="fold"))  # a long path is not cut
        self._console.print(grid)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str | int]], heads: int = 0) -> None:
        """A table; headings of figures begin with "#", a column that is empty in all rows is left out.

        Where the width is bounded, the first `heads` cells of a row stand on a line above those that share them.
        """
        shown = [[f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in (rows[: self._limit] if self._limit else rows)]
        if heads and self._console.width < _UNBOUNDED_COLUMNS:
            self._grouped(headings, shown, heads)
        else:
            columns = _Columns(headings, shown, self._console.width)
            self._console.print(columns.table(shown, header=True))
        if more := len(rows) - len(shown):
            self._console.print(Text(f"… {more:,} more (--rows 0 shows all)", "dim"))

    def grid(self, corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Lines]]]) -> bool:
        """A table with lines between its cells, whose texts have styles; False, and nothing, where it does not fit a terminal."""
        table = Table(box=box.SQUARE, show_lines=True, header_style="bold")
        for heading in (corner, *columns):
            table.add_column(Text(words.plain(heading)), no_wrap=True)
        for head, cells in rows:
            table.add_row(
                Text(words.plain(head), "bold"),
                *(Text("\n").join(Text(words.plain(line), style) for line, style in cell) for cell in cells),
            )
        fits = (
            self._console.measure(table, options=self._console.options.update(width=_UNBOUNDED_COLUMNS)).maximum
            <= self._console.width
            < _UNBOUNDED_COLUMNS
        )
        if fits:
            self._console.print(table)
        return fits

    def _grouped(self, headings: Sequence[str], rows: Sequence[Sequence[str]], heads: int) -> None:
        columns = _Columns(headings[heads:], [row[heads:] for row in rows], self._console.width - _INDENT)
        groups: dict[tuple[str, ...], list[Sequence[str]]] = {}
        for row in rows:
            groups.setdefault(tuple(row[:heads]), []).append(row[heads:])
        self._indented(columns.table([], header=True))
        for head, members in groups.items():
            first, *others = zip(headings, head, strict=False)
            named = [first[1], *(f"{heading.lower()} {cell}" for heading, cell in others if cell)]
            self._console.print(Text(", ".join(named)))
            self._indented(columns.table(members, header=False))

    def _indented(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 0, _INDENT)))


class _Columns:
    """The columns of a table that are not empty, and widths at which they fit into the room."""

    def __init__(self, headings: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> None:
        self._used = [place for place in range(len(headings)) if any(row[place] for row in rows)]
        self._headings = [headings[place] for place in self._used]
        titles = [heading.lstrip("#") for heading in self._headings]
        self._widths = _widths([titles, *([row[place] for place in self._used] for row in rows)], room)

    def table(self, rows: Sequence[Sequence[str]], *, header: bool) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim", show_header=header)
        for heading, width in zip(self._headings, self._widths, strict=True):
            figures = heading.startswith("#")
            table.add_column(Text(heading.lstrip("#")), justify="right" if figures else "left", overflow="fold", width=width)
        for row in rows:
            table.add_row(*(Text(row[place]) for place in self._used))
        return table


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns: the widest give way first, and no address is broken while others can."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    floors = [min(_UNBROKEN, max(cell_len(word) for cell in column for word in cell.split(" "))) for column in columns]
    for least in (floors, [1] * len(widths)):
        while sum(widths) + _GAP * (len(widths) - 1) > room:
            place = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
            if widths[place] <= least[place]:
                break
            widths[place] -= 1
    return widths
