"""DNP3 over TCP: class polls, events with their confirms, integrity polls over several link frames, controls, time."""

import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from benchmarks.trace.wire import Exchange, Key, Message, Script, ask, say

PORT = 20000
USER_DATA, ASK_LINK_STATUS, LINK_STATUS = 0x44, 0x49, 0x0B
"""Link functions; 0x40 marks those of the primary station."""
CONFIRM, READ, WRITE, SELECT, OPERATE, DIRECT_OPERATE = 0, 1, 2, 3, 4, 5
ENABLE_UNSOLICITED, DISABLE_UNSOLICITED, DELAY_MEASURE = 20, 21, 23
RESPONSE, UNSOLICITED = 129, 130
FIRST, FINAL, CONFIRM_PLEASE, UNPROMPTED = 0x80, 0x40, 0x20, 0x10
SEGMENT_OCTETS = 249
_EVENT_CLASSES = b"\x3c\x02\x06\x3c\x03\x06\x3c\x04\x06"
_ALL_CLASSES = _EVENT_CLASSES + b"\x3c\x01\x06"


def _crc_table() -> tuple[int, ...]:
    """The reflected polynomial of IEEE 1815, 0x3D65."""
    table = []
    for value in range(256):
        remainder = value
        for _ in range(8):
            remainder = (remainder >> 1) ^ 0xA6BC if remainder & 1 else remainder >> 1
        table.append(remainder)
    return tuple(table)


_CRC = _crc_table()


def _with_crc(block: bytes) -> bytes:
    value = 0
    for octet in block:
        value = (value >> 8) ^ _CRC[(value ^ octet) & 0xFF]
    return block + (value ^ 0xFFFF).to_bytes(2, "little")


class Link:
    """The two stations and the counters that each keeps."""

    def __init__(self, random: Random) -> None:
        self.master, self.outstation = random.choice((1, 1, 2, 100)), random.randrange(3, 200)
        self.transport = [random.randrange(64), random.randrange(64)]
        self.sequence = random.randrange(16)
        self.unsolicited = random.randrange(16)

    def frame(self, data: bytes, function: int = USER_DATA, *, from_master: bool) -> bytes:
        """One link frame: header block, then blocks of sixteen octets, each with its CRC."""
        source, destination = (self.master, self.outstation) if from_master else (self.outstation, self.master)
        control = (0x80 if from_master else 0) | function
        head = struct.pack("<BBBBHH", 5, 0x64, 5 + len(data), control, destination, source)
        return _with_crc(head) + b"".join(_with_crc(data[at : at + 16]) for at in range(0, len(data), 16))

    def fragment(self, data: bytes, *, from_master: bool) -> bytes:
        """An application fragment over as many link frames as it needs.

        A new series may begin at any number, so one that would pass from 63 to 0 begins at 0: Wireshark 4.0 loses those.
        """
        pieces = [data[at : at + SEGMENT_OCTETS] for at in range(0, len(data), SEGMENT_OCTETS)]
        side = 0 if from_master else 1
        number = self.transport[side]
        number = 0 if number + len(pieces) > 64 else number
        frames = []
        for at, piece in enumerate(pieces):
            marks = (0x40 if at == 0 else 0) | (0x80 if at == len(pieces) - 1 else 0)
            frames.append(self.frame(bytes((marks | number + at,)) + piece, from_master=from_master))
        self.transport[side] = (number + len(pieces)) & 63
        return b"".join(frames)


class Points(NamedTuple):
    """The static points of an outstation."""

    binary: int
    analog: int
    counters: int
    variation: int


def _key(code: int) -> tuple[Key, ...]:
    return (("dnp3", str(code), "response" if code >= RESPONSE else "request"),)


def _ask(link: Link, code: int, objects: bytes) -> Message:
    link.sequence = (link.sequence + 1) & 15
    return ask(link.fragment(bytes((FIRST | FINAL | link.sequence, code)) + objects, from_master=True), _key(code))


def _say(link: Link, control: int, objects: bytes, microseconds: int, code: int = RESPONSE) -> Message:
    return say(link.fragment(bytes((control, code, 0, 0)) + objects, from_master=False), _key(code), microseconds)


def _confirm(link: Link, control: int) -> Message:
    return ask(link.fragment(bytes((FIRST | FINAL | control, CONFIRM)), from_master=True), _key(CONFIRM), 700)


def _range(group: int, variation: int, count: int, values: bytes) -> bytes:
    return struct.pack("<BBBHH", group, variation, 1, 0, count - 1) + values


def _binaries(random: Random, count: int) -> bytes:
    return _range(1, 2, count, bytes(random.choices((0x01, 0x81), k=count)))


def _analogs(random: Random, count: int, variation: int) -> bytes:
    if variation == 5:
        values = [struct.pack("<Bf", 1, random.uniform(-500, 500)) for _ in range(count)]
    elif variation == 2:
        values = [struct.pack("<Bh", 1, random.randrange(-2000, 9000)) for _ in range(count)]
    else:
        values = [struct.pack("<Bi", 1, random.randrange(-70_000, 900_000)) for _ in range(count)]
    return _range(30, variation, count, b"".join(values))


def _counters(random: Random, count: int) -> bytes:
    return _range(20, 1, count, b"".join(struct.pack("<BI", 1, random.randrange(1 << 24)) for _ in range(count)))


def _events(random: Random, points: Points) -> bytes:
    """Binary changes with time, analog changes without."""
    changes = random.randrange(1, 5)
    stamp = (1_795_000_000_000 + random.randrange(1 << 26)).to_bytes(6, "little")
    objects = struct.pack("<BBBH", 2, 2, 0x28, changes)
    objects += b"".join(struct.pack("<HB", random.randrange(points.binary), random.choice((1, 0x81))) + stamp for _ in range(changes))
    analogs = random.randrange(1, 9)
    objects += struct.pack("<BBBH", 32, 1, 0x28, analogs)
    for _ in range(analogs):
        objects += struct.pack("<HBi", random.randrange(points.analog), 1, random.randrange(-5000, 90_000))
    return objects


def _event_poll(random: Random, link: Link, points: Points) -> Exchange:
    asked = _ask(link, READ, _EVENT_CLASSES)
    if random.random() < 0.5:
        return (asked, _say(link, FIRST | FINAL | link.sequence, b"", random.randrange(2000, 20_000)))
    control = FIRST | FINAL | CONFIRM_PLEASE | link.sequence
    return (asked, _say(link, control, _events(random, points), random.randrange(3000, 30_000)), _confirm(link, link.sequence))


def _integrity_poll(random: Random, link: Link, points: Points) -> Exchange:
    """All classes; a large outstation answers in two fragments."""
    asked = _ask(link, READ, _ALL_CLASSES)
    first = _binaries(random, points.binary) + _counters(random, points.counters)
    second = _analogs(random, points.analog, points.variation)
    if len(first) + len(second) < 1200:
        return (asked, _say(link, FIRST | FINAL | link.sequence, first + second, random.randrange(5000, 40_000)))
    earlier = link.sequence
    link.sequence = (earlier + 1) & 15
    return (
        asked,
        _say(link, FIRST | CONFIRM_PLEASE | earlier, first, random.randrange(5000, 40_000)),
        _confirm(link, earlier),
        _say(link, FINAL | link.sequence, second, 4000),
    )


def _range_poll(random: Random, link: Link, points: Points) -> Exchange:
    asked = _ask(link, READ, struct.pack("<BBBBB", 30, points.variation, 0, 0, min(points.analog, 21) - 1))
    return (asked, _say(link, FIRST | FINAL | link.sequence, _analogs(random, min(points.analog, 21), points.variation), 6000))


def _binary_poll(random: Random, link: Link, points: Points) -> Exchange:
    asked = _ask(link, READ, b"\x01\x00\x06")
    return (asked, _say(link, FIRST | FINAL | link.sequence, _binaries(random, points.binary), 5000))


def _control(random: Random, link: Link) -> Iterator[Exchange]:
    """Select before operate of a CROB, or a direct operate of an analog output."""
    if random.random() < 0.4:
        objects = struct.pack("<BBBHHhB", 41, 2, 0x28, 1, random.randrange(8), random.randrange(1000), 0)
        codes: tuple[int, ...] = (DIRECT_OPERATE,)
    else:
        code = random.choice((1, 3, 4, 0x41, 0x81))
        objects = struct.pack("<BBBHHBBIIB", 12, 1, 0x28, 1, random.randrange(16), code, 1, 500, 500, 0)
        codes = (SELECT, OPERATE)
    for code in codes:
        asked = _ask(link, code, objects)
        yield (asked, _say(link, FIRST | FINAL | link.sequence, objects, 9000))


def _time(link: Link) -> Iterator[Exchange]:
    asked = _ask(link, DELAY_MEASURE, b"")
    yield (asked, _say(link, FIRST | FINAL | link.sequence, b"\x34\x02\x07\x01\x05\x00", 5000))
    asked = _ask(link, WRITE, b"\x32\x01\x07\x01" + (1_795_000_000_000).to_bytes(6, "little"))
    yield (asked, _say(link, FIRST | FINAL | link.sequence, b"", 5000))


def _unsolicited(random: Random, link: Link, points: Points) -> Exchange:
    link.unsolicited = (link.unsolicited + 1) & 15
    control = FIRST | FINAL | CONFIRM_PLEASE | UNPROMPTED | link.unsolicited
    return (_say(link, control, _events(random, points), 0, UNSOLICITED), _confirm(link, UNPROMPTED | link.unsolicited))


def _setup(random: Random, link: Link, points: Points, *, unsolicited: bool) -> Iterator[Exchange]:
    asked = _ask(link, DISABLE_UNSOLICITED, _EVENT_CLASSES)
    yield (asked, _say(link, FIRST | FINAL | link.sequence, b"", 6000))
    yield _integrity_poll(random, link, points)
    if unsolicited:
        asked = _ask(link, ENABLE_UNSOLICITED, _EVENT_CLASSES)
        yield (asked, _say(link, FIRST | FINAL | link.sequence, b"", 6000))


def _cycle(random: Random, link: Link, points: Points, *, unsolicited: bool) -> Iterator[Exchange]:
    controls, integrity = random.choice((0.0, 0.01, 0.03)), random.choice((0.02, 0.05, 0.1))
    while True:
        chance = random.random()
        if chance < controls:
            yield from _control(random, link)
        elif chance < controls + integrity:
            yield _integrity_poll(random, link, points)
        elif chance < 0.3 and unsolicited:
            yield _unsolicited(random, link, points)
        elif chance > 0.995:
            yield from _time(link)
        elif chance > 0.985:
            yield (ask(link.frame(b"", ASK_LINK_STATUS, from_master=True)), say(link.frame(b"", LINK_STATUS, from_master=False), (), 3000))
        elif chance > 0.8:
            yield _range_poll(random, link, points)
        elif chance > 0.7:
            yield _binary_poll(random, link, points)
        else:
            yield _event_poll(random, link, points)


def script(random: Random) -> Script:
    """A master and one outstation, small or large; some report by themselves."""
    link = Link(random)
    sizes = random.choices(((16, 8, 4), (40, 24, 8), (120, 60, 16), (300, 240, 40)), (4, 4, 2, 1))[0]
    points = Points(*sizes, random.choice((1, 2, 5)))
    unsolicited = random.random() < 0.3
    return Script(tuple(_setup(random, link, points, unsolicited=unsolicited)), _cycle(random, link, points, unsolicited=unsolicited))
