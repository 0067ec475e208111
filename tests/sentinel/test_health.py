"""What a sensor tells of itself, against what the content reads of it."""

import re

import pytest

from deploy.sentinel.generator.catalogue import OTHERS
from deploy.sentinel.generator.content import queries
from sensor.events import Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms import cef
from sensor.store import Bounds, Store
from sensor.telling import health_event

SENSOR = Sensor(id="sns-1", name="sensor-1", version="1.0")
EVENTS, RULE = (
    next(query.text for query in queries(kind) if query.name == name)
    for kind, name in (("functions", "OtoscopeEvents"), ("rules", "ExportDropped"))
)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store.db") as opened:
        opened.outbox.register([Destination(name="siem", scheme="tcp", host="127.0.0.1")], Bounds(megabytes=0.001))
        yield opened


def test_each_figure_that_is_read_stands_in_a_heartbeat(store):
    line = cef.write(health_event("heartbeat", "Sensor heartbeat", 1, figures=store.outbox.figures()), SENSOR, 8000)
    figures = {"Packets", "Octets", "Assets", "AlertsOpen", "LostSegments", "Waiting", "Dropped"}
    read = {name for name, key in re.findall(r"(\w+) = OtoscopeSensor(\w+)", EVENTS) if name == key}
    assert figures <= read
    assert [name for name in figures if f" OtoscopeSensor{name}=" not in line] == []


def test_what_is_told_of_dropped_events_is_what_the_rule_reads(store):
    store.outbox.tell([health_event("heartbeat", "Sensor heartbeat", number) for number in range(100)])
    waiting = [event for _, event in store.outbox.after("siem", store.outbox.cursor("siem"), 1000).events]
    (dropped,) = {event.id: event for event in waiting if event.type == "ot.sensor.export_dropped"}.values()
    line = cef.write(dropped, SENSOR, 8000)
    assert f" cnt={dropped.count} " in line
    assert dropped.count > 1
    assert "OtoscopeSensorStatus=open" in line
    assert "OtoscopeSensorDropped" not in line
    assert re.search(r'tolong\(Count\), AlertType == "ot\.sensor\.export_dropped"', RULE)
    assert ("ot.sensor.export_dropped", dropped.title, dropped.category) in OTHERS
