"""What the sensor did not see, and what else could watch each device: blind spots are shown, not hidden."""

from collections.abc import Iterator
from dataclasses import dataclass

from sensor.inventory.model import Asset, Kind
from sensor.knowledge import Knowledge
from sensor.report.text import LEVELS, level_title, listed, shown
from sensor.traffic import is_one_way
from sensor.words import count

IDENTITY = ("vendor", "model", "serial", "firmware")
"""What an operator has to know to patch a device."""

_NETWORK = {Kind.SWITCH, Kind.ROUTER}
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not seen: a title, what it means, and the same in half a sentence for the summary ("" where that is too small)."""

    title: str
    text: str
    short: str = ""


def gaps(known: Knowledge) -> list[Gap]:
    """All blind spots that the capture shows by itself."""
    return [
        *_mirror(known),
        *_levels(known),
        *_unknown(known),
        *_never_queried(known),
        *_unanswered(known),
        *_one_way(known),
        *_lost(known),
    ]


def watch(asset: Asset) -> str:
    """What else could watch a device, by its level."""
    return watch_at(asset.level.value, asset.text("operating_system"), asset.kind.value)


def watch_at(level: float | None, system: str | None, kind: str | None) -> str:
    """The same, of a device of which this is known."""
    if level is None:
        return "depends on its level, which is not known"
    if level < 2:
        return "passive only: no agent runs on it, and active queries may disturb it"
    if kind in _NETWORK:
        return "passive, and its own log (syslog, SNMP)"
    if level == 2:
        return (
            f"passive, and an endpoint agent ({shown(system, 60)})"
            if system
            else "passive; an endpoint agent where its operating system carries one"
        )
    return "managed endpoint agent and cloud management"


def blind_spots(known: Knowledge, asset: Asset) -> list[str]:
    """What was not seen of one device."""
    missing = [name for name in IDENTITY if not asset.text(name)]
    never = [name for name in missing if name in asset.fields and not asset.fields[name].queried]
    found = [f"never queried: {', '.join(never)}"] if never else []
    if silent := [name for name in missing if name not in never]:
        found.append(f"not told: {', '.join(silent)}")
    one_way = sum(is_one_way(row.row.transport, row.row.packets, row.row.refused) for row in known.dialogues_of(asset.id))
    if one_way:
        found.append(f"{count(one_way, 'conversation')} in one direction only")
    if asset.level.value is not None and not asset.level.settled and not asset.level.pinned:
        found.append("its level has not settled: no violation rests on it")
    return found


def _devices(known: Knowledge) -> Iterator[Asset]:
    return (asset for asset in known.assets.values() if asset.parent is None)


def _levels(known: Knowledge) -> Iterator[Gap]:
    there = {asset.level.value for asset in known.assets.values()}
    missing = [level for level in reversed(LEVELS) if level is not None and level not in there]
    if missing and known.assets:
        names = listed([level_title(level).removeprefix("Level ") for level in missing])
        text = (
            f"{names}. Either the plant has none of it, or this mirror port does not see it: level 0 often hangs on serial lines or"
            " field buses behind its controllers, and other levels behind a router that this switch does not carry."
        )
        plant = [f"{level:g}" for level in missing if level <= 3]
        yield Gap("Levels without traffic", text, f"nothing was seen of level{'s' * (len(plant) > 1)} {listed(plant)}" if plant else "")


def _mirror(known: Knowledge) -> Iterator[Gap]:
    """Whether the port is a mirror at all."""
    if (statistics := known.statistics) is None:
        return
    groups = sum(statistics.group_packets)
    unicast = sum(packets for packets, _ in statistics.vlans.values()) - groups
    if groups and not unicast:
        text = "Only what goes to all or to a group was seen, as on any port that is no mirror: nothing of who asks whom to do what."
        yield Gap("No unicast", text, "no traffic between two devices was seen, so the port mirrors nothing")
    if unicast and len(statistics.stations) == 1 and statistics.stations[0] is not None:
        text = f"Every unicast frame is from or to {statistics.stations[0]}: its port alone is mirrored, or it is the capturing machine."
        yield Gap("One station", text, "only the traffic of one station was seen")


def _unknown(known: Knowledge) -> Iterator[Gap]:
    unknown = [asset.name for asset in _devices(known) if asset.level.value is None]
    if unknown:
        text = f"{_named(unknown)}: too little was seen of them. A longer capture or a pin in the site file settles it."
        yield Gap("Devices whose level is unknown", text)


def _never_queried(known: Knowledge) -> Iterator[Gap]:
    never = [asset.name for asset in _devices(known) if asset.level.value not in (4, 5) and _is_never_queried(asset)]
    if never:
        text = f"{_named(never)}. Passive listening learns a model or a firmware only where someone asks the device for it."
        yield Gap("Never asked who they are", text, f"{count(len(never), 'device was', 'devices were')} never asked for model or firmware")


def _is_never_queried(asset: Asset) -> bool:
    found = [asset.fields[name] for name in ("model", "firmware") if name in asset.fields]
    return bool(found) and all(field.value is None for field in found) and not all(field.queried for field in found)


def _unanswered(known: Knowledge) -> Iterator[Gap]:
    silent = dict.fromkeys(
        row.server.address for row in known.dialogues.values() if row.server.asset is None and row.row.transport == "tcp"
    )
    if silent:
        text = f"{_named(list(silent))}: asked, and never seen to send. They do not exist, are off, or their answers take another path."
        yield Gap("Addresses that never answered", text)


def _one_way(known: Knowledge) -> Iterator[Gap]:
    rows = [row for row in known.dialogues.values() if is_one_way(row.row.transport, row.row.packets, row.row.refused)]
    if rows:
        named = _named([f"{row.client.name} → {row.server.name}" for row in rows])
        text = f"{named}. The mirror copies one direction, or the answers take another path: whether a command was accepted is not known."
        yield Gap("Conversations in one direction only", text, f"{count(len(rows), 'conversation')} could be heard in one direction only")


def _lost(known: Knowledge) -> Iterator[Gap]:
    holes = sum(any(row.row.lost_segments) for row in known.dialogues.values())
    cut = known.statistics.counters.get("truncated_frames", 0) if known.statistics else 0
    if holes or cut:
        parts = [f"gaps in {count(holes, 'conversation')}"] if holes else []
        parts += [f"{count(cut, 'frame')} cut short"] if cut else []
        text = f"{listed(parts)}. What is concluded from silence is less certain; see the health of the capture for what to do."
        yield Gap("Lost or cut", text[0].upper() + text[1:], f"the capture has {listed(parts)}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(shown(name, 80) for name in names[:_NAMED]) + more
