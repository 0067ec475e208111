"""What happened within a window of time: how many different things, and how often."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from sensor.capture import Operation

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def busiest(events: Iterable[tuple[int, Hashable]], window: int) -> tuple[int, int, int]:
    """The window with the most different things: first and last time, and how many; (0, 0, 0) where there are no events."""
    ordered = sorted(events, key=lambda event: event[0])
    inside: Counter[Hashable] = Counter()
    best, start = (0, 0, 0), 0
    for time, thing in ordered:
        inside[thing] += 1
        while time - ordered[start][0] > window:
            left = ordered[start][1]
            inside[left] -= 1
            if not inside[left]:
                del inside[left]
            start += 1
        if len(inside) > best[2]:
            best = (ordered[start][0], time, len(inside))
    return best


def peak(rows: Sequence[Operation], *, errors: bool = False) -> int:
    """The most requests (or rejections) a minute of several operations: the peaks of those that go on at the same time, together.

    Peaks of different hours add up to nothing that ever was.
    """
    steps: list[tuple[int, int]] = []
    for row in rows:
        most = row.most_in_a_minute[errors]
        for first, last, requests, rejections in row.episodes:
            count = min(most, rejections if errors else requests)
            if count:
                steps += ((first, count), (max(first + MINUTE, last), -count))
    best = now = 0
    for _, step in sorted(steps, key=lambda step: (step[0], -step[1])):
        now += step
        best = max(best, now)
    return best
