"""Whatever a mirror port does to a capture, it says the same: copies, both sides of a router, remote mirrors."""

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.samples import pcap_of

CAPTURES = sorted((Path(__file__).parents[1] / "pcaps").glob("*.pcap"))
Frames = list[tuple[int, bytes]]


def ethernet(path: Path) -> Frames:
    """Times and octets of the whole Ethernet frames of a pcap; nothing where it holds anything else."""
    content = path.read_bytes()
    order = "<" if content[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if b"\x3c" in content[:4] else 1000
    frames, at = [], 24
    if struct.unpack_from(order + "I", content, 20)[0] & 0xFFFF != 1:
        return []
    while at + 16 <= len(content):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", content, at)
        if captured != wire:
            return []
        frames.append((seconds * 1_000_000_000 + fraction * unit, content[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return frames


def checksum(header: bytes) -> int:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def beyond_the_router(frame: bytes) -> bytes | None:
    """The frame with other MAC addresses, in another VLAN, one hop further; nothing where no router passes it on."""
    if frame[0] & 1 or frame[12:14] != b"\x08\x00" or frame[22] < 2:
        return None
    length = (frame[14] & 15) * 4
    header = bytearray(frame[14 : 14 + length])
    header[8] -= 1
    header[10:12] = b"\0\0"
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    return b"\x0a\0\0\0\0\x01\x0a\0\0\0\0\x02\x81\0\0\x4d\x08\0" + bytes(header) + frame[14 + length :]


def in_ip(protocol: int, payload: bytes, number: int) -> bytes:
    header = bytearray(struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), number & 0xFFFF, 0, 64, protocol, 0, 0xC0000201, 0xC0000202))
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    return b"\x02\0\0\0\0\xbb\x02\0\0\0\0\xaa\x08\0" + bytes(header) + payload


def in_udp(port: int, payload: bytes, number: int) -> bytes:
    return in_ip(17, struct.pack("!HHHH", 50000, port, 8 + len(payload), 0) + payload, number)


def twice(frames: Frames) -> Iterator[tuple[int, bytes]]:
    for time, frame in frames:
        yield time, frame
        yield time + 5_000, frame


def both_sides(frames: Frames) -> Iterator[tuple[int, bytes]]:
    """What the lower address sends is seen before the router first, what the higher one sends behind it."""
    for time, frame in frames:
        copy = beyond_the_router(frame)
        pair = [frame] if copy is None else [copy, frame] if frame[26:30] > frame[30:34] else [frame, copy]
        yield from ((time + 30_000 * number, one) for number, one in enumerate(pair))


def each(wrap: Callable[[bytes, int], bytes]) -> Callable[[Frames], Iterator[tuple[int, bytes]]]:
    return lambda frames: ((time, wrap(frame, number)) for number, (time, frame) in enumerate(frames))


CHANGES = {
    "twice": twice,
    "both sides of a router": both_sides,
    "GRE": each(lambda frame, number: in_ip(47, b"\0\0\x65\x58" + frame, number)),
    "ERSPAN I": each(lambda frame, number: in_ip(47, b"\0\0\x88\xbe" + frame, number)),
    "ERSPAN II": each(lambda frame, number: in_ip(47, struct.pack("!HHIII", 0x1000, 0x88BE, number, 0x10000001, 0) + frame, number)),
    "ERSPAN III": each(lambda frame, number: in_ip(47, struct.pack("!HHIIII", 0x1000, 0x22EB, number, 0x20000001, 0, 0) + frame, number)),
    "VXLAN": each(lambda frame, number: in_udp(4789, b"\x08\0\0\0\0\0\x01\0" + frame, number)),
    "Geneve": each(lambda frame, number: in_udp(6081, b"\0\0\x65\x58\0\0\x01\0" + frame, number)),
    "HP": each(lambda frame, number: in_udp(7932, b"\0" * 12 + frame, number)),
}


def said(document: dict) -> tuple[Counter, set]:
    counts: Counter = Counter()
    for row in document["operations"]:
        key = tuple(row[name] for name in ("client", "server", "port", "protocol", "unit", "code", "subfunction", "object"))
        for kind in ("requests", "responses", "errors", "unanswered"):
            counts[key, kind] += row[kind]
    facts = {(row["ip"], row["unit"], row["key"], row["value"], row["source"]) for row in document["facts"]}
    return +counts, facts


@pytest.mark.parametrize("change", CHANGES)
def test_a_mirror_changes_nothing_that_is_said(tmp_path, replay, change):
    changed = 0
    for path in CAPTURES:
        frames = ethernet(path)
        mirrored = tmp_path / path.name
        mirrored.write_bytes(pcap_of(CHANGES[change](frames)))
        if frames:
            assert said(replay(mirrored)) == said(replay(path)), path.name
            changed += 1
    assert changed > 40


def test_a_remote_mirror_is_told_and_is_no_asset(tmp_path, replay):
    path = tmp_path / "mirrored.pcap"
    frames = ethernet(CAPTURES[0].parent / "modbus-functions.pcap")
    path.write_bytes(pcap_of(CHANGES["ERSPAN II"](frames)))
    document = replay(path)
    assert document["traffic"]["tunnels"] == {"erspan_2": len(frames)}
    assert not {"192.0.2.1", "192.0.2.2"} & {row["ip"] for row in document["endpoints"]}
    assert not {"192.0.2.1", "192.0.2.2"} & {row["client"]["ip"] for row in document["conversations"]}
