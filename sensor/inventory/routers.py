"""Which IP addresses are a MAC address's own, and which lie behind it because it routes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sensor.capture import Endpoint, Fact
from sensor.inventory.addresses import as_ip, is_host, is_public, is_station, network_of, stays_on_link

_FAR = 5
"""Fewer hops than this may be an unusual initial TTL (30, 60), or a plant's own network of public addresses."""
_MOST_CLAIMS = 16
"""A MAC that announces more addresses than this answers for others (proxy ARP), or lies."""
_MANY = 3
"""So many addresses without any announcement make a router."""
_CLAIMS = frozenset({"arp", "dhcp", "lldp", "cdp", "pn_dcp"})
"""What tells which IP address belongs to a MAC address itself."""


@dataclass(slots=True)
class Station:
    """A MAC address on the local link.

    claims: IP addresses that are said to be its own, with the fact that says so first.
    behind: IP addresses that it sent for others. because: why they are not its own.
    """

    mac: str
    rows: list[Endpoint] = field(default_factory=list)
    claims: dict[str, Fact] = field(default_factory=dict)
    behind: frozenset[str] = frozenset()
    because: str = ""

    @property
    def ips(self) -> tuple[str, ...]:
        """The addresses that it sent from and that a router would forward, sorted."""
        return tuple(sorted({row.ip for row in self.rows if row.ip and is_host(row.ip) and not stays_on_link(row.ip)}))

    @property
    def span(self) -> tuple[int, int]:
        """When it was first and last seen."""
        return min(row.first for row in self.rows), max(row.last for row in self.rows)


def stations_of(rows: Iterable[Endpoint], facts: Iterable[Fact]) -> dict[str, Station]:
    """The stations on the local links with what is their own and what is behind them."""
    stations: dict[str, Station] = {}
    for row in rows:
        if row.mac and is_station(row.mac):
            stations.setdefault(row.mac, Station(row.mac)).rows.append(row)
    claims = (fact for fact in facts if fact.key == "address" and fact.source in _CLAIMS and fact.mac in stations)
    for fact in sorted(claims, key=lambda fact: (fact.first, fact.source, fact.value, -fact.last, fact.vlan or 0)):
        if fact.mac and (ip := as_ip(fact.value)):
            stations[fact.mac].claims.setdefault(ip, fact)
    holders = _claimed_and_used(stations.values())
    for station in stations.values():
        if len(station.claims) > _MOST_CLAIMS:
            station.claims = {}
        station.behind, station.because = _behind(station, holders)
    return stations


def _claimed_and_used(stations: Iterable[Station]) -> Mapping[tuple[str, int | None], list[Endpoint]]:
    """For each IP address and VLAN the rows of those who both announce it and send from it."""
    found: dict[tuple[str, int | None], list[Endpoint]] = {}
    for station in stations:
        for row in station.rows:
            if row.ip in station.claims:
                found.setdefault((row.ip, row.vlan), []).append(row)
    return found


def _behind(station: Station, holders: Mapping[tuple[str, int | None], list[Endpoint]]) -> tuple[frozenset[str], str]:
    """What lies behind a station and why: the first reason that there is."""
    return next(((behind, because) for behind, because in _reasons(station, holders) if behind), (frozenset(), ""))


def _reasons(station: Station, holders: Mapping[tuple[str, int | None], list[Endpoint]]) -> Iterator[tuple[frozenset[str], str]]:
    unclaimed = frozenset(ip for ip in station.ips if ip not in station.claims)
    version4 = frozenset(ip for ip in unclaimed if ":" not in ip)
    version6 = unclaimed - version4
    networks = {network_of(ip) for ip in version4}
    foreign = networks - {network_of(ip) for ip in station.claims}
    if len(version4) >= _MANY:
        yield unclaimed, f"it sends for {len(version4)} IP addresses that it never announced"
    if station.claims and foreign:
        strangers = version6 | {ip for ip in version4 if network_of(ip) in foreign}
        yield strangers, "it sends for addresses of other subnets than the ones that it announced"
    if len(networks) > 1 and not station.claims:
        yield unclaimed, f"it sends for addresses of {len(networks)} subnets"
    if _several_prefixes(version6):
        yield version6, "it sends for several IPv6 subnets"
    yield frozenset(ip for ip in unclaimed if is_public(ip) and _hops(station, ip) >= _FAR), "it sends for the Internet, routers away"
    used = frozenset(ip for ip in version4 if _used_by_another(station, ip, holders))
    yield used, "it sends for an address that another station announced and used at the same time"


def _hops(station: Station, ip: str) -> int:
    """How many routers its packets passed at least."""
    return min((row.hops for row in station.rows if row.ip == ip and row.hops is not None), default=0)


def _several_prefixes(ips: Iterable[str]) -> bool:
    """More than one IPv6 subnet of one kind: one unique local and one global prefix is what hosts have."""
    prefixes = [(network[2], network[1]) for network in map(network_of, ips) if network[0] == 6]
    return any(len({number for kind, number in prefixes if kind is local}) > 1 for local in (True, False))


def _used_by_another(station: Station, ip: str, holders: Mapping[tuple[str, int | None], list[Endpoint]]) -> bool:
    return any(
        other.mac != station.mac and other.first <= row.last and row.first <= other.last
        for row in station.rows
        if row.ip == ip
        for other in holders.get((ip, row.vlan), ())
    )
