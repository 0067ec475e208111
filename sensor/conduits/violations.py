"""The violations of the policy, kept up to date: a conversation is judged anew where it or those who take part in it have changed."""

from collections.abc import Iterable, Mapping
from functools import reduce

from sensor.changes import Groups
from sensor.conduits.acts import acts
from sensor.conduits.judge import Judge, joined, violation_of
from sensor.conduits.model import Site, Violation
from sensor.inventory.model import Asset
from sensor.knowledge import Dialogue, Knowledge


class Violations:
    """Violations by id. found: all, in an order that depends on nothing but what was observed."""

    def __init__(self, site: Site) -> None:
        self.found: tuple[Violation, ...] = ()
        self.by_id: dict[str, Violation] = {}
        self._judge = Judge(site, ())
        self._crossings: Groups[str, Violation] = Groups()
        self._entered: dict[int, tuple[int, tuple[str, ...]]] = {}

    def update(
        self,
        dialogues: Mapping[int, Dialogue],
        changed: Iterable[int],
        places: Mapping[int, int],
        assets: Mapping[str, Asset],
        moved: Iterable[str],
    ) -> set[str]:
        """Judge conversations that have changed; ids of violations that are not what they were.

        places: of all conversations. assets: all of them; moved: those that rules see otherwise than before, and those that are gone.
        """
        if self._judge.terrain.update((name, assets.get(name)) for name in moved):
            changed = {*changed, *dialogues}
        touched: set[str] = set()
        for number in changed:
            self._take_back(number, touched)
            if (dialogue := dialogues.get(number)) is not None:
                self._judge_again(number, dialogue, places[number], touched)
        for name in touched:
            crossings = self._crossings.of(name)
            if crossings:
                self.by_id[name] = reduce(joined, crossings)
            else:
                self.by_id.pop(name, None)
        if touched:
            self.found = tuple(sorted(self.by_id.values(), key=lambda row: (row.first, row.id)))
        return touched

    def _take_back(self, number: int, touched: set[str]) -> None:
        place, names = self._entered.pop(number, (0, ()))
        for name in names:
            self._crossings.drop(name, place)
            touched.add(name)

    def _judge_again(self, number: int, dialogue: Dialogue, place: int, touched: set[str]) -> None:
        judged = ((act, self._judge.of(act)) for act in acts(dialogue))
        found = [violation_of(act, verdict) for act, verdict in judged if verdict is not None]
        for violation in found:
            self._crossings.put(violation.id, place, violation)
            touched.add(violation.id)
        if found:
            self._entered[number] = place, tuple(violation.id for violation in found)


def judge(known: Knowledge) -> tuple[Violation, ...]:
    """All violations."""
    violations = Violations(known.site)
    places = {number: place for place, number in enumerate(known.dialogues)}
    violations.update(known.dialogues, known.dialogues, places, known.assets, known.assets)
    return violations.found
