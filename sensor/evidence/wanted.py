"""Which frames are an alert's, and which of those are kept where there are too many."""

import re
from collections.abc import Iterable, Sequence

from sensor.detections.model import Alert
from sensor.frames import Frame, Wanted
from sensor.settings.evidence import EvidenceSettings

_MAC = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_SECOND = 1_000_000_000
_EARLIEST, _LATEST = -(2**63), 2**63 - 1


def wanted(alert: Alert, settings: EvidenceSettings) -> list[Wanted]:
    """Frames of the alert's conversation around its first and its last time (see `bounded`); nothing where it names no address."""
    ends = _ends(alert)
    moments = sorted({alert.first, alert.last})
    if not any(ends):
        return []
    scene = alert.scene
    try:
        return [
            Wanted(
                ends,
                ports=(scene.source_port, scene.target_port),
                transport=scene.transport,
                vlan=scene.vlan,
                since=max(moment - round(settings.seconds_before * _SECOND), _EARLIEST),
                until=min(moment + round(settings.seconds_after * _SECOND), _LATEST),
                near=moment,
                frames=settings.frames,
                octets=settings.kibibytes << 10,
            )
            for moment in moments
        ]
    except ValueError:
        return []  # an end that is no address, like a name


def _ends(alert: Alert) -> tuple[str | None, str | None]:
    """Where one is a MAC and the other an IP address, it is about who that address is: its frames are wanted, whosever they are."""
    source, target = alert.source_ip, alert.target_ip
    if source and target and bool(_MAC.fullmatch(source)) != bool(_MAC.fullmatch(target)):
        return (None, target) if _MAC.fullmatch(source) else (source, None)
    return source, target


def everything(frames: int, octets: int) -> Wanted:
    """Every frame of a capture, up to so many."""
    return Wanted((None, None), since=_EARLIEST, until=_LATEST, near=_EARLIEST, frames=frames, octets=octets)


def bounded(found: Iterable[Frame], alert: Alert, settings: EvidenceSettings) -> list[Frame]:
    """Each frame once, in the order of time: of too many those nearest to one of the alert's times, and all of one link type."""
    different = {(frame.time, frame.octets): frame for frame in found}
    by_distance = sorted(different.values(), key=lambda frame: _distance(frame, alert))
    frames = [frame for frame in by_distance if frame.link == by_distance[0].link][: settings.frames]
    octets, most = 0, settings.kibibytes << 10
    for number, frame in enumerate(frames):
        octets += len(frame.octets)
        if octets > most and number:
            frames = frames[:number]
            break
    return _in_order(frames)


def _distance(frame: Frame, alert: Alert) -> int:
    return min(abs(frame.time - alert.first), abs(frame.time - alert.last))


def _in_order(frames: Sequence[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame.time)
