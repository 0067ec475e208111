"""`otoscope watch`: what is on an interface now, as `otoscope replay` shows what is in a file."""

from __future__ import annotations

import gc
import signal
import sys
import time
from typing import TYPE_CHECKING, TypedDict

import click

from sensor import words
from sensor.cli.inputs import format_option, load_site, rows_option, site_option

if TYPE_CHECKING:
    from typing import Unpack

    from sensor.capture import Interface, LiveCapture
    from sensor.listening import Listening
    from sensor.observations import Observations

_EXAMPLES = """\b
Examples:
  otoscope watch eth1
  otoscope watch --seconds 60 --filter 'not port 22' eth1 eth2
  otoscope watch --format json --seconds 600 eth1 > plant.json

\b
Exit status: 0 what was captured is shown, also after Ctrl-C; 1 an interface
cannot be read; 2 wrong usage.
"""


class Options(TypedDict):
    """What the command line says besides the interfaces."""

    seconds: float | None
    output_format: str
    rows: int
    site: str | None
    expression: str | None
    workers: int
    wait: bool


@click.command(epilog=_EXAMPLES)
@click.argument("interfaces", metavar="INTERFACE...", nargs=-1, required=True)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop after this time; without it, at Ctrl-C.")
@format_option
@rows_option
@site_option
@click.option("--filter", "expression", metavar="EXPRESSION", help="Take only these frames, as tcpdump has it; needs tcpdump.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads that share the frames.")
@click.option("--wait", is_flag=True, help="Wait for interfaces that are not there yet.")
def watch(interfaces: tuple[str, ...], **options: Unpack[Options]) -> None:
    """Listen to interfaces, several as one, and show what was on them. Nothing is sent.

    An INTERFACE is where a mirror port or a tap is plugged in. One that goes away is waited for.
    """
    from sensor.capture import open_interfaces
    from sensor.errors import CaptureError
    from sensor.observations import Observations
    from sensor.pipeline import conclude
    from sensor.replay import document
    from sensor.stopping import heeding

    gc.disable()  # what is built here lives to the end; looking for cycles in it costs more than it frees
    site = load_site(options["site"]) if options["site"] else None
    observations = Observations()
    try:
        with open_interfaces(list(dict.fromkeys(interfaces)), _listening(options)) as live, heeding({signal.SIGINT: live.stop}):
            _say(f"listening to {', '.join(words.plain(name) for name in interfaces)}; Ctrl-C ends it and shows what was seen")
            _follow(live, observations, options["seconds"])
    except CaptureError as error:
        raise click.ClickException(words.plain(str(error))) from error
    for row in live.interfaces:
        if row.dropped:
            _say(f"warning: {words.plain(row.name)}: {row.dropped:,} of {row.packets:,} frames found no room and were lost")
    whole = document(conclude(observations, site), interfaces)
    if options["output_format"] == "json":
        from sensor.replay import to_json

        sys.stdout.buffer.writelines(to_json(whole))
        sys.stdout.flush()
    else:
        from sensor.cli.view import show

        show(whole, options["rows"])


def _listening(options: Options) -> Listening:
    from sensor.listening import Listening, compiled

    try:
        program = compiled(options["expression"]) if options["expression"] is not None else None
    except ValueError as error:
        raise click.BadParameter(words.plain(str(error)), param_hint="--filter") from error
    return Listening(workers=options["workers"], kernel_filter=program, wait_for_missing=options["wait"])


def _follow(live: LiveCapture, observations: Observations, seconds: float | None) -> None:
    """Take batches in until the time is over or it is stopped, and say how the interfaces are where that changes."""
    end = None if seconds is None else time.monotonic() + seconds
    known: dict[str, tuple[str, str | None, str | None]] = {}
    for batch in live:
        observations.add(batch)
        _tell_changes(live.interfaces, known)
        if end is not None and time.monotonic() >= end:
            live.stop()


def _tell_changes(interfaces: list[Interface], known: dict[str, tuple[str, str | None, str | None]]) -> None:
    for row in interfaces:
        now = (row.condition, row.named, row.trouble)
        if known.get(row.name, ("capturing", row.name, None)) != now:
            name = row.name if row.named in (None, row.name) else f"{row.name}, now {row.named},"
            _say(f"{words.plain(name)} is {row.condition.replace('_', ' ')}" + (f": {words.plain(row.trouble)}" if row.trouble else ""))
        known[row.name] = now


def _say(text: str) -> None:
    click.echo(f"otoscope: {text}", err=True)
