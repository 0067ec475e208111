"""The replay document as tables for people. What comes from the wire goes in as Text, never as markup."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sensor.cli import words
from sensor.cli.health import Weight, is_one_way, remarks
from sensor.cli.operations import INTENTS, deeds
from sensor.protocols import Intent
from sensor.replay import meaning
from sensor.rows import ConversationRow, Document, FactRow

_UNBOUNDED_COLUMNS = 100_000
"""Where the output is no terminal a row stays on its line, for grep and less -S."""
_UNBROKEN = 17
"""Words up to this length, that of a MAC, stay whole where the room allows it."""
_GAP = 2
_WHO = "Client → server"
_MARKS = {Weight.GOOD: ("✓", "green"), Weight.NOTE: ("·", "cyan"), Weight.LOSS: ("!", "bold yellow")}
_DANGEROUS = {Intent.PROGRAM: "bold red", Intent.CONTROL: "bold red", Intent.WRITE: "bold yellow", Intent.CONFIGURE: "bold yellow"}


def show(whole: Document, limit: int) -> None:
    """Print everything on standard output; `limit` rows of each table, all of them where it is 0."""
    columns = shutil.get_terminal_size(fallback=(_UNBOUNDED_COLUMNS, 0)).columns
    page = _Page(Console(width=columns, highlight=False, markup=False, emoji=False), limit)
    _headline(page, whole)
    _health(page, whole)
    _endpoints(page, whole)
    _conversations(page, whole)
    _operations(page, whole)
    _identities(page, whole)
    _anomalies(page, whole)


class _Page:
    """Where to print, and how many rows of a table."""

    def __init__(self, console: Console, limit: int) -> None:
        self.console = console
        self.limit = limit

    def title(self, text: str, remark: str = "", style: str = "bold") -> None:
        self.console.print()
        self.console.print(Text.assemble((text, style), ("  " + remark if remark else "", "dim")), soft_wrap=True)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
        """Headings of figures begin with "#"; a column that is empty in all rows is left out."""
        shown = rows[: self.limit] if self.limit else rows
        used = [place for place in range(len(headings)) if any(row[place] != "" for row in rows)]
        cells = [[f"{row[place]:,}" if isinstance(row[place], int) else str(row[place]) for place in used] for row in shown]
        titles = [headings[place].lstrip("#") for place in used]
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        for place, title, width in zip(used, titles, _widths([titles, *cells], self.console.width), strict=True):
            table.add_column(Text(title), justify="right" if headings[place].startswith("#") else "left", overflow="fold", width=width)
        for row in cells:
            table.add_row(*map(Text, row))
        self.console.print(table)
        if more := len(rows) - len(shown):
            self.console.print(Text(f"… {more:,} more (--rows 0 shows all)", "dim"))


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns that fit into the room: the widest give way first, and no address is broken while others can."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    floors = [min(_UNBROKEN, max(cell_len(word) for cell in column for word in cell.split(" "))) for column in columns]
    excess = sum(widths) + _GAP * (len(widths) - 1) - room
    while excess > 0 and (spare := [place for place, width in enumerate(widths) if width > floors[place]] or _wider_than(1, widths)):
        widest = max(spare, key=lambda place: widths[place])
        widths[widest] -= 1
        excess -= 1
    return widths


def _wider_than(least: int, widths: Sequence[int]) -> list[int]:
    return [place for place, width in enumerate(widths) if width > least]


def _headline(page: _Page, whole: Document) -> None:
    capture = whole["capture"]
    names = ["standard input" if file == "-" else file.rpartition("/")[2] for file in capture["files"]]
    title = ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]} ({words.count(len(names), 'capture')})"
    page.console.print(Text(title, "bold"), soft_wrap=True)
    amount = f"{words.count(capture['packets'], 'packet')}, {words.octets(capture['octets'])}"
    page.console.print(Text(f"{words.period(capture['first'], capture['last'])}; {amount}"), soft_wrap=True)
    spoken = []
    for name, row in sorted(whole["protocols"].items(), key=lambda item: -item[1]["messages"]):
        bad = f" ({row['malformed']:,} malformed)" if row["malformed"] else ""
        spoken.append(f"{meaning(name).title} {words.count(row['messages'], 'message')}{bad}")
    page.console.print(Text("; ".join(spoken) or "None of the protocols that Otoscope knows was spoken."))


def _health(page: _Page, whole: Document) -> None:
    page.title("Health of the capture")
    for remark in remarks(whole):
        mark, style = _MARKS[remark.weight]
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row(Text(mark, style), Text(remark.text))
        page.console.print(grid)


def _roles(whole: Document) -> dict[str, tuple[set[str], set[str]]]:
    """Of each address, the protocols it serves and those it asks with."""
    roles: dict[str, tuple[set[str], set[str]]] = {}
    for row in whole["conversations"]:
        if row["protocol"]:
            for end, place in ((row["server"], 0), (row["client"], 1)):
                roles.setdefault(end["ip"] or end["mac"] or "", (set(), set()))[place].add(row["protocol"])
    return roles


def _endpoints(page: _Page, whole: Document) -> None:
    roles = _roles(whole)
    rows = []
    for row in whole["endpoints"]:
        serves, asks = roles.get(row["ip"] or row["mac"] or "", (set(), set()))
        cells = (row["ip"] or "", row["mac"] or "", _vlan(row["vlan"]), ", ".join(sorted(serves)), ", ".join(sorted(asks)), row["packets"])
        rows.append((not serves and not asks, cells))
    rows.sort(key=lambda pair: pair[0])  # those that speak a known protocol first
    if rows:
        page.title("Endpoints", words.count(len(rows), "address", "addresses") + " that sent packets")
        page.table(("Address", "MAC", "#VLAN", "Serves", "Asks with", "#Packets"), [cells for _, cells in rows])


def _conversations(page: _Page, whole: Document) -> None:
    rows = sorted(whole["conversations"], key=lambda row: (row["protocol"] is None, -sum(row["packets"])))
    if rows:
        page.title("Conversations", "packets and octets from the client / from the server")
        headings = (_WHO, "Protocol", "#VLAN", "#Packets", "#Octets", "Path")
        page.table(headings, [_conversation_cells(row) for row in rows])


def _conversation_cells(row: ConversationRow) -> tuple[str, ...]:
    client, server = (row[end]["ip"] or row[end]["mac"] or "?" for end in ("client", "server"))
    port = f" {row['port']}" if row["transport"] in ("tcp", "udp", "ip") else f" 0x{row['port']:04x}" if row["port"] else ""
    protocol = f"{row['protocol'] or '?'} {row['transport']}{port}"
    packets = " / ".join(f"{number:,}" for number in row["packets"])
    octets = " / ".join(f"{number:,}" for number in row["octets"])
    return (f"{client} → {server}", protocol, _vlan(row["vlan"]), packets, octets, ", ".join(_path(row)))


def _path(row: ConversationRow) -> Iterable[str]:
    """What is wrong with the way between the two."""
    if is_one_way(row):
        yield "one-way"
    for what in ("lost_segments", "retransmissions", "out_of_order", "duplicates"):
        if number := sum(row[what]):
            yield f"{number:,} {_PATH_WORDS[what]}"
    if row["refused"]:
        yield f"{row['refused']:,} refused"


_PATH_WORDS = {"lost_segments": "lost", "retransmissions": "resent", "out_of_order": "out of order", "duplicates": "duplicate"}


def _operations(page: _Page, whole: Document) -> None:
    for intent, what in INTENTS.items():
        rows = [
            (
                f"{deed.client} → {deed.server}",
                deed.unit,
                f"{deed.protocol} {deed.name}" + (f" {deed.technique}" if deed.technique else ""),
                deed.objects_text(),
                deed.times,
                deed.outcome(),
            )
            for deed in deeds(row for row in whole["operations"] if row["intent"] == intent)
        ]
        if rows:
            page.title(f"Operations: {intent}", what, _DANGEROUS.get(intent, "bold"))
            page.table((_WHO, "Unit", "Operation", "On", "#Times", "Outcome"), rows)


def _identities(page: _Page, whole: Document) -> None:
    def who(row: FactRow) -> tuple[str, str]:
        return (row["ip"] or row["mac"] or "?", row["unit"])

    rows: list[tuple[str, str, str, str, str]] = []
    for (address, unit), facts in groupby(whole["facts"], who):
        for place, fact in enumerate(facts):
            head = (address, unit) if place == 0 or not sys.stdout.isatty() else ("", "")
            rows.append((*head, fact["key"].replace("_", " "), fact["value"], fact["source"]))
    if rows:
        page.title("Identities", "what endpoints say of themselves")
        page.table(("Endpoint", "Unit", "What", "Says", "Source"), rows)


def _anomalies(page: _Page, whole: Document) -> None:
    rows = [
        (
            f"{row['client'] or '?'} → {row['server'] or '?'}",
            row["protocol"],
            f"{row['kind'].replace('_', ' ')}: {row['detail']}",
            row["count"],
        )
        for row in sorted(whole["anomalies"], key=lambda row: -row["count"])
    ]
    if rows:
        page.title("Anomalies", "breaches of the protocols", "bold yellow")
        page.table((_WHO, "Protocol", "What", "#Times"), rows)


def _vlan(number: int | None) -> str:
    return "" if number is None else str(number)
