"""Every detector: one row each, in files of those that belong together."""

from sensor.detections.model import Detector
from sensor.detections.rules import baseline, controller, outstation, program

DETECTORS: tuple[Detector, ...] = tuple(
    sorted(
        (
            *baseline.ROWS,
            *controller.ROWS,
            *outstation.ROWS,
            *program.ROWS,
        ),
        key=lambda row: row.id,
    )
)
"""In the order of their ids."""
