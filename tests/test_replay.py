"""The replay document: its contract, and that nothing but the capture decides what it says."""

import json
from pathlib import Path

import jsonschema
import pytest

from sensor.rows import SCHEMA
from sensor.times import timestamp
from tests import samples

ROOT = Path(__file__).parents[1]
DOCUMENTED = json.loads((ROOT / "docs/replay.schema.json").read_text(encoding="utf-8"))
PCAPS = sorted((ROOT / "pcaps").glob("*.pcap*"))


def operation(document, name):
    [row] = [row for row in document["operations"] if row["name"] == name]
    return row


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(DOCUMENTED)
    assert DOCUMENTED["properties"]["schema"] == {"const": SCHEMA}


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_every_capture_of_ours_fits_the_schema(replay, path):
    jsonschema.validate(replay(path), DOCUMENTED)


def test_the_capture_as_a_whole(replay, modbus_pcap):
    document = replay(modbus_pcap)
    jsonschema.validate(document, DOCUMENTED)
    capture = document["capture"]
    assert capture["files"] == [str(modbus_pcap)]
    assert (capture["packets"], capture["octets"]) == (11, sum(map(len, samples.dialogue(samples.MODBUS_TURNS))))
    assert (capture["first"], capture["last"]) == ("2023-01-02T03:04:05.123456789Z", "2023-01-02T03:04:05.133456789Z")
    assert (capture["duplicates"], capture["truncated_records"], capture["lost_segments"], capture["warnings"]) == (0, 0, 0, [])
    assert document["protocols"] == {"modbus": {"messages": 8, "malformed": 0}}
    assert document["anomalies"] == []


def test_endpoints_and_conversations(replay, modbus_pcap):
    document = replay(modbus_pcap)
    assert [(row["ip"], row["mac"], row["packets"]) for row in document["endpoints"]] == [
        ("10.0.0.5", "02:00:00:00:00:05", 6),
        ("10.0.0.9", "02:00:00:00:00:09", 5),
    ]
    [row] = document["conversations"]
    assert row["client"] == {"mac": "02:00:00:00:00:05", "ip": "10.0.0.5"}
    assert row["server"] == {"mac": "02:00:00:00:00:09", "ip": "10.0.0.9"}
    assert (row["transport"], row["port"], row["vlan"], row["protocol"]) == ("tcp", 502, None, "modbus")
    assert (row["packets"], row["connections"], row["refused"]) == ([6, 5], 1, 0)
    assert row["round_trip_time_ms"] == 2.0


def test_operations(replay, modbus_pcap):
    document = replay(modbus_pcap)
    assert len(document["operations"]) == 4
    read = operation(document, "Read Holding Registers")
    assert (read["client"], read["server"], read["port"], read["transport"]) == ("10.0.0.5", "10.0.0.9", 502, "tcp")
    assert (read["protocol"], read["unit"], read["code"], read["function"], read["intent"]) == ("modbus", "1", "3", 3, "read")
    assert (read["requests"], read["responses"], read["errors"], read["unanswered"], read["results"]) == (1, 1, 0, 0, {})
    assert read["response_time_ms"] == {"minimum": 1.0, "mean": 1.0, "maximum": 1.0}
    assert (read["first"], read["last"]) == ("2023-01-02T03:04:05.126456789Z", "2023-01-02T03:04:05.127456789Z")
    write = operation(document, "Write Single Register")
    assert (write["intent"], write["errors"], write["results"]) == ("write", 1, {"illegal data address": 1})


def test_an_operation_that_comes_again_after_hours_has_episodes(replay, tmp_path):
    path = tmp_path / "twice.pcap"
    read, answer = samples.MODBUS_TURNS[0], samples.MODBUS_TURNS[1]
    turns = [read, answer] * 3
    hours = [0, 0, 0, 0, 0, 0, 0, 5, 5]  # the handshake, then the turns
    times = [samples.FIRST + hour * 3_600_000_000_000 + number * samples.STEP for number, hour in enumerate(hours)]
    path.write_bytes(samples.pcap_of(zip(times, samples.dialogue(turns), strict=True)))
    document = replay(path)
    jsonschema.validate(document, DOCUMENTED)
    row = operation(document, "Read Holding Registers")
    assert [(episode["first"][11:16], episode["requests"], episode["errors"]) for episode in row["episodes"]] == [
        ("03:04", 2, 0),
        ("08:04", 1, 0),
    ]
    assert row["most_in_a_minute"] == {"requests": 2, "errors": 0}


def test_one_episode_is_the_row_itself(replay, modbus_pcap):
    document = replay(modbus_pcap)
    assert all("episodes" not in row for row in document["operations"])
    assert [row["most_in_a_minute"] for row in document["conversations"]] == [1]
    assert {row["hops"] for row in document["endpoints"]} == {0}


def test_facts_are_cleaned_of_what_a_terminal_would_obey(replay, modbus_pcap):
    facts = [row for row in replay(modbus_pcap)["facts"] if row["source"] == "modbus"]
    assert {(row["ip"], row["unit"]) for row in facts} == {("10.0.0.9", "1")}
    values = {row["value"] for row in facts}
    assert {"Acme", "[red]P-1"} <= values
    assert not any("\x1b" in value for value in values)


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.name)
def test_neither_batches_nor_repetition_change_the_document(replay, path):
    whole = replay(path)
    assert replay(path) == whole
    for batch_packets in (1, 7, 100):
        assert replay(path, batch_packets=batch_packets) == whole


def test_the_parts_of_a_capture_say_what_the_whole_says(replay, tmp_path):
    frames = samples.dialogue(samples.MODBUS_TURNS)
    whole, first, second = (tmp_path / name for name in ("whole.pcap", "1.pcap", "2.pcap"))
    whole.write_bytes(samples.MODBUS)
    first.write_bytes(samples.pcap(frames[:6]))
    second.write_bytes(samples.pcap(frames[6:], first=samples.FIRST + 6 * samples.STEP))
    together, apart = replay(whole), replay(first, second)
    assert apart["capture"].pop("files") == [str(first), str(second)]
    together["capture"].pop("files")
    assert apart == together


def test_a_capture_that_begins_mid_stream_knows_who_asks(replay, tmp_path):
    path = tmp_path / "late.pcap"
    path.write_bytes(samples.pcap(samples.dialogue(samples.MODBUS_TURNS[1:], handshake=False)))
    document = replay(path)
    assert {(row["client"], row["server"]) for row in document["operations"]} == {("10.0.0.5", "10.0.0.9")}
    read = operation(document, "Read Holding Registers")
    assert (read["requests"], read["responses"]) == (0, 1)


def test_nothing_at_all_is_a_document(replay, tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(samples.pcap([]))
    document = replay(path)
    jsonschema.validate(document, DOCUMENTED)
    assert document["capture"]["first"] is None
    assert document["endpoints"] == document["operations"] == []


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (samples.FIRST, "2023-01-02T03:04:05.123456789Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    ],
)
def test_times_are_exact(nanoseconds, text):
    assert timestamp(nanoseconds) == text
