"""Rows for a workspace: CommonSecurityLog as CEF would become it, and the inventory's own table."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from sensor.events import Change, Event, Kind, Sensor
from sensor.exports.forms import FORMS, asset_row, sentinel_row
from tests.exports.cef import read
from tests.exports.events import EXAMPLE, HEARTBEAT, LONG, LONGEST, LOUD, PLANTS, SENSOR, hostile_events, hostile_sensors, plant_events
from tests.exports.workspace import FIELD, TYPES

TABLES = {"commonsecuritylog": sentinel_row.COLUMNS, "assets_table": asset_row.COLUMNS}
ASSET = {
    "id": "a-7",
    "name": "plc-line2",
    "type": "plc",
    "type_confidence": 0.9,
    "roles": ["controller"],
    "level": 3.5,
    "level_confidence": 0.95,
    "level_settled": True,
    "zone": "L1-Line2",
    "ips": ["10.20.1.7"],
    "macs": ["28:63:36:a1:b2:c3"],
    "vlans": [120],
    "vendor": "Siemens",
    "model": "CPU 1515",
    "serial": None,
    "firmware": "V2.9",
    "hostname": "plc-line2",
    "services": ["s7comm"],
    "never_queried": [],
    "criticality": "high",
    "first": "2026-11-23T21:39:58.101234567Z",
    "last": "2026-11-23T21:40:00.000000001Z",
    "changes": {"firmware": ["V2.8", "V2.9"]},
}
CHANGED = replace(
    EXAMPLE, kind=Kind.ASSET, type="ot.asset.changed", title="Asset Changed", category="Inventory", change=Change.CHANGED, details=ASSET
)

ROW = {
    "TimeGenerated": "2026-11-23T21:40:00.5120000Z",
    "Computer": "ot-sensor-01",
    "DeviceVendor": "Otoscope",
    "DeviceProduct": "Sensor",
    "DeviceVersion": "0.1.0",
    "DeviceEventClassID": "ot.plc.program_download",
    "Activity": "Unauthorized PLC Programming",
    "LogSeverity": "8",
    "ReceiptTime": "1795470000512",
    "DeviceAction": "detected",
    "DeviceEventCategory": "Policy Violation",
    "EventCount": 12,
    "ExtID": "7f1c2f0e-3b5a-4e0e-9d59-5a2f0c1d8e11",
    "DeviceAddress": "10.20.0.5",
    "DeviceName": "ot-sensor-01.plant-a.example.net",
    "DeviceExternalID": "sns-4b7e21",
    "DeviceInboundInterface": "enp3s0",
    "SourceIP": "10.20.3.15",
    "SourcePort": 49213,
    "SourceMACAddress": "00:1B:1B:3C:4D:5E",
    "SourceHostName": "eng-ws-07",
    "DestinationIP": "10.20.1.7",
    "DestinationPort": 102,
    "DestinationMACAddress": "28:63:36:A1:B2:C3",
    "DestinationHostName": "plc-line2",
    "Protocol": "TCP",
    "ApplicationProtocol": "S7COMM",
    "EventOutcome": "success",
    "Reason": "source is not an engineering station for this zone",
    "DeviceCustomString1": "plant-a",
    "DeviceCustomString1Label": "site",
    "DeviceCustomString2": "L3-Operations",
    "DeviceCustomString2Label": "srcZone",
    "DeviceCustomString3": "L1-Line2",
    "DeviceCustomString3Label": "dstZone",
    "DeviceCustomString4": "Download block",
    "DeviceCustomString4Label": "operation",
    "DeviceCustomString5": "OB1",
    "DeviceCustomString5Label": "object",
    "DeviceCustomString6": "T0843",
    "DeviceCustomString6Label": "attackTechniques",
    "FieldDeviceCustomNumber1": 95,
    "DeviceCustomNumber1Label": "confidence",
    "FieldDeviceCustomNumber2": 120,
    "DeviceCustomNumber2Label": "vlanId",
    "RequestURL": "https://ot-sensor-01.plant-a.example.net/alerts/7f1c2f0e-3b5a-4e0e-9d59-5a2f0c1d8e11",
    "Message": r"Block OB1 (mode=RUN) written to plc-line2 by eng-ws-07, path C:\Projects\Line2",
    "AdditionalExtensions": "start=1795469998101;end=1795469999940;OtoscopeSensorChange=raised;OtoscopeSensorStatus=open",
}


def row(form: str, event: Event, sensor: Sensor = SENSOR) -> dict:
    return json.loads(FORMS[form].write(event, sensor, FORMS[form].limit))


def test_an_alert_is_the_row_that_sentinel_makes_of_its_cef():
    assert row("commonsecuritylog", EXAMPLE) == ROW


def test_ipv6_has_its_columns():
    event = replace(EXAMPLE, source=replace(EXAMPLE.source, ip="fd00::15"), target=replace(EXAMPLE.target, ip="fd00::7"))
    written = row("commonsecuritylog", event, replace(SENSOR, address="fd00::5"))
    assert [written[f"DeviceCustomIPv6Address{number}"] for number in (1, 2, 3)] == ["fd00::5", "fd00::15", "fd00::7"]
    assert written["DeviceCustomIPv6Address2Label"] == "Source IPv6 Address"
    assert not {"SourceIP", "DestinationIP", "DeviceAddress"} & written.keys()


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_all_that_cef_says_is_in_the_row_and_no_more(path):
    for event in plant_events(path):
        header, extension = read(FORMS["cef"].write(event, SENSOR, 1_000_000))
        written = row("commonsecuritylog", event)
        others = dict(pair.split("=", 1) for pair in written.pop("AdditionalExtensions").split(";"))
        del written["TimeGenerated"], written["Computer"]
        assert sorted([*map(str, written.values()), *others.values()]) == sorted([*header, *extension.values()])
        assert others.items() <= extension.items()


def test_an_asset_is_a_row_of_the_inventory():
    assert row("assets_table", CHANGED) == {
        "TimeGenerated": "2026-11-23T21:40:00.5120000Z",
        "AssetId": "a-7",
        "SensorId": "sns-4b7e21",
        "Site": "plant-a",
        "Zone": "L1-Line2",
        "PurdueLevel": 3.5,
        "DeviceType": "plc",
        "Vendor": "Siemens",
        "Model": "CPU 1515",
        "Firmware": "V2.9",
        "Hostname": "plc-line2",
        "IpAddresses": ["10.20.1.7"],
        "MacAddresses": ["28:63:36:a1:b2:c3"],
        "Vlans": [120],
        "Protocols": ["s7comm"],
        "Roles": ["controller"],
        "FirstSeen": "2026-11-23T21:39:58.1012345Z",
        "LastSeen": "2026-11-23T21:40:00.0000000Z",
        "Confidence": 95,
        "Criticality": "high",
        "Change": "changed",
        "Attributes": {"name": "plc-line2", "type_confidence": 0.9, "level_settled": True, "changes": {"firmware": ["V2.8", "V2.9"]}},
    }


def test_an_event_that_tries_the_way_out_is_a_row_without_an_asset():
    assert "AssetId" not in row("assets_table", HEARTBEAT)


def test_what_is_too_long_for_a_column_is_cut_between_characters_and_counted():
    many = [f"10.{number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(10_000)]
    written = row("assets_table", replace(CHANGED, details={**ASSET, "ips": many, "vendor": "🔥" * 40_000, "changes": {"a": "x" * 70_000}}))
    kept = written["IpAddresses"]
    assert kept == many[: len(kept)]
    assert set(written["Vendor"]) == {"🔥"}
    assert written["Attributes"]["shortened"] == {
        "Vendor": 40_000 - len(written["Vendor"]),
        "IpAddresses": 10_000 - len(kept),
        "Attributes": 1,
    }
    assert written["Attributes"]["name"] == "plc-line2"
    assert all(50_000 < len(json.dumps(written[name], ensure_ascii=False).encode()) < FIELD for name in ("Vendor", "IpAddresses"))


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("limit", [5_000, 200_000, 1_000_000])
def test_a_row_stays_under_its_limit_whatever_is_in_it(form, limit):
    details = {
        **ASSET,
        **dict.fromkeys(("vendor", "model", "hostname", "zone", "name", "serial"), LONG),
        "ips": [LONG] * 9,
        "macs": ["a" * 17] * 9_999,
    }
    for event in (LONGEST, replace(LONGEST, details=details)):
        text = FORMS[form].write(event, LOUD, limit)
        assert len(text.encode()) <= limit
        assert fits(form, json.loads(text))


@pytest.mark.parametrize("form", TABLES)
@given(event=hostile_events, sensor=hostile_sensors)
def test_hostile_events_are_rows_that_the_table_takes(form, event, sensor):
    text = FORMS[form].write(event, sensor, 1_000_000)
    assert text.isprintable()
    written = json.loads(text)
    assert fits(form, written)
    if form == "commonsecuritylog":
        others = written["AdditionalExtensions"].split(";")
        assert all(pair.count("=") == 1 for pair in others)
        assert len({pair.split("=")[0] for pair in others}) == len(others)


def fits(form: str, written: dict) -> bool:
    columns = TABLES[form]
    sizes = [len(str(value).encode()) for value in written.values()]
    return all(name in columns and TYPES[columns[name]](value) for name, value in written.items()) and max(sizes) < FIELD
