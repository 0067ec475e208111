"""Syslog: headers that receivers read right, sizes and framing that are what they say."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sensor.detections.model import Severity
from sensor.events import Event, Kind, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.syslog import header, message
from tests.exports.events import EXAMPLE, HEARTBEAT, LONGEST, LOUD, SENSOR, hostile_events, hostile_sensors

RFC3164 = re.compile(rb"<(\d{1,3})>((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d) ([A-Za-z0-9._-]{1,255}) ")
RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([A-Za-z0-9._-]{1,255}) otoscope - (alert|incident|asset|health) - "
)
HEADERS = {"rfc3164": RFC3164, "rfc5424": RFC5424}
SYSLOG_FORMS = ("cef", "leef", "plain")


def to(form: str = "cef", **settings_: object) -> Destination:
    return Destination(name="soc", scheme="tcp", form=form, **settings_)


@settings(max_examples=150, deadline=None)
@given(hostile_events, hostile_sensors, some.sampled_from(SYSLOG_FORMS), some.sampled_from(sorted(HEADERS)), some.integers(0, 23))
def test_every_message_is_one_line_with_a_good_header(event: Event, sensor: Sensor, form: str, kind: str, facility: int) -> None:
    line = message(event, sensor, to(form, header=kind, facility=facility))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert not set(line[:-1]) & set(range(32))
    assert len(line) - 1 <= FORMS[form].limit
    found = HEADERS[kind].match(line)
    assert found, line[:100]
    assert int(found[1]) // 8 == facility
    assert not re.fullmatch(rb"[-._]|[-._].*|.*[-._]", found[3])


@settings(max_examples=50, deadline=None)
@given(hostile_events, hostile_sensors, some.sampled_from([*SYSLOG_FORMS, "json", "ocsf"]))
def test_octet_counts_are_right(event: Event, sensor: Sensor, form: str) -> None:
    framed = message(event, sensor, to(form, framing="octet"))
    count, _, line = framed.partition(b" ")
    assert int(count) == len(line)
    assert line + b"\n" == message(event, sensor, to(form))


@pytest.mark.parametrize("form", [*SYSLOG_FORMS, "json", "ocsf"])
def test_a_datagram_has_no_framing_and_fits(form: str) -> None:
    for framing in ("lf", "octet"):
        line = message(EXAMPLE, SENSOR, Destination(name="soc", scheme="udp", form=form, framing=framing))
        assert line + b"\n" == message(EXAMPLE, SENSOR, to(form))
        assert len(message(LONGEST, LOUD, Destination(name="soc", scheme="udp", form=form, framing=framing))) <= 65_507


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_json_is_a_line_without_header(form: str) -> None:
    assert message(EXAMPLE, SENSOR, to(form)).startswith(b"{")
    assert message(EXAMPLE, SENSOR, to(form)).endswith(b"}\n")


@pytest.mark.parametrize("form", ["plain", "json", "ocsf"])
def test_what_is_neither_cef_nor_leef_has_a_tag_in_rfc_3164(form: str) -> None:
    assert b" ot-sensor-01 otoscope: " in message(EXAMPLE, SENSOR, to(form, header="rfc3164"))
    assert b"otoscope: " not in message(EXAMPLE, SENSOR, to(form, header="rfc5424"))


@pytest.mark.parametrize(("severity", "priority"), [(0, 166), (1, 165), (2, 164), (3, 163), (4, 162)])
def test_priorities(severity: int, priority: int) -> None:
    event = replace(EXAMPLE, severity=Severity(severity))
    assert header(event, SENSOR, "rfc3164", 20).startswith(f"<{priority}>")
    assert header(event, SENSOR, "rfc5424", 20).startswith(f"<{priority}>1 ")
    assert header(event, SENSOR, "rfc5424", 0).startswith(f"<{priority - 160}>1 ")


@given(some.integers(0, 2**63 - 1))
def test_times_are_utc(at: int) -> None:
    then = datetime.fromtimestamp(at // 10**9, UTC)
    assert header(replace(EXAMPLE, at=at), SENSOR, "rfc5424", 20).split()[1] == f"{then:%Y-%m-%dT%H:%M:%S}.{at // 10**6 % 1000:03}Z"
    assert header(replace(EXAMPLE, at=at), SENSOR, "rfc3164", 20)[5:20] == f"{then:%b} {then.day:2} {then:%H:%M:%S}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ot-sensor-01", "ot-sensor-01"),
        ("ot-sensor-01.plant-a.example.net", "ot-sensor-01.plant-a.example.net"),
        ("10.20.0.5", "10.20.0.5"),
        ("fd00::5", "sns-4b7e21"),
        ("[fd00::5]", "sns-4b7e21"),
        ("", "sns-4b7e21"),
        ("\r\n", "sns-4b7e21"),
        ("..", "sns-4b7e21"),
        ("ot sensor\n<1>", "ot-sensor-1"),
        ("Kläranlage", "Kl-ranlage"),
        ("a" * 300, "a" * 255),
        ("a" * 254 + ".b", "a" * 254),
    ],
)
def test_host_names(name: str, shown: str) -> None:
    assert header(EXAMPLE, replace(SENSOR, name=name), "rfc3164", 20).split()[3] == shown


def test_a_sensor_without_any_name_still_has_one() -> None:
    assert header(EXAMPLE, Sensor(id="", name="", version=""), "rfc3164", 20).split()[3] == "otoscope"


@pytest.mark.parametrize("kind", Kind)
def test_the_message_id_is_what_it_is_about(kind: Kind) -> None:
    assert f" otoscope - {kind} - " in header(replace(HEARTBEAT, kind=kind), SENSOR, "rfc5424", 20)


def test_no_header_where_none_is_wanted() -> None:
    assert message(EXAMPLE, SENSOR, to(header="none")).startswith(b"CEF:0|Otoscope|Sensor|")
