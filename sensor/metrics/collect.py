"""Metrics by prometheus-client: a registry of our own that reads the rows of `METRICS` each time it is asked."""

from collections.abc import Callable, Iterator
from math import isinf
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from sensor.metrics import itself, plant, traffic
from sensor.metrics.model import Buckets, Metric, Moment, Sources, Type, only

_INFINITY = "+Inf"
_FAMILIES: dict[Type, Callable[..., Any]] = {
    Type.COUNTER: CounterMetricFamily,
    Type.GAUGE: GaugeMetricFamily,
    Type.HISTOGRAM: HistogramMetricFamily,
}

_UNREADABLE = Metric(
    "otoscope_unreadable_metrics",
    Type.GAUGE,
    "metrics",
    "Metrics that are missing from this answer because what they are read from failed, as a locked database.",
    lambda _: only(0),
)

METRICS = (*traffic.METRICS, *plant.METRICS, *itself.METRICS, _UNREADABLE)
"""All metrics, in the order in which they are told."""


def registry(sources: Sources) -> CollectorRegistry:
    """A registry that knows the metrics of these sources and nothing else."""
    made = CollectorRegistry()
    made.register(_Collector(sources))
    return made


def exposition(sources: Sources) -> str:
    """All metrics as they are now, in Prometheus' text format."""
    return generate_latest(registry(sources)).decode()


def write_textfile(file: str, sources: Sources) -> None:
    """All metrics to a file for node_exporter's textfile collector: all of it or nothing. Raises OSError where it cannot be written."""
    write_to_textfile(file, registry(sources))


class _Collector(Collector):
    """What the registry asks."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterator[Family]:
        """The names, without reading anything."""
        return (_FAMILIES[metric.type](metric.name, metric.about) for metric in METRICS)

    def collect(self) -> Iterator[Family]:
        """All that is known now; what cannot be read is left out and counted."""
        now, unreadable = Moment(self._sources), 0
        for metric in METRICS[:-1]:
            try:
                family = _filled(metric, now)
            except Exception:  # noqa: BLE001  one that fails is no reason to be silent about the others
                unreadable += 1
                continue
            if family.samples:
                yield family
        yield GaugeMetricFamily(_UNREADABLE.name, _UNREADABLE.about, unreadable)


def _filled(metric: Metric, now: Moment) -> Family:
    family: Any = _FAMILIES[metric.type](metric.name, metric.about, labels=metric.labels)
    for labels, value in metric.read(now):
        if isinstance(value, Buckets):
            family.add_metric(labels, _cumulative(value), sum_value=value.total)
        else:
            family.add_metric(labels, value)
    filled: Family = family
    return filled


def _cumulative(buckets: Buckets) -> list[tuple[str, float]]:
    """Each bucket with those below it, as Prometheus wants them."""
    so_far, found = 0, []
    for bound, count in buckets.counts:
        so_far += count
        found.append((_INFINITY if isinf(bound) else str(bound), float(so_far)))
    return found
