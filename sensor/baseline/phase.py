"""Learning and operation: a baseline grows by itself until its learning period is over; then what is new is told."""

from sensor.baseline.learn import learn
from sensor.baseline.merge import merge
from sensor.baseline.model import Baseline
from sensor.knowledge import Knowledge

_DAY = 86_400_000_000_000


def advance(baseline: Baseline | None, known: Knowledge, learning_days: float = 14.0) -> Baseline:
    """The baseline after what was seen: what came within the learning period is usual, later things only by `accept`."""
    if baseline is None:
        return learn(known, learning_days, learning_ends(known.statistics.first if known.statistics else None, learning_days))
    seen = known.statistics
    ends = learning_ends(baseline.first, baseline.learning_days)
    if seen is None or seen.first is None or not baseline.first <= seen.first <= ends:
        return baseline
    return merge(baseline, learn(known, baseline.learning_days, ends))


def learning_ends(first: int | None, learning_days: float) -> int:
    """When a learning period that began then is over, nanoseconds."""
    return (first or 0) + int(learning_days * _DAY)


def is_learning(baseline: Baseline, time: int) -> bool:
    """Does it still learn at that time of the traffic?"""
    return time <= learning_ends(baseline.first, baseline.learning_days)
