"""Hostile frames into an interface, as fast as it takes them: `python -m tests.end_to_end.fuzz INTERFACE SECONDS` prints how many.

Real frames of this project's captures, of which octets are changed, cut off and repeated; a tenth of them under addresses and ports that
nobody has, none under those of the cell that the sensor watches. Every ten seconds there are others.
"""

import random
import struct
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.generator import send

PCAPS = Path(__file__).parents[2] / "pcaps"
FRAMES, AGAIN_SECONDS = 4_000, 10.0
CELL, ELSEWHERE = bytes((10, 20, 1)), bytes((10, 21, 1))
chance = random.Random(20261124)  # noqa: S311 - whoever finds a fault wants the same again


def frames_of(path: Path) -> list[bytes]:
    octets, place, found = path.read_bytes(), 24, []
    if octets[:4] != b"\xd4\xc3\xb2\xa1" or octets[20:24] != b"\x01\x00\x00\x00":
        return []  # not little-endian pcap of Ethernet
    while place + 16 <= len(octets):
        (length,) = struct.unpack_from("<I", octets, place + 8)
        found.append(octets[place + 16 : place + 16 + length])
        place += 16 + length
    return [frame for frame in found if 34 <= len(frame) <= 1514]


def hostile(frame: bytes) -> bytes:
    made = bytearray(frame.replace(CELL, ELSEWHERE))
    made[5], made[11] = made[5] ^ 0x80, made[11] ^ 0x80
    if chance.random() < 0.1:
        made[26:34] = chance.randbytes(8)  # addresses of IPv4
        made[34:36] = chance.randbytes(2)
    for _ in range(chance.randrange(4)):
        made[chance.randrange(len(made))] = chance.choice((0, 255, 128, chance.randrange(256)))
    if chance.random() < 0.1:
        del made[chance.randrange(20, len(made)) :]
    if chance.random() < 0.1:
        at = chance.randrange(14, len(made))
        made[at:at] = made[at : at + chance.randrange(1, 64)] * 3
    return bytes(made[:1514])


def make(path: Path, frames: list[bytes]) -> None:
    made = (hostile(chance.choice(frames)) for _ in range(FRAMES))
    path.write_bytes(bytes(24) + b"".join(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for frame in made))


def main() -> None:
    interface, seconds = sys.argv[1], float(sys.argv[2])
    frames = [frame for path in sorted(PCAPS.rglob("*.pcap")) for frame in frames_of(path)]
    trace = Path(tempfile.mkdtemp()) / "hostile.pcap"
    until = time.monotonic() + seconds
    sent = 0
    while time.monotonic() < until:
        make(trace, frames)
        again = min(until, time.monotonic() + AGAIN_SECONDS)
        while time.monotonic() < again:
            sent += int(send(trace, interface, 0)["sent"])
    print(sent)


if __name__ == "__main__":
    main()
