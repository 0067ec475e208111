"""LEEF: no text from the wire that adds an attribute or breaks a line, read back by a strict reader."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sensor.detections.model import Severity
from sensor.events import End, Event, Sensor
from sensor.exports.forms.leef import write
from tests.exports.events import EXAMPLE, HEARTBEAT, HOSTILE, LONGEST, LOUD, PLANTS, SENSOR, hostile_events, hostile_sensors, plant_events

ROOM = 3_800
_HEADER = re.compile(r"LEEF:2\.0\|([^|^]+)\|([^|^]+)\|([^|]+)\|([^|]{1,255})\|\^\|")
_PAIR = re.compile(r"([A-Za-z0-9]+)=((?:[^=^]|(?<=\\)=)+)")
KNOWN = {
    "devTime",
    "devTimeFormat",
    "cat",
    "sev",
    "src",
    "dst",
    "srcPort",
    "dstPort",
    "srcMAC",
    "dstMAC",
    "proto",
    "url",
    "title",
    "start",
    "end",
    "cnt",
    "externalId",
    "dvc",
    "dvchost",
    "deviceExternalId",
    "deviceInboundInterface",
    "srcHostName",
    "dstHostName",
    "app",
    "outcome",
    "reason",
    "site",
    "srcZone",
    "dstZone",
    "operation",
    "object",
    "attackTechniques",
    "confidence",
    "vlanId",
    "functionCode",
    "msg",
}


def read(line: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Header and attributes; AssertionError where the line breaks a rule."""
    assert line.isprintable()
    header = _HEADER.match(line)
    assert header, "no header"
    found: dict[str, str] = {}
    for pair in line[header.end() :].split("^"):
        attribute = _PAIR.fullmatch(pair)
        assert attribute, pair
        key, value = attribute.groups()
        assert key not in found, f"{key} twice"
        assert key in KNOWN or re.fullmatch("OtoscopeSensor[A-Z0-9][A-Za-z0-9]*", key), key
        assert value == value.strip(" ")
        found[key] = value.replace("\\=", "=")
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\+0000", found["devTime"])
    assert 1 <= int(found["sev"]) <= 10
    return header.groups(), found


def seen(text: str) -> str:
    """What is to arrive of a text."""
    return "".join(character if character.isprintable() and character != "^" else " " for character in text).strip(" ")


@settings(max_examples=150, deadline=None)
@given(hostile_events, hostile_sensors)
def test_hostile_texts_arrive_cleaned_and_add_nothing(event: Event, sensor: Sensor) -> None:
    line = write(event, sensor, ROOM)
    assert len(line.encode()) <= ROOM
    found = read(line)[1]
    for key, text in (("msg", event.message), ("reason", event.reason), ("object", event.object), ("srcZone", event.source.zone)):
        whole = seen(text or "")
        value = found.get(key, "")
        assert value == whole or not value or (value.endswith("...") and whole.startswith(value[:-3].rstrip()))


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_every_event_of_the_plants_is_a_good_line(path) -> None:
    for event in plant_events(path):
        header, found = read(write(event, SENSOR, ROOM))
        assert header == ("Otoscope", "Sensor", "0.1.0", event.type)
        assert (found["cat"], found["externalId"], found["msg"]) == (event.category, event.id, seen(event.message))


def test_the_example() -> None:
    header, found = read(write(EXAMPLE, SENSOR, ROOM))
    assert header == ("Otoscope", "Sensor", "0.1.0", "ot.plc.program_download")
    assert found["devTime"] == "2026-11-23T21:40:00.512+0000"
    assert found["devTimeFormat"] == "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
    assert found["msg"] == EXAMPLE.message
    assert [found[key] for key in ("src", "srcPort", "srcMAC", "dst", "dstPort", "dstMAC", "proto", "sev")] == [
        "10.20.3.15", "49213", "00:1B:1B:3C:4D:5E", "10.20.1.7", "102", "28:63:36:A1:B2:C3", "TCP", "8",
    ]  # fmt: skip


@pytest.mark.parametrize(("severity", "number"), [(0, "1"), (1, "3"), (2, "5"), (3, "8"), (4, "10")])
def test_severities(severity: int, number: str) -> None:
    assert read(write(replace(EXAMPLE, severity=Severity(severity)), SENSOR, ROOM))[1]["sev"] == number


def test_ipv6_has_the_same_keys() -> None:
    found = read(write(replace(EXAMPLE, source=End(ip="fd00::1"), target=End(ip="fd00::2")), SENSOR, ROOM))[1]
    assert (found["src"], found["dst"]) == ("fd00::1", "fd00::2")


@pytest.mark.parametrize("text", [*HOSTILE, "^src=192.0.2.66", "src=192.0.2.66"])
def test_nothing_from_the_wire_looks_like_an_attribute(text: str) -> None:
    """QRadar's own properties look for `src=` anywhere in the line."""
    line = write(replace(EXAMPLE, message=text, reason=text, source=End(hostname=text), target=End()), SENSOR, ROOM)
    assert not re.search(r"\b(src|dst|devTime)=(?!2026)", line)


def test_figures_keep_their_names() -> None:
    assert read(write(HEARTBEAT, SENSOR, ROOM))[1]["OtoscopeSensorLostSegments"] == "0"


def test_an_event_that_is_too_long_everywhere_fits() -> None:
    line = write(LONGEST, LOUD, ROOM)
    assert len(line.encode()) <= ROOM
    assert {"devTime", "sev", "cat", "src", "dst"} <= read(line)[1].keys()
