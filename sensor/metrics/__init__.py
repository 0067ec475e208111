"""Metrics for Prometheus (docs/metrics.md): what the sensor sees and how it keeps up, read when somebody asks.

with serving(Sources(knowledge=lambda: known)) as port:
    ...
"""

from sensor.metrics.collect import METRICS, exposition, registry, write_textfile
from sensor.metrics.database import with_database
from sensor.metrics.model import Buckets, Durations, Metric, Sources
from sensor.metrics.serve import DEFAULT_PORT, address_of, serving, shown

__all__ = [
    "DEFAULT_PORT",
    "METRICS",
    "Buckets",
    "Durations",
    "Metric",
    "Sources",
    "address_of",
    "exposition",
    "registry",
    "serving",
    "shown",
    "with_database",
    "write_textfile",
]
