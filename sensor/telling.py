"""Events of what was concluded: what is told of an alert, an incident, an asset, the sensor itself.

They are made of rows as `sensor.findings` makes them and the database keeps them, so that a replay and a database tell the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any

from sensor.detections.model import Engine, Severity
from sensor.events import Change, End, Event, Kind
from sensor.findings import alert_row, asset_row, incident_row
from sensor.inventory.model import Asset
from sensor.knowledge import Knowledge
from sensor.times import nanoseconds

Row = Mapping[str, Any]
"""A row of an alert, an incident or an asset; that of an asset with its addresses under "addresses"."""

_CATEGORIES = {
    Engine.POLICY: "Policy Violation",
    Engine.PROTOCOL: "Protocol Violation",
    Engine.OPERATIONAL: "Operational",
    Engine.ANOMALY: "Anomaly",
    Engine.MALWARE: "Malware",
}
_ASSET_TITLES = {Change.NEW: "Asset discovered", Change.CHANGED: "Asset changed", Change.GONE: "Asset not there any more"}
_MOST = 100
"""Of a list, the first are told: a router has thousands of addresses, and every event is kept until each destination has it."""
_SHOWN = 10
"""Of a list, in the one sentence for people."""
_INSIDE = frozenset({"addresses", "evidence", "level_because", "level_against", "never_queried"})
"""What of an asset's row is too long to be told."""


def alert_event(row: Row, assets: Mapping[str, Row], change: Change, at: int, *, status: str = "open", reason: str = "") -> Event:
    """An alert. assets: the rows of its ends, by id, as far as they are known."""
    return Event(
        id=row["id"],
        kind=Kind.ALERT,
        type=row["rule"],
        title=row["title"],
        severity=Severity[row["severity"].upper()],
        category=_CATEGORIES[Engine(row["engine"])],
        change=change,
        at=at,
        first=nanoseconds(row["first"]),
        last=nanoseconds(row["last"]),
        count=row["count"],
        message=row["message"],
        reason=reason or next(iter(row["evidence"]), ""),
        source=_end(row["source_ip"], row["source"], row.get("source_port"), assets),
        target=_end(row["target_ip"], row["target"], row.get("target_port"), assets),
        protocol=row["protocol"],
        transport=row.get("transport"),
        vlan=row.get("vlan"),
        operation=row.get("operation"),
        object=row.get("object"),
        function=row.get("function"),
        outcome=row["outcome"],
        status=status,
        techniques=tuple(row["techniques"]),
        confidence=row["confidence"],
        evidence=tuple(row["evidence"]),
    )


def incident_event(row: Row, assets: Mapping[str, Row], change: Change, at: int) -> Event:
    """An incident: which alerts one actor caused."""
    actor = row["actor"]
    source = _end(None, actor, None, assets) if actor in assets else _end(actor, None, None, assets)
    number = len(row["alerts"])
    return Event(
        id=row["id"],
        kind=Kind.INCIDENT,
        type="ot.incident",
        title="Incident of several alerts",
        severity=Severity[row["severity"].upper()],
        category="Incident",
        change=change,
        at=at,
        first=nanoseconds(row["first"]),
        last=nanoseconds(row["last"]),
        count=number,
        message=row["title"],
        source=source,
        details={"alerts": _cut(row["alerts"]), "actor": actor},
    )


def asset_event(row: Row, change: Change, at: int, changes: Mapping[str, Sequence[Any]] | None = None) -> Event:
    """An asset. changes: what of it has changed, [before, after] by field."""
    told = {name: _cut(value) for name, value in row.items() if name not in _INSIDE}
    changed = ", ".join(f"{name}: {_text(before)} → {_text(after)}" for name, (before, after) in (changes or {}).items())
    return Event(
        id=_id(row["id"], change, row["last"], sorted(changes or ())),
        kind=Kind.ASSET,
        type=f"ot.asset.{change}",
        title=_ASSET_TITLES[change],
        severity=Severity.INFO,
        category="Inventory",
        change=change,
        at=at,
        first=nanoseconds(row["first"]),
        last=nanoseconds(row["last"]),
        message=f"{row['name']}: {changed}" if changed else f"{row['name']} ({row['type'].replace('_', ' ')})",
        source=_end(next(iter((*row["ips"], *row["macs"])), None), row["id"], None, {row["id"]: row}),
        details={**told, "changes": {name: list(map(_cut, pair)) for name, pair in (changes or {}).items()}},
    )


def health_event(
    name: str, title: str, at: int, *, severity: Severity = Severity.INFO, message: str = "", figures: Mapping[str, Any] | None = None
) -> Event:
    """How the sensor is: `ot.sensor.NAME`."""
    return Event(
        id=_id(name, at),
        kind=Kind.HEALTH,
        type=f"ot.sensor.{name}",
        title=title,
        severity=severity,
        category="Health",
        change=Change.REPORTED,
        at=at,
        first=at,
        last=at,
        message=message,
        details=dict(figures or {}),
    )


def events_of(known: Knowledge, at: int) -> Iterator[Event]:
    """All that a replay has to tell: the inventory, then alerts and incidents, each in the order of its times."""
    rows = {asset.id: body_of(asset) for asset in known.assets.values()}
    yield from (asset_event(row, Change.NEW, at) for row in sorted(rows.values(), key=lambda row: (row["first"], row["id"])))
    tell = partial(alert_event, assets=rows, change=Change.RAISED, at=at)
    yield from (tell(alert_row(alert)) for alert in known.alerts)
    yield from (incident_event(incident_row(incident), rows, Change.RAISED, at) for incident in known.incidents)


def body_of(asset: Asset) -> dict[str, Any]:
    """An asset's row with its addresses."""
    return {**asset_row(asset), "addresses": [asdict(address) for address in asset.addresses]}


def _end(address: str | None, asset: str | None, port: int | None, assets: Mapping[str, Row]) -> End:
    row = assets.get(asset or "")
    if row is None:
        return End(ip=address if _is_ip(address) else None, mac=None if _is_ip(address) else address, port=port, asset=asset)
    address = address or next(iter((*row["ips"], *row["macs"])), None)
    known = (entry["mac"] for entry in row.get("addresses", ()) if entry["ip"] == address and entry["mac"])
    return End(
        ip=address if _is_ip(address) else None,
        mac=next(known, None) if _is_ip(address) else address,
        port=port,
        hostname=row["hostname"],
        asset=asset,
        name=row["name"],
        type=row["type"],
        zone=row["zone"],
        level=row["level"],
    )


def _is_ip(address: str | None) -> bool:
    try:
        ip_address(address or "")
    except ValueError:
        return False
    return True


def _id(*parts: object) -> str:
    """Stable, and at most 40 characters."""
    return blake2b(repr(parts).encode(errors="backslashreplace"), digest_size=10).hexdigest()


def _cut(value: Any) -> Any:  # noqa: ANN401  whatever a row has
    return list(value[:_MOST]) if isinstance(value, list | tuple) else value


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        more = f" and {len(value) - _SHOWN:,} more" if len(value) > _SHOWN else ""
        return ", ".join(map(str, value[:_SHOWN])) + more or "none"
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
