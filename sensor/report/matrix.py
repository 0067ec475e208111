"""Zones by zones: what was done from one to the other, and what of it the policy forbids."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sensor.report.flows import Flow, weight
from sensor.report.picture import Picture
from sensor.report.text import intent_title

_MOST_ZONES = 14
_OTHERS = "other zones"
_NO_ZONE = "no zone"


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done: an intent, how often, and whether it is not allowed."""

    intent: str
    count: int
    forbidden: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Zones in the order of their level, and what clients of the first did to servers of the second."""

    zones: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[Deed, ...]]


def matrix(picture: Picture) -> Matrix:
    """Observed against allowed; the zones that talk least are joined where there are too many."""
    zone_of = {thing.id: thing.zone for thing in picture.things}
    zones = _zones(picture, zone_of)
    flows: dict[tuple[str, str], Flow] = {}
    for deal in picture.deals:
        pair = zones[zone_of.get(deal.source)], zones[zone_of.get(deal.target)]
        flows.setdefault(pair, Flow(*pair)).add(deal.protocol, deal.requests, deal.conversations)
    forbidden: dict[tuple[str, str], set[str]] = {}
    for row in picture.breaches:
        pair = zones.get(row.source_zone, _OTHERS), zones.get(row.target_zone, _OTHERS)
        forbidden.setdefault(pair, set()).add(intent_title(row.intent))
    cells = {pair: _deeds(flow, forbidden.pop(pair, set())) for pair, flow in flows.items()}
    cells |= {pair: tuple(Deed(intent, 0, forbidden=True) for intent in sorted(intents)) for pair, intents in forbidden.items()}
    used = {zone for pair in cells for zone in pair}
    return Matrix(tuple(zone for zone in dict.fromkeys((*zones.values(), _OTHERS)) if zone in used), cells)


def _deeds(flow: Flow, forbidden: set[str]) -> tuple[Deed, ...]:
    """What weighs most first; a forbidden deed is shown even where its requests are not in the flow."""
    found = [
        Deed(intent_title(intent), flow.requests[intent], intent_title(intent) in forbidden)
        for intent in sorted(flow.requests, key=weight, reverse=True)
    ]
    there = {deed.intent for deed in found}
    return (*found, *(Deed(intent, 0, forbidden=True) for intent in sorted(forbidden - there)))


def _zones(picture: Picture, zone_of: Mapping[str, str | None]) -> dict[str | None, str]:
    """The name that each zone is shown under, from the outside inwards."""
    talks: Counter[str | None] = Counter()
    for deal in picture.deals:
        talks[zone_of.get(deal.source)] += deal.conversations
        talks[zone_of.get(deal.target)] += deal.conversations
    highest: dict[str | None, float] = {None: -1}
    for thing in picture.things:
        level = -1 if thing.level is None else thing.level
        highest[thing.zone] = max(highest.get(thing.zone, -1), level)
    kept = {zone for zone, _ in sorted(talks.items(), key=lambda item: (-item[1], item[0] or ""))[:_MOST_ZONES]}
    order = sorted(highest, key=lambda zone: (zone is None, -highest[zone], zone or ""))
    return {zone: (zone or _NO_ZONE) if zone in kept else _OTHERS for zone in order}
