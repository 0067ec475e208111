"""Events that wait: portions of them, and a queue in memory for what a replay has found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sensor.events import Event
from sensor.exports.destination import Destination


@dataclass(frozen=True, slots=True)
class Portion:
    """Events with their numbers, in order; `upto` is the number up to which a destination has all once it has these."""

    events: list[tuple[int, Event]]
    upto: int


@dataclass(slots=True)
class _Progress:
    events: list[Event]
    cursor: int = 0
    refused: list[tuple[int, Event]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class Backlog:
    """A queue in memory."""

    def __init__(self, events: Iterable[Event], destinations: Iterable[Destination]) -> None:
        told = list(events)
        self._progress = {one.name: _Progress([event for event in told if one.wants(event)]) for one in destinations}

    def cursor(self, name: str) -> int:
        """Up to which event a destination has everything."""
        return self._progress[name].cursor

    def after(self, name: str, number: int, most: int) -> Portion:
        """The next events that it gets."""
        events = list(enumerate(self._progress[name].events[number : number + most], number + 1))
        return Portion(events, events[-1][0] if events else number)

    def advance(self, name: str, number: int, _sent: int) -> None:
        """It has everything up to that event."""
        self._progress[name].cursor = number

    def fail(self, name: str, error: str) -> None:
        """An attempt failed: who runs the forwarder is told."""

    def refuse(self, name: str, number: int, event: Event, why: str) -> None:
        """It will not take an event."""
        known = self._progress[name]
        known.refused.append((number, event))
        known.reasons.append(why)

    def refused(self, name: str) -> list[tuple[int, Event]]:
        """What it would not take."""
        return self._progress[name].refused

    def reasons(self, name: str) -> list[str]:
        """Why it would not."""
        return self._progress[name].reasons

    def accept(self, numbers: Sequence[int]) -> None:
        """Nothing is tried again."""

    def nudge(self, name: str) -> None:
        """Nothing is tried again."""

    def take_nudge(self, _name: str) -> bool:
        """Nobody asks."""
        return False

    def tell(self, events: Sequence[Event]) -> None:
        """Nothing is added."""

    def left(self, name: str) -> int:
        """Events that it does not have."""
        known = self._progress[name]
        return len(known.events) - known.cursor + len(known.refused)

    def total(self, name: str) -> int:
        """Events that it gets."""
        return len(self._progress[name].events)
