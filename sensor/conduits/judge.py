"""The violations of the policy: the site file's conduits, and the Purdue reference policy where they say nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import NamedTuple

from sensor.conduits.acts import Act, acts, is_outside
from sensor.conduits.cells import Terrain
from sensor.conduits.model import Allowance, Conduit, Pin, Site, Violation
from sensor.conduits.reference import RULES, Crossing, is_peer
from sensor.conduits.zones import OUTSIDE, zone_of
from sensor.detections.model import Outcome, Severity
from sensor.inventory.model import Asset, Level
from sensor.inventory.names import pin_matches
from sensor.inventory.traits import POLLED
from sensor.knowledge import Knowledge, Party
from sensor.objects import within
from sensor.protocols import Intent

_OUTSIDE = Level(5, 1.0, settled=True)
_OBJECTS = 8
_SECOND = 1_000_000_000
ANY = "any"

CONTROL_PORTS = frozenset({102, 502, 2404, 4840, 20000, 44818})
"""S7comm and MMS, Modbus, IEC 104, OPC UA, DNP3, EtherNet/IP: whatever is spoken there, the device behind is for control."""

ALWAYS = frozenset({"internet", "ews_role"})
"""Rules of the reference policy that hold between the zones of a site file too."""


class Verdict(NamedTuple):
    """Which rule an act breaks, in what words, and how bad that is."""

    rule: str
    title: str
    severity: Severity


class Judge:
    """A policy, ready to judge acts."""

    def __init__(self, site: Site, assets: Iterable[Asset]) -> None:
        self.site = site
        self.terrain = Terrain(assets)
        self._zones = {zone.name: zone for zone in site.zones}

    def of(self, act: Act) -> Verdict | None:
        """What an act breaks; None where it is allowed, or too little is known of the two."""
        conduits = self.allowed_by(act)
        if any(act.intent in conduit.intents for conduit in conduits):
            return None
        verdict = self._guarded(act) if conduits else self._worst(act)
        if verdict is None or (allowance := self._allowance(act)) is None:
            return verdict
        if _day(act) <= allowance.expires:
            return None
        return verdict._replace(title=f"{verdict.title} (the exception for it expired on {allowance.expires})")

    def allowed_by(self, act: Act) -> list[Conduit]:
        """The conduits of the site file that carry an act."""
        return [conduit for conduit in self.site.conduits if _joins(conduit, act) and _carries(conduit, act)]

    def _guarded(self, act: Act) -> Verdict | None:
        """What a conduit opens only if it names the intent: whoever wrote "from here to there" need not have thought of that."""
        return self._safety(act) or self.reference(act, only="ews_role")

    def _safety(self, act: Act) -> Verdict | None:
        target = self._zones.get(act.server.zone or "")
        if target is None or not target.safety or not act.changes or act.client.zone == target.name:
            return None
        return Verdict("safety_zone", f"Write into safety zone {target.name}", Severity.CRITICAL)

    def _worst(self, act: Act) -> Verdict | None:
        """Of what the site file and the reference policy say the worse; that somebody knocked in vain is never worse than low."""
        declared, reference = self._conduits(act), self.reference(act)
        if reference is not None and reference.rule not in ALWAYS and {act.client.zone, act.server.zone} <= self._zones.keys():
            reference = None
        found = [verdict for verdict in (declared, reference) if verdict is not None]
        if not found:
            return None
        worst = max(found, key=lambda verdict: verdict.severity)
        return worst._replace(severity=min(worst.severity, Severity.LOW)) if act.refused else worst

    def _conduits(self, act: Act) -> Verdict | None:
        """Between two zones of the site file only what a conduit allows; within one everything. Who is in none changes nothing in one."""
        source, target = act.client.zone, act.server.zone
        if target not in self._zones or source == target:
            return None
        if (verdict := self._safety(act)) is not None:
            return verdict
        if source not in self._zones:
            return Verdict("conduit", f"Change in zone {target} by a host of no zone", Severity.MEDIUM) if act.changes else None
        severity = Severity.HIGH if act.changes else Severity.MEDIUM
        if act.outcome is Outcome.ATTEMPTED and act.intent not in tuple(Intent):
            severity = Severity.LOW
        rule = "peer_cell" if is_peer(level_of(act.client), level_of(act.server)) else "conduit"
        return Verdict(rule, f"No conduit from {source} to {target} for this", severity)

    def reference(self, act: Act, only: str | None = None) -> Verdict | None:
        """What the Purdue reference policy, or one rule of it, says of an act."""
        source, target = level_of(act.client), level_of(act.server)
        otherwise = _control_by_internet(act) if only is None else None
        if not (source.settled and target.settled) or source.value is None or target.value is None:
            return otherwise
        apart = is_peer(source, target) and self.terrain.are_apart(act.client, act.server)
        crossing = Crossing(act, source.value, target.value, self.terrain.has_dmz, apart)
        high = crossing.high
        judged = ((rule, rule.judge(crossing)) for rule in RULES if rule.upper <= high and only in (None, rule.name))
        return next((Verdict(rule.name, rule.title, severity) for rule, severity in judged if severity is not None), otherwise)

    def _allowance(self, act: Act) -> Allowance | None:
        """The exception that fits; of several the one that lasts longest."""
        fitting = [row for row in self.site.allowances if _excepts(row, act)]
        return max(fitting, key=lambda row: row.expires, default=None)


def _control_by_internet(act: Act) -> Verdict | None:
    """Control protocols do not cross to the Internet, nor does it reach their ports, at whatever level the inner end lives."""
    if is_outside(act.client) == is_outside(act.server):
        return None
    row = act.dialogue.row
    if act.protocol in POLLED and not row.by_port:
        severity = Severity.HIGH if act.outcome is not Outcome.ATTEMPTED else Severity.MEDIUM
        return Verdict("internet", "Control protocol to or from the Internet", severity)
    if row.port in CONTROL_PORTS and row.transport == "tcp" and is_outside(act.client) and act.outcome is not Outcome.ATTEMPTED:
        return Verdict("internet", "Control port reached from the Internet", Severity.HIGH)
    return None


def level_of(party: Party) -> Level:
    """The level of an end; what is on the Internet is outside even if it never answered."""
    return _OUTSIDE if is_outside(party) else party.level


def _joins(conduit: Conduit, act: Act) -> bool:
    ways = [(conduit.source, conduit.target), *([(conduit.target, conduit.source)] if conduit.both else [])]
    return any(_is_end(source, act.client) and _is_end(target, act.server) for source, target in ways)


def _is_end(wanted: str, party: Party) -> bool:
    """Is an end in the zone, or at the level, that a conduit names? What is on the Internet has to be named: "any" is the plant."""
    if wanted == ANY:
        return not is_outside(party)
    if wanted == OUTSIDE and is_outside(party):
        return True
    level = level_of(party)
    return wanted == party.zone or (level.value is not None and wanted == f"level {level.value:g}")


def _carries(conduit: Conduit, act: Act) -> bool:
    return (
        (not conduit.protocols or act.protocol in conduit.protocols or act.dialogue.row.protocol in conduit.protocols)
        and (not conduit.intents or act.intent in conduit.intents or act.intent in (Intent.SESSION, Intent.REPORT))
        and (not conduit.objects or all(is_object(touched, conduit.objects) for touched in act.objects))
        and (conduit.schedule is None or all(conduit.schedule.holds(moment) for first, last, _ in act.times for moment in (first, last)))
    )


def is_object(touched: str, wanted: Iterable[str]) -> bool:
    """Is an object one of these texts with * and ?, or within one of these ranges?"""
    patterns = tuple(wanted)
    return within(touched, patterns) or any(fnmatchcase(touched, pattern) for pattern in patterns)


def _excepts(row: Allowance, act: Act) -> bool:
    return (
        _is_meant(row.source, act.client)
        and _is_meant(row.target, act.server)
        and (not row.protocols or act.protocol in row.protocols)
        and (not row.intents or act.intent in row.intents)
    )


def _is_meant(match: str, party: Party) -> bool:
    if match in (ANY, party.address):
        return True
    return party.asset is not None and (party.asset.zone == match or pin_matches(Pin(match), party.asset))


def _day(act: Act) -> date:
    last = max(last for _, last, _ in act.times)
    return datetime.fromtimestamp(last // _SECOND, UTC).date()


def violation_of(act: Act, verdict: Verdict) -> Violation:
    """An act that breaks the policy."""
    client, server = act.client, act.server
    source, target = level_of(client), level_of(server)
    key = "|".join((verdict.rule, client.id or client.address, server.id or server.address, act.protocol, act.intent))
    return Violation(
        id=blake2b(key.encode(), digest_size=6).hexdigest(),
        rule=verdict.rule,
        title=verdict.title,
        severity=verdict.severity,
        source=client.id,
        target=server.id,
        source_ip=client.address,
        target_ip=server.address,
        source_zone=client.zone,
        target_zone=server.zone,
        source_level=source.value,
        target_level=target.value,
        source_confidence=source.confidence,
        target_confidence=target.confidence,
        protocol=act.protocol,
        intent=act.intent,
        objects=act.objects[:_OBJECTS],
        outcome=act.outcome,
        confidence=(source.confidence or 1.0) * (target.confidence or 1.0),
        times=act.times,
        conversations=(act.dialogue.row.id,),
        message=_message(act, verdict),
    )


def _message(act: Act, verdict: Verdict) -> str:
    client, server = act.client, act.server
    touched = f" {act.objects[0]}" if act.objects else ""
    more = f" and {len(act.objects) - 1} more" if len(act.objects) > 1 else ""
    what = f"{act.intent} by {act.protocol}{touched}{more}"
    ends = " to ".join(f"{party.name} at {_place(party)}" for party in (client, server))
    return f"{verdict.title}: {ends}, {what}, {act.outcome}"


def _place(party: Party) -> str:
    level = level_of(party)
    zone = f"zone {party.zone}, " if party.zone and not party.zone.startswith("level ") else ""
    return f"{zone}level {level.value:g}" if level.value is not None else f"{zone}an unknown level"


def joined(old: Violation, new: Violation) -> Violation:
    """The same crossing in another conversation."""
    order = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ATTEMPTED, Outcome.NONE)
    return replace(
        old if old.severity >= new.severity else new,
        objects=tuple(sorted({*old.objects, *new.objects}))[:_OBJECTS],
        outcome=min(old.outcome, new.outcome, key=order.index),
        times=tuple(sorted((*old.times, *new.times))),
        conversations=tuple(sorted({*old.conversations, *new.conversations})),
    )


def verdicts(known: Knowledge, site: Site) -> Iterator[tuple[Act, Verdict | None]]:
    """Every act under another policy, its zones as that policy has them."""
    zoned = {name: replace(asset, zone=zone_of(asset, site)) for name, asset in known.assets.items()}
    judging = Judge(site, zoned.values())
    for dialogue in known.dialogues.values():
        parties = [Party(party.address, zoned.get(party.id or "")) for party in (dialogue.client, dialogue.server)]
        for act in acts(replace(dialogue, client=parties[0], server=parties[1])):
            yield act, judging.of(act)
