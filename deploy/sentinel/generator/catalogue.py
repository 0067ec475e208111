"""catalog.yaml: every type of event that a sensor can send, from the registry of detectors and the events of the sensor itself."""

from collections.abc import Iterator
from typing import Any

from deploy.sentinel.generator.solution import to_yaml
from deploy.sentinel.generator.tactics import tactics_of
from sensor.detections.model import Engine
from sensor.detections.registry import DETECTORS

CATEGORIES = {
    Engine.POLICY: "Policy Violation",
    Engine.PROTOCOL: "Protocol Violation",
    Engine.OPERATIONAL: "Operational",
    Engine.ANOMALY: "Anomaly",
    Engine.MALWARE: "Malware",
}
SEVERITIES = {"info": "Informational", "low": "Low", "medium": "Medium", "high": "High", "critical": "High"}
"""As Sentinel words them: it has nothing above high."""
OTHERS = (
    ("ot.asset.new", "Asset discovered", "Inventory"),
    ("ot.asset.changed", "Asset changed", "Inventory"),
    ("ot.asset.gone", "Asset not there any more", "Inventory"),
    ("ot.incident", "Incident of several alerts", "Incident"),
    ("ot.sensor.heartbeat", "Sensor heartbeat", "Health"),
    ("ot.sensor.export_failing", "Destination takes no events", "Health"),
    ("ot.sensor.export_dropped", "Events for Other Systems Dropped", "Operational"),
    ("ot.sensor.export_test", "Test event", "Health"),
)
"""What no detector raises: type, title, category."""


def files() -> Iterator[tuple[str, str]]:
    """(path, text)."""
    yield "catalog.yaml", "# Made by `make sentinel` from the registry of detectors.\n" + to_yaml(rows())


def rows() -> list[dict[str, Any]]:
    """One for each type of event, by id."""
    alerts = [
        {
            "id": detector.id,
            "title": detector.title,
            "defenderForIotTitles": list(detector.covers),
            "category": CATEGORIES[detector.engine],
            "severity": str(detector.severity),
            "sentinelSeverity": SEVERITIES[str(detector.severity)],
            "techniques": list(detector.techniques),
            "tactics": tactics_of(*detector.techniques),
        }
        for detector in DETECTORS
    ]
    others = [{"id": type_, "title": title, "category": category} for type_, title, category in OTHERS]
    return sorted(alerts + others, key=lambda row: row["id"])
