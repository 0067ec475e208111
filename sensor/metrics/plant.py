"""Metrics of what follows from the traffic: assets, conversations, alerts, violations."""

from collections import Counter
from collections.abc import Iterable, Iterator

from sensor import words
from sensor.conduits.model import Violation
from sensor.detections.model import Engine, Severity
from sensor.inventory.model import FIELDS, Asset, Kind
from sensor.metrics.model import Metric, Moment, Type, Value, only
from sensor.traffic import is_one_way

MOST_ZONE_PAIRS = 100
"""Pairs of zones that are told apart; the rest is "other" to "other"."""
_LONGEST_ZONE = 64
_OTHER = ("other", "other")
_TYPES = frozenset(map(str, Kind))
_IN_THE_PLANT = (0, 1, 2, 3, 3.5, None)


def _assets(now: Moment) -> list[Asset]:
    """Those that are a device; the units of a gateway are none."""
    return [asset for asset in now.knowledge.assets.values() if asset.parent is None] if now.knowledge else []


def _by_level_and_type(now: Moment) -> Iterator[Value]:
    counts = Counter((_level(asset), _type(asset)) for asset in _assets(now))
    return iter(sorted(counts.items()))


def _type(asset: Asset) -> str:
    return asset.kind.value if asset.kind.value in _TYPES else Kind.UNKNOWN


def _level(asset: Asset) -> str:
    return "unknown" if asset.level.value is None else f"{asset.level.value:g}"


def _never_queried(now: Moment) -> Iterator[Value]:
    """Devices outside the plant have been asked by nobody here."""
    devices = [asset for asset in _assets(now) if asset.level.value in _IN_THE_PLANT]
    for name in FIELDS if devices else ():
        never = sum(name not in asset.fields or not asset.fields[name].queried for asset in devices)
        yield (name,), never / len(devices)


def _left_out(now: Moment) -> Iterator[Value]:
    return only(now.knowledge.left_out if now.knowledge else None)


def _conversations(now: Moment) -> Iterator[Value]:
    dialogues = now.knowledge.dialogues.values() if now.knowledge else ()
    return iter(sorted(Counter((dialogue.row.transport,) for dialogue in dialogues).items()))


def _one_way(now: Moment) -> Iterator[Value]:
    rows = [dialogue.row for dialogue in now.knowledge.dialogues.values()] if now.knowledge else []
    return only(sum(is_one_way(row.transport, row.packets, row.refused) for row in rows) if now.knowledge else None)


def _alerts(now: Moment) -> Iterator[Value]:
    """All pairs, the empty ones too: a rule sees the first alert rise from 0."""
    if now.knowledge is None:
        return
    alerts = now.sources.open_alerts()
    counts = Counter((alert.severity, alert.engine) for alert in (now.knowledge.alerts if alerts is None else alerts))
    for severity in Severity:
        for engine in Engine:
            yield (str(severity), str(engine)), counts[severity, engine]


def _incidents(now: Moment) -> Iterator[Value]:
    return only(len(now.knowledge.incidents) if now.knowledge else None)


def _violations(now: Moment) -> Iterator[Value]:
    violations = now.knowledge.violations if now.knowledge else ()
    counts: Counter[tuple[str, str, str]] = Counter()
    told = _told(violations)
    for row in violations:
        pair = _pair(row)
        counts[(*(pair if pair in told else _OTHER), row.intent or "none")] += 1
    return iter(sorted(counts.items()))


def _told(violations: Iterable[Violation]) -> set[tuple[str, str]]:
    """The pairs of zones with the most violations."""
    counts = Counter(map(_pair, violations))
    return set(sorted(counts, key=lambda pair: (-counts[pair], pair))[:MOST_ZONE_PAIRS])


def _pair(row: Violation) -> tuple[str, str]:
    source, target = (words.plain(zone or "none")[:_LONGEST_ZONE] for zone in (row.source_zone, row.target_zone))
    return source, target


METRICS = (
    Metric(
        "otoscope_assets",
        Type.GAUGE,
        "devices",
        "Devices by Purdue level (`0` to `5`, `3.5` is the DMZ, `5` outside, or `unknown`) and type.",
        _by_level_and_type,
        ("level", "type"),
    ),
    Metric(
        "otoscope_never_queried_ratio",
        Type.GAUGE,
        "0 to 1",
        "Share of the devices below level 4 that nobody asked for this field, so that listening cannot learn it.",
        _never_queried,
        ("field",),
    ),
    Metric("otoscope_left_out_endpoints", Type.GAUGE, "addresses", "Addresses beyond the cap, of which nothing is concluded.", _left_out),
    Metric("otoscope_conversations", Type.GAUGE, "conversations", "Who talks to whom, over which port.", _conversations, ("transport",)),
    Metric(
        "otoscope_one_way_conversations",
        Type.GAUGE,
        "conversations",
        "TCP conversations of which one direction alone was seen: the mirror port copies but one, or the answers take another path.",
        _one_way,
    ),
    Metric("otoscope_open_alerts", Type.GAUGE, "alerts", "Alerts that nobody has dealt with.", _alerts, ("severity", "engine")),
    Metric("otoscope_incidents", Type.GAUGE, "incidents", "Groups of alerts that one actor caused.", _incidents),
    Metric(
        "otoscope_violations",
        Type.GAUGE,
        "violations",
        "What crosses zones without a conduit. Zones are those of the site file, else levels; beyond"
        f" {MOST_ZONE_PAIRS} pairs the rest is `other` to `other`.",
        _violations,
        ("source_zone", "target_zone", "intent"),
    ),
)
