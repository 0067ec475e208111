"""Rows of the transaction log against what the operations of the same replay count, and against Wireshark."""

import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from sensor.capture import open_capture
from sensor.inventory.profile import protocol_of
from sensor.observations import Observations
from sensor.transactions.rows import table
from tests import samples
from tests.samples import CLIENT, SERVER, modbus

PCAPS = Path(__file__).parents[2] / "pcaps"
CAPTURES = sorted(path for path in (*PCAPS.glob("*.pcap*"), *PCAPS.glob("plants/*.pcap")))
ANSWERED = {"accepted", "rejected"}


def record(*paths, **options):
    """Observations and rows of captures, times as nanoseconds."""
    tables = []
    observations = Observations()
    with open_capture(*paths, on_transactions=lambda taken, sources: tables.append(table(taken, sources)), **options) as capture:
        for batch in capture:
            observations.add(batch)
    rows = pa.concat_tables(tables)
    for name in ("ts", "response_ts"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].cast(pa.int64()))
    return observations, rows.to_pylist()


def written(tmp_path, turns, **options):
    path = tmp_path / "capture.pcap"
    path.write_bytes(samples.pcap(samples.dialogue(turns, **options)))
    return record(path)[1]


def of_operations(observations):
    """Requests, rejections and unanswered requests of each operation."""
    counts = Counter()
    for row in observations.operations.values():
        talk, protocol = observations.conversations[row.conversation], protocol_of(row.protocol)
        sub = protocol.subfunction(row.function, row.subfunction)
        ends = (talk.client_ip, talk.server_ip, talk.port if talk.client_ip else None, talk.vlan)
        key = (*ends, row.protocol, protocol.code(row.function), sub, row.unit, row.object)
        counts.update({(*key, "requests"): row.requests, (*key, "errors"): row.errors, (*key, "unanswered"): row.unanswered})
    return +counts


def of_rows(rows):
    counts = Counter()
    for row in rows:
        ends = (row["id.orig_h"], row["id.resp_h"], row["id.resp_p"] if row["id.orig_h"] else None, row["vlan"])
        key = (*ends, *(row[name] for name in ("service", "code", "subfunction", "unit", "object")))
        counts[(*key, "requests")] += row["outcome"] != "unasked"
        counts[(*key, "errors")] += row["status"] is not None
        counts[(*key, "unanswered")] += row["outcome"] == "unanswered"
    return +counts


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_there_is_a_row_for_each_request_that_is_counted(path):
    observations, rows = record(path)
    assert of_rows(rows) == of_operations(observations)
    for row in rows:
        assert (row["response_ts"] is not None) == (row["outcome"] in ANSWERED | {"unasked"})
        assert (row["response_ms"] is not None) == (row["outcome"] in ANSWERED)
        assert (row["exception"] is not None) == (row["status"] is not None)
        assert row["source"] == str(path)


@pytest.mark.parametrize("name", ["modbus-functions.pcap", "demo.pcap", "plants/flat.pcap", "tcp-lost.pcap"])
def test_requests_and_responses_are_paired_as_wireshark_pairs_them(name):
    fields = ("frame.time_epoch", "modbus.response_time", "modbus.func_code")
    command = ["tshark", "-r", PCAPS / name, "-Y", "modbus.response_time", "-T", "fields"]
    lines = subprocess.run([*command, *(word for field in fields for word in ("-e", field))], capture_output=True, text=True, check=True)
    theirs = set()
    for line in lines.stdout.splitlines():
        time, took, code = line.split("\t")
        theirs.add((nanoseconds(time) - nanoseconds(took), nanoseconds(time), code))
    ours = {(row["ts"], row["response_ts"], row["code"]) for row in record(PCAPS / name)[1] if row["outcome"] in ANSWERED}
    assert theirs, "Wireshark has found none"
    assert theirs <= ours


def nanoseconds(text):
    seconds, _, rest = text.partition(".")
    return int(seconds) * 1_000_000_000 + int(rest.ljust(9, "0"))


def test_addresses_hash_as_wireshark_hashes_them():
    command = ["tshark", "-r", PCAPS / "demo.pcap", "--enable-protocol", "communityid", "-T", "fields", "-e", "communityid"]
    theirs = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    ours = {row["community_id"] for row in record(PCAPS / "demo.pcap")[1]} - {None}
    assert len(ours) > 10
    assert ours <= theirs


def test_what_a_row_says(modbus_pcap):
    read, refused, switched, _ = record(modbus_pcap)[1]
    begin = samples.FIRST + 3 * samples.STEP
    assert read | {"uid": None} == {
        "ts": begin, "uid": None, "community_id": "1:FT8Y3JVA/gyFKtYdk08cIMeL57M=",
        "id.orig_h": CLIENT, "id.orig_p": 49152, "id.resp_h": SERVER, "id.resp_p": 502,
        "orig_l2_addr": "02:00:00:00:00:05", "resp_l2_addr": "02:00:00:00:00:09", "vlan": None, "proto": "tcp",
        "service": "modbus", "unit": "1", "code": "3", "subfunction": None, "func": "Read Holding Registers", "intent": "read",
        "technique": None, "object": "HR 40001-40002", "outcome": "accepted", "status": None, "exception": None,
        "response_ts": begin + samples.STEP, "response_ms": 1.0, "request_octets": 12, "response_octets": 13, "source": str(modbus_pcap),
    }  # fmt: skip
    assert (refused["outcome"], refused["status"], refused["exception"]) == ("rejected", 2, "illegal data address")
    assert (switched["intent"], switched["object"]) == ("write", "C 00173")


def test_a_connection_has_the_same_uid_whenever_it_is_read_and_another_has_another(tmp_path, modbus_pcap):
    uids = {row["uid"] for row in record(modbus_pcap)[1]}
    assert len(uids) == 1
    assert uids == {row["uid"] for row in record(modbus_pcap, batch_packets=1)[1]}
    later = tmp_path / "later.pcap"
    later.write_bytes(samples.pcap(samples.dialogue(samples.MODBUS_TURNS), samples.FIRST + 60 * 1_000_000_000))
    assert uids.isdisjoint(row["uid"] for row in record(later)[1])


def test_what_is_not_answered_or_not_asked_says_so(tmp_path):
    request, answer = modbus(1, bytes.fromhex("0300000002")), modbus(1, bytes.fromhex("030400010002"))
    lone = [(CLIENT, request), (SERVER, answer), (CLIENT, modbus(2, bytes.fromhex("0300000002")))]
    assert [row["outcome"] for row in written(tmp_path, lone)] == ["accepted", "unanswered"]
    [unasked] = written(tmp_path, [(SERVER, modbus(7, bytes.fromhex("8302")))])
    assert (unasked["outcome"], unasked["status"], unasked["request_octets"], unasked["response_octets"]) == ("unasked", 2, None, 9)
    assert unasked["ts"] == unasked["response_ts"]


def test_who_turns_out_to_be_the_client_is_the_client_in_the_rows_before(tmp_path):
    """Without a handshake and on an odd port, the first message says nothing of its direction."""
    write = bytes.fromhex("060010ffff")
    turns = [
        (SERVER, modbus(1, write)),
        (CLIENT, modbus(2, bytes.fromhex("0300000002"))),
        (SERVER, modbus(2, bytes.fromhex("030400010002"))),
    ]
    rows = written(tmp_path, turns, port=50_000, handshake=False)
    assert {(row["id.orig_h"], row["id.resp_h"]) for row in rows} == {(CLIENT, SERVER)}
    assert sorted(row["outcome"] for row in rows) == ["accepted", "unasked"]


def test_each_of_more_objects_than_are_counted_is_named(tmp_path):
    path = tmp_path / "capture.pcap"
    asked = [modbus(number, bytes([3, 0, number, 0, 1])) for number in range(200)]
    path.write_bytes(samples.pcap(samples.dialogue((CLIENT, request) for request in asked * 2)))
    observations, rows = record(path, limits={"operations_per_conversation": 10, "pending_per_flow": 1000})
    assert len(observations.operations) == 11
    assert Counter(row["object"] for row in rows) == {f"HR 4{number + 1:04}": 2 for number in range(200)}


def test_texts_from_the_wire_are_clean(tmp_path):
    capture = (PCAPS / "enip-tags.pcap").read_bytes()
    names = {row["object"] for row in record(PCAPS / "enip-tags.pcap")[1] if "Tag " in row["object"]}
    tag = min(names, key=len).removeprefix("Tag ").split(" ")[0].split(".")[0].split("[")[0].encode()
    for evil in (b"\x00\n\"';=\xff\xfe", b"\x1b[31m\r\n\xe2\x80\xae"):
        path = tmp_path / "evil.pcap"
        path.write_bytes(capture.replace(tag, (evil * len(tag))[: len(tag)]))
        for row in record(path)[1]:
            assert row["object"].isprintable()
