"""Which addresses are one thing: endpoints and facts in, holders of addresses out.

A device is known by its own MAC address on the local link, whatever IP addresses it has in turn; by its IP address where only a router's
MAC (or none) was seen. Serial numbers and chassis addresses join what has several MAC addresses.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise

from sensor.capture import Endpoint, Fact
from sensor.inventory.addresses import is_host, stays_on_link
from sensor.inventory.model import Address
from sensor.inventory.routers import Station, stations_of
from sensor.inventory.same import Key, Pair, Union, same_devices

AddressKey = tuple[str | None, str | None, int | None]
"""MAC, IP and VLAN; None where it does not matter."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One thing that has addresses.

    id: derived from the address that was seen first, its own MAC if it was seen with one, so that it stays when more are found.
    addresses: latest first.
    routes: its MAC stands for many other addresses.
    """

    id: str
    addresses: tuple[Address, ...]
    first: int
    last: int
    routes: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """Why addresses were taken for one thing, or for several: the merge log."""

    asset: str
    what: str
    because: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """All holders, and who holds an address."""

    holders: Mapping[str, Holder] = field(default_factory=dict)
    log: tuple[Merge, ...] = ()
    by_address: Mapping[AddressKey, str] = field(default_factory=dict)

    def find(self, mac: str | None, ip: str | None, vlan: int | None) -> str | None:
        """Id of the holder of an address as a row gives it; None where nothing with that address ever sent, or several things did."""
        if (found := self.by_address.get((mac, ip, vlan))) is not None:
            return found
        keys = ((mac, ip, None), (None, ip, vlan), (None, ip, None)) if ip and is_host(ip) else ((mac, None, vlan), (mac, None, None))
        return next((found for key in keys if (found := self.by_address.get(key)) is not None), None)


@dataclass(frozen=True, slots=True)
class Seen:
    """An address of a device, with the row as which it was seen where that gives more (a router's MAC).

    source: id of the endpoint or fact that says so.
    """

    key: Key
    address: Address
    source: int
    row: AddressKey | None = None


@dataclass(slots=True)
class Workings:
    """How a resolution came about.

    groups: what was seen of each device, by the root of its set; names: the ids of the devices. routers: roots of those that route.
    joined: what the merge log says but for moves. pairs: of the stations that share a mark, what was looked at (sensor/inventory/same.py).
    """

    stations: dict[str, Station]
    groups: dict[Key, list[Seen]]
    names: dict[Key, str]
    routers: set[Key]
    joined: list[Merge]
    pairs: list[Pair]
    resolution: Resolution


def resolve(endpoints: Iterable[Endpoint], facts: Iterable[Fact]) -> Resolution:
    """Find out which endpoints are one thing."""
    return work_out(endpoints, facts).resolution


def work_out(endpoints: Iterable[Endpoint], facts: Iterable[Fact]) -> Workings:
    """The same, with how it came about."""
    rows = sorted(endpoints, key=lambda row: (row.first, row.mac or "", row.ip or "", -1 if row.vlan is None else row.vlan))
    facts = tuple(facts)
    stations = stations_of(rows, facts)
    seen = sorted(_seen(rows, stations), key=lambda one: (one.address.first, one.key, _text(one.address)))
    union = _joined_by_ip(seen)
    pairs = same_devices(facts, stations, union)
    groups: dict[Key, list[Seen]] = defaultdict(list)
    for one in seen:
        groups[union.root(one.key)].append(one)
    names = {root: asset_id(group[0].key[1], None) for root, group in groups.items()}
    routers = {union.root(("mac", station.mac)) for station in stations.values() if station.behind}
    holders = {names[root]: holder_of(names[root], group, routes=root in routers) for root, group in groups.items()}
    joined = list(_joined(stations, union, names))
    resolution = Resolution(holders, merge_log(joined, holders.values()), _index(groups, names))
    return Workings(stations, groups, names, routers, joined, pairs, resolution)


def asset_id(address: str, vlan: int | None) -> str:
    """Ten hexadecimal digits that tell an asset by the address it was first seen with."""
    text = address if vlan is None else f"{address}@{vlan}"
    return blake2b(text.encode(), digest_size=5).hexdigest()


def _seen(rows: Iterable[Endpoint], stations: Mapping[str, Station]) -> Iterable[Seen]:
    for row in rows:
        station = stations.get(row.mac or "")
        ip = row.ip if row.ip and is_host(row.ip) else None
        exact = (row.mac, row.ip, row.vlan)
        if station and ip not in station.behind:
            yield Seen(("mac", station.mac), Address(station.mac, ip, row.vlan, row.first, row.last), row.id, exact)
        elif ip:
            yield Seen(("ip", ip), Address(None, ip, row.vlan, row.first, row.last), row.id, exact)
    for station in stations.values():
        for ip, fact in station.claims.items():
            yield Seen(("mac", station.mac), Address(station.mac, ip, fact.vlan, fact.first, fact.last), fact.id)
        if station.behind:
            for row in station.rows:
                yield Seen(("mac", station.mac), Address(station.mac, None, row.vlan, row.first, row.last), row.id)


def _text(address: Address) -> tuple[str, str, int]:
    return address.mac or "", address.ip or "", -1 if address.vlan is None else address.vlan


def _joined_by_ip(seen: Iterable[Seen]) -> Union:
    """What was seen behind a router, or without a MAC, is the one station that has that IP address, where there is exactly one."""
    union = Union()
    owners: dict[str, set[Key]] = defaultdict(set)
    for one in seen:
        union.add(one.key)
        if one.key[0] == "mac" and one.address.ip:
            owners[one.address.ip].add(one.key)
    for ip, keys in owners.items():
        if len(keys) == 1 and ("ip", ip) in union:
            (owner,) = keys
            union.join(owner, ("ip", ip), f"{ip} was also seen without a MAC address of its own, and nobody else has it")
    return union


def holder_of(name: str, group: list[Seen], *, routes: bool) -> Holder:
    """What a device has, from all that was seen of it."""
    spans: dict[tuple[str | None, str | None, int | None], tuple[int, int]] = {}
    for one in group:
        address = one.address
        key = (address.mac, address.ip, address.vlan)
        first, last = spans.get(key, (address.first, address.last))
        spans[key] = min(first, address.first), max(last, address.last)
    if len(spans) == 1:  # as of most
        ((key, (first, last)),) = spans.items()
        return Holder(name, (Address(*key, first, last),), first, last, routes)
    first, last = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    with_ip = {(mac, vlan) for mac, ip, vlan in spans if ip}
    addresses = [Address(*key, *span) for key, span in spans.items() if key[1] or (key[0], key[2]) not in with_ip]
    addresses.sort(key=lambda address: (-address.last, address.first, address.ip is None, _text(address)))
    return Holder(name, tuple(addresses), first, last, routes)


def _index(groups: Mapping[Key, list[Seen]], names: Mapping[Key, str]) -> dict[AddressKey, str]:
    """The holder of each row's address, and of its parts where only one has them."""
    exact: dict[AddressKey, str] = {}
    parts: dict[AddressKey, set[str]] = defaultdict(set)
    for root, group in groups.items():
        for one in group:
            mac, ip, vlan = one.row or (one.address.mac, one.address.ip, one.address.vlan)
            exact.setdefault((mac, ip, vlan), names[root])
            if one.address.ip:
                others: tuple[AddressKey, ...] = ((mac, ip, None), (None, ip, vlan), (None, ip, None))
                for key in others:
                    parts[key].add(names[root])
            if one.key[0] == "mac":
                parts[one.key[1], None, None].add(names[root])
    for key, found in parts.items():
        if len(found) == 1:
            exact.setdefault(key, *found)
    return exact


def merge_log(joined: Iterable[Merge], holders: Iterable[Holder]) -> tuple[Merge, ...]:
    """Why addresses were taken for one thing, or for several, sorted."""
    return tuple(sorted((*joined, *_moves(holders)), key=lambda entry: (entry.asset, entry.what, entry.because)))


def _joined(stations: Mapping[str, Station], union: Union, names: Mapping[Key, str]) -> Iterable[Merge]:
    for a, b, because in union.joins:
        yield Merge(names[union.root(a)], f"{a[1]} and {b[1]} are one", because)
    for station in stations.values():
        name = names[union.root(("mac", station.mac))]
        if station.behind:
            yield Merge(name, f"{station.mac} is a router", station.because)
        own = sorted({row.ip for row in station.rows if row.ip and is_host(row.ip) and row.ip not in station.behind} | set(station.claims))
        if len(own) > 1:
            yield Merge(name, f"{', '.join(own[:8])} are one", f"all came from {station.mac}")


def _moves(holders: Iterable[Holder]) -> Iterable[Merge]:
    """IP addresses that several stations of one VLAN had: moved from one to the next, or disputed."""
    users: dict[tuple[str, int | None], list[tuple[int, int, str, str]]] = defaultdict(list)
    for holder in holders:
        for ip, vlan, address in movable(holder):
            users[ip, vlan].append((address.first, address.last, address.mac or "", holder.id))
    for (ip, _), found in users.items():
        if len(found) > 1:
            yield from _moved(ip, sorted(found))


def movable(holder: Holder) -> Iterable[tuple[str, int | None, Address]]:
    """Its own addresses that another station can have had, or can have."""
    for address in holder.addresses:
        if address.ip and address.mac and not stays_on_link(address.ip):
            yield address.ip, address.vlan, address


def _moved(ip: str, found: list[tuple[int, int, str, str]]) -> Iterable[Merge]:
    for (_, ended, old, before), (began, _, new, name) in pairwise(found):
        if before != name:
            because = f"{ip} moved from {old} to {new}" if ended < began else f"{ip} is used by both {old} and {new}"
            yield Merge(name, f"{old} and {new} are two", because)
