"""What a save keeps, and that it writes no more than that."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from sensor.capture import open_capture
from sensor.conclusions import Conclusions
from sensor.conduits.model import Site
from sensor.errors import StoreError
from sensor.inventory.model import Address, Field, Level
from sensor.inventory.resolve import Merge
from sensor.observations import Observations
from sensor.pipeline import conclude
from sensor.replay import document
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, OPERATIONS, VIOLATIONS, Query, Run, Store, run_of
from tests import samples
from tests.end_to_end import fuzz
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import NOON, SECOND, alert, asset, everything, field, incident, shifted, with_findings

RUN = Run("monday")


@contextmanager
def writes_of(store: Store) -> Iterator[list[str]]:
    """The statements that write, as they are sent to the database."""
    written: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if statement.split()[0] in ("INSERT", "UPDATE", "DELETE"):
            written.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    yield written
    event.remove(store._engine, "before_cursor_execute", note)


def rows_of(known, kind: str) -> list[dict]:
    return [dict(row) for row in document(known, ())[kind]]


def stripped(rows: list[dict], *more: str) -> list[dict]:
    return sorted(({name: value for name, value in row.items() if name not in more} for row in rows), key=repr)


def test_what_is_kept_is_what_replay_shows(database, demo):
    known = with_findings(demo, alerts=(alert(),), incidents=(incident(alert()),))
    with Store.open(database) as store:
        store.save(known, RUN)
        assert stripped(store.find(ASSETS, Query()).rows, "addresses", "evidence") == stripped(rows_of(known, "assets"))
        kept = stripped(store.find(CONVERSATIONS, Query()).rows, "id", "client_asset", "server_asset")
        assert kept == stripped(rows_of(known, "conversations"))
        assert stripped(store.find(OPERATIONS, Query()).rows, "conversation") == stripped(rows_of(known, "operations"))
        assert stripped(store.find(ALERTS, Query()).rows, "status", "assignee") == stripped(rows_of(known, "alerts"))
        assert store.find(VIOLATIONS, Query()).rows == rows_of(known, "violations")


def test_the_same_capture_again_changes_nothing(database, demo):
    for time in (1, 2, 3):
        with Store.open(database) as store:
            saved = store.save(known_of("demo.pcap"), run_of([PCAPS / "demo.pcap"], demo.statistics))
            if time == 1:
                first = everything(store)
                assert saved.written["conversations"] == len(demo.dialogues)
            else:
                assert (saved.written, saved.removed) == ({}, {})
                assert everything(store) == first


def test_a_save_that_changes_nothing_writes_nothing(database, demo):
    with Store.open(database) as store:
        store.save(demo, RUN)
        with writes_of(store) as written:
            store.save(demo, RUN)  # the same rows
            store.save(with_findings(known_of("demo.pcap")), RUN)  # other rows that say the same
        assert written == []
    with Store.open(database) as store, writes_of(store) as written:
        store.save(demo, RUN)
        assert written == []


def test_a_save_that_changes_nothing_leaves_the_file_alone(tmp_path, demo):
    def octets() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}

    with Store.open(tmp_path / "plant.db") as store:
        store.save(demo, RUN)
        before = octets()
        store.save(with_findings(known_of("demo.pcap")), RUN)
        assert octets() == before


@pytest.mark.parametrize("capture", ["demo.pcap", "modbus-odd-port.pcap", "tcp-midstream.pcap", "arp-conflict.pcap"])
def test_batch_by_batch_is_kept_as_all_at_once(tmp_path, capture):
    whole = known_of(capture)
    with Store.open(tmp_path / "whole.db") as store:
        store.save(whole, RUN)
        expected = everything(store)
    observations = Observations()
    with Store.open(tmp_path / "batches.db") as store, open_capture(PCAPS / capture, batch_packets=7) as batches:
        for batch in batches:
            observations.add(batch)
            store.save(conclude(observations), RUN)
        assert everything(store) == expected


def test_a_later_capture_adds_to_an_earlier_one(database, tmp_path):
    monday = tmp_path / "monday.pcap"
    monday.write_bytes(samples.MODBUS)
    tuesday = shifted(monday, tmp_path / "tuesday.pcap", 86_400)
    with Store.open(database) as store:
        for path in (monday, tuesday):
            known = known_of(path)
            store.save(known, run_of([path], known.statistics))
            if path == monday:
                [before] = store.find(CONVERSATIONS, Query()).rows
        both = everything(store)
        [after] = both["conversations"]
        assert after["packets"] == [2 * number for number in before["packets"]]
        assert after["connections"] == 2 * before["connections"]
        assert (after["first"], after["last"][:10]) == (before["first"], "2023-01-03")
        assert {row["requests"] for row in both["operations"]} == {2}
        assert {row["first"][:10] for row in both["assets"]} == {"2023-01-02"}
        for path in (monday, tuesday, monday):
            known = known_of(path)
            assert store.save(known, run_of([path], known.statistics)).written == {}
        assert everything(store) == both


def test_a_capture_that_is_there_with_others_is_refused(database, tmp_path):
    monday, copy = tmp_path / "monday.pcap", tmp_path / "copy.pcap"
    monday.write_bytes(samples.MODBUS)
    copy.write_bytes(samples.MODBUS)
    known = known_of(monday)
    demo = PCAPS / "demo.pcap"
    assert run_of([monday], None).name == run_of([copy], None).name
    assert run_of([monday, demo], None).name == run_of([demo, copy], None).name
    with Store.open(database) as store:
        store.save(known, run_of([monday, demo], known.statistics))
        before = everything(store)
        with pytest.raises(StoreError, match="would count twice"):
            store.save(known, run_of([copy], known.statistics))
        assert everything(store) == before
        assert store.save(known, run_of([monday, demo], known.statistics)).written == {}


def test_what_an_earlier_run_knew_stays_known(database, demo):
    later = asset(
        addresses=(Address("00:1b:1b:00:00:01", "192.0.2.99", 20, NOON, NOON),),
        name="192.0.2.99",
        fields={"vendor": Field(None), "firmware": field("4.2")},
        kind=Field("unknown"),
        level=Level(),
        services=(),
        clients_of=("modbus",),
        last=NOON + 90 * SECOND,
    )
    with Store.open(database) as store:
        store.save(with_findings(demo, assets=(asset(),)), RUN)
        store.save(with_findings(demo, assets=(later,)), Run("tuesday"))
        [row] = store.find(ASSETS, Query(ids=(later.id,))).rows
        told = ("name", "vendor", "model", "firmware", "type", "level", "services", "clients_of", "ips")
        expected = ("Boiler PLC", "Siemens", "S7-1200", "4.2", "plc", 1.0, ["s7comm"], ["modbus"], ["192.0.2.99", "192.0.2.10"])
        assert tuple(row[name] for name in told) == expected
        assert store.explain("192.0.2.10").asset["id"] == store.explain("192.0.2.99").asset["id"] == later.id
        assert [reason["because"] for reason in row["evidence"]["vendor"]["evidence"]] == ["says so itself"]


def test_a_change_of_an_asset_is_in_its_history(database, demo):
    with Store.open(database) as store:
        store.save(with_findings(demo, assets=(asset(),)), RUN)
        assert store.history("0123456789") == []
        updated = asset(fields={"vendor": field("Siemens"), "model": field("S7-1500")}, last=NOON + 7 * SECOND, zone="cell 2")
        store.save(with_findings(demo, assets=(updated,)), RUN)
        model, zone = store.history("0123456789")
        assert model == {"at": NOON + 7 * SECOND, "what": "model", "old": "S7-1200", "new": "S7-1500", "because": "says so itself"}
        assert (zone["what"], zone["old"], zone["new"]) == ("zone", "cell 1", "cell 2")


def test_what_a_run_says_no_more_is_taken_back(database, demo):
    with Store.open(database) as store:
        store.save(with_findings(demo, alerts=(alert("first"), alert("second")), assets=(asset(),)), RUN)
        store.judge("second", "comment", "looked at it")
        saved = store.save(demo, RUN)
        assert saved.removed == {"assets": 1, "alerts": 2}
        assert [row["id"] for row in store.find(ALERTS, Query()).rows] == ["second"]  # people have dealt with it
        assert store.explain("192.0.2.10").asset is None


def test_what_a_full_table_has_forgotten_is_not_taken_back(database, demo):
    poor = known_of("demo.pcap", limits={"conversations": 16})
    assert len(poor.dialogues) < len(demo.dialogues)
    with Store.open(database) as store:
        store.save(demo, RUN)
        saved = store.save(poor, RUN)
        assert saved.removed == {}
        assert store.find(CONVERSATIONS, Query()).total == len(demo.dialogues)


def test_what_only_one_of_two_runs_takes_back_stays(database, demo):
    with Store.open(database) as store:
        known = with_findings(demo, alerts=(alert(),))
        store.save(known, RUN)
        store.save(known, Run("tuesday"))
        assert store.find(ALERTS, Query()).rows[0]["count"] == 4
        store.save(demo, RUN)
        assert store.find(ALERTS, Query()).rows[0]["count"] == 2
        store.save(demo, Run("tuesday"))
        assert store.find(ALERTS, Query()).total == 0


def test_two_processes_do_not_overwrite_each_other(database, demo):
    with Store.open(database) as one, Store.open(database) as other:
        one.save(demo, RUN)
        other.save(with_findings(demo, alerts=(alert(),)), RUN)
        one.save(with_findings(demo, alerts=(alert(),)), RUN)
        assert one.save(demo, RUN).removed == {"alerts": 1}
        assert other.find(ALERTS, Query()).total == 0


def test_why_addresses_are_one_thing_is_kept(database, demo):
    log = (Merge("0123456789", "192.0.2.10 and 192.0.2.99", "the same serial"),)
    known = replace(with_findings(demo, assets=(asset(),)), resolution=replace(demo.resolution, log=log))
    with Store.open(database) as store:
        store.save(known, RUN)
        assert [row["because"] for row in store.explain("0123456789").merges] == ["the same serial"]


HOSTILE = {
    "NUL": "a\0b",
    "surrogate": "a\ud800b\udfff",
    "escape": "\x1a0000 \x1a",
    "quotes": "'; DROP TABLE assets; --\"`",
    "wildcards": "%_\\%",
    "long": "x" * 100_000,
    "emoji": "🏭\u202e\u2028",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_kept_as_they_are(database, demo, name):
    hostile = asset(name, name=name, zone=name, fields={"vendor": field(name)}, tags=(name,))
    raised = alert(name, message=name, source=name, rule=name, protocol=name)
    with Store.open(database) as store:
        store.save(with_findings(demo, assets=(hostile,), alerts=(raised,), incidents=(incident(raised, name=name),)), RUN)
        [row] = store.find(ASSETS, Query(zones=(name,))).rows
        assert (row["id"], row["name"], row["vendor"], row["tags"]) == (name, name, name, [name])
        assert store.find(ASSETS, Query(vendor=name)).total == 1
        assert store.explain(name).asset["zone"] == name
        [row] = store.find(ALERTS, Query(rules=(name,), protocols=(name,), zones=(name,))).rows
        assert row["message"] == name
        store.judge(name, "close", name, who=name)
        assert (store.audit()[-1]["comment"], store.audit()[-1]["who"]) == (name, name)
        store.save(with_findings(demo, assets=(replace(hostile, zone="a", last=NOON + 9 * SECOND),)), RUN)
        assert [row["old"] for row in store.history(name)] == [name]


def test_a_capture_of_nothing_is_kept(database):
    with Store.open(database) as store:
        empty = known_of("pcap-empty.pcap")
        store.save(empty, run_of([PCAPS / "pcap-empty.pcap"], empty.statistics))
        assert store.find(ASSETS, Query()).total == store.find(CONVERSATIONS, Query()).total == 0


def test_a_pipe_is_told_by_what_came_through_it(demo):
    one, other = run_of(["-"], demo.statistics), run_of(["-"], known_of("vlan.pcap").statistics)
    assert one.name != other.name
    assert one == run_of(["-"], known_of("demo.pcap").statistics)
    assert run_of([Path("/dev/null")], None).parts == ()


def test_conversations_of_nobody_that_is_looked_at_do_not_end_a_sensor(tmp_path):
    """Conclusions leave them out; that one of them goes on is nothing to be saved."""
    frames = [frame for path in sorted(fuzz.PCAPS.rglob("*.pcap")) for frame in fuzz.frames_of(path)]
    made = [fuzz.hostile(fuzz.chance.choice(frames)) for _ in range(4_000)]
    octets = b"".join(
        struct.pack("<IIII", 1_700_000_000 + number // 100, number % 100, len(frame), len(frame)) + frame
        for number, frame in enumerate(made * 3)
    )
    (tmp_path / "hostile.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + octets)
    observations, conclusions, left_out = Observations(), Conclusions(Site()), False
    with Store.open(":memory:") as store, open_capture(str(tmp_path / "hostile.pcap"), batch_packets=1_000) as capture:
        for batch in capture:
            observations.add(batch)
            known = conclusions.update(observations)
            store.save(known, Run("hostile"))
            left_out = left_out or any(row.id not in known.dialogues for row in batch.conversations)
        assert left_out
        assert store.find(CONVERSATIONS, Query()).total >= len(known.dialogues)
