"""The shape of metrics: one row each, and where their values come from when they are read."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from sensor.baseline.model import Baseline
from sensor.capture import Interface, Statistics
from sensor.detections.model import Alert
from sensor.knowledge import Knowledge

if TYPE_CHECKING:
    from sensor.store import ExportState


class Type(StrEnum):
    """What Prometheus takes a metric for."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Buckets:
    """Values of a histogram.

    counts: upper bound of each bucket and how many values lie in it alone; the last one's is infinity.
    """

    counts: Sequence[tuple[float, int]]
    total: float


class Durations:
    """How long something took each time, as a histogram. One thread measures, others may read."""

    BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))

    def __init__(self) -> None:
        self._counts = [0] * len(self.BOUNDS)
        self._total = 0.0

    def observe(self, seconds: float) -> None:
        """Once more."""
        self._counts[bisect_left(self.BOUNDS, seconds)] += 1
        self._total += seconds

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Observe how long the block takes."""
        begun = time.perf_counter()
        yield
        self.observe(time.perf_counter() - begun)

    def buckets(self) -> Buckets:
        """What was observed so far."""
        return Buckets(tuple(zip(self.BOUNDS, self._counts, strict=True)), self._total)


def _unknown() -> None:
    """What nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where values come from: each is asked when metrics are read, from the thread that reads them. None is what nobody knows.

    knowledge: what was concluded last. It may be replaced by newer, but is not changed any more.
    statistics: totals, where there are newer ones than the knowledge's.
    open_alerts: where somebody has dealt with some of the knowledge's.
    interfaces: those that are listened to, as they are now.
    destinations: the outbox's states. batches: how long it took to take up each batch.
    transactions: rows of the transaction log that are written, and lost.
    evidence: what became of that of alerts, and of how many.
    """

    knowledge: Callable[[], Knowledge | None]
    statistics: Callable[[], Statistics | None] = _unknown
    open_alerts: Callable[[], Iterable[Alert] | None] = _unknown
    baseline: Callable[[], Baseline | None] = _unknown
    interfaces: Callable[[], Iterable[Interface]] = tuple
    destinations: "Callable[[], Iterable[ExportState]]" = tuple
    database_octets: Callable[[], int | None] = _unknown
    outbox_octets: Callable[[], int | None] = _unknown
    batches: Durations = field(default_factory=Durations)
    transactions: Callable[[], tuple[int, int] | None] = _unknown
    evidence: Callable[[], Mapping[str, int] | None] = _unknown


@dataclass(frozen=True)
class Moment:
    """One reading of all metrics, which all see the same."""

    sources: Sources

    @cached_property
    def knowledge(self) -> Knowledge | None:
        """What was concluded last."""
        return self.sources.knowledge()

    @cached_property
    def statistics(self) -> Statistics | None:
        """The newest totals."""
        return self.sources.statistics() or (self.knowledge.statistics if self.knowledge else None)

    @cached_property
    def interfaces(self) -> tuple[Interface, ...]:
        """How the interfaces are."""
        return tuple(self.sources.interfaces())

    @cached_property
    def destinations(self) -> "tuple[ExportState, ...]":
        """How it goes with each destination."""
        return tuple(self.sources.destinations())

    def counted(self, name: str) -> int | None:
        """One of the engine's counters."""
        return self.statistics.counters.get(name, 0) if self.statistics else None


Value = tuple[tuple[str, ...], float | Buckets]
"""Values of the labels, and the metric's."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: a row of the registry, and its documentation.

    name: as in a query, but for the suffixes of a histogram. unit: of its values, for people. about: one or two sentences.
    read: its values by those of its labels; none where they are not known. Labels are the operator's words, or one of a fixed set:
    never an address, the name of an asset, or a text from the wire.
    """

    name: str
    type: Type
    unit: str
    about: str
    read: Callable[[Moment], Iterable[Value]]
    labels: tuple[str, ...] = ()


def only(number: float | None) -> Iterator[Value]:
    """The value of a metric without labels; none where it is not known."""
    if number is not None:
        yield (), number
