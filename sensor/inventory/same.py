"""Which stations are one device although they have several MAC addresses: a serial number, a chassis, ports of one name in common."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from sensor.capture import Fact
from sensor.inventory.addresses import as_mac
from sensor.inventory.routers import Station

Key = tuple[str, str]
"""("mac", its own MAC) or ("ip", the address that it is known by)."""

_FAMILIES = {
    "enip": "cip",
    "lldp": "profinet",
    "pn_dcp": "profinet",
    "pn_io_cm": "profinet",
    "s7comm_plus": "s7comm",
}
"""Sources that give the same device the same serial number."""
_PLACEHOLDERS = frozenset(
    {"sc-c2ur28922012", "88111222", "unknown", "none", "default", "serial", "serialnumber", "notavailable", "tobefilledbyoem"}
)
"""No serial numbers: what simulators and unprogrammed devices give."""
_CHASSIS = frozenset({"lldp", "cdp", "nbns"})
_MARKS = {"chassis": "chassis address", "name": "name"}
"""What is not a serial number; a name joins the ports of one switch only."""
_MOST_STATIONS = 16
"""One device has no more, and their addresses lie no further apart: what more share is a placeholder."""


class Union:
    """Disjoint sets of keys, with the reason of each join."""

    def __init__(self) -> None:
        self._parents: dict[Key, Key] = {}
        self.joins: list[tuple[Key, Key, str]] = []

    def __contains__(self, key: Key) -> bool:
        return key in self._parents

    def add(self, key: Key) -> None:
        """A set of its own."""
        self._parents.setdefault(key, key)

    def root(self, key: Key) -> Key:
        """The representative of its set."""
        while (parent := self._parents[key]) != key:
            self._parents[key] = key = self._parents[parent]
        return key

    def join(self, one: Key, other: Key, because: str) -> None:
        """Make two sets one."""
        a, b = sorted((self.root(one), self.root(other)))
        if a != b:
            self._parents[b] = a
            self.joins.append((one, other, because))


Pair = tuple[str, Key, Key, bool]
"""The kind of mark that two share, both, and whether they may be one."""


def same_devices(facts: Iterable[Fact], stations: Mapping[str, Station], union: Union) -> list[Pair]:
    """Join the stations and addresses that say the same serial number or chassis of themselves; the pairs that depend on times."""
    looked_at: list[Pair] = []
    marks: dict[tuple[str, str], set[Key]] = defaultdict(set)
    for fact in facts:
        if (mark := _mark(fact)) and (key := _key(fact, stations, union)):
            marks[mark].add(key)
            if mark[0] == "chassis" and ("mac", mark[1]) in union:
                marks[mark].add(("mac", mark[1]))
    for (kind, value), found in sorted(marks.items()):
        if len(found) > _MOST_STATIONS:
            continue
        for one, other in combinations(sorted(found), 2):
            may_be = kind == "chassis" or may_be_one(kind, one, other, stations)
            if may_be:
                union.join(one, other, f"both have the {_MARKS.get(kind, f'{kind} serial number')} {value}")
            if kind != "chassis" and one[0] == other[0] == "mac":
                looked_at.append((kind, one, other, may_be))
    return looked_at


def may_be_one(kind: str, one: Key, other: Key, stations: Mapping[str, Station]) -> bool:
    """Did one follow the other, or are their MACs neighbours? Simulators and cloned machines share serial numbers, devices do not."""
    if one[0] == "ip" or other[0] == "ip":
        return kind != "name"
    spans = sorted(stations[mac].span for _, mac in (one, other))
    numbers = [int(mac.replace(":", ""), 16) for _, mac in (one, other)]
    return abs(numbers[0] - numbers[1]) <= _MOST_STATIONS or (kind != "name" and spans[0][1] < spans[1][0])


def _mark(fact: Fact) -> tuple[str, str] | None:
    if fact.key == "address" and fact.source in _CHASSIS and (mac := as_mac(fact.value)):
        return "chassis", mac
    if fact.key == "hostname" and fact.source in ("lldp", "cdp"):
        return "name", fact.value
    # The modules of a chassis are read through any of its network modules: their numbers do not tell the network modules apart.
    behind = fact.unit and not fact.unit.startswith("rack ") and fact.unit not in ("0", "1", "255")
    if fact.key == "serial" and not behind and _is_serial(fact.value):
        return _FAMILIES.get(fact.source, fact.source), fact.value.strip()
    return None


def _is_serial(text: str) -> bool:
    """Is it a number that only one device has? Not: zeros, one digit over and over, counted up, a placeholder."""
    plain = "".join(filter(str.isalnum, text.lower().removeprefix("0x"))).lstrip("0")
    counted = plain in "12345678901234567890" or plain in "abcdefghijklmnop"
    return len(plain) >= 4 and len(set(plain)) > 2 and not counted and _plain(text) not in _PLACEHOLDERS


def _plain(text: str) -> str:
    return text.lower().replace(" ", "").replace("_", "")


def _key(fact: Fact, stations: Mapping[str, Station], union: Union) -> Key | None:
    """Whom the fact is about."""
    station = stations.get(fact.mac or "")
    key = ("ip", fact.ip) if fact.ip and (station is None or fact.ip in station.behind) else ("mac", fact.mac or "")
    return key if key in union else None
