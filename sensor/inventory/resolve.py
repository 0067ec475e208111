"""Which addresses are one thing: endpoints and facts in, holders of addresses out.

A MAC address on the local link is one thing, with all its IP addresses; but a router's MAC stands for whatever is behind it, which is told
apart by IP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, ip_address
from itertools import pairwise

from sensor.capture import Endpoint, Fact
from sensor.inventory.model import Address

_ROUTED = 3
"""A host has IPv6 addresses of fewer networks."""
_MOVES = 4
"""So many addresses of one network, one after the other, are a host's that gets them by DHCP."""
_SHARED_MACS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:")
"""Virtual routers: VRRP, HSRP and GLBP. They move between devices."""
_SAME_CHASSIS = 16
"""Interfaces of one device have MAC addresses that are no further apart."""
_SERIAL_SOURCES = frozenset({"cip", "enip", "s7comm", "s7comm_plus", "pn_dcp", "modbus", "dnp3", "snmp", "bacnet", "opcua"})
_LEAST_SERIAL = 4
Key = tuple[str | None, str | None, int | None]


@dataclass(slots=True)
class _Group:
    """Endpoints that are one thing, and its own MAC addresses."""

    rows: list[Endpoint] = field(default_factory=list)
    macs: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Holder:
    """One thing that has addresses.

    id: derived from the address that was seen first, so that it stays when more are found.
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
    by_address: Mapping[Key, str] = field(default_factory=dict)

    def find(self, mac: str | None, ip: str | None, vlan: int | None) -> str | None:
        """Id of the holder of an address as a row gives it; None where nothing with that address ever sent, or several things did."""
        keys: tuple[Key, ...] = ((mac, None, vlan), (mac, None, None))
        if ip:
            keys = ((mac, ip, vlan), (mac, ip, None), (None, ip, vlan), (None, ip, None))
        return next((self.by_address[key] for key in keys if key in self.by_address), None)


def resolve(endpoints: Iterable[Endpoint], facts: Iterable[Fact]) -> Resolution:
    """Find out which endpoints are one thing."""
    rows = sorted(endpoints, key=lambda row: (row.first, row.id))
    known = tuple(facts)
    announced = _announced(known)
    addresses: dict[str, list[Endpoint]] = {}
    for row in rows:
        if row.mac and _is_identity(row.mac):
            addresses.setdefault(row.mac, []).append(row)
    routers = {mac: why for mac, its in addresses.items() if (why := _routes(its, announced.get(mac, frozenset())))}
    groups = _groups(rows, routers, announced)
    groups, merged = _merged_by_serial(groups, known)
    return _resolution(groups, routers, merged)


def asset_id(address: str, vlan: int | None) -> str:
    """Ten hexadecimal digits that tell an asset by the address it was first seen with."""
    text = address if vlan is None else f"{address}@{vlan}"
    return blake2b(text.encode(), digest_size=5).hexdigest()


def _announced(facts: Iterable[Fact]) -> dict[str, frozenset[str]]:
    """The IP addresses that each MAC says in ARP are its own."""
    found: dict[str, set[str]] = {}
    for fact in facts:
        if fact.key == "address" and fact.source == "arp" and fact.mac:
            found.setdefault(fact.mac, set()).add(fact.value)
    return {mac: frozenset(ips) for mac, ips in found.items()}


def _is_identity(mac: str) -> bool:
    """May a MAC tell a thing? Not groups, nothing, and virtual routers."""
    return not int(mac[:2], 16) & 1 and mac != "00:00:00:00:00:00" and not mac.startswith(_SHARED_MACS)


@lru_cache(maxsize=65536)
def _network(ip: str) -> str | None:
    """The /24 or /64 of an address that others may route to; None of link-local addresses and those that are nobody's."""
    address = ip_address(ip)
    if address.is_link_local or address.is_unspecified or address.is_multicast or address.is_loopback:
        return None
    if isinstance(address, IPv4Address):
        return None if ip == "255.255.255.255" else ip.rpartition(".")[0]
    return address.exploded[:19]


@lru_cache(maxsize=65536)
def is_public(ip: str) -> bool:
    """Is it an address of the Internet?"""
    address = ip_address(ip)
    return address.is_global and not address.is_multicast


def _routes(rows: Iterable[Endpoint], own: frozenset[str]) -> str | None:
    """Why a MAC is a router's, or otherwise that of several things; None where it is a host's. The rows are those of its endpoints."""
    spans: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row.ip and _network(row.ip):
            first, last = spans.get(row.ip, (row.first, row.last))
            spans[row.ip] = (min(first, row.first), max(last, row.last))
    fourth = [ip for ip in spans if ":" not in ip]
    networks = {_network(ip) for ip in fourth}
    moved = len(networks) == 1 and len(fourth) <= _MOVES and not any(map(is_public, fourth)) and not _overlap([spans[ip] for ip in fourth])
    if len(fourth) > 1 and not moved and any(ip not in own for ip in fourth):
        said = f"announces {', '.join(sorted(own)[:3])}" if own else "announces none by ARP"
        return f"it carries {len(fourth)} IPv4 addresses of {len(networks)} networks and {said}"
    if len({_network(ip) for ip in spans if ":" in ip}) >= _ROUTED:
        return "it carries IPv6 addresses of three or more networks"
    return None


def _overlap(spans: list[tuple[int, int]]) -> bool:
    """Were any two there at the same time? By turns it is one host whose address changes."""
    ordered = sorted(spans)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(ordered))


def _groups(rows: Iterable[Endpoint], routers: Mapping[str, str], announced: Mapping[str, frozenset[str]]) -> list[_Group]:
    """Endpoints that are one thing: those of a MAC; without one or behind a router those of an IP."""
    local: dict[str, _Group] = {}
    remote: dict[str, _Group] = {}
    for row in rows:
        mac = row.mac if row.mac and _is_identity(row.mac) else None
        if mac and (mac not in routers or _is_own(row, announced.get(mac, frozenset()))):
            group = local.setdefault(mac, _Group())
            group.macs.add(mac)
        elif row.ip is None:
            group = local.setdefault(row.mac or "", _Group())
        else:
            group = remote.setdefault(row.ip, _Group())
        group.rows.append(row)
    at_home: dict[str, list[_Group]] = {}
    for group in local.values():
        for ip in {row.ip for row in group.rows if row.ip and _network(row.ip)}:
            at_home.setdefault(ip, []).append(group)
    for ip in tuple(remote):
        if len(at_home.get(ip, ())) == 1:  # seen on its own link, and on the other side of a router
            at_home[ip][0].rows += remote.pop(ip).rows
    return [*local.values(), *remote.values()]


def _is_own(row: Endpoint, own: frozenset[str]) -> bool:
    """Is an address with a router's MAC the router's?"""
    return row.ip is None or row.ip in own or _network(row.ip) is None


def _merged_by_serial(groups: list[_Group], facts: Iterable[Fact]) -> tuple[list[_Group], dict[int, str]]:
    """Groups of one serial number are one thing where they followed each other, or sit in one chassis; why, by place."""
    into: dict[int, int] = {}
    why: dict[int, str] = {}
    for (source, serial), same in sorted(_serials(groups, facts).items()):
        first, *others = sorted({_root(place, into) for place in same})
        for other in others:
            if _may_be_one(groups[first], groups[other]):
                into[other] = first
                why[first] = f"serial number {serial} ({source})"
    for place in into:
        root = groups[_root(place, into)]
        root.rows += groups[place].rows
        root.macs |= groups[place].macs
    kept = [place for place in range(len(groups)) if place not in into]
    return [groups[place] for place in kept], {number: why[place] for number, place in enumerate(kept) if place in why}


def _serials(groups: list[_Group], facts: Iterable[Fact]) -> dict[tuple[str, str], set[int]]:
    """Places of the groups that say a serial number of themselves, by source and number."""
    places = {(row.mac, row.ip, row.vlan): place for place, group in enumerate(groups) for row in group.rows}
    found: dict[tuple[str, str], set[int]] = {}
    for fact in facts:
        if fact.key == "serial" and not fact.unit and fact.source in _SERIAL_SOURCES and _is_serial(fact.value):
            place = places.get((fact.mac, fact.ip, fact.vlan))
            if place is not None:
                found.setdefault((fact.source, fact.value), set()).add(place)
    return found


def _root(place: int, into: Mapping[int, int]) -> int:
    while place in into:
        place = into[place]
    return place


def _is_serial(text: str) -> bool:
    digits = text.strip().strip("0x ")
    return len(digits) >= _LEAST_SERIAL and len(set(digits)) > 1 and digits not in ("1234", "12345", "123456", "12345678")


def _may_be_one(one: _Group, other: _Group) -> bool:
    """Did one follow the other, or are their MACs neighbours? Simulators share serial numbers, devices do not."""
    spans = sorted((min(row.first for row in group.rows), max(row.last for row in group.rows)) for group in (one, other))
    if spans[0][1] < spans[1][0]:
        return True
    numbers = [[int(mac.replace(":", ""), 16) for mac in group.macs] for group in (one, other)]
    return any(abs(a - b) <= _SAME_CHASSIS for a in numbers[0] for b in numbers[1])


def _resolution(groups: Iterable[_Group], routers: Mapping[str, str], serials: Mapping[int, str]) -> Resolution:
    holders: dict[str, Holder] = {}
    exact: dict[Key, str] = {}
    claims: dict[Key, set[str]] = {}
    log: list[Merge] = []
    for place, group in enumerate(groups):
        group.rows.sort(key=lambda row: (row.first, row.id))
        holder = _holder(group, routers)
        if holder.id in holders:  # two things that were first seen with one address in one VLAN
            holder = replace(holder, id=asset_id(f"{group.rows[0].mac}/{group.rows[0].ip}", group.rows[0].vlan))
        holders[holder.id] = holder
        log += _entries(holder, group, routers, serials.get(place))
        for row in group.rows:
            exact[row.mac, row.ip, row.vlan] = holder.id
            for key in _keys(row, group):
                claims.setdefault(key, set()).add(holder.id)
    clear = {key: next(iter(names)) for key, names in claims.items() if len(names) == 1}
    return Resolution(holders, tuple(log), {**clear, **exact})


def _keys(row: Endpoint, group: _Group) -> Iterable[Key]:
    """Other ways in which rows may name an endpoint; they count where only one thing is meant."""
    if row.mac in group.macs:
        yield (row.mac, None, None)
        yield (row.mac, None, row.vlan)
    if row.ip:
        yield (row.mac, row.ip, None)
        yield (None, row.ip, row.vlan)
        yield (None, row.ip, None)


def _holder(group: _Group, routers: Mapping[str, str]) -> Holder:
    latest = sorted(group.rows, key=lambda row: (-row.last, row.id))
    return Holder(
        id=asset_id(group.rows[0].ip or group.rows[0].mac or "", group.rows[0].vlan),
        addresses=tuple(Address(row.mac if row.mac in group.macs else None, row.ip, row.vlan, row.first, row.last) for row in latest),
        first=group.rows[0].first,
        last=latest[0].last,
        routes=not group.macs.isdisjoint(routers),
    )


def _entries(holder: Holder, group: _Group, routers: Mapping[str, str], serial: str | None) -> Iterable[Merge]:
    for mac in sorted(group.macs & routers.keys()):
        yield Merge(holder.id, f"{mac} is a router's: what is behind it is told apart by IP", routers[mac])
    ips = sorted({row.ip for row in group.rows if row.ip})
    if serial:
        yield Merge(holder.id, f"{', '.join(ips[:8])} are one device", serial)
    elif len(ips) > 1:
        yield Merge(holder.id, f"{', '.join(ips[:8])} are one device", f"one MAC address of its own, {', '.join(sorted(group.macs))}")
