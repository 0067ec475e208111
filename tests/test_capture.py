"""Captures in, batches out: what opens, what does not, and what is said of it."""

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.capture import Progress, open_capture
from sensor.errors import CaptureError, OtoscopeError
from sensor.observations import observe
from tests import samples

PLANT = Path(__file__).parents[1] / "pcaps/plants/water.pcap"


def packets(*paths, **options):
    with open_capture(*paths, **options) as capture:
        batches = list(capture)
    return batches[-1].statistics.packets, capture.warnings


def test_a_capture_is_read_in_batches(modbus_pcap):
    with open_capture(modbus_pcap, batch_packets=2) as capture:
        batches = list(capture)
    assert len(batches) > 3
    assert batches[-1].statistics.packets == 11
    assert capture.files == [str(modbus_pcap)]
    assert capture.warnings == []


def test_several_captures_are_one(modbus_pcap):
    assert packets(modbus_pcap, str(modbus_pcap)) == (22, [])


@pytest.mark.parametrize("name", ["modbus.pcap.gz", "without-an-ending"])
def test_a_compressed_capture_is_read_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(samples.MODBUS))
    assert packets(path) == (11, [])


def test_a_capture_cut_off_gives_its_whole_records_and_a_warning(tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes(samples.MODBUS[:-5])
    read, warnings = packets(path)
    assert read == 10
    [(file, text)] = warnings
    assert file == str(path)
    assert text
    assert str(path) not in text


def test_an_empty_capture_has_no_packets_and_no_warning(tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(samples.pcap([]))
    assert packets(path) == (0, [])


def test_a_missing_capture_is_named(tmp_path):
    with pytest.raises(CaptureError) as caught:
        open_capture(tmp_path / "nothing.pcap")
    assert isinstance(caught.value, OtoscopeError)
    assert caught.value.path == str(tmp_path / "nothing.pcap")
    assert str(caught.value) == f"{caught.value.path}: {caught.value.reason}"
    assert "o such file" in caught.value.reason


@pytest.mark.parametrize("octets", [b"", b"\xd4\xc3", b"<html>no capture</html>" * 9, b"\0" * 64, b"\x1f\x8b\x08\x00not gzip"])
def test_what_is_no_capture_is_one_clear_error(tmp_path, octets):
    path = tmp_path / "notes.txt"
    path.write_bytes(octets)
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).count(str(path)) == 1


def test_a_directory_is_no_capture(tmp_path):
    with pytest.raises(CaptureError, match="directory"):
        open_capture(tmp_path)


def test_what_cannot_be_opened_is_left_out_where_the_caller_takes_the_errors(modbus_pcap, tmp_path):
    errors = []
    with open_capture(tmp_path / "missing", modbus_pcap, tmp_path, on_error=errors.append) as capture:
        last = list(capture)[-1]
    assert [error.path for error in errors] == [str(tmp_path / "missing"), str(tmp_path)]
    assert capture.files == [str(modbus_pcap)]
    assert last.statistics.packets == 11


def test_a_later_capture_that_cannot_be_opened_raises(modbus_pcap, tmp_path):
    with open_capture(modbus_pcap, tmp_path / "missing") as capture, pytest.raises(CaptureError):
        list(capture)


def test_a_file_name_need_not_be_unicode(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.pcap")
    path.write_bytes(samples.MODBUS)
    assert packets(path) == (11, [])


def test_standard_input_is_a_capture():
    script = "from sensor.capture import open_capture\nprint(list(open_capture('-'))[-1].statistics.packets)"
    done = subprocess.run([sys.executable, "-c", script], input=samples.MODBUS, capture_output=True, check=True)
    assert done.stdout == b"11\n"


def test_progress_ends_at_the_end(modbus_pcap):
    seen: list[Progress] = []
    packets(modbus_pcap, modbus_pcap, on_progress=seen.append)
    assert [(one.number, one.captures) for one in seen] == [(1, 2), (2, 2)]
    assert seen[-1].octets_read == seen[-1].octets_total == len(samples.MODBUS)


def test_stop_makes_the_next_batch_the_last(modbus_pcap):
    with open_capture(modbus_pcap, modbus_pcap, batch_packets=4) as capture:
        assert next(capture).statistics.packets == 4
        capture.stop()
        assert next(capture).statistics.packets == 4
        with pytest.raises(StopIteration):
            next(capture)


@pytest.mark.parametrize("arguments", [{"limits": {"no_such_table": 1}}, {"batch_packets": 0}])
def test_wrong_arguments_are_refused(modbus_pcap, arguments):
    with pytest.raises(ValueError, match=r"limit|batch_packets"):
        open_capture(modbus_pcap, **arguments)


def test_no_capture_at_all_is_refused():
    with pytest.raises(ValueError, match="no capture"):
        open_capture()


def test_link_types_that_are_not_read_are_counted_and_named(tmp_path):
    path = tmp_path / "usb.pcap"
    path.write_bytes(samples.pcap([b"\0" * 64] * 3, link_type=220))
    with open_capture(path) as capture:
        statistics = list(capture)[-1].statistics
    [(name, frames)] = statistics.skipped_link_types.items()
    assert frames == 3
    assert name


def test_rows_are_frozen(modbus_pcap):
    with open_capture(modbus_pcap) as capture:
        batch = next(capture)
    for rows in (batch.endpoints, batch.conversations, batch.operations, batch.facts):
        assert rows
        with pytest.raises(AttributeError):
            rows[0].first = 0


def test_pcap_of_microseconds_and_of_either_order(tmp_path):
    frames = samples.dialogue(samples.MODBUS_TURNS)
    for order in "<>":
        octets = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        octets += b"".join(struct.pack(order + "IIII", 7, 5, len(frame), len(frame)) + frame for frame in frames)
        path: Path = tmp_path / "plain.pcap"
        path.write_bytes(octets)
        with open_capture(path) as capture:
            statistics = list(capture)[-1].statistics
        assert (statistics.packets, statistics.first) == (11, 7_000_005_000)


def test_response_times_add_up_to_those_of_the_operations_whatever_the_batches():
    found = []
    for batch_packets in (100, 2_000_000):
        with open_capture(PLANT, batch_packets=batch_packets) as capture:
            known = observe(capture)
        times = known.statistics.response_times
        for protocol, (buckets, total) in times.items():
            rows = [row for row in known.operations.values() if row.protocol == protocol]
            assert 0 < sum(count for _, count in buckets) <= sum(row.responses for row in rows)
            assert 0 < total <= sum(row.response_time[2] * row.responses for row in rows if row.response_time)
            bounds = [bound for bound, _ in buckets]
            assert bounds[-1] is None
            assert bounds[:-1] == sorted(bounds[:-1])
        found.append((times, known.statistics.counters["tcp_segments"]))
    assert found[0] == found[1]
    assert "modbus" in found[0][0]
