"""The JSON of events: it comes back as it was, whatever the texts, and from other versions too."""

import json
import math
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings

from sensor.events import End, Event, Sensor, decode, encode
from sensor.exports.forms.json import write
from tests.exports.events import EXAMPLE, LONGEST, LOUD, PLANTS, SENSOR, hostile_events, hostile_sensors, plant_events

LATEST = 2**63 - 1


def storable(value: object) -> object:
    """What UTF-8 can say of it, as JSON gives it back."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(each) for each in value)
    return value


def as_kept(event: Event) -> Event:
    texts = {
        name: storable(value)
        for name, value in ((name, getattr(event, name)) for name in Event.__slots__)
        if type(value) in (str, tuple, dict)
    }
    times = {name: min(max(getattr(event, name), 0), LATEST) for name in ("at", "first", "last")}
    ends = {name: End(**{key: storable(value) for key, value in asdict(getattr(event, name)).items()}) for name in ("source", "target")}
    return replace(event, **texts, **times, **ends)


@settings(max_examples=100, deadline=None)
@given(hostile_events)
def test_every_event_comes_back_from_the_outbox(event: Event) -> None:
    assert decode(encode(event)) == as_kept(event)


@settings(max_examples=100, deadline=None)
@given(hostile_events, hostile_sensors)
def test_every_event_comes_back_from_its_line(event: Event, sensor: Sensor) -> None:
    line = write(event, sensor, 1_000_000)
    assert line.isprintable()
    assert decode(line.encode()) == as_kept(event)
    assert json.loads(line)["sensor"] == {name: storable(value) for name, value in asdict(sensor).items() if value}


@pytest.mark.parametrize("details", [{"share": math.nan, "most": math.inf}, {"share": math.nan, "name": "a\ud800b", 7: [-math.inf, 2**70]}])
def test_what_json_cannot_say_is_null_and_the_rest_is_read(details) -> None:
    event = replace(EXAMPLE, details=details, confidence=math.nan)
    as_read = {"share": None, "most": None, "name": "a?b", "7": [None, float(2**70)]}
    for octets in (encode(event), write(event, SENSOR, 1_000_000).encode()):
        kept = decode(octets)
        assert kept.details == {key: as_read[key] for key in map(str, details)}
        assert replace(kept, details={}, confidence=0.95) == EXAMPLE


@pytest.mark.parametrize("path", PLANTS, ids=lambda path: path.stem)
def test_events_of_the_plants_come_back(path) -> None:
    for event in plant_events(path):
        assert decode(write(event, SENSOR, 1_000_000).encode()) == event


@pytest.mark.parametrize("text", ["\x00", "\U000e0041", "🔥", '"', "\ud800"])
def test_what_is_too_long_is_cut_and_still_an_event(text: str) -> None:
    texts = dict.fromkeys(("message", "reason", "operation", "object", "protocol"), text * 16_000)
    line = write(replace(EXAMPLE, **texts), LOUD, 64_000)
    assert len(line.encode()) <= 64_000
    assert decode(line.encode()).severity is EXAMPLE.severity


def test_what_is_too_long_everywhere_is_cut() -> None:
    line = write(LONGEST, LOUD, 64_000)
    assert len(line.encode()) <= 64_000
    assert decode(line.encode()).severity is LONGEST.severity


def test_first_goes_what_is_least_needed() -> None:
    event = replace(EXAMPLE, evidence=("e" * 2000,), details={"d": "d" * 2000})
    assert decode(write(event, SENSOR, 4000).encode()) == replace(event, evidence=())
    assert decode(write(event, SENSOR, 2000).encode()) == replace(event, evidence=(), details={})


def test_times_are_readable_and_exact() -> None:
    row = json.loads(encode(replace(EXAMPLE, first=1795469998101000001)))
    assert row["first"] == "2026-11-23T21:39:58.101000001Z"
    assert row["schema"] == "otoscope.event/1"


def test_another_version_may_know_more_or_less() -> None:
    row = json.loads(encode(EXAMPLE))
    row["mood"], row["source"]["mood"] = "good", "better"
    del row["reason"], row["target"], row["techniques"], row["details"]
    assert decode(json.dumps(row).encode()) == replace(EXAMPLE, reason="", target=End(), techniques=(), details={})


@pytest.mark.parametrize(
    "octets", [b"", b"{", b"[]", b"{}", b"\xff", b"null", encode(EXAMPLE).replace(b'"alert"', b'"mood"'), encode(EXAMPLE)[:-1]]
)
def test_what_is_no_event_is_a_value_error(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  it has many texts
        decode(octets)
