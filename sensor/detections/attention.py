"""What detectors look at: operations that belong together, and what lies beyond the subject that they were asked about."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sensor.changes import Groups
from sensor.detections.model import ANYTHING, LAST_SEEN, LOSS, SPAN, Detector, View, lacking

if TYPE_CHECKING:
    from sensor.knowledge import Deed, Dialogue, Knowledge

DIALOGUE, BREACH, ASSET, CHANGE = "dialogue", "breach", "asset", "change"
"""Kinds of subjects whose detectors may look further."""

GroupKey = tuple[str, Hashable]
"""Detector and value."""


class Curiosity:
    """Which subjects are to be looked at again because something else has changed that their detectors looked at."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._looked: set[Hashable] = set()
        self._lookers: dict[Hashable, set[tuple[str, Hashable]]] = defaultdict(set)
        self._looks: dict[tuple[str, Hashable], tuple[Hashable, ...]] = {}
        self._statistics: dict[str, Hashable] = {}

    def take_over(self, known: "Knowledge") -> View:
        """A view of all that is known now, with what was worked out before."""
        old = self._view
        if old is None:
            self._view = View(known, {}, looked=self._looked)
        else:
            self._view = View(known, {}, old.clienteles, old.engineered, old.sessions, self._looked)
        return self._view

    def begin(self) -> None:
        """A subject will be looked at."""
        self._looked.clear()

    def end(self, subject: tuple[str, Hashable]) -> None:
        """It was."""
        if before := self._looks.pop(subject, ()):
            for thing in before:
                self._lookers[thing].discard(subject)
        if self._looked:
            self._looks[subject] = tuple(self._looked)
            for thing in self._looked:
                self._lookers[thing].add(subject)

    def again(
        self, view: View, dialogues: Iterable[int], assets: Iterable[str], profiles: Iterable[str], outlined: Iterable[str]
    ) -> Mapping[str, set[Hashable]]:
        """The subjects, by kind, whose detectors looked at what has changed. For the parameters see News."""
        from sensor.detections.standing import look_again  # noqa: PLC0415 - it uses what is known, which uses this

        for number in dialogues:
            view.sessions.pop(number, None)
        things: set[Hashable] = {ANYTHING, *self._counted(view.knowledge)}
        things.update((LAST_SEEN, name) for name in assets if (LAST_SEEN, name) in self._lookers)
        for server in profiles:
            if look_again(server, view):
                view.engineered.pop(server, None)
                things.add(server)
        for name in outlined if view.engineered else ():
            told = view.knowledge.profiles.get(name)
            asked = {talk.peer for talk in told.talks if not talk.as_server} if told else set()
            things.update(server for server in {name, *asked} if view.engineered.pop(server, None) is not None)
        found: dict[str, set[Hashable]] = defaultdict(set)
        for thing in things:
            for kind, subject in self._lookers.get(thing, ()):
                found[kind].add(subject)
        return found

    def _counted(self, known: "Knowledge") -> list[str]:
        """Of the totals of the capture, what is not as it was."""
        statistics = known.statistics
        now: dict[str, Hashable] = {LOSS: None, SPAN: None}
        if statistics is not None:
            now = {SPAN: (statistics.first, statistics.last)}
            now[LOSS] = lacking(statistics)
        differ = [name for name, value in now.items() if self._statistics.get(name) != value]
        self._statistics = now
        return differ


class Grouping:
    """Operations that detectors look at together."""

    def __init__(self, detectors: Iterable[Detector]) -> None:
        self._detectors = [detector for detector in detectors if detector.on_group is not None]
        self._groups: Groups[GroupKey, tuple[int, list[Deed]]] = Groups()
        self._entered: dict[int, tuple[int, list[GroupKey]]] = {}

    def update(
        self, dialogues: "Mapping[int, Dialogue]", changed: Collection[int], places: Mapping[int, int]
    ) -> "Iterator[tuple[GroupKey, tuple[int, ...], Sequence[Deed]]]":
        """Take over conversations that have changed: the groups that are others than before, empty where they are gone, and their order."""
        stale: set[GroupKey] = set()
        for number in changed:
            place, keys = self._entered.pop(number, (0, []))
            for key in keys:
                self._groups.drop(key, place)
                stale.add(key)
            if (dialogue := dialogues.get(number)) is not None:
                stale |= self._enter(number, dialogue, places[number])
        for key in stale:
            entries = self._groups.of(key)
            order = (entries[0][0],) if entries else ()
            yield key, order, [deed for _, deeds in entries for deed in deeds]

    def _enter(self, number: int, dialogue: "Dialogue", place: int) -> set[GroupKey]:
        found: dict[GroupKey, list[Deed]] = defaultdict(list)
        for deed in dialogue.deeds:
            for detector in self._detectors:
                if detector.group_of is not None and (value := detector.group_of(deed)) is not None:
                    found[detector.id, value].append(deed)
        for key, deeds in found.items():
            self._groups.put(key, place, (place, deeds))
        if found:
            self._entered[number] = place, list(found)
        return set(found)
