"""OCSF: every document against OCSF's own schema, and what is in it."""

import json
from dataclasses import asdict, replace
from functools import cache

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from sensor.detections.model import Severity
from sensor.events import Change, End, Event, Kind, Sensor
from sensor.exports.forms.ocsf import VERSION, write
from tests.exports.events import EXAMPLE, HEARTBEAT, LONGEST, LOUD, PLANTS, SENSOR, hostile_events, hostile_sensors, plant_events

LIMIT = 1_000_000


@cache
def validator(class_uid: int) -> Draft202012Validator:
    """No attribute that OCSF does not know, none missing that it requires."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION))
    return Draft202012Validator(schema.get_class_schema(schema.lookup_class_name_from_uid(class_uid)))


def told(event: Event, sensor: Sensor = SENSOR, limit: int = LIMIT) -> dict:
    line = write(event, sensor, limit)
    assert line.isprintable()
    assert len(line.encode()) <= limit
    document = json.loads(line)
    validator(document["class_uid"]).validate(document)
    assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]
    assert document["category_uid"] == document["class_uid"] // 1000
    assert document["metadata"]["version"] == VERSION
    return document


def storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@settings(max_examples=60, deadline=None)
@given(hostile_events, hostile_sensors)
def test_hostile_texts_stay_in_their_attribute(event: Event, sensor: Sensor) -> None:
    document = told(event, sensor)
    assert document["message"] == storable(event.message or event.title)
    for name in ("reason", "operation", "object"):
        assert document["unmapped"].get(name, "") == storable(getattr(event, name) or "")
    if event.kind is Kind.ALERT:
        assert document["finding_info"]["title"] == storable(event.title)


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_every_event_of_the_plants_is_as_the_schema_says(path) -> None:
    for event in plant_events(path):
        told(event)


def test_every_caption_is_the_schemas() -> None:
    """Enumerations name their numbers as the schema does."""
    classes = {row["uid"]: row for row in get_ocsf_schema(VERSION)["classes"].values()}
    for severity in Severity:
        for change in Change:
            for status in ("open", "learned", "muted", "closed"):
                document = told(replace(EXAMPLE, severity=severity, change=change, status=status))
                attributes = classes[2004]["attributes"]
                assert attributes["severity_id"]["enum"][str(document["severity_id"])]["caption"] == document["severity"]
                assert attributes["activity_id"]["enum"][str(document["activity_id"])]["caption"] == document["activity_name"]
                assert attributes["status_id"]["enum"][str(document["status_id"])]["caption"] == document["status"]
    types = get_ocsf_schema(VERSION)["objects"]["device"]["attributes"]["type_id"]["enum"]
    for kind in ("server", "historian", "engineering_workstation", "camera", "switch", "router"):
        device = told(replace(EXAMPLE, kind=Kind.ASSET, source=End(ip="10.0.0.1", type=kind)))["device"]
        assert types[str(device["type_id"])]["caption"] == device["type"]


def test_the_names_of_classes_are_the_schemas() -> None:
    classes = {row["uid"]: row for row in get_ocsf_schema(VERSION)["classes"].values()}
    for kind in Kind:
        document = told(replace(EXAMPLE, kind=kind))
        assert document["class_name"] == classes[document["class_uid"]]["caption"]
        assert document["category_name"] == classes[document["class_uid"]]["category_name"]


def test_an_alert() -> None:
    document = told(replace(EXAMPLE, change=Change.COUNTED, evidence=("OB1 was written",)))
    assert (document["class_uid"], document["activity_id"], document["status_id"], document["severity_id"]) == (2004, 2, 1, 4)
    assert (document["time"], document["count"], document["confidence_score"]) == (1795470000512, 12, 95)
    finding = document["finding_info"]
    assert finding["uid"] == EXAMPLE.id
    assert finding["attacks"] == [{"version": "18.1", "technique": {"uid": "T0843", "name": "Program Download"}}]
    assert finding["src_url"].endswith("/alerts/" + EXAMPLE.id)
    (evidence,) = document["evidences"]
    assert evidence["src_endpoint"]["ip"] == "10.20.3.15"
    assert (evidence["dst_endpoint"]["port"], evidence["dst_endpoint"]["svc_name"]) == (102, "s7comm")
    assert evidence["data"] == ["OB1 was written"]
    assert document["unmapped"]["operation"] == "Download block"
    assert document["unmapped"]["outcome"] == "accepted"


def test_ends_without_ip_are_named_by_their_mac() -> None:
    (evidence,) = told(replace(EXAMPLE, source=End(mac="00:1b:1b:3c:4d:5e"), target=End(), protocol=None, transport=None, vlan=None))[
        "evidences"
    ]
    assert evidence == {"src_endpoint": {"mac": "00:1B:1B:3C:4D:5E", "name": "00:1b:1b:3c:4d:5e"}}


def test_an_incident_names_its_alerts() -> None:
    document = told(replace(EXAMPLE, kind=Kind.INCIDENT, details={"alerts": ["a", "b"], "actor": "x"}))
    assert document["class_uid"] == 2004
    assert document["finding_info"]["related_events"] == [{"uid": "a"}, {"uid": "b"}]


def test_an_asset() -> None:
    source = End(ip="10.20.1.7", mac="28:63:36:a1:b2:c3", asset="a-17", name="Line 2 PLC", type="plc", zone="L1-Line2", level=1.0)
    details = {"vendor": "Siemens", "model": "S7-1500", "serial": "S C-1", "firmware": "V2.8", "changes": {"firmware": ["V2.7", "V2.8"]}}
    document = told(replace(EXAMPLE, kind=Kind.ASSET, change=Change.CHANGED, source=source, details=details))
    device = document["device"]
    assert (document["class_uid"], device["type_id"], device["type"]) == (5001, 99, "plc")
    assert (device["uid"], device["vendor_name"], device["model"], device["hw_info"]) == (
        "a-17",
        "Siemens",
        "S7-1500",
        {"serial_number": "S C-1"},
    )
    assert document["unmapped"]["details"]["changes"] == {"firmware": ["V2.7", "V2.8"]}


def test_health_has_the_sensor_as_its_application() -> None:
    document = told(HEARTBEAT)
    assert (document["class_uid"], document["app"]["vendor_name"], document["status"]) == (6002, "Otoscope", "Success")
    assert document["unmapped"]["details"] == {"packets": 1204, "octets": 98211, "lost_segments": 0}
    assert told(replace(HEARTBEAT, severity=Severity.HIGH))["status"] == "Failure"


def test_every_event_says_which_sensor() -> None:
    assert told(HEARTBEAT)["metadata"]["reporter"] == {"uid": SENSOR.id, "hostname": SENSOR.full_name, "ip": SENSOR.address}


@pytest.mark.parametrize("kind", Kind)
def test_what_is_too_long_is_cut_and_still_as_the_schema_says(kind: Kind) -> None:
    told(replace(LONGEST, kind=kind), LOUD, 64_000)
    texts = {name: "\U000e0041" * 20_000 for name, value in asdict(EXAMPLE).items() if type(value) is str}
    told(replace(EXAMPLE, kind=kind, techniques=("\U000e0041" * 99,) * 99, **texts), LOUD, 64_000)
