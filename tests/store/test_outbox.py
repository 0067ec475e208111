"""What is told to others: what of a save goes to the outbox, and how the outbox keeps its bounds."""

import sqlite3
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import delete, update

from sensor.detections.model import Outcome, Severity
from sensor.errors import StoreError
from sensor.events import Change, Event, Kind
from sensor.exports.destination import Destination
from sensor.inventory.model import Level
from sensor.store import ALERTS, Bounds, Query, Run, Store
from sensor.store import outbox as module
from sensor.store.connect import connect, writing
from sensor.store.tables import meta, outbox
from sensor.telling import health_event
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import SECOND, alert, asset, field, incident, shifted, with_findings

MONDAY = Run("monday")
HOUR = 3600
SIEM = Destination(name="siem", scheme="tcp", host="127.0.0.1")


def listening(store: Store, *destinations: Destination, **bounds: float) -> Store:
    store.outbox.register(destinations or [SIEM], Bounds(**bounds))
    return store


def waiting(store: Store, name: str = "siem") -> list[Event]:
    return [event for _, event in store.outbox.after(name, store.outbox.cursor(name), 10_000).events]


def taken(store: Store, name: str = "siem") -> list[Event]:
    """What waits, which is delivered then."""
    portion = store.outbox.after(name, store.outbox.cursor(name), 10_000)
    store.outbox.advance(name, portion.upto, len(portion.events))
    return [event for _, event in portion.events]


def of_alerts(events: list[Event]) -> list[tuple[Change, str, int]]:
    return [(event.change, event.status, event.count) for event in events if event.kind is Kind.ALERT]


def reading(number: int) -> Event:
    return health_event("heartbeat", "Sensor heartbeat", number, figures={"number": number})


@pytest.fixture
def at_last(demo):
    """An alert of the last moment of the capture."""
    return alert(first=demo.statistics.last, last=demo.statistics.last)


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The same capture two hours later."""
    moved = shifted(PCAPS / "demo.pcap", tmp_path_factory.mktemp("later") / "later.pcap", 2 * HOUR)
    return replace(known_of(moved), alerts=(), incidents=(), violations=())


def test_nobody_who_listens_nothing_that_waits(database, demo):
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(alert(),)), MONDAY)
        assert store.outbox.states() == []
        store.outbox.tell([reading(1)])
        assert waiting(listening(store)) == []


def test_a_save_tells_the_inventory_the_alerts_and_the_incidents(database, demo):
    one = alert(source="0123456789", source_ip="192.0.2.10")
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(one,), incidents=(incident(one),), assets=(asset(),)), MONDAY)
        events = waiting(store)
        kinds = [event.kind for event in events]
        assert kinds == sorted(kinds, key=[Kind.ASSET, Kind.ALERT, Kind.INCIDENT].index)
        assert kinds.count(Kind.ASSET) == len(demo.assets) + 1
        told, story = events[-2:]
        assert (told.id, told.type, told.severity, told.category) == (one.id, "ot.plc.stop", Severity.CRITICAL, "Operational")
        assert (told.source.ip, told.source.name, told.source.zone, told.source.level) == ("192.0.2.10", "Boiler PLC", "cell 1", 1.0)
        assert (told.source.mac, told.source.type) == ("00:1b:1b:00:00:01", "plc")
        assert (story.details["alerts"], story.message) == ([one.id], "Vendor laptop attacks")


def test_the_same_again_tells_nothing(database, demo):
    for _ in range(2):
        with listening(Store.open(database)) as store:
            taken(store)
            store.save(with_findings(demo, alerts=(alert(),), assets=(asset(),)), MONDAY)
            again = waiting(store)
    assert again == []


def test_an_alert_that_goes_on_is_told_when_it_has_doubled_or_an_hour_has_passed(database, demo, later, at_last):
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(replace(at_last, count=10),)), MONDAY)
        assert of_alerts(taken(store)) == [(Change.RAISED, "open", 10)]
        store.save(with_findings(demo, alerts=(replace(at_last, count=11),)), MONDAY)
        assert of_alerts(taken(store)) == []
        store.save(with_findings(demo, alerts=(replace(at_last, count=20),)), MONDAY)
        assert of_alerts(taken(store)) == [(Change.COUNTED, "open", 20)]
        store.save(with_findings(demo, alerts=(replace(at_last, count=21),)), MONDAY)
        assert of_alerts(taken(store)) == []
        store.save(with_findings(later, alerts=(replace(at_last, count=21),)), MONDAY)
        assert of_alerts(taken(store)) == [(Change.COUNTED, "open", 21)]


def test_a_clock_that_was_ahead_delays_nothing(database, demo, later, at_last):
    """What was told then seems to have been told in years from now."""
    ahead = replace(at_last, count=10, last=at_last.last + 1000 * HOUR * SECOND)
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(ahead,)), MONDAY)
        assert of_alerts(taken(store)) == [(Change.RAISED, "open", 10)]
        store.save(with_findings(demo, alerts=(replace(at_last, count=11),)), MONDAY)
        assert of_alerts(taken(store)) == []
        store.save(with_findings(later, alerts=(replace(at_last, count=11),)), MONDAY)
        assert of_alerts(taken(store)) == [(Change.COUNTED, "open", 11)]


def test_an_alert_that_gets_worse_is_told_at_once(database, demo, at_last):
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(replace(at_last, severity=Severity.LOW, outcome=Outcome.REJECTED),)), MONDAY)
        taken(store)
        store.save(with_findings(demo, alerts=(replace(at_last, severity=Severity.LOW),)), MONDAY)
        store.save(with_findings(demo, alerts=(at_last,)), MONDAY)
        told = [(event.change, event.severity, event.outcome) for event in taken(store)]
        assert told == [(Change.COUNTED, Severity.LOW, "accepted"), (Change.WORSE, Severity.CRITICAL, "accepted")]
        store.save(with_findings(demo, alerts=(replace(at_last, severity=Severity.HIGH),)), MONDAY)
        assert [(event.change, event.severity) for event in taken(store)] == [(Change.COUNTED, Severity.HIGH)]


def test_an_alert_that_does_not_hold_any_more_is_told_as_closed(database, demo):
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(alert(),)), MONDAY)
        taken(store)
        store.save(with_findings(demo), MONDAY)
        [event] = taken(store)
        assert (event.id, event.change, event.status) == (alert().id, Change.CLOSED, "closed")
        assert event.reason == "what it rested on does not hold any more"


def test_what_people_say_of_an_alert_is_told(database, demo):
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(alert(),)), MONDAY)
        taken(store)
        store.judge(alert().id, "close", "maintenance", who="ada")
        store.judge(alert().id, "comment", "says nothing new", who="ada")
        store.judge(alert().id, "open", who="bob")
        told = [(event.change, event.status, event.reason) for event in taken(store)]
        assert told == [(Change.CLOSED, "closed", "closed by ada: maintenance"), (Change.RAISED, "open", "open by bob")]


def test_a_closed_alert_that_happens_again_is_told_and_a_muted_one_is_not(database, demo):
    closed, muted = alert("closed00"), alert("muted000")
    again = [replace(one, last=one.last + SECOND, count=50) for one in (closed, muted)]
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(closed, muted)), MONDAY)
        store.judge(closed.id, "close")
        store.judge(muted.id, "mute")
        taken(store)
        store.save(with_findings(demo, alerts=tuple(again)), MONDAY)
        assert [(event.id, event.change, event.status) for event in taken(store)] == [(closed.id, Change.RAISED, "open")]


def test_an_asset_tells_what_has_changed_and_that_it_is_gone(database, demo, later):
    new = asset(first=demo.statistics.first, last=demo.statistics.last)
    moved = replace(new, level=Level(2.0, 0.9, settled=True), fields=new.fields | {"firmware": field("V4.2")})
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, assets=(new,)), MONDAY)
        assert {event.type for event in taken(store)} == {"ot.asset.new"}
        store.save(with_findings(demo, assets=(moved,)), MONDAY)
        assert taken(store) == []  # it has just been told
        store.save(with_findings(later, assets=(moved,)), MONDAY)
        [changed] = [event for event in taken(store) if event.details["id"] == new.id]
        assert changed.type == "ot.asset.changed"
        assert changed.details["changes"] == {"firmware": [None, "V4.2"], "level": [1.0, 2.0]}
        assert changed.message == "Boiler PLC: firmware: unknown → V4.2, level: 1 → 2"
        store.save(with_findings(later), MONDAY)
        assert [(event.type, event.details["name"]) for event in taken(store)] == [("ot.asset.gone", "Boiler PLC")]


def test_each_destination_gets_what_it_wants_at_its_own_pace(database, demo):
    grave = replace(SIEM, name="grave", kinds=frozenset({Kind.ALERT}), least=Severity.HIGH)
    with listening(Store.open(database), SIEM, grave) as store:
        store.save(
            with_findings(demo, alerts=(alert("low00000", severity=Severity.LOW), alert("high0000", severity=Severity.HIGH))), MONDAY
        )
        assert [event.id for event in waiting(store, "grave")] == ["high0000"]
        assert len(taken(store)) == len(demo.assets) + 2
        assert waiting(store) == []
        assert [event.id for event in taken(store, "grave")] == ["high0000"]
        states = {state.name: (state.waiting, state.sent) for state in store.outbox.states()}
        assert states == {"siem": (0, len(demo.assets) + 2), "grave": (0, 1)}


def test_no_number_is_given_twice_when_everything_is_delivered(database):
    with listening(Store.open(database)) as store:
        for number in range(3):
            store.outbox.tell([reading(number)])
            assert [event.details["number"] for event in taken(store)] == [number]


def test_a_new_destination_is_told_what_happens_from_then_on(database):
    with listening(Store.open(database)) as store:
        store.outbox.tell([reading(1)])
        listening(store, SIEM, replace(SIEM, name="second"))
        store.outbox.tell([reading(2)])
        assert [event.details["number"] for event in waiting(store, "second")] == [2]
        assert [event.details["number"] for event in waiting(store)] == [1, 2]


def test_a_destination_that_is_forgotten_holds_nothing_up(database):
    with listening(Store.open(database), SIEM, replace(SIEM, name="dead")) as store:
        store.outbox.tell([reading(1)])
        taken(store)
        store.outbox.forget("dead")
        assert [state.name for state in store.outbox.states()] == ["siem"]
        with pytest.raises(StoreError, match="no destination dead is known"):
            store.outbox.forget("dead")


def test_a_full_outbox_drops_the_oldest_of_the_least_severe_and_raises_an_alert(database, demo):
    with listening(Store.open(database), megabytes=0.05) as store:
        store.save(with_findings(demo, alerts=(alert(),)), MONDAY)
        for number in range(400):
            store.outbox.tell([reading(number)])
        left = waiting(store)
        assert alert().id in {event.id for event in left}
        numbers = [event.details["number"] for event in left if event.type == "ot.sensor.heartbeat"]
        assert numbers == list(range(400))[-len(numbers) :]
        [state] = store.outbox.states()
        [own] = [row for row in store.find(ALERTS, Query()).rows if row["rule"] == "ot.sensor.export_dropped"]
        assert state.dropped == own["count"] > 100
        assert (
            own["message"] == f"{state.dropped} events were dropped, as a destination did not take them for too long: see otoscope exports"
        )
        told = [event for event in left if event.type == "ot.sensor.export_dropped"]
        assert [event.change for event in told] == [Change.RAISED] + [Change.COUNTED] * (len(told) - 1)
        # As of any alert that goes on: when it has doubled, or an hour has passed.
        assert all(one.count * 2 <= other.count for one, other in pairwise(told))
        assert told[-1].count * 2 > state.dropped
        assert {event.id for event in told} == {own["id"]}


def test_what_is_too_old_again_and_again_is_one_alert_that_is_told_as_others(database, monkeypatch):
    with listening(Store.open(database), days=1) as store:
        start = time.clock_gettime(time.CLOCK_BOOTTIME)
        for minute in range(0, 3 * 24 * 60, 30):
            monkeypatch.setattr(time, "clock_gettime", lambda _clock, minute=minute: start + minute * 60)
            store.outbox.tell([reading(minute)])
        told = [event.count for event in waiting(store) if event.type == "ot.sensor.export_dropped"]
        [state] = store.outbox.states()
        [own] = [row for row in store.find(ALERTS, Query()).rows if row["rule"] == "ot.sensor.export_dropped"]
        assert state.dropped == own["count"] > 80
        assert all(one * 2 <= other for one, other in pairwise(told))
        assert [event.details["number"] for event in waiting(store) if event.type == "ot.sensor.heartbeat"][-46:] == list(
            range(3 * 24 * 60 - 46 * 30, 3 * 24 * 60, 30)
        )


def test_an_alert_about_ourselves_can_be_muted(database):
    with listening(Store.open(database), megabytes=0.02) as store:
        for number in range(100):
            store.outbox.tell([reading(number)])
        [own] = store.find(ALERTS, Query()).rows
        store.judge(own["id"], "mute")
        taken(store)
        for number in range(400):
            store.outbox.tell([reading(number)])
        assert {event.type for event in waiting(store)} == {"ot.sensor.heartbeat"}
        [own] = store.find(ALERTS, Query()).rows
        assert own["count"] == store.outbox.states()[0].dropped


def test_what_is_too_old_is_dropped_and_a_step_of_the_clock_makes_nothing_old(database, monkeypatch):
    with listening(Store.open(database), days=30) as store:
        store.outbox.tell([reading(1)])
        now = time.time()
        for step in (400 * 86_400, -400 * 86_400):
            monkeypatch.setattr(time, "time", lambda step=step: now + step)
            store.outbox.tell([reading(2)])
        assert [event.details["number"] for event in waiting(store)] == [1, 2, 2]
        passed = time.clock_gettime(time.CLOCK_BOOTTIME) + 31 * 86_400
        monkeypatch.setattr(time, "clock_gettime", lambda _clock: passed)
        [state] = store.outbox.states()
        assert state.lag_seconds == pytest.approx(31 * 86_400, abs=60)
        store.outbox.tell([reading(3)])
        assert [event.type for event in waiting(store)] == ["ot.sensor.heartbeat", "ot.sensor.export_dropped"]
        assert store.outbox.states()[0].dropped == 3


def test_the_clock_of_several_machines_never_jumps(new_postgres, monkeypatch):
    """Sensors that share a database: one was started long ago, and the clock of another is far ahead."""
    machines = {"one": (5_000_000.0, 0.0), "other": (60.0, 400 * 86_400.0), "third": (900.0, -400 * 86_400.0)}
    now = time.time()
    with listening(Store.open(new_postgres())) as store:
        lags = []
        for minute in range(300):
            name = list(machines)[minute % 3]
            uptime, ahead = machines[name]
            monkeypatch.setattr(module, "_boot", lambda name=name: name)
            monkeypatch.setattr(time, "clock_gettime", lambda _clock, up=uptime, minute=minute: up + minute * 60)
            monkeypatch.setattr(time, "time", lambda ahead=ahead, minute=minute: now + ahead + minute * 60)
            store.outbox.tell([reading(minute)])
            lags.append(store.outbox.states()[0].lag_seconds)
        first_seen = 2  # of a machine that is new to it a day may have passed since it was started
        steps = [later - before for before, later in pairwise(lags[first_seen:])]
        assert min(steps) >= 0
        assert max(steps) <= 181
        assert lags[-1] - lags[first_seen] == pytest.approx(297 * 60, abs=180)
        assert lags[first_seen] <= 86_400 + 120


def test_a_clock_that_is_new_goes_on_where_the_events_are(database):
    """What a clock showed was lost with a part of the database; those that wait must not be younger than now."""
    with listening(Store.open(database)) as store:
        store.outbox.tell([reading(1)])
        engine = connect(database, create=False, timeout=5)
        with writing(engine) as connection:
            connection.execute(delete(meta).where(meta.c.name == "outbox_clocks"))
            connection.execute(update(outbox).values(clock=1000))
        engine.dispose()
        store.outbox.tell([reading(2)])
        assert store.outbox.states()[0].lag_seconds == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("outbox_octets", '{"octets": 99999999999}'), ("outbox_octets", "{}")],
)
def test_a_wrong_sum_of_what_waits_holds_nobody_up(database, name, value):
    """A database that somebody has made: it says that more waits than there is."""
    with listening(Store.open(database), megabytes=0.01) as store:
        store.outbox.tell([reading(1)])
        engine = connect(database, create=False, timeout=5)
        with writing(engine) as connection:
            connection.execute(update(meta).where(meta.c.name == name).values(value=value))
        engine.dispose()
        for number in range(100):
            store.outbox.tell([reading(number)])
        assert 0 < store.outbox.octets() <= 10_000


def test_a_restart_of_the_machine_counts_for_a_day_at_the_most(database, monkeypatch):
    with listening(Store.open(database)) as store:
        store.outbox.tell([reading(1)])
        monkeypatch.setattr(module, "_boot", lambda: "another")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 2 * HOUR)
        assert store.outbox.states()[0].lag_seconds == pytest.approx(2 * HOUR, abs=60)
        monkeypatch.setattr(time, "time", lambda: now + 400 * 86_400)  # a clock without a battery has been set
        assert store.outbox.states()[0].lag_seconds == pytest.approx(86_400, abs=60)


def test_what_is_refused_is_kept_until_it_is_taken(database):
    with listening(Store.open(database)) as store:
        store.outbox.refuse("siem", 1, reading(1), "too large")
        [(number, event)] = store.outbox.refused("siem")
        assert event == reading(1)
        assert store.outbox.states()[0].refused == 1
        assert not store.outbox.take_nudge("siem")
        store.outbox.nudge("siem")
        assert store.outbox.take_nudge("siem")
        assert not store.outbox.take_nudge("siem")
        store.outbox.accept([number])
        assert store.outbox.refused("siem") == []


def test_what_is_refused_twice_is_put_aside_once(database):
    with listening(Store.open(database), SIEM, replace(SIEM, name="other")) as store:
        for name in ("siem", "siem", "other"):
            store.outbox.refuse(name, 7, reading(7), "too large")
        assert [(state.refused, state.dropped) for state in store.outbox.states()] == [(1, 0), (1, 0)]


def test_what_is_refused_takes_no_more_room_than_it_may(database):
    large = replace(reading(1), message="x" * 3_000_000)
    with listening(Store.open(database)) as store:
        for number in range(8):
            store.outbox.refuse("siem", number, large, "too large")
        [state] = store.outbox.states()
        assert (state.refused, state.dropped) == (6, 2)


def test_texts_that_no_database_has_a_place_for_are_told(database, demo):
    hostile = "a\0b\ud800\x1a\n"
    with listening(Store.open(database)) as store:
        store.save(with_findings(demo, alerts=(alert(message=hostile),)), MONDAY)
        [event] = [event for event in waiting(store) if event.kind is Kind.ALERT]
        assert event.message == hostile.replace("\ud800", "?")  # no octets of UTF-8 stand for half a pair


def test_a_database_of_the_version_before_is_brought_up_to_date(tmp_path, demo):
    path = tmp_path / "plant.db"
    with Store.open(path) as store:
        store.save(with_findings(demo, alerts=(alert(),)), MONDAY)
    with sqlite3.connect(path) as connection:
        for table in ("told", "outbox", "refused", "destinations", "sessions", "persons", "tokens"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX ix_alerts_thing")
        for [name] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_%_run'").fetchall():
            connection.execute(f"DROP INDEX {name}")
        connection.execute("ALTER TABLE alerts DROP COLUMN thing")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with listening(Store.open(path)) as store:
        assert store.find(ALERTS, Query()).total == 1
        store.outbox.tell([reading(1)])
        assert len(waiting(store)) == 1
