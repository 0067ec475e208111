"""Metrics of the sensor itself: its baseline, how it keeps up, its database, what it tells others."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from sensor import words
from sensor.baseline.phase import is_learning
from sensor.metrics.model import Metric, Moment, Type, Value, only

if TYPE_CHECKING:
    from sensor.store import ExportState

_PHASES = ("none", "learning", "operation")


def _phase(now: Moment) -> Iterator[Value]:
    baseline, last = now.sources.baseline(), now.statistics.last if now.statistics else None
    if baseline is not None and last is None:
        return iter(())  # it learns by the time of the traffic, and there is none
    phase = "none" if baseline is None or last is None else "learning" if is_learning(baseline, last) else "operation"
    return (((name,), name == phase) for name in _PHASES)


def _each(read: "Callable[[ExportState], float]") -> Callable[[Moment], Iterator[Value]]:
    """A number of each destination."""
    return lambda now: (((words.plain(state.name),), read(state)) for state in now.destinations)


def _export(name: str, kind: Type, unit: str, about: str, read: "Callable[[ExportState], float]") -> Metric:
    return Metric(f"otoscope_export_{name}", kind, unit, about, _each(read), ("destination",))


METRICS = (
    Metric("otoscope_build_info", Type.GAUGE, "1", "The version that runs.", lambda _: [((version("otoscope"),), 1)], ("version",)),
    Metric(
        "otoscope_baseline_phase",
        Type.GAUGE,
        "0 or 1",
        "1 for the phase at hand: there is no baseline (`none`), what is new is learned (`learning`), or told (`operation`).",
        _phase,
        ("phase",),
    ),
    Metric(
        "otoscope_batch_duration_seconds",
        Type.HISTOGRAM,
        "seconds",
        "How long it took to take up what was new, each time.",
        lambda now: [((), now.sources.batches.buckets())],
    ),
    Metric(
        "otoscope_database_size_bytes",
        Type.GAUGE,
        "bytes",
        "Octets that the database takes; absent where there is none.",
        lambda now: only(now.sources.database_octets()),
    ),
    Metric(
        "otoscope_outbox_size_bytes",
        Type.GAUGE,
        "bytes",
        "Octets of what waits to be told to others; absent where there is no outbox.",
        lambda now: only(now.sources.outbox_octets()),
    ),
    Metric(
        "otoscope_evidence_alerts_total",
        Type.COUNTER,
        "alerts",
        "Alerts by what became of their evidence: `kept`, `not_found` in memory any more, `left_out` as there were too many, `failed`.",
        lambda now: (((result,), number) for result, number in (now.sources.evidence() or {}).items()),
        ("result",),
    ),
    _export("waiting_events", Type.GAUGE, "events", "Events that the destination has not got yet.", lambda state: state.waiting),
    _export(
        "lag_seconds", Type.GAUGE, "seconds", "Age of the oldest event that waits, 0 where none does.", lambda state: state.lag_seconds
    ),
    _export("sent_events_total", Type.COUNTER, "events", "Events that it has got.", lambda state: state.sent),
    _export("dropped_events_total", Type.COUNTER, "events", "Events that the outbox had no room for.", lambda state: state.dropped),
    _export("refused_events", Type.GAUGE, "events", "Events put aside because it will not take them.", lambda state: state.refused),
    _export("failures_total", Type.COUNTER, "attempts", "Attempts to send that failed.", lambda state: state.failures),
    _export("connected", Type.GAUGE, "0 or 1", "1 where the destination takes events.", lambda state: state.connected),
)
