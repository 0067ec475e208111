"""Rows of what was concluded: assets, violations, alerts and incidents, as every JSON output has them."""

from collections.abc import Mapping
from typing import Any

from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Incident
from sensor.finding_rows import AlertRow, AssetRow, IncidentRow, ViolationRow
from sensor.inventory.model import FIELDS, Asset
from sensor.times import timestamp

REASONS = 5
"""So many of what speaks for a level are shown, and so many of what speaks against it."""


def asset_row(asset: Asset) -> AssetRow:
    """An asset or sub-asset."""
    level = asset.level
    return {
        "id": asset.id,
        "name": asset.name,
        "type": str(asset.kind.value),
        "type_confidence": round(asset.kind.confidence, 3),
        "roles": [str(role) for role in asset.roles],
        "level": level.value,
        "level_confidence": round(level.confidence, 3),
        "level_settled": level.settled,
        "level_pinned": level.pinned,
        "level_because": [evidence.because for evidence in level.evidence[:REASONS]],
        "level_against": [evidence.because for evidence in level.against[:REASONS]],
        "zone": asset.zone,
        "ips": list(asset.ips),
        "macs": list(asset.macs),
        "vlans": list(asset.vlans),
        "vendor": asset.text("vendor"),
        "model": asset.text("model"),
        "order_number": asset.text("order_number"),
        "serial": asset.text("serial"),
        "firmware": asset.text("firmware"),
        "hardware": asset.text("hardware"),
        "hostname": asset.text("hostname"),
        "operating_system": asset.text("operating_system"),
        "mode": asset.text("mode"),
        "never_queried": [name for name in FIELDS if name not in asset.fields or not asset.fields[name].queried],
        "services": list(asset.services),
        "clients_of": list(asset.clients_of),
        "parent": asset.parent,
        "unit": asset.unit,
        "outside": asset.outside,
        "criticality": asset.criticality,
        "tags": list(asset.tags),
        "first": timestamp(asset.first),
        "last": timestamp(asset.last),
    }


def violation_row(row: Violation) -> ViolationRow:
    """A conversation that no conduit allows."""
    return {
        "id": row.id,
        "rule": row.rule,
        "title": row.title,
        "severity": str(row.severity),
        "source": row.source,
        "target": row.target,
        "source_ip": row.source_ip,
        "target_ip": row.target_ip,
        "source_zone": row.source_zone,
        "target_zone": row.target_zone,
        "source_level": row.source_level,
        "target_level": row.target_level,
        "source_confidence": round(row.source_confidence, 3),
        "target_confidence": round(row.target_confidence, 3),
        "protocol": row.protocol,
        "intent": row.intent,
        "objects": list(row.objects),
        "outcome": str(row.outcome),
        "confidence": round(row.confidence, 3),
        "count": row.count,
        "first": timestamp(row.first),
        "last": timestamp(row.last),
        "message": row.message,
    }


def alert_row(alert: Alert) -> AlertRow:
    """Something that is wrong."""
    scene = alert.scene
    return {
        "id": alert.id,
        "thing": alert.thing,
        "rule": alert.rule,
        "title": alert.title,
        "engine": str(alert.engine),
        "severity": str(alert.severity),
        "source": alert.source,
        "target": alert.target,
        "source_ip": alert.source_ip,
        "target_ip": alert.target_ip,
        "protocol": alert.protocol,
        "techniques": list(alert.techniques),
        "outcome": str(alert.outcome),
        "confidence": round(alert.confidence, 3),
        "count": alert.count,
        "first": timestamp(alert.first),
        "last": timestamp(alert.last),
        "message": alert.message,
        "evidence": list(alert.evidence),
        "transport": scene.transport,
        "source_port": scene.source_port,
        "target_port": scene.target_port,
        "vlan": scene.vlan,
        "operation": scene.operation,
        "object": scene.object,
        "function": scene.function,
    }


def incident_row(incident: Incident) -> IncidentRow:
    """Alerts that one actor caused."""
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": str(incident.severity),
        "actor": incident.actor,
        "alerts": list(incident.alerts),
        "first": timestamp(incident.first),
        "last": timestamp(incident.last),
    }


def shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a database as the JSON outputs have it: what explains an asset is asked for by itself."""
    return {name: value for name, value in row.items() if name != "addresses" and not (name == "evidence" and isinstance(value, dict))}
