"""What many recordings said of an asset takes the room of one after a while, and nothing of it is lost."""

from dataclasses import replace

from sqlalchemy import text

from sensor.store import ASSETS, CONVERSATIONS, Query, Run, Store
from sensor.store.connect import connect
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import everything, shifted

DAY = 86_400
LATER = 2**62
"""Some of the days are yet to come."""


def contributions(database: str) -> int:
    engine = connect(database, create=False, timeout=5)
    with engine.connect() as connection:
        number = connection.execute(text("SELECT count(*) FROM contributions WHERE kind = 'assets'")).scalar_one()
    engine.dispose()
    return number


def test_recordings_of_long_ago_take_the_room_of_one(database, tmp_path):
    days = [known_of(shifted(PCAPS / "demo.pcap", tmp_path / f"{day}.pcap", day * DAY)) for day in range(6)]
    days = [replace(known, alerts=(), incidents=(), violations=()) for known in days]
    with Store.open(database) as store:
        for day, known in enumerate(days):
            store.save(known, Run(f"day {day}"))
        before = store.find(ASSETS, Query()).rows
        many = contributions(database)
        store.retain(days=1.5, now=LATER)
        assert store.find(ASSETS, Query()).rows == before
        assert contributions(database) == many // 2
        store.retain(days=1.5, now=LATER)
        assert contributions(database) == many // 2
        # The next one, and one of long ago once more, find all that was known.
        store.save(replace(days[5], assets={}), Run("nothing"))
        store.save(days[5], Run("day 5"))
        store.save(days[0], Run("day 0"))
        assert store.find(ASSETS, Query()).rows == before


def runs_of(database: str) -> set[str]:
    engine = connect(database, create=False, timeout=5)
    with engine.connect() as connection:
        names = set(connection.execute(text("SELECT name FROM runs")).scalars())
    engine.dispose()
    return names


def test_a_sensor_that_is_started_again_and_again_takes_the_room_of_one(database, demo):
    """Each start is a run, which is over when the next begins; a recording is none of them, and stays as it was."""
    with Store.open(database) as store:
        store.save(demo, Run("a recording"))
        for start in range(5):
            store.save(demo, Run(f"live one {start}", series="live one "))
            store.save(demo, Run(f"live other {start}", series="live other "))
            counted = {row["id"]: row["packets"] for row in store.find(CONVERSATIONS, Query()).rows}
            everything_before = everything(store)
            with Store.open(database) as sensor:
                sensor.save(demo, Run(f"live one {start}", series="live one "))
                sensor.retain()
            assert everything(store) == everything_before
        assert runs_of(database) == {"a recording", "earlier runs", "live one 4", *(f"live other {start}" for start in range(5))}
        assert store.outbox.figures()["packets"] == 11 * demo.statistics.packets
        # Another process learns that its run is over, and goes on.
        store.save(demo, Run("a recording"))
        assert {row["id"]: row["packets"] for row in store.find(CONVERSATIONS, Query()).rows} == counted


def test_runs_of_long_ago_are_one(database, tmp_path):
    days = [known_of(shifted(PCAPS / "demo.pcap", tmp_path / f"{day}.pcap", day * DAY)) for day in range(4)]
    with Store.open(database) as store:
        for day, known in enumerate(days):
            store.save(known, Run(f"day {day}"))
        packets = store.outbox.figures()["packets"]
        for _ in range(2):
            store.retain(days=1.5, now=LATER)
            assert runs_of(database) == {"day 2", "day 3", "earlier runs"}
            assert store.outbox.figures()["packets"] == packets
        store.save(days[3], Run("day 3"))


def test_what_a_sensor_adds_again_and_again_is_as_if_it_had_said_it_once(database, tmp_path):
    """What the recordings say is put together once; also where one of them is later than the sensor, and where one comes meanwhile."""
    days = [known_of(shifted(PCAPS / "demo.pcap", tmp_path / f"{day}.pcap", day * DAY)) for day in range(6)]
    with Store.open(database) as sensor, Store.open(tmp_path / "once.db") as once:
        for store in (sensor, once):
            for day in (0, 1, 4):
                store.save(days[day], Run(f"day {day}"))
        for day in (2, 3):
            sensor.save(days[day], Run("live"))
        once.save(days[3], Run("live"))
        assert everything(sensor) == everything(once)
        sensor.save(days[5], Run("live"))
        with Store.open(database) as other:
            for store in (other, once):
                store.save(days[2], Run("day 2"))
        sensor.save(days[5], Run("live"))
        once.save(days[5], Run("live"))
        sensor.retain(days=4000, now=LATER)
        assert everything(sensor) == everything(once)
