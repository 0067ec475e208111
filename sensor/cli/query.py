"""`otoscope assets`, `conversations`, `operations`, `alerts`, `incidents`: what is known, asked for with filters."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from sensor import words
from sensor.cli.inputs import force_option, load_site, site_option
from sensor.cli.listings import LISTINGS, Listing, Row
from sensor.cli.source import database_option, opened, told

if TYPE_CHECKING:
    from sensor.store import Answer, Query

_SHOWN = 50
_SEVERITIES = ("info", "low", "medium", "high", "critical")
_FORMS = ("table", "json", "csv")
_INVENTORIES = ("netbox", "servicenow", "watchlist")
"""Those of sensor.exports.inventory, which is not imported to show help."""


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
_ALSO_INVENTORIES = (
    " Also, of all assets that match, what other systems take in: files for NetBox (in the directory that --output names),"
    " an import set for ServiceNow, a watchlist for Microsoft Sentinel."
)
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
        *_format_options(listing),
    ]
    text = f"{listing.help}\n\nOf a database, or of captures that are read for it.{at_least_once}"
    decorated: Callable[..., None] = reduce(lambda command, decorate: decorate(command), reversed(shape), run)
    return click.command(listing.name, help=text)(decorated)


def _format_options(listing: Listing) -> list[Callable[..., Any]]:
    forms = _FORMS + (_INVENTORIES if listing.inventory else ())
    about = _FORMATS + (_ALSO_INVENTORIES if listing.inventory else "")
    chosen = click.option("--format", "output_format", type=click.Choice(forms), default="table", show_default=True, help=about)
    if not listing.inventory:
        return [chosen]
    return [
        chosen,
        click.option("--output", metavar="PATH", help="Write to this file instead of standard output; for NetBox to this directory."),
        force_option,
        click.option("--site-name", metavar="NAME", help="What NetBox, ServiceNow or Sentinel calls the site; else the site file's name."),
    ]


def _list(listing: Listing, options: dict[str, Any]) -> None:
    from sensor import store as stored
    from sensor.cli.written import targets_of, write

    captures, database, site = options.pop("captures"), options.pop("database"), options.pop("site")
    form, output, force = options.pop("output_format"), options.pop("output", None), options.pop("force", False)
    if output and form == "table":
        raise click.UsageError("--output goes with another --format than table")
    site_name = _site_name(form, options.pop("site_name", None), site)
    everything, limit = options.pop("everything") or _whole(form), options.pop("limit")
    if options.pop("statuses", False):
        options["statuses"] = ("open",)
    query: Query = stored.Query(**options, limit=None if everything else limit)
    kind: stored.Kind = getattr(stored, listing.name.upper())
    if form == "table":
        with told(), opened(captures, database, site) as store:
            answer = store.find(kind, query)
        _show_table(listing, answer)
        return
    targets = targets_of(form, output, force=force)
    if form in _INVENTORIES and not query.sort:
        query = replace(query, sort="-last")
    with told(), opened(captures, database, site) as store, closing(store.each(kind, query)) as rows:
        write(form, listing, rows, site_name, targets)


def _whole(form: str) -> bool:
    """An inventory for another system is whole, unless somebody says how much of it."""
    limited = click.get_current_context().get_parameter_source("limit") is click.core.ParameterSource.COMMANDLINE
    return form in _INVENTORIES and not limited


def _site_name(form: str, name: str | None, site: str | None) -> str:
    """What other systems call the site."""
    if form in _INVENTORIES and not name and site:
        name = load_site(site).name
    if form == "netbox" and not name:
        raise click.UsageError("--format netbox needs the name of the site in NetBox: --site-name NAME")
    return name or ""


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
