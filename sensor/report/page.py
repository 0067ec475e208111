"""The report: one page that holds everything and asks for nothing."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from markupsafe import Markup

from sensor.capture import Fact
from sensor.detections.model import Alert, Incident, Severity
from sensor.detections.techniques import technique
from sensor.health import remarks
from sensor.inventory.model import Asset
from sensor.knowledge import Knowledge
from sensor.protocols import PROTOCOLS
from sensor.replay import document
from sensor.report.coverage import blind_spots, gaps, watch
from sensor.report.map import environment, map_of
from sensor.report.matrix import matrix
from sensor.report.picture import numbered, picture_of
from sensor.report.summary import by_severity, deed, sentences
from sensor.report.text import LEVELS, kind_title, level_title, moment, shown
from sensor.rows import Document
from sensor.words import count, octets, period

_MOST_ALERTS = 200
_MOST_VIOLATIONS = 500
_MOST_ASSETS = 3000
_MOST_IDENTITIES = 1000
"""Rows that the page shows: a browser still opens it, and says what is left out."""

_NO_IDENTITY = {"address", "tcp_stack"}
"""Facts that serve to tell devices apart, and tell nothing to people."""


@dataclass(frozen=True, slots=True)
class Group:
    """Assets of one level and zone, sub-assets behind the asset that they are part of."""

    level: float | None
    zone: str | None
    assets: tuple[Asset, ...]


def report(known: Knowledge, files: Sequence[str], warnings: Iterable[tuple[str, str]] = ()) -> str:
    """The page as HTML. `files` and `warnings` are those of the capture."""
    whole, picture = document(known, files, warnings), picture_of(known)
    templates = environment()
    templates.filters.update(
        kind=kind_title, level=level_title, moment=moment, technique=technique, count=count, number="{:,}".format, percent="{:.0%}".format
    )
    templates.globals.update(watch=watch, blind_spots=blind_spots, protocol=_protocol, deed=deed)
    styles = [templates.get_template(name).render() for name in ("page.css", "map.css")]
    return templates.get_template("page.html").render(
        known=known,
        policy=_policy(styles),
        style=Markup(styles[0]),  # noqa: S704 - our own file
        **_headline(known, whole),
        sentences=sentences(known),
        map=map_of(picture),
        **_findings(known),
        **_inventory(known),
        matrix=matrix(picture),
        identities=_identities(known),
        gaps=gaps(known),
        remarks=remarks(whole),
        levels=_level_sources(known),
    )


def _policy(styles: Iterable[str]) -> str:
    """The content security policy: nothing is loaded and nothing runs; our own style sheets are known by their hash."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in styles)
    return f"default-src 'none'; style-src {hashes}; base-uri 'none'; form-action 'none'"


def _headline(known: Knowledge, whole: Document) -> dict[str, Any]:
    capture = whole["capture"]
    names = ["standard input" if file == "-" else file.rpartition("/")[2] for file in capture["files"]]
    devices = [asset for asset in known.assets.values() if asset.parent is None]
    grave = Counter(alert.severity for alert in known.alerts)
    return {
        "names": names,
        "title": ", ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more",
        "period": period(capture["first"], capture["last"]),
        "amount": f"{count(capture['packets'], 'packet')}, {octets(capture['octets'])}",
        "version": _version(),
        "figures": (
            (len(devices), "device" if len(devices) == 1 else "devices", ""),
            (grave[Severity.CRITICAL], "critical alerts", "critical" if grave[Severity.CRITICAL] else ""),
            (grave[Severity.HIGH], "high alerts", "high" if grave[Severity.HIGH] else ""),
            (len(known.violations), "zone violations", "high" if known.violations else ""),
            (sum(asset.level.value is None for asset in devices), "without a known level", ""),
        ),
    }


def _version() -> str:
    try:
        return version("otoscope")
    except PackageNotFoundError:
        return "of a source tree"


def _findings(known: Knowledge) -> dict[str, Any]:
    alerts = by_severity(known.alerts)
    by_id = {alert.id: alert for alert in alerts}
    rows = numbered(known.violations)
    return {
        "alerts": alerts[:_MOST_ALERTS],
        "more_alerts": len(alerts) - _MOST_ALERTS,
        "alert_number": {alert.id: number for number, alert in enumerate(alerts[:_MOST_ALERTS], 1)},
        "incidents": [(row, _steps(row, by_id)) for row in sorted(known.incidents, key=lambda row: (-row.severity, row.first, row.id))],
        "violations": rows[:_MOST_VIOLATIONS],
        "more_violations": len(rows) - _MOST_VIOLATIONS,
    }


def _steps(incident: Incident, alerts: dict[str, Alert]) -> list[Alert]:
    return sorted((alerts[key] for key in incident.alerts if key in alerts), key=lambda alert: (alert.first, alert.id))


def _inventory(known: Knowledge) -> dict[str, Any]:
    parts: dict[str, list[Asset]] = {}
    for asset in known.assets.values():
        if asset.parent is not None:
            parts.setdefault(asset.parent, []).append(asset)
    devices = sorted((asset for asset in known.assets.values() if asset.parent is None), key=_asset_order)[:_MOST_ASSETS]
    groups: dict[tuple[float | None, str | None], list[Asset]] = {}
    for asset in devices:
        rows = (asset, *sorted(parts.get(asset.id, ()), key=lambda part: (len(part.unit or ""), part.unit or "")))
        groups.setdefault((asset.level.value, asset.zone), []).extend(rows)
    return {
        "groups": [Group(level, zone, tuple(rows)) for (level, zone), rows in groups.items()],
        "more_assets": sum(asset.parent is None for asset in known.assets.values()) - _MOST_ASSETS,
        "anchor": {asset.id: f"asset-{number}" for number, asset in enumerate((row for rows in groups.values() for row in rows), 1)},
    }


def _asset_order(asset: Asset) -> tuple[object, ...]:
    """As the map has it, from the top down, but what is outside of the plant last."""
    level = asset.level.value
    place = len(LEVELS) if level == 5 or level not in LEVELS else LEVELS.index(level)
    return place, asset.zone is None, asset.zone or "", asset.kind.value or "", _natural(asset.name), asset.id


def _natural(name: str) -> list[str | tuple[int, str]]:
    """A name with its numbers in the order of their value: text and numbers take turns."""
    parts = re.split(r"([0-9]+)", name)
    return [(len(part.lstrip("0")), part) if place % 2 else part for place, part in enumerate(parts)]


def _identities(known: Knowledge) -> tuple[list[tuple[str | None, str, list[Fact]]], int]:
    """What endpoints said of themselves: asset id, address, facts; and how many facts are left out."""
    found: dict[tuple[str | None, str], list[Fact]] = {}
    for fact in known.observations.facts.values():
        if fact.key in _NO_IDENTITY:
            continue
        holder = known.resolution.find(fact.mac, fact.ip, fact.vlan)
        found.setdefault((holder if holder in known.assets else None, fact.ip or fact.mac or ""), []).append(fact)
    rows = sorted(found.items(), key=lambda item: (item[0][1], item[0][0] or ""))
    shown_rows = list(_first(rows, _MOST_IDENTITIES))
    return shown_rows, sum(map(len, found.values())) - sum(len(facts) for _, _, facts in shown_rows)


def _first(rows: Iterable[tuple[tuple[str | None, str], list[Fact]]], most: int) -> Iterator[tuple[str | None, str, list[Fact]]]:
    for (asset, address), facts in rows:
        if most <= 0:
            return
        ordered = sorted(facts, key=lambda fact: (fact.unit, fact.key, fact.source, fact.value))
        yield asset, address, ordered[:most]
        most -= len(facts)


def _protocol(name: str | None) -> str:
    """A protocol's name for people."""
    known = PROTOCOLS.get(name or "")
    return known.title if known else shown(name or "", 40)


def _level_sources(known: Knowledge) -> dict[str, int]:
    """How many levels rest on what."""
    found = Counter(
        "unknown" if asset.level.value is None else "pinned" if asset.level.pinned else "settled" if asset.level.settled else "unsettled"
        for asset in known.assets.values()
        if asset.parent is None
    )
    return {name: found[name] for name in ("pinned", "settled", "unsettled", "unknown")}
