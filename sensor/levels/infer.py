"""The level of each asset, from its own evidence and then from that of its neighbours."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sensor.conduits.model import Site
from sensor.inventory.model import Asset, Evidence, Level
from sensor.inventory.names import pin_matches
from sensor.inventory.profile import Profile
from sensor.inventory.traits import Traits, exchanges
from sensor.levels import context, deeds
from sensor.levels.company import Company
from sensor.levels.context import face_of, is_swayed, seen_by
from sensor.levels.homes import Homes
from sensor.levels.network import network_of, networks_of
from sensor.levels.subject import Subject
from sensor.levels.weigh import STRONG, spoken_for, weigh

ROUNDS = 4
"""Office, its servers, what stands between them and the plant, and their neighbours."""

OUTSIDE = 5.0


def levels_of(assets: Mapping[str, Asset], profiles: Mapping[str, Profile], site: Site) -> Mapping[str, Level]:
    """The level of every asset. The assets have their kind, roles and fields, but no level yet."""
    levels = Levels(site)
    levels.update(assets, {name: Traits(profiles[name]) for name in assets}, assets.keys(), ())
    return levels.levels


class Levels:
    """Levels by asset, kept up to date.

    In every round each asset is judged by what those that it sees show after the round before. Of whom nothing that it sees has changed,
    neither since the last update nor in the round before, the same would be concluded again.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._subjects: dict[str, Subject] = {}
        self._own: dict[str, tuple[Evidence, ...]] = {}
        self._fixed: dict[str, Level] = {}
        self._grounds: dict[str, tuple[str | None, bool]] = {}
        self._faces: dict[str, object] = {}
        self._watchers: dict[str, set[str]] = defaultdict(set)
        self._members: dict[str, set[str]] = defaultdict(set)
        self._homes = Homes()
        self._rounds: list[dict[str, Level]] = [{} for _ in range(ROUNDS + 1)]
        self._companies = [Company(self._subjects) for _ in range(ROUNDS)]
        self._moved: list[set[str]] = [set() for _ in range(ROUNDS)]

    @property
    def levels(self) -> Mapping[str, Level]:
        """What the last round gave."""
        return self._rounds[-1]

    def update(self, assets: Mapping[str, Asset], traits: Mapping[str, Traits], changed: Iterable[str], gone: Iterable[str]) -> set[str]:
        """Judge anew where assets have changed or gone; the names of those whose level is another than before."""
        gone = set(gone)
        before = {name: self._rounds[-1].get(name) for name in gone}
        renewed = self._renew(assets, traits, set(changed), gone)
        shifted = self._show_faces(renewed, gone)
        stale = renewed.union(*(self._watchers.get(name, ()) for name in shifted)) - gone
        self._look_around(stale)
        stale |= self._fix(renewed, gone)
        judged = {name: self._fixed.get(name) or self._subjects[name].own for name in stale}
        for number in range(ROUNDS):
            judged = self._round(number, stale, judged, gone)
        changed_levels = {name for name, level in judged.items() if self._rounds[-1].get(name) != level}
        self._rounds[-1].update(judged)
        for name in gone:
            self._rounds[-1].pop(name, None)
        return changed_levels | {name for name, level in before.items() if level is not None}

    def _renew(self, assets: Mapping[str, Asset], traits: Mapping[str, Traits], changed: set[str], gone: set[str]) -> set[str]:
        """Make subjects of the assets that have changed, and of those whose peers stand elsewhere than before."""
        renewed = set(changed)
        for name in (*gone, *changed):
            asset = assets.get(name)
            grounds = (network_of(asset.ips), asset.outside) if asset is not None else None
            if grounds != self._grounds.get(name):
                renewed |= self._watchers.get(name, set())
            if grounds is None:
                self._grounds.pop(name, None)
                self._forget(name)
            else:
                self._grounds[name] = grounds
        renewed -= gone
        for name in renewed:
            self._forget(name, for_good=False)
            self._subjects[name] = subject = self._subject(assets[name], traits[name])
            self._own[name] = deeds.evidence_of(subject)
            subject.own = _weighed(subject, self._own[name])
            subject.swayed = is_swayed(subject)
            if subject.network is not None:
                self._members[subject.network].add(name)
        return renewed

    def _forget(self, name: str, *, for_good: bool = True) -> None:
        before = self._subjects.pop(name, None)
        if before is not None:
            self._unwatch(name, before.sees)
            if before.network is not None:
                self._members[before.network].discard(name)
        if for_good:
            self._own.pop(name, None)
            self._fixed.pop(name, None)

    def _unwatch(self, name: str, sees: Iterable[str]) -> None:
        for peer in sees:
            watchers = self._watchers[peer]
            watchers.discard(name)
            if not watchers:
                del self._watchers[peer]

    def _subject(self, asset: Asset, seen: Traits) -> Subject:
        near: dict[str, str | None] = {}
        outsiders = set()
        for talk in seen.told.talks:
            if talk.peer not in near:
                near[talk.peer], outside = self._grounds.get(talk.peer, (None, False))
                if outside:
                    outsiders.add(talk.peer)
        stands = self._grounds.get(asset.parent or asset.id, (None, False))[0]
        legs = frozenset(networks_of(asset.ips)) or frozenset((stands,) if stands else ())
        return Subject(asset, seen, near, frozenset(outsiders), network=stands, legs=legs)

    def _show_faces(self, renewed: Iterable[str], gone: Iterable[str]) -> set[str]:
        """Those that look otherwise to others than before."""
        shifted = {name for name in gone if self._faces.pop(name, None) is not None}
        for name in renewed:
            face = face_of(self._subjects[name])
            if face != self._faces.get(name):
                self._faces[name] = face
                shifted.add(name)
        return shifted

    def _look_around(self, stale: Iterable[str]) -> None:
        for name in stale:
            subject = self._subjects[name]
            sees = seen_by(subject, self._subjects)
            if sees != subject.sees:
                self._unwatch(name, subject.sees - sees)
                for peer in sees - subject.sees:
                    self._watchers[peer].add(name)
                subject.sees = sees

    def _fix(self, renewed: set[str], gone: set[str]) -> set[str]:
        """Levels that behaviour does not change: the operator's, and that of the outside. Those whose level is fixed anew."""
        fixed = renewed | self._homes.update(self._subjects, renewed, gone)
        for name in fixed:
            subject = self._subjects[name]
            asset, own = subject.asset, self._own[name]
            pin = next((pin for pin in self._site.pins if pin.level is not None and pin_matches(pin, asset)), None)
            if pin is not None and pin.level is not None:
                self._fixed[name] = _certain(pin.level, f"the site file says so ({pin.match})", "site file", asset, own, pinned=True)
            elif asset.outside and subject.network not in self._homes.networks:
                self._fixed[name] = _certain(OUTSIDE, "its address is public", "addresses", asset, own)
            else:
                self._fixed.pop(name, None)
        return fixed

    def _round(self, number: int, stale: set[str], judged: Mapping[str, Level], gone: set[str]) -> dict[str, Level]:
        """Take over what a round gave, and judge those whose company that changes, or who have changed."""
        company, levels = self._companies[number], self._rounds[number]
        seen, networks = self._take_over(number, judged, gone)
        around = set(seen - gone).union(*(self._watchers.get(name, ()) for name in seen))
        around.update(*(self._members.get(network, ()) for network in networks))
        touched = stale | {name for name in around if self._subjects[name].swayed}
        if number == 0:
            return {name: self._fixed.get(name) or self._judged(name, company) for name in touched}
        moved = self._moved[number]
        restless = {self._subjects[name].network for name in moved if name in self._subjects}
        return {name: self._fixed.get(name) or self._judged_again(name, number, moved, restless) for name in touched if name in levels}

    def _take_over(self, number: int, judged: Mapping[str, Level], gone: set[str]) -> tuple[set[str], set[str]]:
        """Those that show another level after this round than before the update, and the subnets of which more or fewer do."""
        company, levels = self._companies[number], self._rounds[number]
        seen: set[str] = set()
        networks: set[str] = set()
        for name, level in (*judged.items(), *((name, None) for name in gone)):
            if level is None:
                levels.pop(name, None)
            else:
                levels[name] = level
            differs, beside = company.place(name, level)
            networks |= beside
            if differs:
                seen.add(name)
            for later in (number, number + 1):
                if 0 < later < ROUNDS:
                    self._mark(later, name)
        return seen, networks

    def _mark(self, number: int, name: str) -> None:
        """Does one show another level after this round than after the one before?"""
        if self._companies[number].at(name) != self._companies[number - 1].at(name):
            self._moved[number].add(name)
        else:
            self._moved[number].discard(name)

    def _judged_again(self, name: str, number: int, moved: set[str], restless: set[str | None]) -> Level:
        subject = self._subjects[name]
        if not subject.swayed:
            return self._rounds[number][name]
        if name in moved or (subject.network and subject.network in restless) or not subject.sees.isdisjoint(moved):
            return self._judged(name, self._companies[number])
        return self._rounds[number][name]

    def _judged(self, name: str, company: Company) -> Level:
        subject, own = self._subjects[name], self._own[name]
        added = _company(subject, company, own)
        return _weighed(subject, own + added) if added else subject.own


def _company(subject: Subject, company: Company, own: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Of the silent and of those that only talk to groups nothing is concluded from their company."""
    shows = own or subject.seen.serves_to or subject.seen.asks_of or subject.seen.realtime
    return context.evidence_of(subject, company) if shows else ()


def _weighed(subject: Subject, evidence: tuple[Evidence, ...]) -> Level:
    seen = subject.seen
    plenty = sum(exchanges(use) for use in (*seen.answered, *seen.polled)) >= deeds.ENOUGH_EXCHANGES
    return weigh(evidence, exchanged=plenty and any(piece.weight >= STRONG for piece in evidence))


def _certain(value: float, because: str, source: str, asset: Asset, own: tuple[Evidence, ...], *, pinned: bool = False) -> Level:
    said = Evidence(f"{value:g}", because, source, 10.0, asset.first, asset.last)
    judged = weigh(own)
    pieces = (*judged.evidence, *judged.against)
    agreeing = tuple(piece for piece in pieces if value in spoken_for(piece.says))
    against = tuple(piece for piece in pieces if piece not in agreeing)
    return Level(value, 1.0, settled=True, pinned=pinned, evidence=(said, *agreeing), against=against)
