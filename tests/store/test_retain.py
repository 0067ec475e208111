"""What is dropped when it is old or there is no room, and what never is."""

import random
from dataclasses import replace

import pytest

from sensor.detections.model import Severity
from sensor.settings import destination_of
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, Bounds, Query, Run, Store
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import SECOND, alert, incident, shifted, with_findings

RUN = Run("monday")
DAY = 86_400 * SECOND


def noise(length: int) -> str:
    """A text that PostgreSQL cannot compress to nothing."""
    return random.Random(7).randbytes(length).hex()[:length]  # noqa: S311  no secret


def at(known, days: int, name: str):
    """An alert that happened last so many days before the end of what was seen."""
    last = max(row.last for row in known.observations.conversations.values()) - days * DAY
    return alert(name, first=last - SECOND, last=last, message=noise(2000))


@pytest.fixture
def store(database, demo):
    with Store.open(database) as opened:
        old, closed, muted, recent = (at(demo, days, name) for days, name in ((30, "open"), (30, "closed"), (20, "muted"), (1, "recent")))
        story, gone = incident(old, closed), incident(closed, name="gone")
        opened.save(with_findings(demo, alerts=(old, closed, muted, recent), incidents=(story, gone)), RUN)
        opened.judge("closed", "close")
        opened.judge("muted", "mute")
        opened.judge("recent", "close")
        yield opened


def alerts(store: Store) -> set[str]:
    return {row["id"] for row in store.find(ALERTS, Query()).rows}


def test_what_is_old_and_dealt_with_goes(store, demo):
    done = store.retain(days=25)
    assert done.dropped == {"alerts": 1, "incidents": 1}
    assert alerts(store) == {"open", "muted", "recent"}
    assert [row["id"] for row in store.find(INCIDENTS, Query()).rows] == ["i1"]  # one of its alerts is open
    assert store.find(CONVERSATIONS, Query()).total == len(demo.dialogues)
    assert store.retain(days=25).dropped == {}


def test_what_was_observed_goes_when_it_is_old(store, demo):
    late = min(row.last for row in demo.observations.conversations.values())
    end = max(row.last for row in demo.observations.conversations.values())
    store.retain(days=(end - late) / DAY / 2)
    kept = store.find(CONVERSATIONS, Query()).rows
    assert 0 < len(kept) < len(demo.dialogues)
    assert store.find(OPERATIONS, Query()).total < len(demo.observations.operations)
    assert alerts(store) == {"open"}
    assert store.find(ASSETS, Query()).total == len(demo.assets)


def test_what_was_dropped_is_not_written_again_while_the_process_lives(store, demo):
    store.retain(days=0)
    left = store.find(CONVERSATIONS, Query()).total
    store.save(demo, RUN)
    assert store.find(CONVERSATIONS, Query()).total == left


def test_no_room_takes_dealt_with_alerts_first(store):
    size = store.retain().megabytes
    done = store.retain(megabytes=size - 0.001)
    assert set(done.dropped) == {"alerts"}
    assert alerts(store) == {"open", "muted", "recent"}
    store.retain(megabytes=size - 0.002)
    assert "open" in alerts(store)


def test_where_nothing_else_is_left_the_least_severe_open_alerts_go_and_that_is_told(database, demo):
    last = max(row.last for row in demo.observations.conversations.values()) - 2 * DAY
    text = {"message": noise(20_000), "last": last}
    grave = [alert(f"grave {number}", severity=Severity.CRITICAL, **text | {"last": last - DAY}) for number in range(20)]
    slight = [alert(f"slight {number}", severity=Severity.LOW, **text) for number in range(20)]
    with Store.open(database) as store:
        store.outbox.register([destination_of("file:events.log", "siem")], Bounds())
        store.save(with_findings(demo, alerts=(*grave, *slight)), RUN)
        store.outbox.advance("siem", store.outbox.after("siem", 0, 10_000).upto, 1)
        least = store.retain(days=0).megabytes
        assert alerts(store) == {row.id for row in (*grave, *slight)}
        done = store.retain(megabytes=least - 0.2)
        assert {row.id for row in grave} <= alerts(store)
        [own] = [row for row in store.find(ALERTS, Query()).rows if row["rule"] == "ot.sensor.no_room"]
        assert 0 < own["count"] == done.dropped["alerts"] < 20
        assert own["message"].startswith(f"{own['count']} open alerts and assets were dropped")
        [event] = [event for _, event in store.outbox.after("siem", store.outbox.cursor("siem"), 100).events]
        assert (event.type, event.severity) == ("ot.sensor.no_room", Severity.HIGH)
        # At the very last assets; those of the last twelve hours stay.
        store.retain(megabytes=0.0001)
        assert {row["rule"] for row in store.find(ALERTS, Query()).rows} == {"ot.sensor.no_room"}
        assert store.find(ASSETS, Query()).total == len(demo.assets)


@pytest.mark.parametrize("action", ["close", "mute", "learn"])
def test_what_had_to_give_way_and_is_still_said_stands_as_before(database, demo, action):
    old = at(demo, 2, "still said")
    with Store.open(database) as store:
        store.outbox.register([destination_of("file:events.log", "siem")], Bounds())
        store.save(with_findings(demo, alerts=(old,)), RUN)
        store.judge(old.id, action, "seen", "anna")
        before = store.find(ALERTS, Query()).rows[0]["status"]
        store.retain(megabytes=0.0001)
        assert old.id not in alerts(store)
        store.outbox.advance("siem", store.outbox.after("siem", 0, 10_000).upto, 1)
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(replace(old, evidence=("said better",)),)), Run("started again"))
        [row] = [row for row in store.find(ALERTS, Query()).rows if row["id"] == old.id]
        assert row["status"] == before
        told = [event.id for _, event in store.outbox.after("siem", store.outbox.cursor("siem"), 100).events]
        assert old.id not in told
        # It happens after that.
        later = replace(old, last=2**62, count=old.count + 1)
        store.save(with_findings(demo, alerts=(later,)), Run("started again"))
        [row] = [row for row in store.find(ALERTS, Query()).rows if row["id"] == old.id]
        assert row["status"] == ("open" if action == "close" else before)


def test_the_last_of_a_thing_that_is_muted_stays_while_there_is_room_for_it(database, demo):
    """The next one has to be muted as well, however long the room was short."""
    first, second = (replace(at(demo, days, f"day {days}"), thing="the same") for days in (9, 5))
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(first, second)), RUN)
        store.judge(first.id, "mute")
        store.judge(second.id, "mute")
        size = store.retain().megabytes
        assert store.retain(megabytes=size - 0.001).dropped["alerts"] == 1
        assert alerts(store) == {second.id}
        assert "alerts" not in store.retain(megabytes=size - 0.05).dropped


def test_room_is_given_back_to_the_disk(tmp_path, demo):
    path = tmp_path / "plant.db"
    with Store.open(path) as store:
        many = tuple(alert(f"alert {number}", message="x" * 5000) for number in range(1000))
        store.save(with_findings(demo, alerts=many), RUN)
        for number in range(1000):
            store.judge(f"alert {number}", "close")
    before = path.stat().st_size
    with Store.open(path) as store:
        store.retain(days=0)
    assert path.stat().st_size < before / 4


def test_several_runs_forget_together(database, demo):
    with Store.open(database) as store:
        store.save(demo, RUN)
        store.save(demo, Run("tuesday"))
        store.retain(days=0)
        left = {row["id"]: row for row in store.find(CONVERSATIONS, Query()).rows}
        store.save(demo, Run("wednesday"))
        with Store.open(":memory:") as once:
            once.save(demo)
            counted = {row["id"]: row["packets"] for row in once.find(CONVERSATIONS, Query()).rows}
        for row in store.find(CONVERSATIONS, Query()).rows:
            times = 3 if row["id"] in left else 1
            assert row["packets"] == [times * number for number in counted[row["id"]]]
        assert 0 < len(left) < len(counted)


def test_a_clock_that_was_ahead_once_makes_nothing_old(database, demo, tmp_path):
    ahead = shifted(PCAPS / "modbus-udp.pcap", tmp_path / "ahead.pcap", 40 * 365 * 86_400)
    with Store.open(database) as store:
        store.save(demo, RUN)
        store.save(known_of(ahead), Run("with the wrong clock"))
        assert store.retain(days=400).dropped == {}
