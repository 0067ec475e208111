"""Modbus/TCP as a plant has it: cyclic polls of a handful of ranges, now and then a write, a gateway, a misconfigured range."""

import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from benchmarks.trace.wire import Exchange, Key, Script, ask, say

PORT = 502
_HEADER = struct.Struct(">HHHB")
_READ_BITS = (1, 2)


class Poll(NamedTuple):
    """A request that the client repeats, and the answers that the server may give."""

    code: int
    unit: int
    request: bytes
    responses: tuple[bytes, ...]


def _key(code: int, kind: str) -> Key:
    return ("modbus", str(code), kind)


def _unit_data(transaction: int, unit: int, pdu: bytes) -> bytes:
    return _HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def _registers(random: Random, quantity: int) -> bytes:
    base = random.randrange(200, 20_000)
    return struct.pack(f">{quantity}H", *(base + random.randrange(-150, 150) for _ in range(quantity)))


def _read(random: Random, unit: int) -> Poll:
    code = random.choices((1, 2, 3, 4), (1, 1, 6, 2))[0]
    quantity = random.choice((8, 16, 32, 64)) if code in _READ_BITS else random.choice((1, 2, 4, 6, 8, 10, 10, 16, 20, 32))
    address = random.randrange(0, 400, 10)
    size = (quantity + 7) // 8 if code in _READ_BITS else 2 * quantity
    values = (random.randbytes(size) if code in _READ_BITS else _registers(random, quantity) for _ in range(8))
    return Poll(code, unit, struct.pack(">BHH", code, address, quantity), tuple(bytes((code, size)) + value for value in values))


def _misconfigured(random: Random, unit: int) -> Poll:
    request = struct.pack(">BHH", 3, random.randrange(9000, 9900, 100), 20)
    return Poll(3, unit, request, (bytes((0x83, 2)),))


def _both_ways(random: Random, unit: int) -> Poll:
    request = struct.pack(">BHHHHB", 23, 100, 8, 200, 2, 4) + _registers(random, 2)
    return Poll(23, unit, request, tuple(b"\x17\x10" + _registers(random, 8) for _ in range(4)))


def _polls(random: Random, units: tuple[int, ...]) -> list[Poll]:
    polls = [_read(random, random.choice(units)) for _ in range(random.randrange(3, 7))]
    if random.random() < 0.08:
        polls.append(_misconfigured(random, units[0]))
    if random.random() < 0.05:
        polls.append(_both_ways(random, units[0]))
    return polls


def _write(random: Random, unit: int) -> Poll:
    """One of the four ordinary writes; the answer repeats what was asked."""
    code = random.choices((5, 6, 15, 16), (2, 4, 1, 3))[0]
    address = random.randrange(0, 40)
    if code == 5:
        request = struct.pack(">BHH", code, address, random.choice((0, 0xFF00)))
    elif code == 6:
        request = struct.pack(">BHH", code, address, random.randrange(1000))
    elif code == 15:
        request = struct.pack(">BHHBB", code, address, 8, 1, random.randrange(256))
    else:
        request = struct.pack(">BHHB", code, address, 4, 8) + _registers(random, 4)
    return Poll(code, unit, request, (request[:5],))


def _identification(unit: int) -> Poll:
    objects = ((0, b"Synthetic Works"), (1, b"SW-1200"), (2, b"V2.40"))
    body = b"".join(bytes((number, len(text))) + text for number, text in objects)
    return Poll(43, unit, b"\x2b\x0e\x01\x00", (b"\x2b\x0e\x01\x01\x00\x00\x03" + body,))


def _exchange(random: Random, transaction: int, polls: tuple[Poll, ...]) -> Exchange:
    """One request and its answer; several when the client does not wait in between."""
    requests, responses = b"", b""
    asked: list[Key] = []
    answered: list[Key] = []
    for offset, poll in enumerate(polls):
        number = (transaction + offset) & 0xFFFF
        response = random.choice(poll.responses)
        requests += _unit_data(number, poll.unit, poll.request)
        responses += _unit_data(number, poll.unit, response)
        asked.append(_key(poll.code, "request"))
        answered.append(_key(poll.code, "response"))
        if response[0] & 0x80:
            answered.append(_key(poll.code, "error"))
    return (ask(requests, tuple(asked)), say(responses, tuple(answered), random.randrange(400, 6000)))


def _cycle(random: Random) -> Iterator[Exchange]:
    gateway = random.random() < 0.15
    units = tuple(range(1, random.randrange(3, 7))) if gateway else (random.choice((0, 1, 1, 1, 255)),)
    polls = _polls(random, units)
    writes = random.choice((0.0, 0.01, 0.03, 0.08))
    batch = 2 if random.random() < 0.1 else 1
    transaction = random.randrange(65536)
    at = 0
    while True:
        chosen = tuple(polls[(at + step) % len(polls)] for step in range(batch))
        at += batch
        if random.random() < writes:
            chosen = (_write(random, units[0]),)
        yield _exchange(random, transaction, chosen)
        transaction = (transaction + len(chosen)) & 0xFFFF


def script(random: Random) -> Script:
    """Half of the clients ask who is there before they poll."""
    setup = (_exchange(random, 1, (_identification(1),)),) if random.random() < 0.5 else ()
    return Script(setup, _cycle(random))
