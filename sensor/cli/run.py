"""`otoscope run`: the appliance; `config`: its settings; `doctor`: whether all is well; `init`: the first settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import config_option, force_option, load_settings, refuse_to_overwrite, write_out
from sensor.cli.recording import recording
from sensor.cli.source import told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sensor.doctor import Check
    from sensor.knowledge import Knowledge

_MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "bold red")}


@click.command()
@config_option
def run(config: str) -> None:
    """Listen on the interfaces of the settings, and go on for years: save, tell others, serve metrics.

    SIGTERM and Ctrl-C end it when all is saved, SIGHUP has it read the site file anew.
    """
    from sensor.capture import open_interfaces
    from sensor.service import Notifier, Service, set_up
    from sensor.settings import environment

    settings = load_settings(config)
    capture = settings.capture
    if not capture.interfaces:
        raise click.ClickException(f'{config}: [capture] names no interface: write interfaces = ["eth1"], where the mirrored traffic comes')
    log = set_up(settings.log.level, settings.log.form)
    kept = settings.transactions
    with (
        told(),
        recording(kept.folder, **kept.model_dump(exclude={"folder"}), hurried=True, say=log.warning) as record,
        open_interfaces(
            capture.interfaces, capture.listening(), limits=capture.limits, on_transactions=record.add if record else None
        ) as source,
    ):
        Service(settings, source, Notifier(environment()), log, record).run()


@click.group()
def config() -> None:
    """The settings: are they right?"""


@config.command()
@config_option
def check(config: str) -> None:
    """Read the settings and all that they name, and say what is wrong and what to write instead."""
    from sensor.doctor import places

    settings = load_settings(config)
    with told():
        settings.capture.listening()
    listens = ", ".join(settings.capture.interfaces) or "nothing (write [capture] interfaces)"
    click.echo(f"{words.plain(config)} can be read; it listens on {words.plain(listens)}.")
    _show(places(settings))


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
    from sensor.settings import Settings

    settings = load_settings(config) if Path(config).exists() or not interfaces else Settings()
    names = list(interfaces) or settings.capture.interfaces
    well = _show(machine(names))
    if Path(config).exists():
        well = _show(places(settings)) and well
    if names and seconds:
        known, drops = _listen(names, seconds)
        well = _show(traffic(known, seconds, drops)) and well
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


def _show(checks: Iterable[Check]) -> bool:
    """Print them; is none of them bad?"""
    from sensor.cli.page import Page
    from sensor.doctor import Verdict

    page, well = Page(0), True
    for check in checks:
        mark, style = _MARKS[check.verdict]
        page.point(f"{mark:4}", style, words.plain(f"{check.what}: {check.found}"))
        if check.advice:
            page.point("    ", "dim", words.plain(f"→ {check.advice}"))
        well = well and check.verdict is not Verdict.BAD
    return well


@click.command()
@click.option("-o", "--output", metavar="FILE", default="otoscope.toml", show_default=True, help="Where to write the settings.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=10, show_default=True, help="Listen on each interface for so long.")
@force_option
def init(output: str, seconds: float, force: bool) -> None:  # noqa: FBT001  a flag of the command line
    """Write first settings: the interfaces that get mirrored traffic are found by listening on all of them. Nothing is asked or sent."""
    from sensor.doctor.mirrors import find, settings_of

    refuse_to_overwrite(output, force=force)
    with told():
        found = find(seconds)
    for interface in found:
        click.echo(f"{interface.name}: {interface.says}", err=True)
    write_out(settings_of(found), output, "otoscope doctor --config {file}, then otoscope run --config {file}")
