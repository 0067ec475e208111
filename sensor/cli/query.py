"""`otoscope assets`, `conversations`, `operations`, `alerts`, `incidents`: what is known, asked for with filters."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from sensor import words
from sensor.cli.inputs import site_option
from sensor.cli.listings import LISTINGS, Listing, Row
from sensor.cli.source import database_option, opened, told

if TYPE_CHECKING:
    from sensor.store import Answer, Query

_SHOWN = 50
_SEVERITIES = ("info", "low", "medium", "high", "critical")
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n")
"""With these a spreadsheet takes a text for a formula."""


def commands() -> Iterator[click.Command]:
    """One command for each listing."""
    return map(_command, LISTINGS)


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """A time as people write it, UTC where it does not say; nanoseconds."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time like 2026-03-02 or 2026-03-02T14:30") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1_000_000_000 + aware.microsecond * 1000


def _level(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value not in _LEVELS:
            raise click.BadParameter(f"{value!r} is none of {', '.join(_LEVELS)}")
    return values


_FORMATS = "A table for people, JSON as in the replay document, or CSV that no spreadsheet runs."
_LEVELS = ("0", "1", "2", "3", "3.5", "4", "5", "unknown")

_FILTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "level": ("levels", {"multiple": True, "callback": _level, "metavar": "LEVEL", "help": "At this Purdue level: 0 to 5, 3.5, unknown."}),
    "zone": ("zones", {"multiple": True, "metavar": "ZONE", "help": "In this zone."}),
    "type": ("types", {"multiple": True, "metavar": "TYPE", "help": "Of this type: plc, hmi, engineering_workstation …"}),
    "vendor": ("vendor", {"metavar": "TEXT", "help": "The vendor's name has this in it."}),
    "ip": ("ip", {"metavar": "ADDRESS", "help": "With this IP address, in this subnet, or with this MAC or beginning of one."}),
    "protocol": ("protocols", {"multiple": True, "metavar": "NAME", "help": "Speaking this protocol: modbus, s7comm …"}),
    "intent": ("intents", {"multiple": True, "metavar": "INTENT", "help": "With this intent: read, write, control, program …"}),
    "severity": ("severity", {"type": click.Choice(_SEVERITIES), "help": "At least that severe."}),
    "rule": ("rules", {"multiple": True, "metavar": "ID", "help": "Raised by this detector."}),
    "open": ("statuses", {"is_flag": True, "help": "Only what nobody has learned, muted or closed."}),
    "since": ("since", {"callback": _moment, "metavar": "TIME", "help": "Seen at or after that time (UTC where it does not say)."}),
    "until": ("until", {"callback": _moment, "metavar": "TIME", "help": "Seen at or before that time."}),
}
_ALSO = {"type": "--kind"}


def _command(listing: Listing) -> click.Command:
    def run(**options: object) -> None:
        _list(listing, options)

    at_least_once = " Several of the same filter are alternatives; different filters hold all at once."
    shape = [
        click.argument("captures", metavar="[CAPTURE]...", nargs=-1),
        database_option,
        site_option,
        *(click.option(f"--{name}", *filter(None, (_ALSO.get(name),)), _FILTERS[name][0], **_FILTERS[name][1]) for name in listing.filters),
        click.option("--sort", metavar="COLUMN", help="In the order of this column; -COLUMN for the largest first. A wrong one lists all."),
        click.option("--limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="At most so many."),
        click.option("--all", "everything", is_flag=True, help="All of them."),
        click.option(
            "--format", "output_format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True, help=_FORMATS
        ),
    ]
    text = f"{listing.help}\n\nOf a database, or of captures that are read for it.{at_least_once}"
    decorated: Callable[..., None] = reduce(lambda command, decorate: decorate(command), reversed(shape), run)
    return click.command(listing.name, help=text)(decorated)


def _list(listing: Listing, options: dict[str, Any]) -> None:
    from sensor import store as stored

    captures, database, site = options.pop("captures"), options.pop("database"), options.pop("site")
    output, everything, limit = options.pop("output_format"), options.pop("everything"), options.pop("limit")
    if options.pop("statuses", False):
        options["statuses"] = ("open",)
    query: Query = stored.Query(**options, limit=None if everything else limit)
    kind: stored.Kind = getattr(stored, listing.name.upper())
    with told(), opened(captures, database, site) as store:
        answer = store.find(kind, query)
    _SHOW[output](listing, answer)


def _show_table(listing: Listing, answer: "Answer") -> None:
    from sensor.cli.page import Page

    page = Page(0)
    page.title(listing.name.capitalize(), words.count(answer.total, listing.one))
    if answer.rows:
        page.table(listing.headings, [_cells(listing, row) for row in answer.rows])
    if more := answer.total - len(answer.rows):
        page.line(f"… {more:,} more (--all shows all)", "dim")


def _cells(listing: Listing, row: Row) -> list[str | int]:
    return [words.plain(cell) if isinstance(cell, str) else cell for cell in listing.cells(row)]


def _show_json(listing: Listing, answer: "Answer") -> None:
    from sensor.store import encode

    for octets in _array(encode(row) for row in _without_evidence(answer.rows)):
        sys.stdout.buffer.write(octets)
    sys.stdout.flush()
    del listing


def _without_evidence(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows as the replay document has them: what explains an asset is for `explain`."""
    return (
        {name: value for name, value in row.items() if name != "addresses" and not (name == "evidence" and isinstance(value, dict))}
        for row in rows
    )


def _array(rows: Iterable[bytes]) -> Iterator[bytes]:
    separator = b"[\n"
    for row in rows:
        yield separator + row
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def _show_csv(listing: Listing, answer: "Answer") -> None:
    import io

    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(listing.columns)
    writer.writerows([_csv_value(row, column) for column in listing.columns] for row in answer.rows)
    text.detach()


def _csv_value(row: Row, column: str) -> object:
    """A value that no spreadsheet runs."""
    value: Any = row
    for part in column.split("."):
        value = value[part]
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_SHOW: dict[str, Callable[[Listing, "Answer"], None]] = {"table": _show_table, "json": _show_json, "csv": _show_csv}
