"""`otoscope metrics`: what captures hold as metrics for Prometheus, printed or served."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import know, load_baseline, load_site, site_option
from sensor.cli.source import told

if TYPE_CHECKING:
    from sensor.metrics import Sources


def _listen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    from sensor.metrics import address_of

    try:
        return None if value is None else address_of(value)
    except ValueError as error:
        text = f"{words.plain(value or '')[:60]!r} is no ADDRESS[:PORT], such as 127.0.0.1:9815 or [::1]:9815"
        raise click.BadParameter(text) from error


@click.command()
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1)
@site_option
@click.option("--baseline", metavar="FILE", help="What is usual (otoscope baseline export): what is not in it is an alert.")
@click.option("--database", metavar="PATH|URL", help="Tell of this database: its size, its baseline, how far its destinations have got.")
@click.option(
    "--listen", metavar="ADDRESS[:PORT]", callback=_listen, help="Serve them at /metrics until Ctrl-C; the port is 9815 if not given."
)
def metrics(
    captures: tuple[str, ...], site: str | None, baseline: str | None, database: str | None, listen: tuple[str, int] | None
) -> None:
    """Print metrics for Prometheus, or serve them: of what captures hold, of a database, or of both.

    Whoever reaches the address can read the metrics: 127.0.0.1 is this machine alone.
    """
    from sensor.metrics import Sources, with_database
    from sensor.store import Store

    if not captures and database is None:
        raise click.UsageError("give captures, --database, or both")
    usual = load_baseline(baseline) if baseline else None
    known = know(captures, load_site(site) if site else None, usual) if captures else None
    sources = Sources(knowledge=lambda: known, baseline=lambda: usual)
    with told():
        if database is None:
            _tell(sources, listen)
        else:
            with Store.open(database, create=False) as store:
                _tell(with_database(sources, store), listen)


def _tell(sources: Sources, listen: tuple[str, int] | None) -> None:
    from sensor.metrics import exposition, serving, shown

    if listen is None:
        sys.stdout.write(exposition(sources))
        return
    address, port = listen
    with suppress(KeyboardInterrupt), serving(sources, address, port) as taken:
        click.echo(f"otoscope: serving http://{shown(address, taken)}/metrics, Ctrl-C ends it", err=True)
        threading.Event().wait()
