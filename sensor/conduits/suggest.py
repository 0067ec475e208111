"""A policy from what was seen: zones, and the fewest conduits that the traffic needs. What looks dangerous is not suggested silently."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sensor import toml
from sensor.conduits.acts import Act, acts
from sensor.conduits.judge import Judge
from sensor.conduits.model import Site, Zone
from sensor.conduits.zones import zone_of
from sensor.detections.model import Severity
from sensor.inventory.model import Asset
from sensor.knowledge import Dialogue, Knowledge, Party
from sensor.objects import collapse

LEVELS = {0.0: "process", 1.0: "control", 2.0: "supervisory", 3.0: "operations", 3.5: "dmz", 4.0: "enterprise"}
_MANY_OBJECTS = 40

_HEAD = """\
# Zones and conduits of this plant, as far as they were seen. Every line is a proposal: change what you know better.
# Check it with `otoscope site check FILE`, see what it would flag with `otoscope conduits plan FILE CAPTURE`, and use it with
# `otoscope replay --site FILE CAPTURE`.
"""

_TAIL = """\

# What you know for certain wins over what was concluded:
#
# [[pin]]
# match = "10.20.1.12"      # IP, subnet, MAC, MAC prefix, "vlan 20", host name, or the id that `otoscope assets` shows
# level = 1
# kind = "plc"
# name = "Boiler PLC"

# What may happen although no conduit allows it, until when, and why:
#
# [[exception]]
# from = "10.20.1.66"
# to = "control"
# reason = "commissioning of line 3"
# expires = 2027-01-31

# When work on controllers is expected:
#
# [[maintenance]]
# name = "Sunday shift"
# schedule = { days = ["sunday"], hours = "06:00-14:00", timezone = "Europe/Vienna" }
"""


@dataclass(slots=True)
class _Need:
    """What one zone needs of another with one protocol and intent."""

    objects: set[str] = field(default_factory=set)
    times: int = 0
    worst: Severity | None = None
    why: str = ""
    ends: set[str] = field(default_factory=set)


def proposed_zones(known: Knowledge) -> tuple[Zone, ...]:
    """The site file's zones; without them one for each level, and for each subnet where a level has several."""
    if known.site.zones:
        return known.site.zones
    groups: dict[tuple[float, str], list[Asset]] = {}
    for asset in known.assets.values():
        if asset.parent is None and asset.level.value in LEVELS:
            groups.setdefault((asset.level.value, _subnet(asset)), []).append(asset)
    shared = [subnet for _, subnet in groups]
    zones = []
    for (level, subnet), assets in sorted(groups.items()):
        several = sum(other == level for other, _ in groups) > 1
        name = f"{LEVELS[level]} {subnet}" if several else LEVELS[level]
        if subnet and shared.count(subnet) == 1:
            zones.append(Zone(name, subnets=(subnet,)))
        else:
            zones.append(Zone(name, assets=tuple(sorted(_names(assets)))))
    return tuple(zones)


def suggest(known: Knowledge, *, conduits: bool = True) -> str:
    """A site file: zones, and, where asked for, conduits."""
    site = replace(known.site, zones=proposed_zones(known))
    lines = [_HEAD, *_general(site), *(line for zone in site.zones for line in _zone(zone, known))]
    if conduits:
        needs = _needs(known, site)
        for (source, target, protocol), by_intent in sorted(needs.items()):
            lines += _conduits(source, target, protocol, by_intent)
    return "\n".join([*lines, *_doubts(known)]) + ("" if conduits else _TAIL)


def _subnet(asset: Asset) -> str:
    ip = next((ip for ip in asset.ips if ":" not in ip), None)
    return f"{ip.rpartition('.')[0]}.0/24" if ip else ""


def _names(assets: Iterable[Asset]) -> Iterator[str]:
    return (next(iter(asset.ips or asset.macs), asset.id) for asset in assets)


def _general(site: Site) -> Iterator[str]:
    yield "[site]"
    yield f"name = {toml.text(site.name or 'plant')}"
    for key in ("home", "outside"):
        subnets = getattr(site, key)
        yield f"{key} = {toml.value(subnets)}" if subnets else f"# {key} = []"


def _zone(zone: Zone, known: Knowledge) -> Iterator[str]:
    members = [asset for asset in known.assets.values() if asset.parent is None and zone_of(asset, Site(zones=(zone,))) == zone.name]
    yield f"\n[[zone]] # {len(members)} devices"
    for key in ("name", "subnets", "vlans", "macs", "assets", "levels", "tags", "safety", "description"):
        if content := getattr(zone, key):
            yield f"{key} = {toml.value(content)}"
    if not zone.safety:
        yield "# safety = true # whatever writes into it is critical"


def _needs(known: Knowledge, site: Site) -> dict[tuple[str, str, str], dict[str, _Need]]:
    zoned = {name: replace(asset, zone=zone_of(asset, site)) for name, asset in known.assets.items()}
    declared = {zone.name for zone in site.zones}
    judging = Judge(replace(site, conduits=(), allowances=()), zoned.values())
    found: dict[tuple[str, str, str], dict[str, _Need]] = {}
    for dialogue in known.dialogues.values():
        for act in acts(_zoned(dialogue, zoned)):
            source, target = act.client.zone, act.server.zone
            if source in declared and target in declared and source != target:
                need = found.setdefault((source, target, act.protocol), {}).setdefault(act.intent, _Need())
                _count(need, act, judging)
    return found


def _zoned(dialogue: Dialogue, assets: dict[str, Asset]) -> Dialogue:
    client, server = (Party(party.address, assets.get(party.id or "")) for party in (dialogue.client, dialogue.server))
    return replace(dialogue, client=client, server=server)


def _count(need: _Need, act: Act, judging: Judge) -> None:
    need.times += sum(count for _, _, count in act.times)
    need.objects |= {deed.row.object for deed in act.deeds if deed.row.object}
    need.ends.add(f"{act.client.address} to {act.server.address}")
    verdict = judging.reference(act)
    if verdict is not None and verdict.severity >= Severity.HIGH and (need.worst is None or verdict.severity > need.worst):
        need.worst, need.why = verdict.severity, verdict.title


def _conduits(source: str, target: str, protocol: str, by_intent: dict[str, _Need]) -> Iterator[str]:
    """One conduit for what is usual, and one for each intent that touches objects or looks dangerous."""
    for intent, need in sorted(by_intent.items()):
        objects = collapse(need.objects)
        rows = [f"from = {toml.text(source)}", f"to = {toml.text(target)}", f"protocols = [{toml.text(protocol)}]"]
        if intent not in ("session", "report"):
            rows.append(f"intents = [{toml.text(intent)}]")
        if objects and len(objects) <= _MANY_OBJECTS:
            rows.append(f"objects = {toml.value(objects)}")
        ends = ", ".join(sorted(need.ends)[:3]) + (f" and {len(need.ends) - 3} more" if len(need.ends) > 3 else "")
        mark = ""
        yield ""
        if need.worst is not None:
            mark = "# "
            yield f"# Not opened: {toml.comment(need.why)} ({need.worst}). Take the marks away only if this belongs here."
        yield f"{mark}[[conduit]] # {need.times} times: {toml.comment(ends)}"
        yield from (f"{mark}{row}" for row in rows)


def _doubts(known: Knowledge) -> Iterator[str]:
    """Assets of which too little was seen: for the operator to say."""
    doubtful = [asset for asset in known.assets.values() if asset.parent is None and not asset.level.settled]
    if doubtful:
        yield "\n# Too little was seen of these to be sure of their level; take the marks away and say it:"
    for asset in sorted(doubtful, key=lambda asset: asset.id)[:100]:
        match = next(iter(asset.ips or asset.macs), asset.id)
        level = "?" if asset.level.value is None else f"{asset.level.value:g}"
        yield f"#\n# [[pin]] # {toml.comment(asset.name)}, {asset.kind.value}"
        yield f"# match = {toml.text(match)}"
        yield f"# level = {level}"
