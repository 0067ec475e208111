"""`otoscope baseline`: what is usual in a plant, and what is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sensor.cli.inputs import captures_argument, know, load_baseline, write_out

if TYPE_CHECKING:
    from sensor.baseline.compare import Change

_EXAMPLES = """\b
Examples:
  otoscope baseline export monday.pcap tuesday.pcap > baseline.toml
  otoscope replay --baseline baseline.toml friday.pcap
"""
_LEARNING = "For so long what is seen, and later what a new device does, is learned."
_FILE = click.Path(dir_okay=False)


@click.group(epilog=_EXAMPLES)
def baseline() -> None:
    """What is usual: learn it from captures, review it, and see what differs."""


@baseline.command()
@click.argument("captures", metavar="[CAPTURE...]", nargs=-1)
@click.option("-o", "--output", type=_FILE, help="Write to this file, not to standard output.")
@click.option("--learning-days", type=click.FloatRange(0), default=14.0, show_default=True, help=_LEARNING)
@click.option("--database", metavar="PATH|URL", help="Write the baseline of this database, not what captures hold.")
def export(captures: tuple[str, ...], output: str | None, learning_days: float, database: str | None) -> None:
    """Learn what is usual from captures and write it as a file; or write that of a database.

    Two weeks of traffic are a good start. Review the file: an intruder who was there while it was learned is in it.
    """
    from sensor.baseline.file import to_text
    from sensor.baseline.learn import learn

    if bool(captures) == bool(database):
        raise click.UsageError("give captures to learn from, or --database")
    text = _stored(database) if database else to_text(learn(know(captures), learning_days))
    write_out(text, output, "review it, then otoscope replay --baseline {file} CAPTURE")


@baseline.command("import")
@click.argument("file", type=_FILE)
@click.option("--database", metavar="PATH|URL", required=True, help="The database: what is added to it later is measured by the baseline.")
def import_(file: str, database: str) -> None:
    """Keep a reviewed baseline in a database: otoscope replay --database then says what is new.

    Until its learning days are over the baseline grows by itself; then only by `accept` and another import.
    """
    from sensor.baseline.file import to_text
    from sensor.cli.source import told
    from sensor.store import Store

    text = to_text(load_baseline(file))
    with told(), Store.open(database) as store:
        store.accept_baseline(text.encode(), f"imported from {file}")
    click.echo(f"{file} is the baseline of the database. Next: otoscope replay --database {database} CAPTURE")


@baseline.command()
@click.argument("file", type=_FILE)
@click.option("--rows", type=click.IntRange(min=0), default=0, help="Rows of each table; 0 shows all of them.")
def show(file: str, rows: int) -> None:
    """Show a baseline as tables."""
    from sensor.cli.page import Page

    known, page = load_baseline(file), Page(rows)
    page.title("Assets", f"{len(known.assets)} that belong here")
    headings = ("Address", "Name", "MAC", "Serial", "Firmware", "Serves")
    cells = [(row.address, row.name, ", ".join(row.macs), row.serial, row.firmware, ", ".join(row.services)) for row in known.assets]
    page.table(headings, cells)
    page.title("Exchanges", "who asks whom for what")
    asked = [
        (f"{row.client} → {row.server}", row.protocol, function.unit, function.name, ", ".join(function.objects), _every(function.seconds))
        for row in known.exchanges
        for function in row.functions
    ]
    others = [(f"{row.client} → {row.server}", row.protocol, "", "", "", "") for row in known.exchanges if not row.functions]
    page.table(("Client → server", "Protocol", "Unit", "Function", "On", "Every"), [*asked, *others])


@baseline.command()
@click.argument("file", type=_FILE)
@captures_argument
def diff(file: str, captures: tuple[str, ...]) -> None:
    """Show how captures differ from a baseline. Exit status 1 where they do."""
    from sensor.baseline.compare import compare
    from sensor.cli.page import Page

    changes = list(compare(load_baseline(file), know(captures)))
    if not changes:
        click.echo("Nothing differs from the baseline.")
        return
    page = Page(0)
    page.table(("What", "Who", "Does", "Usual"), [_cells(change) for change in changes])
    click.echo(f"\nNext: otoscope baseline accept {file} CAPTURE takes over what belongs here.")
    sys.exit(1)


@baseline.command()
@click.argument("file", type=_FILE)
@captures_argument
@click.option("--only", metavar="ADDRESS", multiple=True, help="Only what this IP or MAC does; may be given several times.")
def accept(file: str, captures: tuple[str, ...], only: tuple[str, ...]) -> None:
    """Take over into a baseline what captures hold: it is usual from now on."""
    from sensor.baseline.file import to_text
    from sensor.baseline.learn import learn
    from sensor.baseline.merge import merge

    old = load_baseline(file)
    fresh = learn(know(captures), old.learning_days)
    wanted = {row.address for row in fresh.assets if {row.address, *row.ips, *row.macs} & {*only}}
    if only and not wanted:
        raise click.ClickException(f"no asset of these captures has the address {', '.join(only)}")
    new = merge(old, fresh, (lambda address: address in wanted) if only else (lambda _address: True))
    write_out(to_text(new), file, "git diff shows every line")
    assets, exchanges = len(new.assets) - len(old.assets), len(new.exchanges) - len(old.exchanges)
    click.echo(f"{file}: {assets} assets and {exchanges} exchanges more than before.")


def _stored(database: str) -> str:
    from sensor.cli.source import told
    from sensor.store import Store

    with told(), Store.open(database, create=False) as store:
        content = store.baseline()
    if content is None:
        raise click.ClickException("the database has no baseline: otoscope baseline import FILE --database keeps one in it")
    return content.decode()


def _cells(change: Change) -> tuple[str, ...]:
    if change.dialogue is not None:
        who = f"{change.dialogue.client.name} → {change.dialogue.server.name}"
    elif change.asset is not None:
        who = " ".join(dict.fromkeys((change.asset.name, *change.asset.ips, *change.asset.macs)))
    else:
        who = " ".join(dict.fromkeys(filter(None, (change.known.name, change.known.address)))) if change.known else ""
    return (str(change.difference), who, change.what, change.usual)


def _every(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:g} s"
