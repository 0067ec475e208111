"""What `make bench-year` does for a year, for some days: nothing grows for ever, and no open alert is lost."""

from benchmarks.year import Plant, Sensor, grown, open_alerts
from sensor.store import Run, Store
from sensor.store.connect import connect, writing
from sensor.store.tables import audit
from tests.store.rows import alert, with_findings


def test_days_pass_and_nothing_grows(database):
    sensor = Sensor(database, days=1, megabytes=4, outbox=0.2, plant=Plant(4))
    weeks = list(sensor.live(108, week=12))
    assert grown(weeks) == []
    assert sensor.size < 4
    assert sensor.plant.stay_open
    with Store.open(database) as store:
        assert sensor.plant.stay_open <= open_alerts(store)


def test_room_bounds_where_age_does_not(database):
    sensor = Sensor(database, days=1000, megabytes=2, outbox=0.2, plant=Plant(4))
    weeks = list(sensor.live(60, week=12))
    assert sensor.size < 2
    assert weeks[-1].rows["conversations"] > 0
    with Store.open(database) as store:
        assert sensor.plant.stay_open <= open_alerts(store)


def test_a_sensor_does_not_remember_what_is_gone(tmp_path):
    """What the engine forgot and retention dropped takes no memory of the process either."""
    sensor = Sensor(str(tmp_path / "plant.db"), days=1, megabytes=100, plant=Plant(4))
    list(sensor.live(50, week=1000))
    for memory in sensor.store._memory.values():
        assert len(memory.told) < 600
        assert len(memory.digests) < 600


def test_what_is_said_of_alerts_is_kept_up_to_a_number(database, demo):
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(alert(),)), Run("monday"))
        store.judge("a1b2c3d4", "close", "seen", "anna")
        engine = connect(database, create=False, timeout=5)
        row = {"what": "reopen", "subject": "x", "comment": ""}
        with writing(engine) as connection:
            connection.execute(audit.insert(), [{"at": number, "who": "otoscope", **row} for number in range(10_500)])
        engine.dispose()
        assert store.retain(days=400).dropped == {"audit": 500}
        entries = store.audit()
        assert (len(entries), min(row["at"] for row in entries)) == (10_001, 500)
        assert "anna" in {row["who"] for row in entries}
