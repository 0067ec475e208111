"""What is dropped when it is old or there is no room, and what never is."""

import pytest

from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, Query, Run, Store
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import SECOND, alert, incident, shifted, with_findings

RUN = Run("monday")
DAY = 86_400 * SECOND


def at(known, days: int, name: str):
    """An alert that happened last so many days before the end of what was seen."""
    last = max(row.last for row in known.observations.conversations.values()) - days * DAY
    return alert(name, first=last - SECOND, last=last, message="x" * 2000)


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


def test_no_room_takes_dealt_with_alerts_first_and_open_ones_never(store):
    size = store.retain().megabytes
    done = store.retain(megabytes=size - 0.001)
    assert set(done.dropped) == {"alerts"}
    assert "closed" not in alerts(store)
    done = store.retain(megabytes=0)
    assert alerts(store) == {"open"}
    assert done.megabytes < size
    assert (store.find(CONVERSATIONS, Query()).total, store.find(OPERATIONS, Query()).total) == (0, 0)
    assert store.find(ASSETS, Query()).total > 0


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
