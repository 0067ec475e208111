"""`otoscope explain`: why an asset is taken for what it is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from sensor import words
from sensor.cli.inputs import site_option
from sensor.cli.source import database_option, opened
from sensor.inventory.model import FIELDS

if TYPE_CHECKING:
    from sensor.cli.page import Page
    from sensor.store import Explanation

_SHOWN = 30
Body = dict[str, Any]


@click.command()
@click.argument("asset")
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1)
@database_option
@site_option
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True, help="For people, or JSON."
)
def explain(asset: str, captures: tuple[str, ...], database: str | None, site: str | None, output_format: str) -> None:
    """Explain an ASSET: why this type, this level, this vendor; what nobody asked it for; with whom it talks.

    ASSET is its id, an IP or MAC address, or its name.
    """
    with opened(captures, database, site) as store:
        told = store.explain(asset, nearest=True)
    if told.matches:
        names = "\n".join(f"  {row['id']}  {words.plain(row['name'])}  {', '.join(row['ips'])}" for row in told.matches)
        raise click.ClickException(f"{words.plain(asset)} may be any of these; name one by its id:\n{names}")
    if told.asset is None:
        near = f"; there are {', '.join(map(words.plain, told.nearest))}" if told.nearest else ""
        raise click.ClickException(f"there is no asset {words.plain(asset)}{near}")
    if output_format == "json":
        import json

        click.echo(json.dumps(_document(told), indent=2))
    else:
        _show(told, told.asset)


def _document(told: "Explanation") -> Body:
    names = ("asset", "neighbours", "units", "merges", "history", "alerts")
    return {name: getattr(told, name) for name in names}


def _show(told: "Explanation", asset: Body) -> None:
    from sensor.cli.page import Page

    page = Page(_SHOWN)
    page.line(words.plain(asset["name"]), "bold")
    page.line(_plain(f"id {asset['id']}; {_addresses(asset)}; seen {words.period(asset['first'], asset['last'])}"))
    if asset["parent"]:
        page.line(_plain(f"unit {asset['unit']} of {asset['parent']}"))
    _reasons(page, asset)
    if asset["never_queried"]:
        page.title("Never queried", "nobody ever asked the device for it, so its blank says nothing")
        page.line(", ".join(name.replace("_", " ") for name in asset["never_queried"]))
    _around(page, told)


def _addresses(asset: Body) -> str:
    vlans = f", VLAN {', '.join(map(str, asset['vlans']))}" if asset["vlans"] else ""
    return (", ".join((*asset["ips"], *asset["macs"])) or "no address of its own") + vlans


def _reasons(page: "Page", asset: Body) -> None:
    """Evidence for and against, property by property."""
    from sensor.cli.findings import level

    known = asset["evidence"]
    if "level" in known:
        told = known["level"]
        sure = "pinned" if told["pinned"] else words.percent(round(told["confidence"] * 100), 100) + " sure"
        page.title(f"Level {level(told['value'])}", sure if told["value"] is not None else "too little was seen")
        _evidence(page, (*told["evidence"], *told["against"]))
    for name in ("type", *FIELDS):
        if (told := known.get(name)) and (told["value"] not in (None, "unknown") or told["evidence"]):
            page.title(
                _plain(f"{name.replace('_', ' ').capitalize()}: {told['value']}"),
                f"{words.percent(round(told['confidence'] * 100), 100)} sure",
            )
            _evidence(page, told["evidence"])


def _evidence(page: "Page", reasons: Iterable[Body]) -> None:
    rows = [(f"{reason['weight']:+.1f}", _plain(reason["says"]), _plain(reason["because"]), reason["source"]) for reason in reasons]
    if rows:
        page.table(("#Weight", "Says", "Because", "Source"), rows)


def _around(page: "Page", told: "Explanation") -> None:
    if told.units:
        page.title("Units behind it")
        page.table(("Unit", "Name", "Type", "Level", "Id"), [_unit(row) for row in told.units])
    if told.neighbours:
        page.title("Talks with")
        page.table(("Address", "Protocol", "As", "#Packets", "Asset"), [_neighbour(row) for row in told.neighbours])
    if told.merges:
        page.title("Why its addresses are one thing")
        page.table(("What", "Because"), [(_plain(row["what"]), _plain(row["because"])) for row in told.merges])
    if told.history:
        page.title("Changed")
        page.table(("When", "What", "From", "To", "Because"), [_change(row) for row in told.history])
    if told.alerts:
        page.title("Alerts")
        page.table(("Severity", "What happened", "Status", "#Times", "Id"), [_alert(row) for row in told.alerts])


def _unit(row: Body) -> tuple[str, ...]:
    from sensor.cli.findings import level

    return (_plain(row["unit"]), _plain(row["name"]), row["type"], level(row["level"]), _plain(row["id"]))


def _neighbour(row: Body) -> tuple[str | int, ...]:
    return (_plain(row["address"]), row["protocol"], "server" if row["serves"] else "client", row["packets"], _plain(row["asset"]))


def _change(row: Body) -> tuple[str, ...]:
    from sensor.times import timestamp

    when = timestamp(row["at"])[:19].replace("T", " ")
    return (when, row["what"].replace("_", " "), _plain(row["old"]), _plain(row["new"]), _plain(row["because"]))


def _alert(row: Body) -> tuple[str | int, ...]:
    return (row["severity"], _plain(row["message"]), row["status"], row["count"], _plain(row["id"]))


def _plain(text: str | None) -> str:
    return words.plain(text or "")
