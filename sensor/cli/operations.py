"""Operations for people: what was done to a server, whatever the objects, and how it went."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest

from sensor.protocols import Intent
from sensor.rows import OperationRow

INTENTS: dict[Intent, str] = {
    Intent.PROGRAM: "downloads logic or firmware",
    Intent.CONTROL: "operates outputs, starts, stops, resets",
    Intent.WRITE: "changes values",
    Intent.CONFIGURE: "changes settings",
    Intent.UPLOAD: "reads logic back",
    Intent.DIAGNOSE: "tests, asks for states",
    Intent.DISCOVER: "asks what is there",
    Intent.READ: "reads values",
    Intent.REPORT: "speaks unasked",
    Intent.SESSION: "opens, keeps and closes sessions",
}
"""What each intent does to a plant; the most dangerous first."""

_OBJECTS_SHOWN = 3


@dataclass(slots=True)
class Deed:
    """One function that one client used on one unit of one server, summed over all objects.

    Counts are PDUs.
    """

    client: str
    server: str
    unit: str
    protocol: str
    name: str
    technique: str | None
    objects: dict[str, int] = field(default_factory=dict)  # how often each was touched
    requests: int = 0
    responses: int = 0
    errors: int = 0
    unanswered: int = 0
    results: dict[str, int] = field(default_factory=dict)

    @property
    def times(self) -> int:
        """How often it was asked; where the requests were not captured, how often it was answered."""
        return self.requests or self.responses

    def objects_text(self) -> str:
        """The objects that were touched most, and how many more there are."""
        shown = ", ".join(nlargest(_OBJECTS_SHOWN, self.objects, key=self.objects.__getitem__))
        more = len(self.objects) - _OBJECTS_SHOWN
        return f"{shown}, … {more:,} more" if more > 0 else shown

    def outcome(self) -> str:
        """Accepted, rejected with which reasons, unanswered; in that order, with their numbers."""
        parts = []
        if (accepted := self.responses - self.errors) > 0:
            parts.append(("accepted" if self.requests else "without a request", accepted))
        if self.errors:
            reasons = ", ".join(name if count == self.errors else f"{count:,} {name}" for name, count in self.results.items())
            parts.append((f"rejected: {reasons}" if reasons else "rejected", self.errors))
        if self.unanswered:
            parts.append(("unanswered", self.unanswered))
        if not parts:
            return "no answer due"
        if len(parts) == 1 and parts[0][1] == self.times:
            return parts[0][0]
        return "; ".join(f"{count:,} {what}" for what, count in parts)


def deeds(operations: Iterable[OperationRow]) -> dict[str, list[Deed]]:
    """Operations by intent, summed over their objects; the most frequent first."""
    found: dict[tuple[str, ...], Deed] = {}
    for row in operations:
        ends = (row["client"] or "?", row["server"] or "?")
        key = (row["intent"], *ends, row["unit"], row["protocol"], row["name"], row["technique"] or "")
        deed = found.get(key)
        if deed is None:
            deed = found[key] = Deed(*ends, row["unit"], row["protocol"], row["name"], row["technique"])
        _add(deed, row)
    by_intent: dict[str, list[Deed]] = {}
    for place, deed in sorted(found.items(), key=lambda item: item[0]):
        by_intent.setdefault(place[0], []).append(deed)
    for rows in by_intent.values():
        rows.sort(key=lambda deed: -deed.times)
    return by_intent


def _add(deed: Deed, row: OperationRow) -> None:
    if row["object"]:
        deed.objects[row["object"]] = deed.objects.get(row["object"], 0) + max(row["requests"], row["responses"])
    deed.requests += row["requests"]
    deed.responses += row["responses"]
    deed.errors += row["errors"]
    deed.unanswered += row["unanswered"]
    for name, count in row["results"].items():
        deed.results[name] = deed.results.get(name, 0) + count
