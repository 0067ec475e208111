"""S7comm over TPKT and COTP: multi-item reads in a cycle, writes, status lists, and an engineering station's visits."""

import struct
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from benchmarks.trace.wire import Exchange, Key, Script, ask, say

PORT = 102
JOB, ACKNOWLEDGE_DATA, USERDATA = 1, 3, 7
_ITEM = struct.Struct(">BBBBHHB")
_AREAS = (0x84, 0x84, 0x84, 0x83, 0x81, 0x82)
_DATA_BLOCK = 0x84


class Item(NamedTuple):
    """One address of a read or write, and what its value looks like in an answer."""

    address: bytes
    transport: int
    octets: int


def _tpkt(body: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def _pdu(kind: int, reference: int, parameter: bytes, data: bytes = b"") -> bytes:
    error = b"\0\0" if kind == ACKNOWLEDGE_DATA else b""
    header = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameter), len(data))
    return _tpkt(b"\x02\xf0\x80" + header + error + parameter + data)


def _job(random: Random, reference: int, question: tuple[bytes, bytes], answer: tuple[bytes, bytes]) -> Exchange:
    """A job and its acknowledgement; the function code is the first octet of both parameters."""
    code = f"0x{question[0][0]:02x}"
    request, response = ("s7comm", code, "request"), ("s7comm", code, "response")
    return (
        ask(_pdu(JOB, reference, *question), (request,)),
        say(_pdu(ACKNOWLEDGE_DATA, reference, *answer), (response,), random.randrange(800, 9000)),
    )


def _userdata(random: Random, reference: int, function: tuple[int, int], question: bytes, answer: bytes) -> Exchange:
    group, sub = function
    code = f"userdata {group}.{sub}"
    keys: tuple[Key, Key] = (("s7comm", code, "request"), ("s7comm", code, "response"))
    parameter = bytes((0, 1, 0x12, 4, 0x11, 0x40 | group, sub, 0))
    answered = bytes((0, 1, 0x12, 8, 0x12, 0x80 | group, sub, 1, 0, 0, 0, 0))
    return (
        ask(_pdu(USERDATA, reference, parameter, question), keys[:1]),
        say(_pdu(USERDATA, reference, answered, answer), keys[1:], random.randrange(1500, 12000)),
    )


def _item(random: Random) -> Item:
    area = random.choice(_AREAS)
    block = random.choice((1, 2, 5, 10, 100, 320)) if area == _DATA_BLOCK else 0
    start = random.randrange(0, 200, 2)
    if random.random() < 0.15:
        address = _ITEM.pack(0x12, 10, 0x10, 1, 1, block, area) + (start * 8 + random.randrange(8)).to_bytes(3, "big")
        return Item(address, 3, 1)
    size, width, transport = random.choice(((2, 1, 4), (4, 2, 4), (6, 4, 4), (8, 4, 7)))
    count = random.choice((1, 1, 2, 4, 8, 16))
    address = _ITEM.pack(0x12, 10, 0x10, size, count, block, area) + (start * 8).to_bytes(3, "big")
    return Item(address, transport, count * width)


def _values(random: Random, items: list[Item]) -> bytes:
    """The data of a read's answer or of a write: code, transport size, length, value, filled to even but for the last."""
    parts: list[bytes] = []
    for item in items:
        length = {3: 1, 4: item.octets * 8}.get(item.transport, item.octets)
        value = bytes((random.randrange(2),)) if item.transport == 3 else random.randbytes(item.octets)
        if len(value) & 1 and item is not items[-1]:
            value += b"\0"
        parts.append(struct.pack(">BBH", 0xFF, item.transport, length) + value)
    return b"".join(parts)


def _read(random: Random, reference: int, items: list[Item], data: bytes) -> Exchange:
    parameter = bytes((4, len(items))) + b"".join(item.address for item in items)
    return _job(random, reference, (parameter, b""), (bytes((4, len(items))), data))


def _write(random: Random, reference: int, items: list[Item]) -> Exchange:
    parameter = bytes((5, len(items))) + b"".join(item.address for item in items)
    data = b"".join(b"\0" + _values(random, [item])[1:] for item in items[:1])
    return _job(random, reference, (parameter, data), (bytes((5, len(items))), b"\xff" * len(items)))


def _status_list(random: Random, reference: int) -> Exchange:
    """SZL 0x0424: the operating mode."""
    entry = bytes.fromhex("5144ff08000000000000000024062314552610 37".replace(" ", ""))
    answer = struct.pack(">BBHHHHH", 0xFF, 9, 8 + len(entry), 0x0424, 0, len(entry), 1) + entry
    return _userdata(random, reference, (4, 1), struct.pack(">BBHHH", 0xFF, 9, 4, 0x0424, 0), answer)


def _clock(random: Random, reference: int) -> Exchange:
    answer = b"\xff\x09\x00\x0a\x00\x19\x26\x11\x23\x08" + bytes((random.randrange(6) << 4, 0x21, 0x45, 0x62))
    return _userdata(random, reference, (7, 1), b"\x0a\x00\x00\x00", answer)


def _upload(random: Random, reference: int) -> Iterator[Exchange]:
    """A block read back: start, parts, end."""
    yield _job(random, reference, (b"\x1d" + bytes(7) + b"\x09_0A00001A", b""), (b"\x1d\x00\x01\x00\x00\x00\x00\x07\x070000444", b""))
    for part in range(2):
        data = struct.pack(">HH", 222, 0x00FB) + random.randbytes(222)
        more = 1 - part
        yield _job(random, reference + 1 + part, (b"\x1e" + bytes(6) + b"\x07", b""), (bytes((0x1E, more)), data))
    yield _job(random, reference + 3, (b"\x1f" + bytes(6) + b"\x07", b""), (b"\x1f", b""))


def _restart(random: Random, reference: int) -> Iterator[Exchange]:
    """The CPU stopped and started again."""
    yield _job(random, reference, (b"\x29" + bytes(5) + b"\x09P_PROGRAM", b""), (b"\x29", b""))
    start = b"\x28" + bytes(6) + b"\xfd\x00\x00\x09P_PROGRAM"
    yield _job(random, reference + 1, (start, b""), (b"\x28", b""))


def _setup(random: Random) -> Iterator[Exchange]:
    """The COTP connection and the negotiated PDU length."""
    tsap = struct.pack(">BBHBBH", 0xC1, 2, 0x0100, 0xC2, 2, 0x0100 | random.choice((0, 1, 2, 3)))
    request = _tpkt(bytes((11 + len(tsap) - 2, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 10)) + tsap)
    confirm = _tpkt(bytes((11 + len(tsap) - 2, 0xD0, 0, 1, 0, 9, 0, 0xC0, 1, 10)) + tsap)
    yield (ask(request), say(confirm, (), 2500))
    length = random.choice((480, 480, 960))
    negotiated = struct.pack(">BBHHH", 0xF0, 0, 1, 1, length)
    yield _job(random, 0, (negotiated, b""), (negotiated, b""))


_RARE: tuple[Callable[[Random, int], Iterator[Exchange]], ...] = (_upload, _restart)


def _group(random: Random) -> list[Item]:
    """Items that one read asks for; the answer fits the smallest PDU length."""
    items: list[Item] = []
    for _ in range(random.choice((1, 2, 3, 4, 6, 8))):
        items.append(_item(random))
        if sum(item.octets + 5 for item in items) > 360:
            break
    return items


def _cycle(random: Random) -> Iterator[Exchange]:
    groups = [_group(random) for _ in range(random.randrange(2, 5))]
    answers = [[_values(random, items) for _ in range(8)] for items in groups]
    writes, asks = random.choice((0.0, 0.01, 0.04)), random.choice((0.0, 0.01, 0.02))
    engineering = 0.002 if random.random() < 0.1 else 0.0
    reference, at = random.randrange(256, 40_000), 0
    while True:
        reference = (reference + 4) & 0xFFFF
        at = (at + 1) % len(groups)
        chance = random.random()
        if chance < writes:
            yield _write(random, reference, [_item(random)])
        elif chance < writes + asks:
            yield random.choice((_status_list, _clock))(random, reference)
        elif chance < writes + asks + engineering:
            yield from random.choice(_RARE)(random, reference)
        else:
            yield _read(random, reference, groups[at], random.choice(answers[at]))


def script(random: Random) -> Script:
    """A connection of an HMI, sometimes of an engineering station."""
    return Script(tuple(_setup(random)), _cycle(random))
