"""`otoscope run`: the appliance; `doctor`: whether all is well; `init`: the first settings."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.config import show
from sensor.cli.inputs import config_option, force_option, load_settings, read_settings, refuse_to_overwrite, write_out
from sensor.cli.source import told

if TYPE_CHECKING:
    from sensor.knowledge import Knowledge


@click.command()
@config_option
def run(config: str) -> None:
    """Listen on the interfaces of the settings, and go on for years: save, tell others, serve metrics.

    SIGTERM and Ctrl-C end it when all is saved, SIGHUP has it read the site file anew.
    """
    from dataclasses import replace

    from sensor.capture import open_interfaces
    from sensor.service import Notifier, Service, set_up
    from sensor.settings import environment

    settings = load_settings(config)
    capture = settings.capture
    if not capture.interfaces:
        raise click.ClickException(f'{config}: [capture] names no interface: write interfaces = ["eth1"], where the mirrored traffic comes')
    log = set_up(settings.log.level, settings.log.form)
    kept = settings.evidence
    with told():
        listening = replace(capture.listening(), recent_mebibytes=kept.ring_mebibytes, recent_minutes=kept.ring_minutes)
        with open_interfaces(capture.interfaces, listening, limits=capture.limits) as source:
            Service(settings, source, Notifier(environment()), log).run()


@click.command()
@click.option("-i", "--interface", "interfaces", metavar="NAME", multiple=True, help="Look at this one; without, at those of the settings.")
@config_option
@click.option("--seconds", type=click.FloatRange(0, 3600), default=30, show_default=True, help="Listen for so long; 0: not at all.")
def doctor(interfaces: tuple[str, ...], config: str, seconds: float) -> None:
    """Is everything as it should be? Rights, interface, mirror, disk, database, destinations: what is wrong, and what to do.

    Exit status: 0 all is well, 1 something will be missed or lost.
    """
    from pathlib import Path

    from sensor.doctor import machine, places, traffic

    found = read_settings(config) if Path(config).exists() or not interfaces else None
    names = list(interfaces) or (found.settings.capture.interfaces if found else [])
    well = show(machine(names))
    if found:
        well = show(places(found.settings, found.where)) and well
    if names and seconds:
        known, drops = _listen(names, seconds)
        well = show(traffic(known, seconds, drops)) and well
    if not well:
        raise click.exceptions.Exit(1)


def _listen(names: list[str], seconds: float) -> tuple[Knowledge, int]:
    """What some seconds of traffic tell, and how many packets the kernel dropped."""
    import time

    from sensor.capture import open_interfaces
    from sensor.observations import Observations
    from sensor.pipeline import conclude

    click.echo(f"Listening for {seconds:g} s …", err=True)
    observations, until = Observations(), time.monotonic() + seconds
    with told(), open_interfaces(names, batch_seconds=min(1.0, seconds)) as source:
        for batch in source:
            observations.add(batch)
            if time.monotonic() >= until:
                source.stop()
        drops = sum(interface.dropped for interface in source.interfaces)
    return conclude(observations), drops


@click.command()
@click.option("-o", "--output", metavar="FILE", default="otoscope.toml", show_default=True, help="Where to write the settings.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=10, show_default=True, help="Listen on each interface for so long.")
@force_option
def init(output: str, seconds: float, force: bool) -> None:  # noqa: FBT001  a flag of the command line
    """Write first settings: the interfaces that get mirrored traffic are found by listening on all of them. Nothing is asked or sent."""
    from pathlib import Path

    from sensor.doctor.mirrors import find, mirrors, settings_of

    refuse_to_overwrite(output, force=force)
    with told():
        found = find(seconds)
    for interface in found:
        click.echo(f"{words.plain(interface.name)}: {words.plain(interface.says)}", err=True)
    with suppress(OSError):  # of which writing says more
        Path(output).absolute().parent.mkdir(parents=True, exist_ok=True)
    names = mirrors(found)
    advice = "otoscope doctor --config {file}, then otoscope run --config {file}"
    if not names:
        advice = "plug the mirror port in and try again with --force, or name its interface in [capture] of the file"
    elif not any(one.mirrors for one in found):
        click.echo(f"None of them gets mirrored traffic; {words.plain(names[0])} has the most of all: is it the right one?", err=True)
    write_out(settings_of(found), output, advice)
