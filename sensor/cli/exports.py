"""`otoscope exports`: where events go to, how far each destination has got, and the process that delivers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import config_option, format_option, load_settings
from sensor.cli.source import USUAL, told

if TYPE_CHECKING:
    from sensor.exports.destination import Destination
    from sensor.settings import Settings
    from sensor.store import ExportState

_EPILOG = """\b
  otoscope exports                 how far each destination has got
  otoscope exports run             deliver what waits, and go on (--once: until nothing waits)
  otoscope exports test NAME       send one test event now
  otoscope exports retry [NAME]    try now, and once more what was refused
  otoscope exports forget NAME     give up what waits for it

\b
Destinations stand in the settings, a table for each:
  [exports.sentinel]
  url = "tcp://forwarder.example.net:514"
"""


_database_option = click.option(
    "--database",
    metavar="PATH|URL",
    envvar="OTOSCOPE_DATABASE",
    show_envvar=True,
    help=f"The database; by default that of the settings, or {USUAL} where there are none.",
)


def _database_of(database: str | None, config: str) -> str:
    return database or (load_settings(config).store.database if Path(config).exists() else USUAL)


class _Exports(click.Group):
    """Without the name of a subcommand it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wants_help = bool(args) and args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if wants_help or (args and args[0] in self.commands) else ["list", *args])


@click.group(cls=_Exports, epilog=_EPILOG)
def exports() -> None:
    """Tell others: where events go to, how far each destination has got."""


@exports.command("list")
@config_option
@_database_option
@format_option
def listing(config: str, database: str | None, output_format: str) -> None:
    """How far each destination has got: what waits for it, for how long, what it refused, why it fails."""
    from sensor.store import Store

    with told(), Store.open(_database_of(database, config), create=False) as store:
        states = store.outbox.states()
    if output_format == "json":
        import json

        click.echo(json.dumps([asdict(state) for state in states], indent=2))
        return
    if not states:
        click.echo("Nobody is told anything yet: name destinations in the settings, then: otoscope exports run")
        return
    from sensor.cli.page import Page

    headings = ("Name", "To", "#Waiting", "#Oldest", "#Sent", "#Refused", "#Dropped", "#Failed", "State")
    Page(0).table(headings, [_cells(state) for state in states])


def _cells(state: ExportState) -> tuple[str | int, ...]:
    oldest = ("under 1 s" if state.lag_seconds < 1 else words.duration(state.lag_seconds)) if state.waiting else ""
    how = f"failing: {words.plain(state.last_error)}" if state.last_error else "delivers" if state.connected else "not tried yet"
    rare = (state.refused or "", state.dropped or "", state.failures or "")
    return (state.name, state.url, state.waiting, oldest, state.sent, *rare, how)


@exports.command()
@config_option
@_database_option
@click.option("--once", is_flag=True, help="End when nothing waits any more; without, go on and send a heartbeat every five minutes.")
def run(config: str, database: str | None, once: bool) -> None:  # noqa: FBT001  a flag of the command line
    """Deliver what waits to every destination of the settings, and go on doing so until Ctrl-C or SIGTERM."""
    from sensor.exports.run import deliver
    from sensor.store import Store

    settings = load_settings(config)
    if not settings.exports:
        raise click.ClickException(f"{config}: names no destination: add a table [exports.NAME] with a url")
    with told(), Store.open(_database_of(database, config)) as store:
        left = deliver(settings, store.outbox, once=once, say=_say)
    if left:
        raise click.ClickException("; ".join(f"{name}: {text}" for name, text in left.items()))


def _say(name: str, text: str) -> None:
    click.echo(f"otoscope: {name}: {words.plain(text)}", err=True)


@exports.command()
@click.argument("name")
@config_option
def test(name: str, config: str) -> None:
    """Send one test event now, past all that waits, and say what became of it."""
    from sensor.exports.run import send_test

    settings = load_settings(config)
    destination = _find(settings, name)
    with told():
        line = send_test(destination, settings.identity())
    click.echo(f"Delivered to {destination.url}:\n{words.plain(line)}")


@exports.command()
@click.argument("name", required=False)
@config_option
@_database_option
def retry(name: str | None, config: str, database: str | None) -> None:
    """Try a destination now instead of when its turn is, and once more what it refused; without a name all of them."""
    from sensor.store import Store

    with told(), Store.open(_database_of(database, config), create=False) as store:
        names = [name] if name else [state.name for state in store.outbox.states()]
        for one in names:
            store.outbox.nudge(one)
            click.echo(f"{words.plain(one)}: is tried at once (by otoscope exports run)")


@exports.command()
@click.argument("name")
@config_option
@_database_option
def forget(name: str, config: str, database: str | None) -> None:
    """Give a destination up, with all that waits for it. One that the settings still name begins anew when they are next used."""
    from sensor.store import Store

    with told(), Store.open(_database_of(database, config), create=False) as store:
        store.outbox.forget(name)
    click.echo(f"{words.plain(name)} is forgotten.")


def _find(settings: Settings, name: str) -> Destination:
    for destination in settings.destinations():
        if destination.name == name:
            return destination
    names = ", ".join(settings.exports) or "none"
    raise click.ClickException(f"the settings name no destination {words.plain(name)} (they name: {names})")
