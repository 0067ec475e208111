"""All detectors over all that is known: findings, grouped into alerts, grouped into incidents."""

from typing import TYPE_CHECKING

from sensor.detections.model import Alert, Incident

if TYPE_CHECKING:
    from sensor.knowledge import Knowledge


def detect(known: "Knowledge") -> tuple[tuple[Alert, ...], tuple[Incident, ...]]:
    """Alerts and incidents, in the order of their first time, then of their ids."""
    del known
    return (), ()
