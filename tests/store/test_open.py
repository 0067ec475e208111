"""What can be opened, what is refused, and what happens when something goes wrong in the middle."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.types import TypeDecorator

from sensor.errors import StoreError
from sensor.store import ALERTS, ASSETS, Query, Run, Store
from sensor.store.connect import MIGRATIONS, NEWEST, connect, writing
from sensor.store.tables import metadata
from tests.store.conftest import known_of
from tests.store.rows import alert, asset, everything, with_findings

ROOT = Path(__file__).parents[2]
RUN = Run("monday")


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    return made


def test_the_newest_migration_is_the_one_that_is_asked_for():
    assert ScriptDirectory.from_config(config()).get_heads() == [NEWEST]


def test_migrations_make_the_tables_as_they_are_used(database):
    engine = connect(database, create=True, timeout=5)
    with engine.connect() as connection:
        options = {"compare_type": lambda _context, _found, _column, _is, ours: False if isinstance(ours, TypeDecorator) else None}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    engine.dispose()


def test_a_database_of_the_first_version_is_brought_up_to_date(database, demo):
    first = ScriptDirectory.from_config(config()).get_bases()[0]
    url = database.replace("postgresql://", "postgresql+psycopg://") if "://" in database else f"sqlite:///{database}"
    engine = create_engine(url)
    made = config()
    with engine.begin() as connection:
        made.attributes["connection"] = connection
        command.upgrade(made, first)
        connection.execute(text("INSERT INTO audit (at, who, what, subject, comment) VALUES (1, 'anna', 'close', 'a1', 'long ago')"))
    engine.dispose()
    with Store.open(database) as store:
        assert [row["comment"] for row in store.audit()] == ["long ago"]
        store.save(demo, RUN)
        assert store.find(ASSETS, Query()).total == len(demo.assets)


def test_a_newer_version_is_refused(database):
    engine = connect(database, create=True, timeout=5)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer Otoscope"):
        Store.open(database)


def test_what_is_no_database_is_refused(tmp_path):
    capture = ROOT / "pcaps/demo.pcap"
    before = capture.read_bytes()
    with pytest.raises(StoreError, match=r"demo\.pcap: file is not a database: name a database of Otoscope"):
        Store.open(capture)
    assert capture.read_bytes() == before
    with pytest.raises(StoreError, match="is it a file that you may read and write"):
        Store.open(tmp_path)


def test_the_database_of_another_program_is_refused(database):
    url = database.replace("postgresql://", "postgresql+psycopg://") if "://" in database else f"sqlite:///{database}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bookmarks (url TEXT)"))
    engine.dispose()
    with pytest.raises(StoreError, match="another program"):
        Store.open(database)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("missing/plant.db", "no such directory"),
        ("mysql://root@localhost/plant", "neither sqlite"),
        ("nonsense://x", "not a database's URL|neither sqlite"),
        ("postgresql://otoscope@/plant?host=/nonexistent", "nonexistent"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path, monkeypatch, where, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=reason):
        Store.open(where, timeout=2)


def test_a_question_makes_no_database(tmp_path):
    with pytest.raises(StoreError, match="no such database"):
        Store.open(tmp_path / "plant.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_told():
    with pytest.raises(StoreError) as failure:
        Store.open("postgresql://otoscope:hunter2@localhost:1/plant", timeout=2)
    assert "hunter2" not in str(failure.value)


def test_a_database_that_another_process_writes_to_says_so(database, demo):
    with Store.open(database, timeout=0.2) as store:
        store.save(demo, RUN)
        before = everything(store)
        other = connect(database, create=False, timeout=5)
        with writing(other) as connection:
            connection.execute(text("DELETE FROM audit"))
            with pytest.raises(StoreError, match="another process writes to it"):
                store.save(with_findings(demo, alerts=(alert(),)), RUN)
            assert everything(store) == before  # who asks is not kept waiting
        other.dispose()
        store.save(with_findings(demo, alerts=(alert(),)), RUN)
        assert store.find(ALERTS, Query()).total == 1


FILL = """
import resource, sys
from sensor.errors import StoreError
from sensor.store import Run, Store
from tests.store.rows import alert, with_findings
from tests.store.conftest import known_of
demo = known_of("demo.pcap")
with Store.open(sys.argv[1]) as store:
    store.save(demo, Run("monday"))
    size = max(path.stat().st_size for path in __import__("pathlib").Path(sys.argv[1]).parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, resource.RLIM_INFINITY))
    many = tuple(alert(f"alert {number}", message="x" * 10_000) for number in range(500))
    try:
        store.save(with_findings(demo, alerts=many), Run("monday"))
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store.save(with_findings(demo, alerts=many[:1]), Run("monday"))
"""


def run(program: str, *arguments: object, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


def test_a_full_disk_loses_nothing(tmp_path):
    """The kernel refuses to let the files grow, as it does on a full disk."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    said, _ = run(FILL, tmp_path / "plant.db").communicate(timeout=60)
    assert "plant.db: " in said
    assert "nothing of this was written" in said
    with Store.open(tmp_path / "plant.db") as store:
        assert store.find(ALERTS, Query()).total == 1
        assert store.find(ASSETS, Query()).total == len(known_of("demo.pcap").assets)
    with sqlite3.connect(tmp_path / "plant.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


SAVE_FOR_EVER = """
import sys
from itertools import count
from sensor.store import Run, Store
from tests.store.rows import alert, asset, with_findings
from tests.store.conftest import known_of
demo = known_of("demo.pcap")
with Store.open(sys.argv[1]) as store:
    for number in count(int(sys.argv[2])):
        alerts = tuple(alert(f"alert {name}", count=number) for name in range(1000))
        assets = tuple(asset(f"asset {name}", zone=str(number), last=number) for name in range(200))
        store.save(with_findings(demo, alerts=alerts, assets=assets), Run("monday"))
        print(number, flush=True)
"""


def test_a_process_that_is_killed_leaves_the_old_or_the_new(database):
    number = 1
    for wait in (0.0, 0.02, 0.05, 0.09):
        process = run(SAVE_FOR_EVER, database, number)
        saved = int(process.stdout.readline())
        time.sleep(wait)  # somewhere in the next save
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        saved = int(rest.split()[-1]) if rest.split() else saved
        with Store.open(database) as store:
            counts = {row["count"] for row in store.find(ALERTS, Query()).rows}
            zones = {row["zone"] for row in store.find(ASSETS, Query(ids=tuple(f"asset {name}" for name in range(200)))).rows}
        assert counts in ({saved}, {saved + 1})
        assert zones == {str(next(iter(counts)))}
        number = saved + 2


def test_a_database_in_memory_ends_with_the_process(tmp_path, monkeypatch, demo):
    monkeypatch.chdir(tmp_path)
    with Store.open(":memory:") as store:
        store.save(with_findings(demo, assets=(asset(),)))
        assert store.find(ASSETS, Query()).total == len(demo.assets) + 1
    assert list(tmp_path.iterdir()) == []
