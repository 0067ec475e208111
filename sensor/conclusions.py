"""All that follows from what was observed, kept up to date.

    conclusions = Conclusions(site, baseline)
    for batch in capture:
        observations.add(batch)
        knowledge = conclusions.update(observations)

Each stage rests on those before it: who holds which address, what each holder did (profile), what it says of itself (fields), what it is
(kind and roles), at which level it lives, in which zone, what crosses zones (violations), what differs from the baseline, what is wrong
(findings, alerts, incidents). A stage does again only what rests on something that has changed; what follows is always the same as from
the same rows alone.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sensor.baseline.compare import Change, Comparison
from sensor.baseline.model import Baseline
from sensor.capture import Anomaly, Conversation, Endpoint, Fact, Operation, Statistics
from sensor.changes import Changed, Reordered, Watched
from sensor.conduits.model import Site
from sensor.conduits.violations import Violations
from sensor.conduits.zones import zone_of
from sensor.detections.alerts import Order
from sensor.detections.run import Detections, News, all_detectors
from sensor.dialogues import Dialogues, outline
from sensor.inventory.belongings import Belongings
from sensor.inventory.engaged import Engaged
from sensor.inventory.inventory import Inventory
from sensor.inventory.model import Asset
from sensor.inventory.resolver import Resolver
from sensor.knowledge import Knowledge
from sensor.levels.infer import OUTSIDE, Levels
from sensor.observations import Observations


class Conclusions:
    """What is known, from one look at the observations to the next.

    The knowledge of a look stays what it is, but for the parties of conversations, which know their asset as it is now.
    """

    def __init__(self, site: Site | None = None, baseline: Baseline | None = None) -> None:
        self._site, self._baseline = site or Site(), baseline
        self._stages = _Stages(self._site, baseline)

    def update(self, observations: Observations) -> Knowledge:
        """Everything that follows from what was observed."""
        try:
            return self._stages.update(observations)
        except Reordered:
            self._stages = _Stages(self._site, self._baseline)
            return self._stages.update(observations)


@dataclass(frozen=True, slots=True)
class _Rows:
    """What has changed of each kind of rows."""

    endpoints: Changed[Endpoint]
    conversations: Changed[Conversation]
    operations: Changed[Operation]
    facts: Changed[Fact]
    anomalies: Changed[Anomaly]

    def __bool__(self) -> bool:
        return any((self.endpoints, self.conversations, self.operations, self.facts, self.anomalies))


class _Stages:
    """All stages, each with what it concluded."""

    def __init__(self, site: Site, baseline: Baseline | None) -> None:
        self._site = site
        self._known: Knowledge | None = None
        self._statistics: Statistics | None = None
        self._endpoints: Watched[Endpoint] = Watched()
        self._conversations: Watched[Conversation] = Watched()
        self._operations: Watched[Operation] = Watched()
        self._facts: Watched[Fact] = Watched()
        self._anomalies: Watched[Anomaly] = Watched()
        self._engaged = Engaged()
        self._resolver = Resolver()
        self._belongings = Belongings(self._conversations.places, self._facts.places, self._operations.places)
        self._inventory = Inventory(site)
        self._levels = Levels(site)
        self._assets: dict[str, Asset] = {}
        self._outlines: dict[str, Hashable] = {}
        self._dialogues = Dialogues()
        self._violations = Violations(site)
        self._comparison = Comparison(baseline) if baseline else None
        self._breaches: dict[int, set[int]] = {}
        self._detections = Detections(all_detectors(site), site)

    def update(self, observations: Observations) -> Knowledge:
        """Conclude from what has changed. Raises Reordered where rows are in another order than before."""
        rows = _Rows(
            self._endpoints.look(observations.endpoints),
            self._conversations.look(observations.conversations),
            self._operations.look(observations.operations),
            self._facts.look(observations.facts),
            self._anomalies.look(observations.anomalies),
        )
        if self._known is None or rows or self._statistics is not observations.statistics:
            self._statistics = observations.statistics
            self._known = self._conclude(observations, rows)
        return self._known

    def _conclude(self, observations: Observations, rows: _Rows) -> Knowledge:
        changed, gone, conversations = self._look_at_assets(observations, rows)
        others = changed | self._levels.update(self._inventory.assets, self._inventory.traits, changed, gone)
        outlined = self._place(others | gone)
        self._dialogues.recast(self._assets, others | gone)
        self._dialogues.update(conversations, observations.conversations, self._belongings, self._assets)
        touched = conversations | self._conversations_of(outlined)
        places = self._conversations.places
        violations = self._violations.update(self._dialogues.dialogues, touched, places, self._assets, outlined)
        unusual = self._compare(others | gone, touched)
        known = Knowledge(
            self._site,
            observations,
            self._resolver.resolution,
            self._inventory.profiles,
            dict(self._assets),
            dict(self._dialogues.dialogues),
            self._violations.found,
            left_out=self._engaged.left_out,
        )
        if self._comparison is not None:
            known.changes = tuple(self._comparison.changes(self._assets, places))
            known.fresh = frozenset(self._comparison.fresh)
        breaches = self._breach(rows.anomalies, touched)
        news = News(touched, breaches, others | gone, changed | gone, outlined, violations, unusual, places, self._anomalies.places)
        self._detections.update(known, news)
        known.alerts, known.incidents = self._detections.alerts, self._detections.incidents
        return known

    def _look_at_assets(self, observations: Observations, rows: _Rows) -> tuple[set[str], set[str], set[int]]:
        """Assets that have changed but for their level, those that are gone, and the conversations that have changed."""
        other = self._engaged.update(observations.endpoints, rows.endpoints, rows.conversations)
        held, anew = self._resolver.update(self._engaged.rows, observations.facts.values(), rows.endpoints, rows.facts, others=other)
        resolution = self._resolver.resolution
        operated = self._belongings.operate(rows.operations)
        conversations, talking = self._belongings.converse(rows.conversations, operated, resolution, anew=anew)
        told = self._belongings.say(rows.facts, resolution, anew=anew)
        changed, gone = self._inventory.update(held | talking | told, resolution.holders, self._belongings)
        return changed, gone, conversations

    def _place(self, changed: Iterable[str]) -> set[str]:
        """Give assets their level and zone: those that rules see otherwise than before, or no more."""
        outlined = set()
        bare = self._inventory.assets
        for name in changed:
            if name not in bare:
                self._assets.pop(name, None)
                self._outlines.pop(name, None)
                outlined.add(name)
                continue
            asset, level = bare[name], self._levels.levels[name]
            leveled = replace(
                asset, level=level, outside=asset.outside and level.value == OUTSIDE
            )  # public addresses can be the plant's own
            placed = self._assets[name] = replace(leveled, zone=zone_of(leveled, self._site))
            if (seen := outline(placed)) != self._outlines.get(name):
                self._outlines[name] = seen
                outlined.add(name)
        if list(self._assets) != list(bare):
            self._assets = {name: self._assets[name] for name in bare}
        return outlined

    def _conversations_of(self, assets: Iterable[str]) -> set[int]:
        traits = self._inventory.traits
        return {talk.row.id for name in assets if name in traits and "/" not in name for talk in traits[name].told.talks}

    def _compare(self, changed: set[str], touched: set[int]) -> Mapping[Hashable, tuple[Order, Sequence[Change]]]:
        """What differs from the baseline, of what has changed; touched are also conversations of assets that are new, or not any more."""
        if self._comparison is None:
            return {}
        touched |= self._conversations_of(self._comparison.update(self._assets, self._dialogues.dialogues, changed, touched))
        return self._comparison.news(changed, touched, self._conversations.places)

    def _breach(self, rows: Changed[Anomaly], conversations: Iterable[int]) -> set[int]:
        """Anomalies that have changed, and those of conversations that have."""
        for number, row in rows.before.items():
            self._breaches.get(row.conversation, set()).discard(number)
        for number, row in rows.now.items():
            self._breaches.setdefault(row.conversation, set()).add(number)
        changed = {*rows.now, *rows.before}
        return changed.union(*(self._breaches.get(number, ()) for number in conversations)) if self._breaches else changed
