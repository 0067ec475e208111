"""From observations to knowledge.

    knowledge = conclude(observations, site)

is a pure function: the same rows give the same knowledge, however they arrived. Stages, each resting on those before it: who holds which
address, what each holder did (profile), what it says of itself (fields), what it is (kind and roles), at which level it lives, in which
zone, what crosses zones (violations), what differs from the baseline, what is wrong (findings, alerts, incidents).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sensor.baseline.compare import compare
from sensor.baseline.model import Baseline
from sensor.capture import Conversation, Endpoint, Fact, Operation
from sensor.conduits.judge import judge
from sensor.conduits.model import Site
from sensor.conduits.zones import zone_of
from sensor.detections.run import detect
from sensor.inventory.fields import fields_of
from sensor.inventory.kinds import classify
from sensor.inventory.model import Asset
from sensor.inventory.names import is_outside, with_pins
from sensor.inventory.profile import Profile, Talk, profile
from sensor.inventory.resolve import Holder, Resolution, resolve
from sensor.inventory.units import units_of
from sensor.knowledge import Dialogue, Knowledge, Party
from sensor.levels.infer import OUTSIDE, levels_of
from sensor.observations import Observations

Operations = Mapping[int, tuple[Operation, ...]]
"""By conversation."""

MANY_ENDPOINTS, MOST_ENDPOINTS, MOST_UNHEARD = 16_384, 32_768, 1_024
"""Where there are many endpoints, so many of those that exchanged something are looked at, and so many of the others: every octet may come
from an attacker, and each endpoint costs some kilooctets and a fraction of a millisecond."""


def conclude(observations: Observations, site: Site | None = None, baseline: Baseline | None = None) -> Knowledge:
    """Everything that follows from what was observed."""
    endpoints = engaged(observations)
    resolution = resolve(endpoints, observations.facts.values())
    known = Knowledge(site or Site(), observations, resolution, left_out=len(observations.endpoints) - len(endpoints))
    operations = _operations_by_conversation(observations.operations.values())
    known.profiles = _profiles(observations, operations, resolution)
    known.assets = _assets(known)
    for name, level in levels_of(known.assets, known.profiles, known.site).items():
        asset = known.assets[name]
        leveled = replace(asset, level=level, outside=asset.outside and level.value == OUTSIDE)  # public addresses can be the plant's own
        known.assets[name] = replace(leveled, zone=zone_of(leveled, known.site))
    known.dialogues = _dialogues(known, operations)
    known.violations = judge(known)
    against(known, baseline)
    return known


def against(known: Knowledge, baseline: Baseline | None) -> None:
    """What differs from a baseline, and the alerts and incidents anew."""
    known.changes = tuple(compare(baseline, known)) if baseline else ()
    known.alerts, known.incidents = detect(known)


def engaged(observations: Observations) -> list[Endpoint]:
    """The endpoints that are looked at: where there are too many, those that exchanged something, and of the others the earliest.

    A flood of made-up senders costs no more than that, and displaces nobody who answers or is answered.
    """
    rows = sorted(observations.endpoints.values(), key=lambda row: (row.first, row.id))
    if len(rows) <= MANY_ENDPOINTS:
        return rows
    heard: set[str | None] = set()
    for talk in observations.conversations.values():
        if all(talk.packets):
            heard |= {talk.client_ip or talk.client_mac, talk.server_ip or talk.server_mac}
    spoken = [row for row in rows if (row.ip or row.mac) in heard]
    others = [row for row in rows if (row.ip or row.mac) not in heard]
    return [*spoken[:MOST_ENDPOINTS], *others[:MOST_UNHEARD]]


def _assets(known: Knowledge) -> dict[str, Asset]:
    """Assets and sub-assets with all but their level and zone; the profiles of sub-assets are added to `known`."""
    parents = dict(known.profiles)
    assets: dict[str, Asset] = {}
    for name, told in parents.items():
        assets[name] = _asset(known, told, known.resolution.holders[name], None)
        for unit, part in units_of(told).items():
            known.profiles[part.id] = part
            assets[part.id] = _asset(known, part, known.resolution.holders[name], (name, unit))
    return assets


def _asset(known: Knowledge, told: Profile, holder: Holder, part_of: tuple[str, str] | None) -> Asset:
    fields = fields_of(told, holder)
    kind, roles = classify(told, fields, known.profiles)
    parent, unit = part_of or (None, None)
    asset = Asset(
        id=told.id,
        name="",
        addresses=holder.addresses if parent is None else (),
        parent=parent,
        unit=unit,
        fields=fields,
        kind=kind,
        roles=roles,
        services=tuple(sorted(name for name, use in told.serves.items() if use.answered)),
        clients_of=tuple(sorted(name for name, use in told.asks.items() if use.answered)),
        outside=is_outside(holder, known.site, told.facts),
        first=told.first,
        last=told.last,
    )
    return with_pins(asset, holder, known.site)


def _ends(row: Conversation, resolution: Resolution) -> tuple[str | None, str | None]:
    client = resolution.find(row.client_mac, row.client_ip, row.vlan)
    return client, resolution.find(row.server_mac, row.server_ip, row.vlan)


def _profiles(observations: Observations, operations: Operations, resolution: Resolution) -> dict[str, Profile]:
    talks: dict[str, list[Talk]] = {name: [] for name in resolution.holders}
    for row in observations.conversations.values():
        client, server = _ends(row, resolution)
        asked = operations.get(row.id, ())
        if client is not None:
            talks[client].append(Talk(row, asked, server or row.server_ip or row.server_mac or "", as_server=False))
        if server is not None:
            talks[server].append(Talk(row, asked, client or row.client_ip or row.client_mac or "", as_server=True))
    facts: dict[str, list[Fact]] = {}
    for fact in observations.facts.values():
        if (holder := resolution.find(fact.mac, fact.ip, fact.vlan)) is not None:
            facts.setdefault(holder, []).append(fact)
    return {
        name: profile(name, talks[name], facts.get(name, ()), (holder.first, holder.last), routes=holder.routes)
        for name, holder in resolution.holders.items()
    }


def _operations_by_conversation(rows: Iterable[Operation]) -> Operations:
    found: dict[int, list[Operation]] = {}
    for row in rows:
        found.setdefault(row.conversation, []).append(row)
    return {conversation: tuple(operations) for conversation, operations in found.items()}


def _dialogues(known: Knowledge, operations: Operations) -> dict[int, Dialogue]:
    """The conversations in which an asset takes part."""
    found = {}
    for row in known.observations.conversations.values():
        client, server = _ends(row, known.resolution)
        if client is None and server is None:
            continue  # nobody that is looked at
        found[row.id] = Dialogue(
            row,
            Party(row.client_ip or row.client_mac or "?", known.assets.get(client or "")),
            Party(row.server_ip or row.server_mac or "?", known.assets.get(server or "")),
            operations.get(row.id, ()),
        )
    return found
