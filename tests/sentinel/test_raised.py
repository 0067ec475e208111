"""When an alert makes an incident: OtoscopeRaised, of which all rules on alerts are made, over what a sensor sends one after the other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deploy.sentinel.generator.content import queries
from deploy.sentinel.generator.rules import PERIOD
from sensor.detections.model import Severity
from sensor.events import Change, End
from sensor.telling import health_event
from tests.exports.events import EXAMPLE, SENSOR
from tests.sentinel import kql
from tests.sentinel.test_columns import line, read

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
(RAISED,) = (query.text for query in queries("functions") if query.name == "OtoscopeRaised")
ALERT = replace(EXAMPLE, severity=Severity.MEDIUM)
COUNTED = replace(ALERT, change=Change.COUNTED, count=99)
DAY = 24 * 60
LOOK_BACK = {"1d": timedelta(days=1)}[PERIOD]


def sent(event, minutes, sensor=SENSOR, arrived=None):
    """The row of an event that was sent so many minutes ago, and arrived then, or so many minutes ago as said."""
    at = int((NOW - timedelta(minutes=minutes)).timestamp()) * 1_000_000_000
    arrival = NOW - timedelta(minutes=minutes if arrived is None else arrived)
    return read(line(replace(event, at=at), sensor)) | {"TimeGenerated": arrival, "IngestionTime": arrival}


def raised(*rows, least=1):
    """What a rule sees: no row from before its period."""
    seen = [row for row in rows if row["TimeGenerated"] > NOW - LOOK_BACK]
    return kql.raised(RAISED, seen, {"window": WINDOW, "least": least, "ago": lambda span: NOW - span})


def test_an_alert_is_told_once():
    assert [row["AlertId"] for row in raised(sent(ALERT, 2))] == [ALERT.id]
    assert raised(sent(ALERT, 7)) == []


def test_an_alert_that_is_counted_up_or_sent_again_is_not_told_again():
    assert raised(sent(ALERT, 60), sent(COUNTED, 2)) == []
    assert raised(sent(ALERT, 60), sent(ALERT, 60, arrived=2)) == []
    both = raised(sent(ALERT, 4), sent(COUNTED, 1))
    assert [(row["AlertId"], row["Count"]) for row in both] == [(ALERT.id, 99)], "once, as it is now"


def test_an_alert_that_goes_on_after_a_quiet_day_is_not_told_again():
    assert raised(sent(ALERT, 3 * DAY), sent(COUNTED, 2)) == []


def test_an_alert_that_arrives_days_late_is_told():
    (row,) = raised(sent(ALERT, 3 * DAY, arrived=2))
    assert row["AlertId"] == ALERT.id


def test_an_alert_that_gets_worse_is_told_again_however_long_ago_it_was_told():
    worse = replace(ALERT, change=Change.WORSE, severity=Severity.HIGH)
    for before in (60, 3 * DAY):
        (row,) = raised(sent(ALERT, before), sent(worse, 2))
        assert row["SentinelSeverity"] == "High"
    assert raised(sent(replace(ALERT, severity=Severity.HIGH), 60), sent(COUNTED, 2)) == [], "it got better"


def test_an_alert_that_is_opened_again_is_told_again():
    for status in ("closed", "muted", "learned"):
        settled = replace(ALERT, change=Change.CLOSED, status=status)
        for before in (60, 3 * DAY):
            assert len(raised(sent(ALERT, before + 30), sent(settled, before), sent(ALERT, 2))) == 1


def test_what_is_closed_learned_or_muted_is_not_told():
    for status in ("closed", "learned", "muted"):
        assert raised(sent(replace(ALERT, status=status), 2)) == []
        assert raised(sent(ALERT, 4), sent(replace(ALERT, change=Change.CLOSED, status=status), 2)) == []


def test_the_same_id_at_another_sensor_is_another_alert():
    assert [row["SensorId"] for row in raised(sent(ALERT, 60), sent(ALERT, 2, replace(SENSOR, id="sns-2")))] == ["sns-2"]


def test_what_is_below_the_least_severity_is_not_told():
    assert raised(sent(replace(ALERT, severity=Severity.INFO), 2)) == []
    assert raised(sent(ALERT, 2), least=8) == []


def test_health_and_inventory_are_not_alerts():
    assert raised(sent(health_event("export_test", "Test event", 0, severity=Severity.LOW), 2)) == []


def test_a_title_says_what_happened_where_and_fits():
    (row,) = raised(sent(ALERT, 2))
    assert row["Title"] == "plant-a: Unauthorized PLC Programming (eng-ws-07 to plc-line2)"
    (row,) = raised(sent(replace(ALERT, target=End(), source=End(hostname="x" * 1000), object="y" * 3000), 2))
    assert (len(row["Title"]), len(row["Object"])) == (250, 500)
    (row,) = raised(sent(replace(ALERT, source=End()), 2))
    assert (row["Title"], row["Actor"]) == ("plant-a: Unauthorized PLC Programming (plc-line2)", "plc-line2")
    (row,) = raised(sent(replace(ALERT, source=End(), target=End()), 2, replace(SENSOR, site="")))
    assert row["Title"] == f"Unauthorized PLC Programming ({SENSOR.full_name})"
