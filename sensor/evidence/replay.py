"""Evidence of alerts that captures hold: their frames are picked out of the captures, which are read once more for that."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sensor.detections.model import Alert
from sensor.errors import EvidenceError
from sensor.evidence.folder import Folder
from sensor.evidence.wanted import bounded, wanted
from sensor.frames import pick_frames
from sensor.settings.evidence import EvidenceSettings

_TOGETHER = 128
"""Alerts whose frames are in memory together; where there are more, the captures are read again for the next ones."""
MOST_ALERTS = 1024
"""Alerts of which evidence is taken, the most severe."""


def keep_evidence(
    alerts: Iterable[Alert], files: Sequence[str], folder: Folder, settings: EvidenceSettings, ids: Mapping[str, str]
) -> tuple[int, int]:
    """Write the evidence of alerts that captures hold: of how many, and how many were left out. Raises CaptureError, EvidenceError.

    ids: under which the alerts are kept, where that is another than their own.
    """
    for file in files:
        if not Path(file).is_file():
            name = "standard input" if file == "-" else file
            raise EvidenceError(f"no evidence is taken: {name} cannot be read a second time")
    all_alerts = sorted(alerts, key=lambda alert: (-alert.severity, alert.first, alert.id))
    chosen, kept = all_alerts[:MOST_ALERTS], 0
    for place in range(0, len(chosen), _TOGETHER):
        some = chosen[place : place + _TOGETHER]
        asked = [wanted(alert, settings) for alert in some]
        found = iter(pick_frames(files, [one for each in asked for one in each]))
        for alert, each in zip(some, asked, strict=True):
            frames = [frame for _ in each for frame in next(found)]
            key = ids.get(alert.id, alert.id)
            # An alert that goes on keeps what there is of the first time that it happened.
            if frames and (key == alert.id or not folder.has(key)):
                folder.keep(key, bounded(frames, alert, settings))
                kept += 1
    return kept, len(all_alerts) - len(chosen)
