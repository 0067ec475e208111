"""Which IP addresses are a MAC address's own, and which lie behind it because it routes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sensor.capture import Endpoint, Fact
from sensor.inventory.addresses import as_ip, is_host, is_station, network_of, stays_on_link

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
    for fact in sorted(facts, key=lambda fact: (fact.first, fact.source, fact.value)):
        if fact.key == "address" and fact.source in _CLAIMS and fact.mac in stations and (ip := as_ip(fact.value)):
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
    unclaimed = [ip for ip in station.ips if ip not in station.claims]
    if not unclaimed:
        return frozenset(), ""
    version4 = [ip for ip in unclaimed if ":" not in ip]
    own = {network_of(ip) for ip in station.claims}
    if len(version4) >= _MANY:
        return frozenset(unclaimed), f"it sends for {len(version4)} IP addresses that it never announced"
    networks = {network_of(ip) for ip in version4}
    if station.claims and version4 and (foreign := networks - own):
        strangers = frozenset(ip for ip in unclaimed if ":" in ip or network_of(ip) in foreign)
        return strangers, "it sends for addresses of other subnets than the ones that it announced"
    if not station.claims and len(networks) > 1:
        return frozenset(unclaimed), f"it sends for addresses of {len(networks)} subnets"
    if _several_prefixes(unclaimed):
        return frozenset(ip for ip in unclaimed if ":" in ip), "it sends for several IPv6 subnets"
    used = frozenset(ip for ip in version4 if _used_by_another(station, ip, holders))
    return used, "it sends for an address that another station announced and used at the same time" if used else ""


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
