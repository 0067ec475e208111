"""`otoscope metrics`: what captures hold as metrics for Prometheus, printed or served."""

from __future__ import annotations

import re
import sys
import threading
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import captures_argument, know, load_baseline, load_site, site_option

if TYPE_CHECKING:
    from sensor.metrics import Sources

_LISTEN = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_LARGEST_PORT = 65_535


def _listen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """An address of this machine, `localhost` for its own, and a port."""
    if value is None:
        return None
    from sensor.metrics import DEFAULT_PORT

    found = _LISTEN.fullmatch(value)
    try:
        address = (
            (IPv6Address(found["six"]) if found["six"] else IPv4Address(found["four"].replace("localhost", "127.0.0.1"))) if found else None
        )
    except ValueError:
        address = None
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if address is None or port > _LARGEST_PORT:
        raise click.BadParameter(
            f"{words.plain(value[:60])!r} is no ADDRESS[:PORT], such as 127.0.0.1:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}"
        )
    return str(address), port


@click.command()
@captures_argument
@site_option
@click.option("--baseline", metavar="FILE", help="What is usual (otoscope baseline export): what is not in it is an alert.")
@click.option(
    "--listen", metavar="ADDRESS[:PORT]", callback=_listen, help="Serve them at /metrics until Ctrl-C; the port is 9815 if not given."
)
def metrics(captures: tuple[str, ...], site: str | None, baseline: str | None, listen: tuple[str, int] | None) -> None:
    """Print what captures hold as metrics for Prometheus, or serve it.

    Whoever reaches the address can read the metrics: 127.0.0.1 is this machine alone.
    """
    from sensor.metrics import Sources, exposition

    usual = load_baseline(baseline) if baseline else None
    known = know(captures, load_site(site) if site else None, usual)
    sources = Sources(knowledge=lambda: known, baseline=lambda: usual)
    if listen is None:
        sys.stdout.write(exposition(sources))
    else:
        _serve(sources, *listen)


def _serve(sources: Sources, address: str, port: int) -> None:
    from sensor.errors import ListenError
    from sensor.metrics import serving, shown

    try:
        with serving(sources, address, port) as taken:
            click.echo(f"otoscope: serving http://{shown(address, taken)}/metrics, Ctrl-C ends it", err=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    except ListenError as error:
        raise click.ClickException(str(error)) from error
