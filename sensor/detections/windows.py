"""How many different things happened within a window of time."""

from collections import Counter
from collections.abc import Hashable, Iterable

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
