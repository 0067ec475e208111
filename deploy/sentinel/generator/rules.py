"""Analytics rules: what a query and the comments at its top say, as the fields that Sentinel's YAML and ARM share."""

from collections.abc import Iterable
from typing import Any

from deploy.sentinel.generator.content import CONNECTORS, VERSION, Query, identity

IDENTIFIERS = {"IP": "Address", "Host": "HostName"}
PERIOD = "1d"
"""How far back a rule looks to know that an alert was told already."""
ENTITIES = (("IP", "SrcIpAddr"), ("IP", "DstIpAddr"), ("Host", "SrcHostname"), ("Host", "DstHostname"))
DETAILS = (
    ("AlertId", "AlertId"),
    ("AlertType", "AlertType"),
    ("Site", "Site"),
    ("Sensor", "SensorName"),
    ("Actor", "Actor"),
    ("Source", "Source"),
    ("SourceZone", "SrcZone"),
    ("SourceAsset", "SrcAssetId"),
    ("Target", "Target"),
    ("TargetZone", "DstZone"),
    ("TargetAsset", "DstAssetId"),
    ("Protocol", "OtProtocol"),
    ("Operation", "Operation"),
    ("Object", "Object"),
    ("Outcome", "Outcome"),
    ("Reason", "Reason"),
    ("Count", "Count"),
    ("Confidence", "Confidence"),
    ("FirstSeen", "EventStartTime"),
    ("LastSeen", "EventEndTime"),
)
GROUP = ["Sensor", "Actor"]
"""What one host does is one incident; where nobody is known who did it, what happens to one. A site may have no name, a sensor has."""


def entity_mappings(entities: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Of (type, column)."""
    return [{"entityType": kind, "fieldMappings": [{"identifier": IDENTIFIERS[kind], "columnName": column}]} for kind, column in entities]


def _techniques(query: Query) -> dict[str, list[str]]:
    """Left out where there is none."""
    techniques = query.listed("techniques")
    return {"relevantTechniques": techniques} if techniques else {}


def rule(query: Query) -> dict[str, Any]:
    """A rule in the order and with the names of Sentinel's YAML."""
    return {
        "id": identity("rule", query.name),
        "name": query.about["name"],
        "description": query.about["description"],
        "severity": query.about["severity"],
        "status": "Available",
        "requiredDataConnectors": CONNECTORS,
        "queryFrequency": query.about["frequency"],
        "queryPeriod": PERIOD,
        "triggerOperator": "gt",
        "triggerThreshold": 0,
        "tactics": query.listed("tactics"),
        **_techniques(query),
        "query": query.text,
        "entityMappings": entity_mappings(query.pairs("entities") or ENTITIES),
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "customDetails": dict(query.pairs("details") or DETAILS),
        "alertDetailsOverride": {
            "alertDisplayNameFormat": "{{Title}}",
            "alertDescriptionFormat": "{{Description}}",
            "alertSeverityColumnName": "SentinelSeverity",
            "alertDynamicProperties": [{"alertProperty": "AlertLink", "value": "AlertLink"}],
        },
        "incidentConfiguration": {
            "createIncident": True,
            "groupingConfiguration": {
                "enabled": True,
                "reopenClosedIncident": False,
                "lookbackDuration": "PT5H",
                "matchingMethod": "Selected",
                "groupByEntities": [],
                "groupByAlertDetails": [],
                "groupByCustomDetails": query.listed("group") or GROUP,
            },
        },
        "version": VERSION,
        "kind": "Scheduled",
    }


def hunting(query: Query) -> dict[str, Any]:
    """A hunting query in the order and with the names of Sentinel's YAML."""
    return {
        "id": identity("hunting", query.name),
        "name": query.about["name"],
        "description": query.about["description"],
        "requiredDataConnectors": CONNECTORS,
        "tactics": query.listed("tactics"),
        **_techniques(query),
        "query": query.text,
        "entityMappings": entity_mappings(query.pairs("entities")),
        "version": VERSION,
    }
