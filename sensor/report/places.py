"""The boxes of the map: assets by level and by zone, or by subnet where there are no zones of their own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Severity
from sensor.inventory.model import Asset, Kind
from sensor.knowledge import Knowledge
from sensor.report.text import LEVEL_NAMES, LEVELS, kind_title

_REFERENCE_ZONES = {f"level {level:g}" for level in LEVELS if level is not None}
_Members = dict[tuple[float | None, str], list[Asset]]
_MOST_BOXES = 9
"""Of one level; the smallest of more are drawn as one."""


NOTHING = "nothing seen"


@dataclass(frozen=True, slots=True)
class Chip:
    """One asset in a box.

    alarm: the worst that was found of it, None where that is below high.
    """

    id: str
    name: str
    about: str
    kind: str
    alarm: Severity | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Assets of one level and zone.

    chips: those that are drawn, the most important first. more: what else is there, by type.
    """

    key: str
    level: float | None
    title: str
    count: int
    chips: tuple[Chip, ...]
    more: tuple[tuple[str, int], ...]


def place_name(asset: Asset) -> str:
    """The zone of an asset, or its subnet where it is in none but that of its level."""
    if asset.level.value == 5:
        return "Outside"
    if asset.zone and asset.zone not in _REFERENCE_ZONES:
        return asset.zone
    for ip in asset.ips:
        address = ip_address(ip.partition("%")[0])
        if address.version == 4:
            return f"{ip.rpartition('.')[0]}.0/24"
        if not address.is_link_local:
            return ":".join(address.exploded.split(":")[:4]) + "::/64"
    return "no IP address"


def alarms(known: Knowledge) -> dict[str, Severity]:
    """The worst that was found of each asset, be it the actor or the victim."""
    found: dict[str, Severity] = {}
    rows: tuple[Alert | Violation, ...] = (*known.alerts, *known.violations)
    for row in rows:
        for asset in (row.source, row.target):
            if asset is not None:
                found[asset] = max(found.get(asset, Severity.INFO), row.severity)
    return found


def places(known: Knowledge) -> tuple[list[Place], dict[str, str]]:
    """Boxes from the top level down, and the box of each asset by its id. Units are within the box of their device."""
    members: _Members = {}
    for asset in known.assets.values():
        if asset.parent is None:
            members.setdefault((asset.level.value, place_name(asset)), []).append(asset)
    members = _bounded(members)
    worst, talks, units = alarms(known), _talks(known), Counter(asset.parent for asset in known.assets.values())
    room = _room(len(members), sum(map(len, members.values())))
    found: list[Place] = []
    where: dict[str, str] = {}
    empty: _Members = {(level, NOTHING): [] for level in LEVELS if level is not None and not any(key[0] == level for key in members)}
    for (level, name), assets in sorted((members | empty).items(), key=_order):
        key = f"{level} {name}"
        where.update({asset.id: key for asset in assets})
        assets.sort(key=lambda asset: (-worst.get(asset.id, Severity.INFO), asset.kind.value == Kind.UNKNOWN, -talks[asset.id], asset.id))
        named = assets[: room if len(assets) != room + 1 else room + 1]
        chips = tuple(_chip(asset, worst.get(asset.id), units[asset.id]) for asset in named)
        more = Counter(kind_title(asset.kind.value) for asset in assets[len(named) :])
        found.append(Place(key, level, name, len(assets), chips, tuple(sorted(more.items(), key=lambda item: (-item[1], item[0])))))
    where.update({asset.id: where[asset.parent] for asset in known.assets.values() if asset.parent in where})
    return found, where


def _bounded(members: _Members) -> _Members:
    """The same with the smallest boxes of a level joined where it has too many."""
    bounded: _Members = {}
    for level in LEVELS:
        here = sorted((key for key in members if key[0] == level), key=lambda key: (-len(members[key]), key[1]))
        whole, rest = (here, []) if len(here) <= _MOST_BOXES else (here[: _MOST_BOXES - 1], here[_MOST_BOXES - 1 :])
        bounded.update({key: members[key] for key in whole})
        if rest:
            bounded[level, f"{len(rest)} smaller zones or subnets"] = [asset for key in rest for asset in members[key]]
    return bounded


def _room(boxes: int, assets: int) -> int:
    """How many assets a box names: in a large plant few, or nobody could read the picture."""
    if assets <= 60 and boxes <= 16:
        return 9
    return 4 if assets <= 200 else 2


def _talks(known: Knowledge) -> Counter[str]:
    found: Counter[str] = Counter()
    for dialogue in known.dialogues.values():
        found.update(party.id for party in (dialogue.client, dialogue.server) if party.id)
    return found


def _order(item: tuple[tuple[float | None, str], Iterable[Asset]]) -> tuple[int, bool, list[tuple[int, str]]]:
    """By level, then by name with its numbers as numbers."""
    (level, name), _ = item
    place = LEVELS.index(level) if level in LEVEL_NAMES else len(LEVELS)
    parts = [(int(part), "") if part.isdecimal() and len(part) < 10 else (0, part) for part in name.replace("/", ".").split(".")]
    return place, name.endswith("smaller zones or subnets"), parts


def _chip(asset: Asset, alarm: Severity | None, units: int) -> Chip:
    address = next(iter(asset.ips or asset.macs), None)
    parts = [address] if address and address != asset.name else []
    parts += [kind_title(asset.kind.value)] if asset.kind.value not in (None, Kind.UNKNOWN) else []
    parts += [f"+{units} unit{'s' * (units > 1)}"] if units else []
    kind = asset.kind.value or Kind.UNKNOWN
    if kind == Kind.UNKNOWN and asset.level.value == 5:
        kind = "outside"
    name = asset.name.removesuffix(f" {address}")
    return Chip(asset.id, name, " · ".join(parts) or "unknown device", kind, alarm if alarm and alarm >= Severity.HIGH else None)
