"""Every detector: one row each, in files of those that belong together."""

from sensor.detections.model import Detector
from sensor.detections.rules import (
    baseline,
    controller,
    discovery,
    failure,
    flood,
    login,
    masters,
    network,
    outage,
    outstation,
    policy,
    process,
    program,
    protocol,
    scan,
    sensor,
    state,
)

_FILES = (
    baseline,
    controller,
    discovery,
    failure,
    flood,
    login,
    masters,
    network,
    outage,
    outstation,
    policy,
    process,
    program,
    protocol,
    scan,
    sensor,
    state,
)

DETECTORS: tuple[Detector, ...] = tuple(sorted((row for file in _FILES for row in file.ROWS), key=lambda row: row.id))
"""In the order of their ids."""
