"""CEF: what was published byte for byte, and no text from the wire that adds a field, breaks a line or gets lost."""

import hashlib
import re
from dataclasses import replace

import pytest
from cefevent import CEFEvent
from hypothesis import given, settings

from sensor.detections.model import Severity
from sensor.events import Change, End, Event, Kind, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms.cef import LABELS, write
from sensor.exports.syslog import message
from tests.exports import cef
from tests.exports.events import (
    EXAMPLE,
    HEARTBEAT,
    HOSTILE,
    LONG,
    LONGEST,
    LOUD,
    PLANTS,
    SENSOR,
    hostile_events,
    hostile_sensors,
    plant_events,
)

ROOM = 7_700
"""Octets: what the longest syslog header leaves of 8,000."""
OWN = b" OtoscopeSensorChange=raised OtoscopeSensorStatus=open"
NOT_IN_CEFEVENT = {"outcome", "type", "sproc", "requestContext", "devicePayloadId"}


def extension(event: Event, sensor: Sensor = SENSOR, limit: int = ROOM) -> dict[str, str]:
    line = write(event, sensor, limit)
    assert len(line.encode()) <= limit
    return cef.read(line)[1]


@pytest.mark.parametrize(
    ("header", "length", "digest"),
    [
        ("rfc3164", 1012, "cb128e1cc54c7d261e2da1f5e6c135794edcdc9d98dbbff71d420a31c7a614fb"),
        ("rfc5424", 1042, "f59ac2abdccd7ad9d74d0112d0401d187af57816dccc2c2f04551e1820392562"),
    ],
)
def test_the_measured_lines_byte_for_byte(header: str, length: int, digest: str) -> None:
    """They were measured before the keys of our own that every event has."""
    line = message(EXAMPLE, SENSOR, Destination(name="soc", scheme="tcp", header=header))
    assert line.count(OWN) == 1
    measured = line.replace(OWN, b"").removesuffix(b"\n")
    assert (len(measured), hashlib.sha256(measured).hexdigest()) == (length, digest)


def seen(text: str) -> str:
    """What is to arrive of a text: one space for each character that is not to be seen, none at the ends."""
    return re.sub("[^ ]", lambda found: found[0] if found[0].isprintable() else " ", text, flags=re.DOTALL).strip(" ")


def expected(text: str | None, limit: int) -> str | None:
    whole = seen(text or "")
    return (whole if len(whole) <= limit else whole[: limit - 3].rstrip(" ") + "...") or None


def arrived(found: str | None, wanted: str | None, *, whole: bool) -> bool:
    """As wanted, or where the line was too long the beginning of it or nothing."""
    if found == wanted or whole:
        return found == wanted
    return found is None or (wanted is not None and found.endswith("...") and wanted.startswith(found[:-3]))


@settings(max_examples=200, deadline=None)
@given(hostile_events, hostile_sensors)
def test_hostile_texts_arrive_cleaned_and_add_nothing(event: Event, sensor: Sensor) -> None:
    line = write(event, sensor, ROOM)
    assert len(line.encode()) <= ROOM
    header, found = cef.read(line)
    whole = len(write(event, sensor, 1_000_000).encode()) <= ROOM
    assert header[:2] == ["Otoscope", "Sensor"]
    for key, text in (
        ("msg", event.message),
        ("reason", event.reason),
        ("shost", event.source.hostname),
        ("dhost", event.target.hostname),
        ("cat", event.category),
        ("deviceInboundInterface", sensor.interface),
    ):
        limit = cef.TEXTS[key]
        assert arrived(found.get(key), expected(text, limit), whole=whole), key
    for key, text in (
        ("cs1", sensor.site),
        ("cs2", event.source.zone),
        ("cs3", event.target.zone),
        ("cs4", event.operation),
        ("cs5", event.object),
    ):
        assert arrived(found.get(key), expected(text, 4000), whole=whole), key
    assert arrived(found.get("externalId"), expected(event.id, 40), whole=whole)
    assert found.keys() <= ALLOWED[event.kind] | {f"OtoscopeSensor{name}" for name in camels(event)}


COMMON = {
    *cef.TEXTS,
    *cef.NUMBERS,
    *cef.ADDRESSES,
    *cef.MACS,
    *(f"{key}Label" for key in cef.LABELLED),
    "OtoscopeSensorChange",
    "OtoscopeSensorStatus",
}
COMMON |= {f"OtoscopeSensor{side}{what}" for side in ("Src", "Dst") for what in ("AssetId", "Name", "Level", "Type")}
ASSET = ("Vendor", "Model", "Firmware", "Serial", "Roles", "LevelConfidence", "Protocols", "Changed")
ALLOWED = {
    Kind.ALERT: COMMON,
    Kind.INCIDENT: COMMON | {"OtoscopeSensorAlertIds", "OtoscopeSensorAlertCount"},
    Kind.ASSET: COMMON | {f"OtoscopeSensor{name}" for name in ASSET},
    Kind.HEALTH: COMMON,
}


def camels(event: Event) -> set[str]:
    if event.kind is not Kind.HEALTH:
        return set()
    return {"Figure"} | {"".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))[:40] for name in event.details}


@settings(max_examples=100, deadline=None)
@given(hostile_events, hostile_sensors)
def test_a_second_opinion_accepts_every_field(event: Event, sensor: Sensor) -> None:
    second_opinion(write(event, sensor, ROOM))


def second_opinion(line: str) -> None:
    header, found = cef.read(line)
    judge = CEFEvent(strict=True)
    for name, value in zip(("deviceVendor", "deviceProduct", "deviceVersion", "signatureId", "name", "severity"), header, strict=True):
        judge.set_prefix(name, value)
    names = {short: entry["full_name"] for short, entry in judge._extension_dictionary.items()}
    for key, value in found.items():
        if key not in NOT_IN_CEFEVENT and not key.startswith("OtoscopeSensor"):
            judge.set_field(names[key], int(value) if value.isascii() and value.isdigit() else value)


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_every_event_of_the_plants_is_a_good_line_with_nothing_missing(path) -> None:
    events = plant_events(path)
    assert {event.kind for event in events} >= {Kind.ALERT, Kind.ASSET, Kind.HEALTH}
    for event in events:
        line = write(event, SENSOR, ROOM)
        second_opinion(line)
        header, found = cef.read(line)
        assert header == ["Otoscope", "Sensor", "0.1.0", event.type, event.title, str((0, 1, 4, 8, 10)[event.severity])]
        assert found["msg"] == event.message
        assert found["externalId"] == event.id


@pytest.mark.parametrize("limit", [8_000, ROOM])
def test_an_event_that_is_too_long_everywhere_fits(limit: int) -> None:
    found = extension(LONGEST, LOUD, limit)
    assert {"rt", "start", "end", "cat", "externalId", "c6a2", "c6a3", "smac", "dmac", "OtoscopeSensorChange"} <= found.keys()
    assert not {"msg", "cs5", "reason"} & found.keys()


def test_what_is_told_last_is_shortened_first() -> None:
    event = replace(EXAMPLE, message="m" * 1000, object="o" * 3900, reason="r" * 1000, operation="p" * 3900)
    found = extension(event)
    assert "msg" not in found
    assert found["cs5"] == "o" * (len(found["cs5"]) - 3) + "..."
    assert (found["reason"], found["cs4"]) == (event.reason, event.operation)


def test_a_value_is_cut_between_characters_and_not_within_an_escape() -> None:
    for text in ("=", "\\", "🔥", "a🔥=\\"):
        for limit in range(1200, 1230):
            found = extension(replace(EXAMPLE, message=text * 1000), limit=limit)
            assert text * 1000 == (text * 1000)[: len(found["msg"]) - 3] + (text * 1000)[len(found["msg"]) - 3 :]
            assert (text * 1000).startswith(found["msg"].removesuffix("..."))


def test_text_limits_count_characters() -> None:
    assert extension(replace(EXAMPLE, message="🔥" * 1023))["msg"] == "🔥" * 1023
    assert extension(replace(EXAMPLE, message="🔥" * 1024))["msg"] == "🔥" * 1020 + "..."


def test_ipv6_has_keys_of_its_own() -> None:
    event = replace(EXAMPLE, source=End(ip="fd00::1", port=1), target=End(ip="fd00::2"))
    found = extension(event, replace(SENSOR, address="fd00::3"))
    assert not {"src", "dst", "dvc"} & found.keys()
    assert [found[key] for key in ("c6a1", "c6a2", "c6a3")] == ["fd00::3", "fd00::1", "fd00::2"]
    assert found["c6a2Label"] == "Source IPv6 Address"
    assert found["c6a3Label"] == "Destination IPv6 Address"


def test_ends_without_ip_have_their_mac() -> None:
    found = extension(
        replace(EXAMPLE, source=End(mac="00:1b:1b:3c:4d:5e"), target=End(mac="01:0c:cd:01:00:01"), protocol="goose", transport=None)
    )
    assert (found["smac"], found["dmac"], found["app"]) == ("00:1B:1B:3C:4D:5E", "01:0C:CD:01:00:01", "GOOSE")
    assert not {"src", "dst", "spt", "dpt", "shost", "proto"} & found.keys()


@pytest.mark.parametrize("ip", ["fe80::1%a=b c", "10.0.0.1\n", "10.0.0.256", "00:1b:1b:3c:4d:5e", "", "\uff110.0.0.1"])
def test_what_is_no_address_is_not_told_as_one(ip: str) -> None:
    assert not {"src", "c6a2"} & extension(replace(EXAMPLE, source=End(ip=ip))).keys()


@pytest.mark.parametrize(
    ("outcome", "told"), [("accepted", "success"), ("rejected", "failure"), ("attempted", "no answer seen"), ("none", None)]
)
def test_outcomes(outcome: str, told: str | None) -> None:
    assert extension(replace(EXAMPLE, outcome=outcome)).get("outcome") == told


def test_an_asset_is_the_source_and_tells_who_it_is() -> None:
    event = replace(
        EXAMPLE,
        kind=Kind.ASSET,
        type="ot.asset.changed",
        change=Change.CHANGED,
        category="Inventory",
        severity=Severity.INFO,
        source=End(ip="10.20.1.7", asset="a-17", name="Line 2 PLC", type="plc", zone="L1-Line2", level=1.0),
        target=End(),
        details={
            "vendor": "Siemens; AG",
            "model": "S7=1500",
            "firmware": "V2.8",
            "serial": "S C-1",
            "roles": ["controller", "io_device"],
            "level_confidence": 0.934,
            "services": ["s7comm", "a,b"],
            "changes": {"firmware": ["V2.7", "V2.8"], "mode": ["run", "stop"]},
        },
    )
    found = extension(event)
    own = {key.removeprefix("OtoscopeSensor"): value for key, value in found.items() if key.startswith("OtoscopeSensor")}
    assert own == {
        "Change": "changed",
        "Status": "open",
        "SrcAssetId": "a-17",
        "SrcName": "Line 2 PLC",
        "SrcLevel": "1",
        "SrcType": "plc",
        "Vendor": "Siemens  AG",
        "Model": "S7 1500",
        "Firmware": "V2.8",
        "Serial": "S C-1",
        "Roles": "controller,io_device",
        "LevelConfidence": "93",
        "Protocols": "s7comm,a b",
        "Changed": "firmware,mode",
    }
    assert found["request"] == "https://ot-sensor-01.plant-a.example.net/assets/a-17"


def test_an_incident_names_its_alerts_but_not_too_many() -> None:
    ids = [f"alert-{number}" for number in range(30)]
    found = extension(replace(EXAMPLE, kind=Kind.INCIDENT, details={"alerts": ids, "actor": "a-1"}))
    assert found["OtoscopeSensorAlertIds"].split(",") == ids[:20]
    assert found["OtoscopeSensorAlertCount"] == "30"


def test_figures_of_health_have_keys_of_their_own() -> None:
    found = extension(HEARTBEAT)
    assert {key: found[f"OtoscopeSensor{key}"] for key in ("Packets", "Octets", "LostSegments")} == {
        "Packets": "1204",
        "Octets": "98211",
        "LostSegments": "0",
    }
    assert "request" not in found


def test_a_link_that_would_not_work_is_left_out() -> None:
    assert "request" not in extension(EXAMPLE, replace(SENSOR, console=None))
    assert "request" not in extension(EXAMPLE, replace(SENSOR, console="https://" + LONG))


@pytest.mark.parametrize("text", HOSTILE)
def test_ids_in_links_cannot_add_anything(text: str) -> None:
    found = extension(replace(EXAMPLE, id="x" + text))
    assert re.fullmatch(r"https://ot-sensor-01\.plant-a\.example\.net/alerts/[A-Za-z0-9._~%-]+", found["request"])


def test_every_label_has_its_key() -> None:
    assert LABELS.keys() == cef.LABELLED
