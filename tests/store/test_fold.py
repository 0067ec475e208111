"""What many recordings said of an asset takes the room of one after a while, and nothing of it is lost."""

from dataclasses import replace

from sqlalchemy import text

from sensor.store import ASSETS, Query, Run, Store
from sensor.store.connect import connect
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import shifted

DAY = 86_400


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
        store.retain(days=1.5)
        assert store.find(ASSETS, Query()).rows == before
        assert contributions(database) == many // 2
        store.retain(days=1.5)
        assert contributions(database) == many // 2
        # The next one, and one of long ago once more, find all that was known.
        store.save(replace(days[5], assets={}), Run("nothing"))
        store.save(days[5], Run("day 5"))
        store.save(days[0], Run("day 0"))
        assert store.find(ASSETS, Query()).rows == before
