"""Who holds which address, kept up to date: rows that only go on change no more than how long their holders were seen."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from sensor.capture import Endpoint, Fact
from sensor.changes import Changed
from sensor.inventory.model import Address
from sensor.inventory.resolve import Holder, Seen, Workings, holder_of, merge_log, movable, work_out
from sensor.inventory.same import Key, Pair, may_be_one

_CROWD = 16
"""Where more stations use an address, they are not compared pair by pair."""


@dataclass(slots=True)
class _Index:
    """Where rows stand in the workings of a resolution.

    seen: root and place of what was seen, by id of the row. rows: station and place of endpoints, by id. claims: the facts by which
    stations claim addresses, by id. contested: the endpoints that share an IP address and VLAN with those of another station, with the
    order of their times. pairs: of the stations that share a mark, by MAC. delicate: rows of which more follows than is looked at here.
    moves: holders that share addresses.
    """

    seen: dict[int, list[tuple[Key, int]]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[int, tuple[str, int]] = field(default_factory=dict)
    claims: dict[int, tuple[str, str]] = field(default_factory=dict)
    contested: dict[int, tuple[str, int | None]] = field(default_factory=dict)
    users: dict[tuple[str, int | None], list[int]] = field(default_factory=dict)
    pairs: dict[str, list[Pair]] = field(default_factory=lambda: defaultdict(list))
    delicate: set[int] = field(default_factory=set)
    moves: set[str] = field(default_factory=set)


class Resolver:
    """Keeps a resolution up to date."""

    def __init__(self) -> None:
        self._workings = work_out((), ())
        self.resolution = self._workings.resolution
        self._index = _Index()

    def update(
        self, endpoints: Collection[Endpoint], facts: Collection[Fact], rows: Changed[Endpoint], said: Changed[Fact], *, others: bool
    ) -> tuple[set[str], bool]:
        """Holders that have changed or gone, and whether addresses may be held by others than before.

        endpoints, facts: all there are. rows, said: what has changed of them. others: these are not the endpoints of before.
        """
        before = self.resolution.holders
        if not others and (touched := self._goes_on(rows, said)) is not None:
            return touched, False
        self._workings = work_out(endpoints, facts)
        self.resolution = self._workings.resolution
        self._index = _index(self._workings, facts)
        after = self.resolution.holders
        return {name for name, holder in after.items() if before.get(name) != holder} | (before.keys() - after.keys()), True

    def _goes_on(self, rows: Changed[Endpoint], said: Changed[Fact]) -> set[str] | None:
        """The holders that were seen for longer; None where more has changed than that, and nothing is as it was."""
        if rows.comes_or_goes or said.comes_or_goes:
            return None
        if not self._index.delicate.isdisjoint(rows.now) or not self._index.delicate.isdisjoint(said.now):
            return None
        if not all(map(_same_place, rows.now.values(), map(rows.before.__getitem__, rows.now))):
            return None
        if not all(map(_same_word, said.now.values(), map(said.before.__getitem__, said.now))):
            return None
        meeting = self._meetings(rows.now)
        macs = self._take_over(rows.now, said.now)
        if meeting != self._meetings(rows.now) or not all(map(self._stands, macs)):
            return None
        return self._hold({**rows.now, **said.now})

    def _take_over(self, rows: Mapping[int, Endpoint], said: Mapping[int, Fact]) -> set[str]:
        stations, macs = self._workings.stations, set()
        for number, row in rows.items():
            if (found := self._index.rows.get(number)) is not None:
                mac, place = found
                stations[mac].rows[place] = row
                macs.add(mac)
        for number, fact in said.items():
            if (claim := self._index.claims.get(number)) is not None:
                stations[claim[0]].claims[claim[1]] = fact
        return macs

    def _meetings(self, rows: Iterable[int]) -> list[bool]:
        """Which of the stations at contested addresses were there at the same time, of those to which rows belong."""
        places = dict.fromkeys(self._index.contested[number] for number in rows if number in self._index.contested)
        found = []
        for place in places:
            there = [self._row(number) for number in self._index.users[place]]
            found += [one.first <= other.last and other.first <= one.last for one, other in combinations(there, 2)]
        return found

    def _row(self, number: int) -> Endpoint:
        mac, place = self._index.rows[number]
        return self._workings.stations[mac].rows[place]

    def _stands(self, mac: str) -> bool:
        """Are those with whom a station shares a mark still one with it, or not, as they were?"""
        stations = self._workings.stations
        return all(may_be_one(kind, one, other, stations) == was for kind, one, other, was in self._index.pairs.get(mac, ()))

    def _hold(self, touched: Mapping[int, Endpoint | Fact]) -> set[str]:
        """New holders in the place of those whose rows have gone on."""
        groups, names = self._workings.groups, self._workings.names
        roots = set()
        for number, row in touched.items():
            for root, place in self._index.seen.get(number, ()):
                group = groups[root]
                one, address = group[place], group[place].address
                group[place] = Seen(one.key, Address(address.mac, address.ip, address.vlan, row.first, row.last), one.source, one.row)
                roots.add(root)
        if not roots:
            return set()
        holders = dict(self.resolution.holders)
        holders |= {names[root]: holder_of(names[root], groups[root], routes=root in self._workings.routers) for root in roots}
        changed = {names[root] for root in roots}
        log = self.resolution.log
        if not changed.isdisjoint(self._index.moves):
            log = merge_log(self._workings.joined, (holders[name] for name in holders if name in self._index.moves))
        self.resolution = replace(self.resolution, holders=holders, log=log)
        return changed


def _same_place(now: Endpoint, before: Endpoint) -> bool:
    return (now.mac, now.ip, now.vlan, now.first, now.hops) == (before.mac, before.ip, before.vlan, before.first, before.hops)


def _same_word(now: Fact, before: Fact) -> bool:
    new, old = ((row.mac, row.ip, row.vlan, row.unit, row.key, row.value, row.source, row.first) for row in (now, before))
    return new == old


def _index(workings: Workings, facts: Iterable[Fact]) -> _Index:
    made = _Index()
    for root, group in workings.groups.items():
        for place, one in enumerate(group):
            made.seen[one.source].append((root, place))
    for mac, station in workings.stations.items():
        made.rows |= {row.id: (mac, place) for place, row in enumerate(station.rows)}
        made.claims |= {fact.id: (mac, ip) for ip, fact in station.claims.items()}
    crowds: set[int] = set()
    for place_of, there in _users(workings).items():
        if len(there) > _CROWD:
            crowds.update(there)
        else:
            made.users[place_of] = there
            made.contested |= dict.fromkeys(there, place_of)
    for pair in workings.pairs:
        for _, mac in pair[1:3]:
            made.pairs[mac].append(pair)
    made.delicate = crowds.union(_rivals(facts))
    made.moves = _sharing(workings.resolution.holders.values())
    return made


def _users(workings: Workings) -> dict[tuple[str, int | None], list[int]]:
    """IP addresses with their VLAN that several stations have, with the rows."""
    users: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for station in workings.stations.values():
        for row in station.rows:
            if row.ip:
                users[row.ip, row.vlan].append(row.id)
    return {place: rows for place, rows in users.items() if len(rows) > 1}


def _rivals(facts: Iterable[Fact]) -> Iterator[int]:
    """Claims of one address by one station of which the one that lasts longest counts."""
    found: dict[tuple[str | None, str, str, int], list[int]] = defaultdict(list)
    for fact in facts:
        if fact.key == "address":
            found[fact.mac, fact.value, fact.source, fact.first].append(fact.id)
    return (number for numbers in found.values() if len(numbers) > 1 for number in numbers)


def _sharing(holders: Iterable[Holder]) -> set[str]:
    users: dict[tuple[str, int | None], set[str]] = defaultdict(set)
    for holder in holders:
        for ip, vlan, _ in movable(holder):
            users[ip, vlan].add(holder.id)
    return set().union(*(names for names in users.values() if len(names) > 1))
