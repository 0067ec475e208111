"""OCSF 1.8: Detection Finding for alerts and incidents, Device Inventory Info for assets, Application Lifecycle for the sensor's health.

OCSF has no class for OT: what it has no attribute for is in `unmapped`, under the names that `otoscope.event` has. An incident is a
finding with related events, for OCSF's Incident Finding demands an assignee, and a sensor has none. No profile is used.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sensor.detections.model import Severity
from sensor.detections.techniques import TECHNIQUES
from sensor.events import Change, End, Event, Kind, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._text import as_json, ip_version, link, mac, milliseconds, percent, port

Json = dict[str, Any]

VERSION = "1.8.0"
_ATTACK = "18.1"
_SEVERITIES = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_FINDING_ACTIVITIES = {Change.RAISED: (1, "Create"), Change.COUNTED: (2, "Update"), Change.CLOSED: (3, "Close")}
_FINDING_STATUSES = {"open": (1, "New"), "learned": (3, "Suppressed"), "muted": (3, "Suppressed"), "closed": (4, "Resolved")}
_DEVICE_TYPES = {
    **dict.fromkeys(("server", "scada_server", "historian", "domain_controller", "jump_host"), (1, "Server")),
    **dict.fromkeys(("workstation", "engineering_workstation"), (2, "Desktop")),
    **dict.fromkeys(("camera", "printer"), (7, "IOT")),
    "switch": (10, "Switch"),
    "router": (12, "Router"),
}
"""Ours by OCSF's; the others are "Other" there, with our word for them."""
_IP_ADDRESS, _MAC_ADDRESS = 2, 3


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line."""
    return as_json(event, sensor, limit, document)


def document(event: Event, sensor: Sensor) -> Json:
    """The event as OCSF has it."""
    severity, caption = _SEVERITIES[event.severity]
    return {
        **_CLASSES[event.kind](event, sensor),
        "time": milliseconds(event.at),
        "start_time": milliseconds(event.first),
        "end_time": milliseconds(event.last),
        "count": event.count,
        "message": event.message or event.title,
        "severity_id": severity,
        "severity": caption,
        "metadata": {
            "version": VERSION,
            "product": _product(sensor),
            "event_code": event.type,
            "log_name": event.category,
            "reporter": _known({"uid": sensor.id or "unknown", "hostname": sensor.full_name, "ip": _ip(sensor.address)}),
        },
        "unmapped": _known({**_unmapped(event), "site": sensor.site, "interface": sensor.interface}),
    }


def _class(class_uid: int, name: str, category: str, activity: tuple[int, str]) -> Json:
    return {
        "class_uid": class_uid,
        "class_name": name,
        "category_uid": class_uid // 1000,
        "category_name": category,
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": class_uid * 100 + activity[0],
        "type_name": f"{name}: {activity[1]}",
    }


def _finding(event: Event, sensor: Sensor) -> Json:
    status, caption = _FINDING_STATUSES.get(event.status, (99, event.status))
    return {
        **_class(2004, "Detection Finding", "Findings", _FINDING_ACTIVITIES.get(event.change, (99, "Other"))),
        "is_alert": True,
        "status_id": status,
        "status": caption,
        "confidence_score": percent(event.confidence),
        "finding_info": {
            "uid": event.id,
            "title": event.title,
            "analytic": {"uid": event.type, "name": event.title, "type_id": 1, "type": "Rule"},
            "first_seen_time": milliseconds(event.first),
            "last_seen_time": milliseconds(event.last),
            "types": [event.category],
            **_known(
                {
                    "desc": event.message,
                    "attacks": [_technique(name) for name in event.techniques if name],
                    "related_events": [{"uid": str(alert)} for alert in event.details.get("alerts") or ()],
                    "src_url": link(event, sensor),
                }
            ),
        },
        "evidences": _evidences(event),
        "observables": list(_observables(event)),
    }


def _inventory(event: Event, _: Sensor) -> Json:
    details = event.details
    return {
        **_class(5001, "Device Inventory Info", "Discovery", (1, "Log")),
        "device": {
            "type_id": 0,
            "name": "unknown",
            **_endpoint(event.source, event.vlan),
            **_texts(details, {"vendor_name": "vendor", "model": "model"}),
            **_known({"hw_info": _texts(details, {"serial_number": "serial"})}),
            "first_seen_time": milliseconds(event.first),
            "last_seen_time": milliseconds(event.last),
        },
    }


def _health(event: Event, sensor: Sensor) -> Json:
    status = (1, "Success") if event.severity is Severity.INFO else (2, "Failure")
    return {
        **_class(6002, "Application Lifecycle", "Application Activity", (99, event.title)),
        "app": _product(sensor),
        "status_id": status[0],
        "status": status[1],
        "status_detail": event.reason or event.message,
    }


_CLASSES: dict[Kind, Callable[[Event, Sensor], Json]] = {
    Kind.ALERT: _finding,
    Kind.INCIDENT: _finding,
    Kind.ASSET: _inventory,
    Kind.HEALTH: _health,
}


def _product(sensor: Sensor) -> Json:
    return {"name": "Sensor", "vendor_name": "Otoscope", "version": sensor.version}


def _technique(name: str) -> Json:
    return {"version": _ATTACK, "technique": _known({"uid": name, "name": TECHNIQUES.get(name)})}


def _evidences(event: Event) -> list[Json]:
    """Who did it to whom, and what was seen."""
    found = {
        "src_endpoint": _partner(event.source, event.vlan),
        "dst_endpoint": {**_partner(event.target, event.vlan), **_known({"svc_name": event.protocol})},
        "connection_info": {"direction_id": 0, "protocol_name": event.transport.lower()} if event.transport else None,
        "data": list(event.evidence),
    }
    return [evidence] if (evidence := _known(found)) else []


def _partner(end: End, vlan: int | None) -> Json:
    """An end of a conversation; of an end that is not known its port says nothing."""
    return _known({**_endpoint(end, vlan), "port": port(end.port)}) if end else {}


def _endpoint(end: End, vlan: int | None) -> Json:
    """An end, named where it has nothing else that OCSF takes for an identity."""
    if not end:
        return {}
    type_id, type_ = _DEVICE_TYPES.get(end.type or "", (99, end.type))
    return _known(
        {
            "uid": end.asset,
            "ip": _ip(end.ip),
            "mac": mac(end.mac),
            "hostname": end.hostname,
            "name": end.name or end.hostname or end.ip or end.mac or end.asset,
            "type_id": type_id if end.type else None,
            "type": type_,
            "zone": end.zone,
            "vlan_uid": None if vlan is None else str(vlan),
        }
    )


def _observables(event: Event) -> Iterator[Json]:
    for side, end in (("src_endpoint", event.source), ("dst_endpoint", event.target)):
        if address := _ip(end.ip):
            yield {"name": f"evidences[].{side}.ip", "type_id": _IP_ADDRESS, "type": "IP Address", "value": address}
        if address := mac(end.mac):
            yield {"name": f"evidences[].{side}.mac", "type_id": _MAC_ADDRESS, "type": "MAC Address", "value": address}


def _unmapped(event: Event) -> Json:
    """What OCSF has no attribute for."""
    names = ("change", "status", "category", "reason", "operation", "object", "function", "vlan")
    return {
        **{name: getattr(event, name) for name in names},
        "outcome": None if event.outcome == "none" else event.outcome,
        "source_level": event.source.level,
        "source_type": event.source.type,
        "target_level": event.target.level,
        "target_type": event.target.type,
        "details": {str(name): value for name, value in event.details.items() if name != "alerts"},
    }


def _ip(text: str | None) -> str | None:
    return text if ip_version(text) else None


def _texts(details: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    return {ours: value for ours, name in names.items() if isinstance(value := details.get(name), str) and value}


def _known(found: Mapping[str, Any]) -> Json:
    """Without what there is nothing to say of."""
    return {name: value for name, value in found.items() if value is not None and value != "" and value not in ([], {})}


FORM = Form("ocsf", "Splunk, AWS Security Lake and data lakes: JSON lines as OCSF 1.8 has them", write, tag="otoscope: ")
