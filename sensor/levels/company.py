"""Who lives where, as the rules of company see it: the levels of one round."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sensor.inventory.model import Kind, Level
from sensor.levels.subject import Subject

SURE = 0.45
"""From which confidence a peer's level counts."""

MOVED = Kind.ROUTER, Kind.SWITCH
"""Types that connect levels, and live at none."""


class Company:
    """All assets with the levels of one round. subnets: how many are at each level, by subnet."""

    def __init__(self, subjects: Mapping[str, Subject]) -> None:
        self.subjects = subjects
        self.shown: dict[str, float] = {}
        self.subnets: dict[str, Counter[float]] = {}
        self._counted: dict[str, tuple[str, float]] = {}

    def place(self, name: str, level: Level | None) -> tuple[bool, set[str]]:
        """Put an asset at a level, or nowhere: does it look otherwise than before to others, and subnets of which that is true."""
        subject = self.subjects.get(name)
        value = shown(subject, level) if subject is not None and level is not None else None
        before = self.shown.get(name)
        if value is None:
            self.shown.pop(name, None)
        else:
            self.shown[name] = value
        counts = subject is not None and value is not None and subject.network is not None and counts_as_neighbour(subject, value)
        counted = (subject.network, value) if counts and subject is not None and subject.network is not None and value is not None else None
        return before != value, self._count(name, counted)

    def _count(self, name: str, counted: tuple[str, float] | None) -> set[str]:
        before = self._counted.pop(name, None)
        if counted is not None:
            self._counted[name] = counted
        if before == counted:
            return set()
        for step, at in ((-1, before), (1, counted)):
            if at is not None:
                beside = self.subnets.setdefault(at[0], Counter())
                beside[at[1]] += step
                if not beside[at[1]]:
                    del beside[at[1]]
        return {at[0] for at in (before, counted) if at is not None}

    def at(self, name: str) -> float | None:
        """Where a peer lives; None where that is not known well enough, and of scanners, that talk to everyone."""
        return self.shown.get(name)

    def above(self, name: str, level: float) -> bool:
        """Does a peer live at that level or above it?"""
        known = self.at(name)
        return known is not None and known >= level

    def below(self, name: str, level: float) -> bool:
        """Does a peer live at that level or below it?"""
        known = self.at(name)
        return known is not None and known <= level

    def split(self, names: Iterable[str]) -> Counter[float]:
        """How many peers live at which level."""
        return Counter(level for name in names if (level := self.at(name)) is not None)


def shown(subject: Subject, level: Level) -> float | None:
    """What others make of a level."""
    return None if level.confidence < SURE or subject.seen.stranger else level.value


def counts_as_neighbour(subject: Subject, level: float) -> bool:
    """Does it say something of the subnet that it stands in? Workstations that only log on somewhere would echo each other."""
    echoes = subject.is_kind(Kind.WORKSTATION) and subject.own.value is None and level == 3
    return not (echoes or subject.is_kind(*MOVED) or subject.asset.outside or subject.asset.parent or subject.seen.stranger)
