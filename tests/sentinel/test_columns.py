"""From an event to the columns that rules read: the line that is sent, the row that Sentinel makes of it, what OtoscopeEvents sees."""

import csv
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy.sentinel.generator.catalogue import OTHERS
from deploy.sentinel.generator.content import HOME, queries
from sensor.capture import open_capture
from sensor.events import Change, End, Event, Kind
from sensor.exports.destination import Destination
from sensor.exports.forms.sentinel_row import COLUMNS
from sensor.exports.forms.sentinel_row import row as direct_row
from sensor.exports.syslog import message
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.store import Store
from sensor.telling import asset_event, body_of, events_of, health_event
from tests.exports.events import EXAMPLE, PLANTS, SENSOR
from tests.sentinel import columns, kql

FUNCTIONS = {query.name: query.text for query in queries("functions")}
ARRIVED = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SIX = replace(SENSOR, address="2001:db8::5")
EMPTY = {
    "ExternalID": "the old column of ExtID, read where a workspace still has it",
    "StartTime": "the agent leaves start in AdditionalExtensions; read where it does not",
    "EndTime": "as StartTime",
    "DeviceCustomNumber1": "the old column of FieldDeviceCustomNumber1",
    "DeviceCustomNumber2": "as DeviceCustomNumber1",
    "DeviceCustomNumber3": "as DeviceCustomNumber1",
    "CollectorHostName": "the forwarder's, filled by the agent",
    "TimeGenerated": "the forwarder's clock",
}
"""Columns that are read and that no line of ours fills."""


def line(event, sensor=SENSOR, header="rfc3164"):
    return message(event, sensor, Destination(name="soc", scheme="tcp", header=header)).decode().removesuffix("\n")


def read(text):
    """What OtoscopeEvents says of a line."""
    return kql.events(FUNCTIONS["OtoscopeEvents"], {**columns.row(text), "TimeGenerated": ARRIVED}, columns.schema())


def moment(nanoseconds):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=nanoseconds // 1_000_000)


def heartbeat(folder):
    """With the figures that a real one has."""
    with Store.open(str(folder / "heartbeat.db"), create=True) as store:
        figures = {"uptime_seconds": 300, **store.outbox.figures()}
    return health_event("heartbeat", "Sensor heartbeat", EXAMPLE.at, figures=figures)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(event, sensor): all that the plants tell, and what they do not: settled alerts, IPv6, health."""
    plants = []
    for path in PLANTS:
        with open_capture(path) as capture:
            known = conclude(observe(capture))
        plants += events_of(known, EXAMPLE.at)
        asset = body_of(next(iter(known.assets.values())))
        plants.append(asset_event(asset, Change.CHANGED, EXAMPLE.at, {"firmware": ["1.0", "1.1"], "level": [2.0, 1.0]}))
    failing = {"destination": "soc", "failures": 7}
    others = [
        replace(EXAMPLE, function=0x1A),
        replace(EXAMPLE, change=Change.CLOSED, status="muted", reason="somebody muted it"),
        heartbeat(tmp_path_factory.mktemp("store")),
        health_event("export_failing", "Destination takes no events", EXAMPLE.at, figures=failing),
    ]
    six = replace(EXAMPLE, source=End(ip="2001:db8::1", name="Pump station"), target=End(ip="2001:db8::2", name="PLC 2"))
    return [*((event, SENSOR) for event in [*plants, *others]), (six, SIX)]


def test_plants_tell_of_every_kind(told):
    assert {event.kind for event, _ in told} == {*Kind}
    assert len({event.type for event, _ in told}) > 15


@pytest.mark.parametrize("header", ["rfc3164", "rfc5424"])
def test_every_event_comes_out_of_the_parser_as_it_went_in(told, header):
    for event, sensor in told:
        found = read(line(event, sensor, header))
        assert found, "the vendor or the product is another"
        assert (found["AlertId"], found["AlertType"], found["AlertName"]) == (event.id, event.type, event.title)
        assert (found["Category"], found["Change"], found["Status"]) == (event.category, event.change, event.status)
        assert (found["SensorTime"], found["EventStartTime"], found["EventEndTime"]) == tuple(
            map(moment, (event.at, event.first, event.last))
        )
        assert found["SeverityNumber"] == [0, 1, 4, 8, 10][event.severity]
        assert found["SentinelSeverity"] == ["Informational", "Low", "Medium", "High", "High"][event.severity]
        assert found["Count"] == event.count
        assert found["AttackTechniques"] == [*event.techniques]
        assert (found["SensorId"], found["Site"]) == (sensor.id, sensor.site)
        assert found["SensorIpAddr"] == sensor.address
        assert found["OtProtocol"] == (event.protocol or "").upper()
        assert (found["Operation"], found["Object"]) == (event.operation or "", event.object or "")
        assert (found["FunctionCode"], found["VlanId"]) == (event.function, event.vlan)
        assert found["Confidence"] == round(event.confidence * 100)
        for side, end in (("Src", event.source), ("Dst", event.target)):
            assert found[f"{side}IpAddr"] == (end.ip or "")
            assert found[f"{side}MacAddr"] == (end.mac or "").upper()
            assert (found[f"{side}Port"], found[f"{side}Level"]) == (end.port, end.level)
            assert (found[f"{side}AssetId"], found[f"{side}DeviceType"]) == (end.asset or "", end.type or "")
            assert found[f"{side}Zone"] == (end.zone or "")
            assert found["Source" if side == "Src" else "Target"] == (end.hostname or end.name or end.ip or (end.mac or "").upper())


def test_a_text_arrives_whole_and_harmless():
    event = replace(EXAMPLE, message="a=b;c=d | \\ e\nf", operation="Write;x=1", reason="src=192.0.2.66")
    found = read(line(event))
    assert found["Description"] == "a=b;c=d | \\ e f"
    assert (found["Operation"], found["Reason"]) == ("Write;x=1", "src=192.0.2.66")
    assert found["SrcIpAddr"] == EXAMPLE.source.ip
    hostile = replace(EXAMPLE, source=replace(EXAMPLE.source, zone="a;OtoscopeSensorStatus=closed", asset="1;OtoscopeSensorStatus=closed"))
    assert read(line(hostile))["Status"] == "open"


def test_details_of_assets_incidents_and_health_have_columns(told):
    rows = [(event, read(line(event, sensor))) for event, sensor in told]
    for event, found in rows:
        if event.kind is Kind.ASSET:
            details = event.details
            assert [found[f"Asset{name.capitalize()}"] for name in ("vendor", "model", "firmware", "serial")] == [
                details[name] or "" for name in ("vendor", "model", "firmware", "serial")
            ]
            assert (found["AssetRoles"], found["AssetProtocols"]) == (list(details["roles"]), list(details["services"]))
            assert found["AssetChanged"] == list(details["changes"])
            assert found["AssetLevelConfidence"] == round(details["level_confidence"] * 100)
        if event.kind is Kind.INCIDENT:
            assert found["IncidentAlertIds"] == event.details["alerts"][:20]
            assert found["IncidentAlertCount"] == len(event.details["alerts"])
        if event.type == "ot.sensor.heartbeat":
            named = {"".join(word.capitalize() for word in name.split("_")): figure for name, figure in event.details.items()}
            assert named == {name: found[name] for name in named}
    (failing,) = (found for event, found in rows if event.type == "ot.sensor.export_failing")
    assert (failing["Destination"], failing["Failures"]) == ("soc", 7)


# Keys and columns ------------------------------------------------------------------------------------------------------


def sent_keys(told):
    return {key for event, sensor in told for key in re.findall(r"(?<=[ |])([A-Za-z0-9]+)=", line(event, sensor))}


def test_every_key_that_is_sent_is_read(told):
    text = FUNCTIONS["OtoscopeEvents"]
    sent = {key for key in sent_keys(told) if not key.endswith("Label")}
    assert {"rt", "start", "end", "OtoscopeSensorChange", "OtoscopeSensorAlertIds", "OtoscopeSensorPackets"} <= sent
    unread = {key for key in sent if not re.search(rf"\b{columns.KEYS.get(key, key)}\b", text)}
    assert unread == set(), "a key that is sent and read by nobody"


def test_every_column_that_is_read_is_filled(told):
    asked = "\n".join(asked_of_the_table(text) for text in FUNCTIONS.values())
    read_columns = {column for column in columns.schema() if re.search(rf"\b{column}\b", asked)}
    filled = {column for event, sensor in told for column, value in columns.row(line(event, sensor)).items() if value != ""}
    assert len(read_columns) > 30
    assert read_columns - filled - {*EMPTY} == set(), "a column that is read and filled by nothing"
    keys = {key for text in FUNCTIONS.values() for key in re.findall(r"\bOtoscopeSensor[A-Z]\w+(?=: )", text)}
    assert keys - sent_keys(told) == set(), "a key that is read and never sent"


def asked_of_the_table(text):
    """What is asked of CommonSecurityLog; the names that are given, `Reason =`, are not what is read, nor are those of ASIM's columns."""
    if not re.search(r"^CommonSecurityLog$", text, re.MULTILINE):
        return ""
    asked = text.split("CommonSecurityLog\n", 1)[1]
    asked = asked.split("\n| project\n")[0] if "parser(" in text else asked
    return re.sub(r"\b\w+ = (?=[^=])|\"[^\"]*\"", "", asked)


def test_types_of_other_events_have_the_titles_of_the_catalogue(told):
    titles = {type_: (title, category) for type_, title, category in OTHERS}
    seen = {event.type: (event.title, event.category) for event, _ in told if event.type in titles}
    assert seen == {type_: titles[type_] for type_ in seen}
    assert {"ot.asset.new", "ot.asset.changed", "ot.incident", "ot.sensor.heartbeat", "ot.sensor.export_failing"} <= {*seen}


def test_both_paths_into_the_workspace_fill_the_same_columns(told):
    assert {column: kind for column, kind in COLUMNS.items() if columns.schema().get(column) != kind} == {}
    for event, sensor in told:
        direct = {column: value for column, value in direct_row(event, sensor).items() if column != "TimeGenerated"}
        by_syslog = columns.row(line(event, sensor))
        assert {**direct, "Computer": ""} == {**by_syslog, "Computer": ""}


# Samples -----------------------------------------------------------------------------------------------------------------


def test_samples_are_read_alike_in_both_headers_and_as_the_table_has_them():
    lines = {name: (HOME / "samples" / f"cef-{name}.txt").read_text().splitlines() for name in ("3164", "5424")}
    rows = {name: [columns.row(text) for text in texts] for name, texts in lines.items()}
    assert rows["3164"] == rows["5424"]
    with (HOME / "samples/commonsecuritylog.csv").open(newline="") as table:
        written = [{name: value for name, value in values.items() if value and name != "TimeGenerated"} for values in csv.DictReader(table)]
    assert written == [{name: str(value) for name, value in values.items() if value != ""} for values in rows["3164"]]
    assert {values["DeviceEventCategory"] for values in rows["3164"]} >= {"Inventory", "Incident", "Health", "Policy Violation", "Anomaly"}


def test_an_event_of_another_product_is_none_of_ours():
    other = line(EXAMPLE).replace("|Otoscope|Sensor|", "|Otoscope|Probe|")
    assert read(other) is None


def test_what_an_event_does_not_say_is_empty_and_not_wrong():
    least = Event(
        id="1", kind=Kind.ALERT, type="ot.scan.arp", title="ARP Address Scan Detected", severity=EXAMPLE.severity, category="Anomaly",
        change=Change.RAISED, at=EXAMPLE.at, first=EXAMPLE.first, last=EXAMPLE.last,
    )  # fmt: skip
    found = read(line(least))
    assert (found["Source"], found["Target"], found["SrcLevel"], found["FunctionCode"]) == ("", "", None, None)
    assert (found["AttackTechniques"], found["AssetRoles"], found["IncidentAlertIds"]) == ([], [], [])
