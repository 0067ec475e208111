"""`otoscope evidence`: the frames around an alert."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import config_option, load_settings, rows_option
from sensor.cli.source import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sensor.evidence.folder import Folder
    from sensor.frames import Frame
    from sensor.knowledge import Knowledge
    from sensor.settings import Settings


@click.command()
@click.argument("alert", metavar="ALERT")
@click.option("--pcap", metavar="FILE", help="Copy the capture to this file, for Wireshark; - is standard output.")
@click.option("--decode", is_flag=True, help="Show what tshark, where it is installed, makes of each frame.")
@click.option("--folder", metavar="DIRECTORY", help="Where evidence lies; by default where the settings say.")
@config_option
@rows_option
def evidence(alert: str, pcap: str | None, decode: bool, folder: str | None, config: str, rows: int) -> None:  # noqa: FBT001  options of the command line
    """Show the frames around an ALERT, given by its id or the beginning of it (otoscope alerts lists them).

    A sensor that runs keeps them for each alert that it raises; otoscope replay does so with --evidence.
    """
    from sensor.evidence.decode import decoded

    place = _folder(folder, config)
    with told():
        key = place.find(alert)
        if key is None:
            raise click.ClickException(_missing(alert, place))
        if pcap is not None:
            _copy(place.of(key), pcap)
        if decode:
            click.echo("\n".join(decoded(place.of(key))))
        if pcap is None and not decode:
            _show(key, place.read(key), rows)


def _folder(folder: str | None, config: str) -> Folder:
    """The one that is named, or that of the settings where there are some."""
    from sensor.evidence.folder import Folder
    from sensor.settings import Settings

    explicit = click.get_current_context().get_parameter_source("config") is not click.core.ParameterSource.DEFAULT
    settings = load_settings(config) if explicit or (folder is None and Path(config).exists()) else Settings()
    return Folder(Path(folder) if folder else settings.evidence.place(settings.store.database), settings.evidence)


def _missing(alert: str, place: Folder) -> str:
    where = words.plain(str(place.path))
    if not place.path.exists():
        return f"there is no folder {where}: a sensor that runs makes it with its first alert; --folder names another one"
    return (
        f"{where} holds no evidence of {words.plain(alert)[:80]}: it may have been removed for its age or for want of room, its frames "
        "may have left the memory before the alert was raised, or it is of a replay without --evidence"
    )


def _copy(capture: Path, target: str) -> None:
    try:
        octets = capture.read_bytes()
        if target == "-":
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
            return
        Path(target).write_bytes(octets)
    except OSError as error:
        raise click.ClickException(words.plain(f"{error.filename or target}: {error.strerror}")) from error
    click.echo(f"Wrote {words.plain(target)}", err=True)


def _show(alert: str, frames: Sequence[Frame], rows: int) -> None:
    from sensor.cli.page import Page
    from sensor.times import timestamp

    page = Page(rows)
    octets = sum(frame.length for frame in frames)
    period = words.period(timestamp(frames[0].time), timestamp(frames[-1].time)) if frames else "nothing"
    page.title(f"Evidence of {alert}", f"{words.count(len(frames), 'frame')}, {words.octets(octets)}; {period}")
    cells = [(number, *_cells(frame)) for number, frame in enumerate(frames, start=1)]
    page.table(("#No", "Time (UTC)", "From", "To", "Transport", "VLAN", "#Octets"), cells)


def _cells(frame: Frame) -> tuple[str | int, ...]:
    from sensor.times import timestamp

    source, target = (str(port) for port in frame.ports) if frame.ports else ("", "")
    ends = f"{frame.source or '?'} {source}".strip(), f"{frame.target or '?'} {target}".strip()
    vlan = "" if frame.vlan is None else str(frame.vlan)
    return timestamp(frame.time)[:26].replace("T", " "), *ends, frame.transport or "?", vlan, frame.length


def take_evidence(known: Knowledge, files: Sequence[str], folder: str | None, settings: Settings | None, ids: Mapping[str, str]) -> bool:
    """Keep evidence of what captures hold, where a folder or the settings ask for it; False where that failed, which is said.

    ids: under which the alerts are kept, where that is another than their own.
    """
    kept = settings.evidence if settings is not None else None
    place = folder or (kept.folder if kept is not None else None)
    if place is None:
        return True
    from sensor.errors import OtoscopeError
    from sensor.evidence.folder import Folder
    from sensor.evidence.replay import keep_evidence
    from sensor.settings.evidence import EvidenceSettings

    kept = kept or EvidenceSettings()
    try:
        count, left_out = keep_evidence(known.alerts, files, Folder(Path(place), kept), kept, ids)
    except OtoscopeError as error:
        click.echo(f"otoscope: {words.plain(str(error))}", err=True)
        return False
    more = f" ({left_out:,} less severe ones were left out)" if left_out else ""
    click.echo(f"otoscope: {words.plain(place)}: evidence of {words.count(count, 'alert')}{more}", err=True)
    return True
