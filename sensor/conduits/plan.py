"""What a changed policy would newly flag or clear, on traffic that was recorded."""

from dataclasses import dataclass

from sensor.conduits.acts import Act
from sensor.conduits.judge import Verdict, verdicts
from sensor.conduits.model import Site
from sensor.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is done, and what the two policies say of it."""

    act: Act
    old: Verdict | None
    new: Verdict | None

    @property
    def flagged(self) -> bool:
        """Does only the new policy forbid it?"""
        return self.old is None and self.new is not None

    @property
    def cleared(self) -> bool:
        """Does only the old policy forbid it?"""
        return self.old is not None and self.new is None


def plan(known: Knowledge, old: Site, new: Site) -> list[Difference]:
    """Acts that only one of the policies forbids, or that they judge by another rule or severity."""
    pairs = zip(verdicts(known, old), verdicts(known, new), strict=True)
    return [Difference(act, before, after) for (_, before), (act, after) in pairs if _told(before) != _told(after)]


def _told(verdict: Verdict | None) -> tuple[object, ...]:
    return () if verdict is None else (verdict.rule, verdict.severity)
