"""A backup is one state of the database, goes back whole or not at all, and says what is wrong with it."""

import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.types import TypeDecorator

from sensor.detections.model import Severity
from sensor.errors import StoreError
from sensor.settings import destination_of
from sensor.store import ALERTS, ASSETS, Bounds, Query, Role, Run, Store, archive
from sensor.store.backup import back_up, contents, reset, restore, settings_in
from sensor.store.connect import connect, migrate
from sensor.store.tables import metadata
from sensor.telling import health_event
from tests.store.rows import alert, asset, everything, incident, with_findings
from tests.store.test_open import SAVE_FOR_EVER, run

RUN = Run("monday")
ROOT = Path(__file__).parents[2]


def url_of(database: str) -> str:
    return database.replace("postgresql://", "postgresql+psycopg://") if "://" in database else f"sqlite:///{database}"


def fill(database: str, demo) -> None:
    """Something in every table."""
    hostile = asset(name="\0\x1b[31m \ud800 ; ' \x1a", zone="β")
    with Store.open(database) as store:
        store.outbox.register([destination_of("file:events.log", "siem")], Bounds(megabytes=1))
        found = (alert(), alert("ffff0000", message="☃ \0"))
        store.save(with_findings(demo, alerts=found, incidents=(incident(*found),), assets=(hostile,)), RUN)
        store.save(with_findings(demo, alerts=found, assets=(asset(name="renamed"),)), Run("tuesday"))
        store.judge("ffff0000", "close", "seen \U0001f600", "anna")
        store.accept_baseline(b'{"learned": "\xc3\xa4"}')
        store.accounts.add("anna", Role.ANALYST, "a hash", None)
        store.accounts.issue("Grafana ☃", Role.VIEWER, None, "anna")
        store.accounts.begin("anna", "192.0.2.1")
        portion = store.outbox.after("siem", 0, 10)
        store.outbox.refuse("siem", *portion.events[0], "it will not")
        store.outbox.advance("siem", portion.events[3][0], 4)


def state(database: str) -> dict[str, object]:
    with Store.open(database, create=False) as store:
        cursor = store.outbox.cursor("siem")
        told = [(number - cursor, event.id) for number, event in store.outbox.after("siem", cursor, 10_000).events]
        people = [row for row in store.audit() if row["what"] != "restore"]
        return {
            **everything(store),
            "audit": people,
            "history": store.history("0123456789"),
            "baseline": store.baseline(),
            "persons": store.accounts.persons(),
            "tokens": store.accounts.tokens(),
            "waits": told,
            "refused": [(number, event.id) for number, event in store.outbox.refused("siem")],
            "explained": store.explain("0123456789"),
        }


@pytest.fixture
def plant(tmp_path, demo) -> Path:
    """The backup of a database that has something in every table."""
    fill(str(tmp_path / "source.db"), demo)
    back_up(str(tmp_path / "source.db"), tmp_path / "plant.backup", {"otoscope.toml": b"[sensor]\n"})
    return tmp_path / "plant.backup"


def test_what_is_restored_is_what_was_kept(database, tmp_path, demo, new_postgres):
    fill(database, demo)
    made = back_up(database, tmp_path / "plant.backup", {"site.toml": b"zones = \xff"})
    assert {name for name, number in made.rows.items() if not number} <= {"merges", "violations", "sessions"}
    assert made.rows["sessions"] == 0  # who was signed in is not by a backup
    for other in (str(tmp_path / "other.db"), new_postgres()):
        assert restore(other, tmp_path / "plant.backup", who="anna").rows == made.rows
        assert state(other) == state(database)
        with Store.open(other) as store:
            assert [(row["who"], row["what"]) for row in store.audit()][-1] == ("anna", "restore")
        back_up(other, tmp_path / "again.backup", force=True)
        assert restore(database, tmp_path / "again.backup", force=True).rows == made.rows | {"audit": made.rows["audit"] + 1}
    assert settings_in(tmp_path / "plant.backup") == {"site.toml": b"zones = \xff"}


def test_what_is_restored_has_the_tables_of_a_new_database(plant, database):
    restore(database, plant)
    engine = connect(database, create=False, timeout=5)
    with engine.connect() as connection:
        options = {"compare_type": lambda _context, _found, _column, _is, ours: False if isinstance(ours, TypeDecorator) else None}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    engine.dispose()


def test_what_is_restored_goes_on(plant, database, demo):
    """New rows get numbers of their own, and what happens again is told."""
    restore(database, plant)
    with Store.open(database) as store:
        before = store.outbox.cursor("siem")
        waiting = store.outbox.after("siem", before, 10_000).events
        store.save(with_findings(demo, alerts=(alert(), alert("new", severity=Severity.HIGH))), RUN)
        store.judge("new", "mute")
        store.save(demo, Run("wednesday"))
        after = store.outbox.after("siem", before, 10_000).events
        assert [event.id for _, event in after[: len(waiting)]] == [event.id for _, event in waiting]
        assert {event.id for _, event in after[len(waiting) :]} >= {"new"}


def test_numbers_of_events_are_not_given_again(database, tmp_path, demo, new_postgres):
    """What is delivered is gone from the outbox: the next event still comes after it."""
    with Store.open(database) as store:
        store.outbox.register([destination_of("file:events.log", "siem")], Bounds())
        store.save(with_findings(demo, alerts=(alert(),)), RUN)
        last = store.outbox.after("siem", 0, 10_000).upto
        store.outbox.advance("siem", last, 1)
    back_up(database, tmp_path / "plant.backup")
    for other in (str(tmp_path / "other.db"), new_postgres()):
        restore(other, tmp_path / "plant.backup")
        with Store.open(other) as store:
            assert store.outbox.after("siem", last, 10).events == []
            store.save(with_findings(demo, alerts=(alert(), alert("new"))), RUN)
            [(number, event)] = store.outbox.after("siem", last, 10).events
            assert (event.id, number) == ("new", last + 1)


def test_a_backup_of_an_older_version_is_brought_up_to_date(database, tmp_path, plant):
    """As the first version would have written it: its tables, and a log."""
    older = tmp_path / "older.db"
    engine = create_engine(f"sqlite:///{older}")
    with engine.begin() as connection:
        migrate(connection, "0001")
        names = [row[0] for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))]
    engine.dispose()

    def change(manifest, parts):
        for name in [name for name in parts if name.startswith("tables/") and name[7:-6] not in names]:
            del parts[name]
        for name, octets in parts.items():
            parts[name] = octets.split(b"\n")[0] + b"\n"
        parts["tables/alerts.jsonl"] = json.dumps([*json.loads(parts["tables/alerts.jsonl"])][:-1]).encode()
        parts["tables/audit.jsonl"] = b'["id","at","who","what","subject","comment"]\n[7,1,"anna","close","a1","long ago"]\n'
        manifest["revision"] = "0001"

    restore(database, rewritten(plant, tmp_path, change))
    with Store.open(database) as store:
        assert next(row["comment"] for row in store.audit()) == "long ago"
        assert store.find(ALERTS, Query()).total == 0


def rewritten(backup: Path, directory: Path, change, *, honest: bool = True) -> Path:
    """The backup with other content, and a manifest that fits it."""
    with zipfile.ZipFile(backup) as read:
        parts = {name: read.read(name) for name in read.namelist()}
    manifest = json.loads(parts.pop("manifest.json"))
    change(manifest, parts)
    if honest:
        described = {name: {"octets": len(octets), "sha256": hashlib.sha256(octets).hexdigest()} for name, octets in parts.items()}
        manifest["parts"] = described
    made = directory / "changed.backup"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in parts.items():
            archive.writestr(name, octets)
        archive.writestr("manifest.json", json.dumps(manifest))
    return made


def replace_rows(name: str, *lines: bytes):
    def change(_manifest, parts):
        first = parts[f"tables/{name}.jsonl"].split(b"\n")[0]
        parts[f"tables/{name}.jsonl"] = b"\n".join((first, *lines))

    return change


def newer(manifest, _parts):
    manifest["revision"] = "9999"
    manifest["version"] = "7.0"


def another_format(manifest, _parts):
    manifest["format"] = "otoscope.backup/2"


def climbing(_manifest, parts):
    parts["tables/../../etc/passwd"] = b"root"


def unknown_table(_manifest, parts):
    parts["tables/bookmarks.jsonl"] = b'["url"]\n'


def other_columns(_manifest, parts):
    parts["tables/audit.jsonl"] = b'["id","at) VALUES (1); DROP TABLE assets; --"]\n'


def outbox_says(name, value):
    def change(_manifest, parts):
        lines = [json.loads(line) for line in parts["tables/meta.jsonl"].splitlines()]
        kept = [line for line in lines if line[0] != name]
        parts["tables/meta.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in [*kept, [name, value]])

    return change


def huge_number(manifest, _parts):
    manifest["numbers"]["outbox"] = 2**63


HOSTILE = {
    "a newer one": (newer, "newer Otoscope .7.0, tables 9999.: update this one"),
    "another format": (another_format, "made by a newer Otoscope"),
    "a path": (climbing, "no backup of Otoscope has a part like"),
    "an unknown table": (unknown_table, "have no tables/bookmarks.jsonl"),
    "other columns": (other_columns, "audit has other columns"),
    "no JSON": (replace_rows("audit", b"[1,"), "a row of audit is no JSON"),
    "no list": (replace_rows("audit", b'{"id": 1}'), "a row of audit is no list"),
    "too few columns": (replace_rows("audit", b"[1]"), "a row of audit has 1 columns, not 6"),
    "another type": (replace_rows("audit", b'[1,"x","a","b","c","d"]'), "at of a row of audit is no int"),
    "a number too large": (replace_rows("audit", b'[1,18446744073709551615,"a","b","c","d"]'), "at of a row of audit is no int"),
    "no octets": (replace_rows("baseline", '["accepted","☃"]'.encode()), "body of a row of baseline is no bytes"),
    "a row twice": (replace_rows("baseline", b'["accepted","1"]', b'["accepted","2"]'), "UNIQUE|unique"),
    "a row without its parent": (replace_rows("addresses", b'["1","nobody"]'), "FOREIGN KEY|foreign key"),
    "a missing value": (replace_rows("baseline", b'["accepted",null]'), "NOT NULL|not-null"),
    "bounds below nothing": (outbox_says("outbox_bounds", '{"megabytes": -1, "days": 30}'), "damaged: outbox_bounds .*greater than 0"),
    "bounds without end": (outbox_says("outbox_bounds", '{"megabytes": NaN, "days": 1e999}'), "damaged: outbox_bounds"),
    "bounds that are none": (outbox_says("outbox_bounds", "[[]]"), "damaged: outbox_bounds"),
    "a clock without end": (
        outbox_says("outbox_clocks", '{"x": {"seconds": 1e300, "uptime": 0, "wall": 0}}'),
        "damaged: outbox_clocks .*less than",
    ),
    "a role of nobody": (replace_rows("tokens", b'["x","x","root",1,null,null]'), "tokens have the role 'root', which there is not"),
    "endless events": (huge_number, "events are numbered up to"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_backup_is_refused_and_nothing_changes(plant, database, tmp_path, demo, name):
    change, reason = HOSTILE[name]
    fill(database, demo)
    before = state(database)
    with pytest.raises(StoreError, match=reason):
        restore(database, rewritten(plant, tmp_path, change), force=True)
    assert state(database) == before


def test_nobody_is_signed_in_by_a_backup_whoever_made_it(plant, database, tmp_path):
    session = json.dumps([hashlib.sha256(b"known").hexdigest(), "anna", "x", 2**40, 2**40]).encode()
    restore(database, rewritten(plant, tmp_path, replace_rows("sessions", session)), force=True)
    with Store.open(database) as store:
        assert store.accounts.person("anna") is not None
        assert store.accounts.session("known", idle=3600, longest=3600) is None


def test_a_row_of_any_length_is_refused(plant, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_OCTETS", 100_000)
    with pytest.raises(StoreError, match=r"tables/baseline\.jsonl has a row of more than"):
        restore(str(tmp_path / "new.db"), rewritten(plant, tmp_path, replace_rows("baseline", b'["accepted","' + b"x" * 200_000)))


def restores(database: Path, backup: Path) -> bool:
    """It is taken; what is not, is refused in the way that it should be."""
    try:
        restore(str(database), backup, force=True)
    except StoreError:
        return False
    return True


def test_damage_is_told(plant, tmp_path):
    """Every octet of a backup counts, and so does its length."""
    whole = plant.read_bytes()
    broken = tmp_path / "broken.backup"
    for place in range(0, len(whole), 997):
        broken.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        if restores(tmp_path / "new.db", broken):  # of the zip's own notes some say nothing that is asked for
            assert contents(str(tmp_path / "new.db"))["assets"] == contents(str(tmp_path / "source.db"))["assets"]
    for length in [*range(0, len(whole), 1999), len(whole) - 1]:
        broken.write_bytes(whole[:length])
        with pytest.raises(StoreError, match="no backup of Otoscope"):
            restore(str(tmp_path / "new.db"), broken, force=True)


def test_a_wrong_checksum_is_told(plant, tmp_path):
    def change(_manifest, parts):
        parts["tables/audit.jsonl"] = parts["tables/audit.jsonl"].replace(b"anna", b"emil")

    with pytest.raises(StoreError, match=r"damaged: tables/audit\.jsonl is not what was written"):
        restore(str(tmp_path / "new.db"), rewritten(plant, tmp_path, change, honest=False))


def test_what_is_larger_than_the_disk_is_not_unpacked(plant, tmp_path):
    def change(manifest, parts):
        for name, octets in parts.items():
            manifest["parts"][name] |= {"octets": len(octets)}
        manifest["parts"]["tables/audit.jsonl"]["octets"] = 10**15

    made = rewritten(plant, tmp_path, change, honest=False)
    with zipfile.ZipFile(made, "a") as archive:
        archive.getinfo("tables/audit.jsonl").file_size = 10**15
        archive.comment = b""  # writes the directory again
    with pytest.raises(StoreError, match=r"it would take 1,000,000,00. MB, and the disk has room for"):
        restore(str(tmp_path / "new.db"), made)
    assert not (tmp_path / "new.db").exists()


def test_a_directory_without_end_is_not_read(tmp_path):
    crowd = io.BytesIO()
    with zipfile.ZipFile(crowd, "w") as made:
        for number in range(30_000):
            made.writestr(f"tables/{number}", b"")
    (tmp_path / "crowd.backup").write_bytes(crowd.getvalue())
    with pytest.raises(StoreError, match="no backup of Otoscope"):
        restore(str(tmp_path / "new.db"), tmp_path / "crowd.backup")


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 10_000, Path(ROOT / "pcaps/demo.pcap").read_bytes()])
def test_what_is_no_backup_is_refused(tmp_path, content):
    (tmp_path / "x.backup").write_bytes(content)
    with pytest.raises(StoreError, match=r"x\.backup: no backup of Otoscope"):
        restore(str(tmp_path / "new.db"), tmp_path / "x.backup")
    assert not (tmp_path / "new.db").exists()


def test_a_missing_backup_says_so(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        restore(str(tmp_path / "new.db"), tmp_path / "missing.backup")


def test_nothing_is_written_over_unasked(plant, database, demo):
    fill(database, demo)
    before, content = state(database), plant.read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        back_up(database, plant)
    with pytest.raises(StoreError, match=r"is not empty .*: use another, or --force"):
        restore(database, plant)
    assert (state(database), plant.read_bytes()) == (before, content)
    assert sorted(path.name for path in plant.parent.glob("*.new")) == []


def test_who_has_the_database_open_learns_that_it_was_restored(database, plant, demo):
    with Store.open(database) as store:
        known = with_findings(demo, alerts=(alert("mine"),))
        store.save(known, RUN)
        restore(database, plant, force=True)
        assert "mine" not in {row["id"] for row in store.find(ALERTS, Query()).rows}
        store.save(known, RUN)
        assert "mine" in {row["id"] for row in store.find(ALERTS, Query()).rows}


def test_a_backup_while_another_process_saves_for_ever_is_one_of_its_states(database, tmp_path):
    process = run(SAVE_FOR_EVER, database, 1)
    try:
        process.stdout.readline()
        for number in range(4):
            back_up(database, tmp_path / f"{number}.backup")
    finally:
        process.kill()
        rest, _ = process.communicate(timeout=30)
    assert rest.split(), "it went on saving meanwhile"
    states = []
    for number in range(4):
        where = str(tmp_path / f"{number}.db")
        restore(where, tmp_path / f"{number}.backup")
        with Store.open(where) as store:
            counts = {row["count"] for row in store.find(ALERTS, Query()).rows}
            zones = {row["zone"] for row in store.find(ASSETS, Query(ids=tuple(f"asset {name}" for name in range(200)))).rows}
        assert zones == {str(*counts)}
        states.append(*counts)
    assert states == sorted(states)


PROGRAM = """
import sys
from pathlib import Path
from sensor.store.backup import back_up, restore
print("go", flush=True)
if sys.argv[1] == "backup":
    back_up(sys.argv[2], Path(sys.argv[3]), force=True)
else:
    restore(sys.argv[2], Path(sys.argv[3]), force=True)
print("done", flush=True)
"""


@pytest.fixture
def large(tmp_path, demo) -> Path:
    """A backup that takes a while."""
    found = tuple(alert(f"alert {number}", message="x" * 500) for number in range(3000))
    with Store.open(tmp_path / "large.db") as store:
        store.save(with_findings(demo, alerts=found), RUN)
    back_up(str(tmp_path / "large.db"), tmp_path / "large.backup")
    return tmp_path / "large.backup"


@pytest.mark.parametrize("wait", [0.0, 0.03, 0.1, 0.2])
def test_who_is_killed_while_restoring_leaves_the_old_or_the_new(database, large, demo, wait):
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(alert(),)), RUN)
    process = run(PROGRAM, "restore", database, large)
    process.stdout.readline()
    time.sleep(wait)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert contents(database)["alerts"] in (1, 3000)
    restore(database, large, force=True)
    assert contents(database)["alerts"] == 3000


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("wait", [0.0, 0.03, 0.1])
def test_who_is_killed_while_backing_up_leaves_the_old_or_the_new(tmp_path, wait):
    target = tmp_path / "target.backup"
    target.write_bytes(b"the old")
    process = run(PROGRAM, "backup", tmp_path / "large.db", target)
    process.stdout.readline()
    time.sleep(wait)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    if target.read_bytes() != b"the old":
        restore(str(tmp_path / "new.db"), target)
    back_up(str(tmp_path / "large.db"), target, force=True)
    assert restore(str(tmp_path / "newer.db"), target).rows["alerts"] == 3000
    assert list(tmp_path.glob("*.new")) == []


FULL = """
import resource, sys
from pathlib import Path
from sensor.errors import StoreError
from sensor.store.backup import back_up, restore
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    back_up(sys.argv[2], Path(sys.argv[3])) if sys.argv[1] == "backup" else restore(sys.argv[2], Path(sys.argv[3]), force=True)
except StoreError as error:
    print(error)
"""


@pytest.mark.usefixtures("large")
def test_a_full_disk_leaves_no_half_backup(tmp_path):
    """The kernel refuses to let the file grow, as it does on a full disk."""
    said, _ = run(FULL, "backup", tmp_path / "large.db", tmp_path / "target.backup", 40_000).communicate(timeout=60)
    assert "target.backup cannot be written: File too large; nothing of it is left" in said
    assert list(tmp_path.glob("target*")) == []


def test_a_full_disk_while_restoring_leaves_the_old(tmp_path, large, demo):
    database = tmp_path / "plant.db"
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(alert(),)), RUN)
    said, _ = run(FULL, "restore", database, large, 1_500_000).communicate(timeout=60)
    assert "nothing of this was written" in said
    assert contents(str(database))["alerts"] == 1
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_memory_does_not_grow_with_the_database(tmp_path, demo):
    """A backup of 120 MB of rows."""
    found = tuple(alert(f"alert {number}", message="x" * 60_000) for number in range(2000))
    with Store.open(tmp_path / "large.db") as store:
        store.save(with_findings(demo, alerts=found), RUN)
    peaks = []
    for arguments in (("backup", tmp_path / "large.db"), ("restore", tmp_path / "new.db")):
        program = PROGRAM + "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments, tmp_path / "x.backup"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]) // 1024)
    assert max(peaks) < 200
    assert contents(str(tmp_path / "new.db"))["alerts"] == 2000


def test_a_reset_leaves_one_line_that_says_who(database, demo):
    fill(database, demo)
    with Store.open(database) as store:
        assert store.baseline() is not None
    reset(database, keep_baseline=True, who="anna")
    assert contents(database) == {"audit": 1, "baseline": 1}
    reset(database, who="emil")
    assert contents(database) == {"audit": 1}
    with Store.open(database) as store:
        assert [(row["who"], row["what"]) for row in store.audit()] == [("emil", "reset")]
        store.save(demo, RUN)
        assert store.find(ASSETS, Query()).total == len(demo.assets)


def test_who_is_told_is_told_after_a_reset(database, demo):
    """A service goes on meanwhile: it knows how far it has got, and registers nobody."""
    fill(database, demo)
    with Store.open(database) as store:
        position = store.outbox.after("siem", store.outbox.cursor("siem"), 10_000).upto
        reset(database)
        [state] = store.outbox.states()
        assert (state.name, state.url, state.waiting, state.refused, state.sent) == ("siem", "file:events.log", 0, 0, 0)
        assert store.outbox.octets() == 0
        store.save(with_findings(demo, alerts=(alert("new"),)), RUN)
        events = store.outbox.after("siem", position, 10_000).events
        assert len(events) == len(demo.assets) + 1
        assert events[-1][1].id == "new"
        store.outbox.advance("siem", events[-1][0], len(events))
        assert store.outbox.states()[0].sent == len(events)
        assert bounds(database) == Bounds(megabytes=1)


def bounds(database: str) -> Bounds:
    engine = connect(database, create=False, timeout=5)
    with engine.connect() as connection:
        value = connection.execute(text("SELECT value FROM meta WHERE name = 'outbox_bounds'")).scalar_one()
    engine.dispose()
    return Bounds(**json.loads(value))


def test_who_is_told_is_told_after_a_restore(database, plant, demo):
    """Also where other events were told meanwhile, under numbers that those of the backup had, too."""
    mine, other = destination_of("file:mine.log", "siem"), destination_of("file:other.log", "other")
    with Store.open(database) as store:
        store.outbox.register([mine, other], Bounds(megabytes=2))
        for number in range(3):
            store.save(with_findings(demo, alerts=tuple(alert(f"{number}-{other}") for other in range(100))), RUN)
        position = store.outbox.after("siem", 0, 10_000).upto
        restore(database, plant, force=True)
        with Store.open(plant.with_name("source.db")) as source:
            waited = source.outbox.after("siem", source.outbox.cursor("siem"), 10_000).events
        events = store.outbox.after("siem", position, 10_000).events
        assert [event.id for _, event in events] == [event.id for _, event in waited]
        store.save(with_findings(demo, alerts=(alert("new"),)), RUN)
        for name in ("siem", "other"):
            events = store.outbox.after(name, position, 10_000).events
            assert "new" in {event.id for _, event in events}
            store.outbox.advance(name, events[-1][0], len(events))
        assert {state.name: (state.url, state.waiting) for state in store.outbox.states()} == {
            "siem": ("file:mine.log", 0),
            "other": ("file:other.log", 0),
        }
        assert bounds(database) == Bounds(megabytes=2)


def test_who_is_told_alone_is_no_reason_not_to_restore(database, plant):
    """A service that was started on an empty database."""
    with Store.open(database) as store:
        store.outbox.register([destination_of("file:mine.log", "siem")], Bounds())
    restore(database, plant)


def test_what_waits_in_a_backup_is_weighed_anew(plant, database, tmp_path):
    restore(database, rewritten(plant, tmp_path, outbox_says("outbox_octets", '{"octets": 99999999999}')))
    with Store.open(database) as store:
        store.outbox.register([], Bounds(megabytes=10))
        waiting = len(store.outbox.after("siem", 0, 10_000).events)
        assert 0 < store.outbox.octets() < 1_000_000
        store.outbox.tell([health_event("heartbeat", "Sensor heartbeat", 1)])
        assert len(store.outbox.after("siem", 0, 10_000).events) == waiting + 1


def test_the_commands(otoscope, tmp_path, demo):
    database, backup = tmp_path / "plant.db", tmp_path / "plant.backup"
    fill(str(database), demo)
    (tmp_path / "my.toml").write_text("[sensor]\n")
    done = otoscope("backup", backup, "--database", database, "--config", tmp_path / "my.toml")
    assert done.returncode == 0, done.stderr
    assert "otoscope.toml" in done.stdout
    assert backup.stat().st_mode & 0o077 == 0
    kept = state(str(database))
    refused = otoscope("reset", "--database", database, stdin=b"plan\n")
    assert (refused.returncode, state(str(database))) == (1, kept)
    assert "There is no way back" in refused.stdout
    assert otoscope("reset", "--database", database, stdin=b"plant.db\n").returncode == 0
    assert contents(str(database)) == {"audit": 1}
    done = otoscope("restore", backup, "--database", database, "--force", "--settings", tmp_path)
    assert done.returncode == 0, done.stderr
    assert state(str(database)) == kept
    assert (tmp_path / "otoscope.toml").read_text() == "[sensor]\n"
    assert otoscope("restore", backup, "--database", database, "--force", "--settings", tmp_path, "--force").returncode == 0
    assert "exists already" in otoscope("restore", backup, "--database", tmp_path / "new.db", "--settings", tmp_path).stderr
    assert otoscope("reset", "--database", database, "--yes").returncode == 0


def test_a_directory_for_settings_is_made(otoscope, tmp_path, plant):
    directory = tmp_path / "etc" / "otoscope"
    done = otoscope("restore", plant, "--database", tmp_path / "new.db", "--settings", directory)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in directory.iterdir()] == ["otoscope.toml"]
    assert (directory / "otoscope.toml").read_text() == "[sensor]\n"


def test_settings_that_cannot_be_written_leave_everything_as_it_was(otoscope, tmp_path, plant, demo):
    database, place = tmp_path / "new.db", tmp_path / "etc"
    fill(str(database), demo)
    before = state(str(database))
    for name, hinder in (("a file", place.touch), ("a directory", lambda: (place / "otoscope.toml").mkdir(parents=True))):
        hinder()
        done = otoscope("restore", plant, "--database", database, "--settings", place, "--force")
        assert (done.returncode, state(str(database))) == (1, before), name
        assert "otoscope.toml cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.rglob("*.new"))
        place.unlink() if place.is_file() else None


def test_settings_that_cannot_be_read_end_it(otoscope, tmp_path, demo):
    fill(str(tmp_path / "plant.db"), demo)
    done = otoscope("backup", tmp_path / "x.backup", "--database", tmp_path / "plant.db", "--site", tmp_path / "missing.toml")
    assert done.returncode == 1
    assert "missing.toml cannot be read: No such file" in done.stderr
    assert not (tmp_path / "x.backup").exists()
