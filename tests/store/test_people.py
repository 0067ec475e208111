"""What people say of alerts stays, and is logged."""

import getpass
import time
from dataclasses import replace

import pytest

from sensor.errors import StoreError
from sensor.store import ALERTS, INCIDENTS, Query, Run, Store
from tests.store.rows import SECOND, alert, incident, with_findings

RUN = Run("monday")
LATER = Run("tuesday")


@pytest.fixture
def store(database, demo):
    with Store.open(database) as opened:
        opened.save(with_findings(demo, alerts=(alert(),)), RUN)
        yield opened


def status(store: Store) -> str:
    [row] = store.find(ALERTS, Query()).rows
    return row["status"]


def again(demo, seconds: int = 60):
    """It has happened once more."""
    return with_findings(demo, alerts=(replace(alert(), last=alert().last + seconds * SECOND, count=3),))


@pytest.mark.parametrize(
    ("action", "then", "after"), [("learn", "learned", "learned"), ("mute", "muted", "muted"), ("close", "closed", "open")]
)
def test_what_was_said_holds_when_it_happens_again(store, demo, action, then, after):
    assert store.judge("a1b2c3d4", action, "as agreed", "anna") == {"id": "a1b2c3d4", "was": "open", "is": then}
    store.save(with_findings(demo, alerts=(alert(),)), RUN)
    assert status(store) == then
    store.save(with_findings(demo, alerts=(replace(alert(), message="said better"),)), RUN)
    assert status(store) == then  # the same, in other words
    store.save(again(demo), RUN)
    assert status(store) == after
    assert store.find(ALERTS, Query()).rows[0]["count"] == 3


def test_closed_is_open_again_when_a_later_capture_has_it(store, demo):
    store.judge("a1b2c3d4", "close")
    store.save(with_findings(demo, alerts=(replace(alert(), first=1, last=2),)), Run("sunday"))
    assert status(store) == "closed"  # an older capture is read later
    store.save(again(demo), LATER)
    assert status(store) == "open"
    assert store.audit()[-1] == {
        "at": store.audit()[-1]["at"],
        "who": "otoscope",
        "what": "reopen",
        "subject": "a1b2c3d4",
        "comment": "it happened again",
    }


def test_who_did_what_is_logged(store):
    before = time.time_ns()
    store.judge("a1b2c3d4", "learn", "usual on Mondays")
    store.judge("a1b2c3d4", "comment", "asked the vendor", "anna")
    store.judge("a1b2c3d4", "open", who="berta")
    store.assign("a1b2c3d4", "clara", "berta")
    log = store.audit("a1b2c3d4")
    assert [(row["who"], row["what"], row["comment"]) for row in log] == [
        (getpass.getuser(), "learn", "usual on Mondays"),
        ("anna", "comment", "asked the vendor"),
        ("berta", "open", ""),
        ("berta", "assign", "clara"),
    ]
    assert all(before <= row["at"] <= time.time_ns() for row in log)
    [row] = store.find(ALERTS, Query()).rows
    assert (row["status"], row["assignee"]) == ("open", "clara")


def test_the_beginning_of_an_id_is_enough(store, demo):
    assert store.judge("a1b2", "mute")["id"] == "a1b2c3d4"
    store.save(with_findings(demo, alerts=(alert(), alert("a1b2ffff"))), RUN)
    with pytest.raises(StoreError, match="several alerts begin with a1b2"):
        store.judge("a1b2", "close")
    for unknown in ("a1b", "zzzz", "", "%%%%", "a1b2c3d4' OR '1"):
        with pytest.raises(StoreError, match="there is no alert"):
            store.judge(unknown, "close")
    assert len(store.audit()) == 1


def test_only_what_is_open_can_be_asked_for(store, demo):
    store.save(with_findings(demo, alerts=(alert(), alert("b1"))), RUN)
    store.judge("a1b2c3d4", "mute")
    assert [row["id"] for row in store.find(ALERTS, Query(statuses=("open",))).rows] == ["b1"]


def test_a_baseline_that_was_accepted_is_kept(store):
    assert store.baseline() is None
    store.accept_baseline(b"one = 1", "reviewed", "anna")
    store.accept_baseline(b"two = 2", "reviewed again", "anna")
    assert store.baseline() == b"two = 2"
    assert [row["what"] for row in store.audit("baseline")] == ["accept", "accept"]


@pytest.mark.parametrize(("action", "stands"), [("learn", "learned"), ("mute", "muted"), ("close", "open"), ("open", "open")])
def test_what_comes_back_after_a_quiet_time_stands_as_before(database, demo, action, stands):
    first = alert(thing="stops of the boiler")
    again = replace(first, id="b1b2c3d4", first=first.first + 86_400 * SECOND, last=first.last + 86_400 * SECOND)
    other = replace(again, id="c1b2c3d4", thing="stops of the pump")
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(first,)), Run("monday"))
        store.judge(first.id, action)
        store.save(with_findings(demo, alerts=(first, again, other)), Run("monday"))
        found = {row["id"]: row["status"] for row in store.find(ALERTS, Query()).rows}
        assert (found[again.id], found[other.id]) == (stands, "open")
        assert [entry["comment"] for entry in store.audit(again.id)] == (["as before"] if stands != "open" else [])


def test_a_sensor_that_is_started_again_goes_on_with_its_alerts(database, demo):
    before = alert("a1b2c3d4", thing="stops of the boiler", count=3)
    times = {"minutes": before.last + 600 * SECOND, "hours": before.last + 7200 * SECOND}
    minutes, hours = (replace(before, id=name, first=time, last=time, count=2) for name, time in times.items())
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(before,)), Run("monday"))
        store.judge(before.id, "comment", "looked at")
    for _ in range(2):  # whether it is saved once or again
        with Store.open(database) as store:
            known = with_findings(demo, alerts=(minutes, hours), incidents=(incident(minutes, hours),))
            store.save(known, Run("after"))
            store.save(known, Run("after"))
            rows = {row["id"]: (row["count"], row["first"] == row["last"]) for row in store.find(ALERTS, Query()).rows}
            assert rows == {before.id: (5, False), hours.id: (2, True)}
            assert store.find(INCIDENTS, Query()).rows[0]["alerts"] == [before.id, hours.id]
