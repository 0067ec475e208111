"""Plain text: no text from the wire that adds a key or breaks a line, read back by a strict reader."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sensor.events import End, Event, Kind, Sensor
from sensor.exports.forms.plain import write
from tests.exports.events import EXAMPLE, HEARTBEAT, LONGEST, LOUD, PLANTS, SENSOR, hostile_events, hostile_sensors, plant_events

ROOM = 7_700
_PAIR = re.compile(r'([a-z0-9_]+)=(?:([A-Za-z0-9._:/@+-]+)|"((?:[^"\\]|\\["\\])+)")( (?=.)|$)')
KNOWN = {
    "severity",
    "title",
    "message",
    "type",
    "category",
    "id",
    "count",
    "at",
    "first",
    "last",
    "source",
    "source_port",
    "source_mac",
    "source_host",
    "target",
    "target_port",
    "target_mac",
    "target_host",
    "transport",
    "protocol",
    "outcome",
    "reason",
    "site",
    "source_zone",
    "target_zone",
    "operation",
    "object",
    "techniques",
    "confidence",
    "vlan",
    "function",
    "sensor",
    "sensor_id",
    "link",
    "change",
    "status",
    "source_asset_id",
    "source_name",
    "source_level",
    "source_type",
    "target_asset_id",
    "target_name",
    "target_level",
    "target_type",
}
ASSET = {"vendor", "model", "firmware", "serial", "roles", "level_confidence", "protocols", "changed"}


def read(line: str) -> dict[str, str]:
    """The pairs; AssertionError where the line breaks a rule."""
    assert line.isprintable()
    found: dict[str, str] = {}
    at = 0
    while at < len(line):
        pair = _PAIR.match(line, at)
        assert pair, line[at : at + 40]
        key, bare, quoted, _ = pair.groups()
        assert key not in found, f"{key} twice"
        found[key] = bare or re.sub(r"\\(.)", r"\1", quoted)
        at = pair.end()
    return found


def seen(text: str) -> str:
    """What is to arrive of a text."""
    return "".join(character if character.isprintable() else " " for character in text).strip(" ")


@settings(max_examples=150, deadline=None)
@given(hostile_events, hostile_sensors)
def test_hostile_texts_arrive_cleaned_and_add_nothing(event: Event, sensor: Sensor) -> None:
    line = write(event, sensor, ROOM)
    assert len(line.encode()) <= ROOM
    found = read(line)
    for key, text in (("message", event.message), ("reason", event.reason), ("object", event.object), ("source_zone", event.source.zone)):
        whole = seen(text or "")
        value = found.get(key, "")
        assert value == whole or not value or (value.endswith("...") and whole.startswith(value[:-3].rstrip()))
    if event.kind is Kind.ALERT:
        assert found.keys() <= KNOWN
    if event.kind is Kind.ASSET:
        assert found.keys() <= KNOWN | ASSET


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_every_event_of_the_plants_is_a_good_line(path) -> None:
    for event in plant_events(path):
        found = read(write(event, SENSOR, ROOM))
        assert [found[key] for key in ("severity", "title", "message", "type", "id")] == [
            str(event.severity), event.title, event.message, event.type, event.id,
        ]  # fmt: skip


def test_the_most_important_comes_first() -> None:
    line = write(EXAMPLE, SENSOR, ROOM)
    assert line.startswith('severity=high title="Unauthorized PLC Programming" message="Block OB1 (mode=RUN) written')
    assert read(line)["message"] == EXAMPLE.message


def test_ipv6_and_ends_without_ip() -> None:
    found = read(write(replace(EXAMPLE, source=End(ip="fd00::1"), target=End(mac="01:0c:cd:01:00:01")), SENSOR, ROOM))
    assert (found["source"], found["target_mac"]) == ("fd00::1", "01:0C:CD:01:00:01")
    assert "target" not in found


def test_figures_keep_their_names() -> None:
    assert read(write(HEARTBEAT, SENSOR, ROOM))["lost_segments"] == "0"


def test_an_event_that_is_too_long_everywhere_fits() -> None:
    line = write(LONGEST, LOUD, ROOM)
    assert len(line.encode()) <= ROOM
    assert {"severity", "title", "type", "at", "source", "target"} <= read(line).keys()
