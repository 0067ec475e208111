"""All detectors, in the order of their ids."""

from sensor.detections.model import Detector
from sensor.detections.rules import baseline

DETECTORS: tuple[Detector, ...] = tuple(sorted((*baseline.ROWS,), key=lambda row: row.id))
