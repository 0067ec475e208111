"""The boxes of the map: assets by level and by zone, or by subnet where there are no zones of their own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from sensor.detections.model import Severity
from sensor.inventory.model import Kind
from sensor.report.picture import Picture, Thing, talks_of
from sensor.report.text import LEVEL_NAMES, LEVELS, kind_title

_REFERENCE_ZONES = {f"level {level:g}" for level in LEVELS if level is not None}
_Members = dict[tuple[float | None, str], list[Thing]]
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


def place_name(thing: Thing) -> str:
    """The zone of a thing, or its subnet where it is in none but that of its level."""
    if thing.level == 5:
        return "Outside"
    if thing.zone and thing.zone not in _REFERENCE_ZONES:
        return thing.zone
    for text in thing.addresses:
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:  # a MAC
            continue
        if address.version == 4:
            return f"{text.rpartition('.')[0]}.0/24"
        if not address.is_link_local:
            return ":".join(address.exploded.split(":")[:4]) + "::/64"
    return "no IP address"


def places(picture: Picture) -> tuple[list[Place], dict[str, str]]:
    """Boxes from the top level down, and the box of each thing by its id. Units are within the box of their device."""
    members: _Members = {}
    for thing in picture.things:
        if thing.parent is None:
            members.setdefault((thing.level, place_name(thing)), []).append(thing)
    members = _bounded(members)
    worst, talks, units = picture.alarms, talks_of(picture), Counter(thing.parent for thing in picture.things)
    room = _room(len(members), sum(map(len, members.values())))
    found: list[Place] = []
    where: dict[str, str] = {}
    empty: _Members = {(level, NOTHING): [] for level in LEVELS if level is not None and not any(key[0] == level for key in members)}
    for (level, name), things in sorted((members | empty).items(), key=_order):
        key = f"{level} {name}"
        where.update({thing.id: key for thing in things})
        things.sort(key=lambda thing: (-worst.get(thing.id, Severity.INFO), thing.kind == Kind.UNKNOWN, -talks[thing.id], thing.id))
        named = things[: room if len(things) != room + 1 else room + 1]
        chips = tuple(_chip(thing, worst.get(thing.id), units[thing.id]) for thing in named)
        more = Counter(kind_title(thing.kind) for thing in things[len(named) :])
        found.append(Place(key, level, name, len(things), chips, tuple(sorted(more.items(), key=lambda item: (-item[1], item[0])))))
    where.update({thing.id: where[thing.parent] for thing in picture.things if thing.parent in where})
    return found, where


def _bounded(members: _Members) -> _Members:
    """The same with the smallest boxes of a level joined where it has too many."""
    bounded: _Members = {}
    for level in LEVELS:
        here = sorted((key for key in members if key[0] == level), key=lambda key: (-len(members[key]), key[1]))
        whole, rest = (here, []) if len(here) <= _MOST_BOXES else (here[: _MOST_BOXES - 1], here[_MOST_BOXES - 1 :])
        bounded.update({key: members[key] for key in whole})
        if rest:
            bounded[level, f"{len(rest)} smaller zones or subnets"] = [thing for key in rest for thing in members[key]]
    return bounded


def _room(boxes: int, assets: int) -> int:
    """How many assets a box names: in a large plant few, or nobody could read the picture."""
    if assets <= 60 and boxes <= 16:
        return 9
    return 4 if assets <= 200 else 2


def _order(item: tuple[tuple[float | None, str], Iterable[Thing]]) -> tuple[int, bool, list[tuple[int, str]]]:
    """By level, then by name with its numbers as numbers."""
    (level, name), _ = item
    place = LEVELS.index(level) if level in LEVEL_NAMES else len(LEVELS)
    parts = [(int(part), "") if part.isdecimal() and len(part) < 10 else (0, part) for part in name.replace("/", ".").split(".")]
    return place, name.endswith("smaller zones or subnets"), parts


def _chip(thing: Thing, alarm: Severity | None, units: int) -> Chip:
    address = next(iter(thing.addresses), None)
    parts = [address] if address and address != thing.name else []
    parts += [kind_title(thing.kind)] if thing.kind != Kind.UNKNOWN else []
    parts += [f"+{units} unit{'s' * (units > 1)}"] if units else []
    kind = "outside" if thing.kind == Kind.UNKNOWN and thing.level == 5 else thing.kind
    name = thing.name.removesuffix(f" {address}")
    return Chip(thing.id, name, " · ".join(parts) or "unknown device", kind, alarm if alarm and alarm >= Severity.HIGH else None)
