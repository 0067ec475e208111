"""What captures made to exhaust memory cost: every table has a cap, what is dropped is counted, and the process stays small."""

import itertools
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMMAND

MILLION = 1_000_000
MOST_MEBIBYTES = 340
_SERVER = 0x0A000001
_HEADER = struct.Struct("!6s6sHBBHHHBBHII")
_TCP = struct.Struct("!HHIIBBHHH")


MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""
"""Runs a command and tells its peak in KiB. A small process between: the kernel counts a child no smaller than who forked it."""


def ip(source: int, protocol: int, payload: bytes, number: int, fragment: int = 0) -> bytes:
    mac = b"\x02" + source.to_bytes(5, "big")
    length = 20 + len(payload)
    return (
        _HEADER.pack(b"\x02\0\0\0\0\x09", mac, 0x0800, 0x45, 0, length, number & 0xFFFF, fragment, 64, protocol, 0, source, _SERVER)
        + payload
    )


def tcp(port: int, sequence: int, payload: bytes) -> bytes:
    return _TCP.pack(port, 502, sequence, 1, 0x50, 0x18, 8192, 0, 0) + payload


def read(number: int, address: int, quantity: int = 1) -> bytes:
    return struct.pack("!HHHBBHH", number & 0xFFFF, 0, 6, 1, 3, address, quantity)


def sources() -> Iterator[bytes]:
    """Each packet comes from another address and asks for something else."""
    for number in range(MILLION):
        yield ip(0x0B000000 + number, 6, tcp(40000, 1, read(number, number % 60000)), number)


def objects() -> Iterator[bytes]:
    """One client asks for a million ranges of registers, on many connections."""
    for number in range(MILLION):
        sequence = 1 + 12 * (number & 0x3FFF)
        yield ip(0x0B000001, 6, tcp(40000 + (number >> 14), sequence, read(number, number % 65000, 1 + number // 65000)), number)


def fragments() -> Iterator[bytes]:
    """Datagrams without end, each of which lacks its last fragment."""
    for number in range(MILLION):
        yield ip(0x0B000000 + number // 64, 17, b"z" * 200, number // 32, 0x2000 | number % 32 * 25)


def halves() -> Iterator[bytes]:
    """On every connection the front of a message whose end never comes."""
    front = struct.pack("!HHHBB", 1, 0, 250, 1, 16) + b"\0" * 52
    for number in range(MILLION):
        part = number % 4
        yield ip(0x0B000000 + number // 4, 6, tcp(40000, 1 + part * 60, front if part == 0 else b"\0" * 60), number)


def gaps() -> Iterator[bytes]:
    """On every connection segments that wait for one that never comes."""
    for number in range(MILLION):
        part = number % 64
        segment = tcp(40000, 1, read(1, 0)) if part == 0 else tcp(40000, 1000 + part * 100, b"q")
        yield ip(0x0B000000 + number // 64, 6, segment, number)


def questions() -> Iterator[bytes]:
    """On every connection as many requests as may wait, and no answer."""
    for number in range(MILLION):
        part = number % 64
        yield ip(0x0B000000 + number // 64, 6, tcp(40000, 1 + 12 * part, read(part, 0)), number)


def names() -> Iterator[bytes]:
    """Each host says by DHCP that it has another long name, over and over."""
    for number in range(MILLION):
        options = b"\x63\x82\x53\x63\x35\x01\x01\x0c\xc8" + b"h%08d" % number + b"n" * 191 + b"\xff"
        mac = b"\x02" + (number // 100).to_bytes(4, "big") + b"\x01"
        message = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, number, 0, 0, 0, 0, 0, 0) + mac + b"\0" * 202 + options
        yield ip(0x0B000000 + number // 100, 17, struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message, number)


def write(path: Path, frames: Iterator[bytes]) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
        for number, frame in enumerate(frames):
            seconds, nanoseconds = divmod(number * 1000, 1_000_000_000)
            file.write(struct.pack("<IIII", 1_700_000_000 + seconds, nanoseconds, len(frame), len(frame)))
            file.write(frame)


@pytest.mark.parametrize(
    ("made", "dropped"),
    [
        (sources, "evicted_conversations"),
        (objects, "evicted_operations"),
        (fragments, "evicted_datagrams"),
        (halves, "evicted_flows"),
        (gaps, "lost_octets"),
        (questions, "evicted_pending"),
        (names, "evicted_facts"),
    ],
)
def test_no_capture_exhausts_the_memory(tmp_path, made, dropped):
    path, out = tmp_path / "made.pcap", tmp_path / "out"
    write(path, made())
    for form in ("table", "json"):
        with out.open("wb") as file:
            command = [sys.executable, "-c", MEASURED, COMMAND, "replay", "--format", form, path]
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=True)
        assert int(done.stderr) / 1024 < MOST_MEBIBYTES, form
    path.unlink()
    capture = json.loads(out.read_bytes())["capture"]
    assert capture["packets"] == MILLION
    assert capture["counters"][dropped] > 0


def test_a_fact_too_long_for_its_cap_is_counted(replay, modbus_pcap):
    document = replay(modbus_pcap, limits={"fact_octets": 1})
    assert document["facts"] == []
    assert document["capture"]["counters"]["evicted_facts"] > 0


@pytest.mark.parametrize("batch_packets", [100, 999, 10_000])
def test_what_full_tables_drop_is_dropped_here_too(tmp_path, replay, batch_packets):
    """However many batches there are, what is kept is what the tables keep, and it does not depend on the batches."""
    path = tmp_path / "made.pcap"
    write(path, itertools.islice(sources(), 5000))
    limits = {"flows": 50, "endpoints": 60, "conversations": 70, "facts": 40, "anomalies": 20}
    document = replay(path, limits=limits, batch_packets=batch_packets)
    assert len(document["endpoints"]) == 60
    assert len(document["conversations"]) == len(document["operations"]) == 70
    assert {row["client"] for row in document["operations"]} == {row["client"]["ip"] for row in document["conversations"]}
    once = replay(path, limits=limits)
    # How often a row was dropped and begun again is a matter of how often flows are added up; what is left is not.
    assert {key: rows for key, rows in document.items() if key != "capture"} == {
        key: rows for key, rows in once.items() if key != "capture"
    }
    assert document["protocols"]["modbus"]["messages"] == 5000
    assert sum(share["packets"] for share in document["traffic"]["families"]) == 5000
