"""EtherNet/IP with CIP: tag reads over connected and unconnected messages, and implicit I/O beside some of them."""

import struct
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from benchmarks.trace.wire import Exchange, Key, Script, ask, say

PORT = 44818
IO_PORT = 2222
REGISTER_SESSION, SEND_RR_DATA, SEND_UNIT_DATA = 0x65, 0x6F, 0x70
_HEADER = struct.Struct("<HHIIQI")
_CONNECTION_MANAGER = b"\x20\x06\x24\x01"
_MESSAGE_ROUTER = b"\x20\x02\x24\x01"
_NAMES = ("Pump", "Valve", "Tank", "Conveyor", "Mixer", "Heater", "Line", "Drive")
_MEMBERS = ("Run", "Speed", "Level", "Setpoint", "Fault", "Count", "Mode")
_TYPES = ((0xC1, 1), (0xC3, 2), (0xC4, 4), (0xC4, 4), (0xCA, 4), (0xCA, 4))


class Service(NamedTuple):
    """A CIP request with its possible answers, and the services in both as an analyser counts them."""

    request: bytes
    answers: tuple[bytes, ...]
    asked: tuple[int, ...]
    answered: tuple[int, ...]


class Session:
    """The numbers that a session hands out and that both ends repeat."""

    def __init__(self, random: Random) -> None:
        self.handle = random.randrange(1 << 32)
        self.to_target, self.to_originator = random.randrange(1 << 32), random.randrange(1 << 32)
        self.io_to_target, self.io_to_originator = random.randrange(1 << 32), random.randrange(1 << 32)
        self.serial, self.originator = random.randrange(1 << 16), random.randrange(1 << 32)
        self.slot = random.choice((0, 0, 0, 1, 3))
        self.sequence = 0
        self.context = random.randrange(1 << 32)


def _keys(protocol: str, codes: tuple[int, ...], kind: str, digits: int) -> tuple[Key, ...]:
    return tuple((protocol, f"0x{code:0{digits}x}", kind) for code in codes)


def _encapsulate(session: Session, command: int, data: bytes) -> bytes:
    return _HEADER.pack(command, len(data), session.handle, 0, session.context, 0) + data


def _pair(session: Session, command: int, data: tuple[bytes, bytes], service: Service | None, microseconds: int) -> Exchange:
    asked = _keys("enip", (command,), "request", 4)
    answered = _keys("enip", (command,), "response", 4)
    if service:
        asked += _keys("cip", service.asked, "request", 2)
        answered += _keys("cip", service.answered, "response", 2)
    request, answer = (_encapsulate(session, command, body) for body in data)
    return (ask(request, asked), say(answer, answered, microseconds))


def _unconnected(random: Random, session: Session, service: Service) -> Exchange:
    """SendRRData: a null address item and the message."""
    session.context += 1
    request, answer = (
        struct.pack("<IHHHHHH", 0, timeout, 2, 0, 0, 0xB2, len(message)) + message
        for timeout, message in ((10, service.request), (0, random.choice(service.answers)))
    )
    return _pair(session, SEND_RR_DATA, (request, answer), service, random.randrange(1500, 9000))


def _connected(random: Random, session: Session, service: Service) -> Exchange:
    """SendUnitData: the connection of the receiver, and the sequence count before the message."""
    session.sequence = (session.sequence + 1) & 0xFFFF
    request, answer = (
        struct.pack("<IHHHHIHHH", 0, 0, 2, 0xA1, 4, connection, 0xB1, len(message) + 2, session.sequence) + message
        for connection, message in ((session.to_target, service.request), (session.to_originator, random.choice(service.answers)))
    )
    return _pair(session, SEND_UNIT_DATA, (request, answer), service, random.randrange(900, 7000))


def _symbol(name: str) -> bytes:
    """The extended symbolic path of a tag such as `Tank1.Level` or `Recipe[3]`."""
    path = b""
    for part in name.split("."):
        text, _, index = part.rstrip("]").partition("[")
        path += bytes((0x91, len(text))) + text.encode() + b"\0" * (len(text) & 1)
        if index:
            path += bytes((0x28, int(index)))
    return path


def _request(code: int, path: bytes, data: bytes = b"") -> bytes:
    return bytes((code, len(path) // 2)) + path + data


def _answer(code: int, data: bytes = b"", status: int = 0) -> bytes:
    return bytes((code | 0x80, 0, status, 0)) + data


def _tag(random: Random) -> str:
    name = f"{random.choice(_NAMES)}{random.randrange(1, 9)}"
    shape = random.random()
    if shape < 0.5:
        return f"{name}.{random.choice(_MEMBERS)}"
    return f"{name}_{random.choice(_MEMBERS)}" if shape < 0.85 else f"{name}_Data[{random.randrange(20)}]"


def _read_tag(random: Random) -> Service:
    kind, width = random.choice(_TYPES)
    count = random.choice((1, 1, 1, 1, 4, 10)) if width == 4 else 1
    request = _request(0x4C, _symbol(_tag(random)), struct.pack("<H", count))
    answers = tuple(_answer(0x4C, struct.pack("<H", kind) + random.randbytes(width * count)) for _ in range(8))
    return Service(request, answers, (0x4C,), (0x4C,))


def _unknown_tag() -> Service:
    return Service(_request(0x4C, _symbol("Obsolete_Tag"), b"\x01\x00"), (_answer(0x4C, b"", 5),), (0x4C,), (0x4C,))


def _write_tag(random: Random) -> Service:
    data = struct.pack("<HHf", 0xCA, 1, random.randrange(1000) / 10)
    return Service(_request(0x4D, _symbol(_tag(random)), data), (_answer(0x4D),), (0x4D,), (0x4D,))


def _several(random: Random) -> Service:
    """A Multiple Service Packet of tag reads."""
    services = [_read_tag(random) for _ in range(random.randrange(2, 7))]
    answers = tuple(_answer(0x0A, _bundle([service.answers[at] for service in services])) for at in range(8))
    codes = (0x0A,) + (0x4C,) * len(services)
    return Service(_request(0x0A, _MESSAGE_ROUTER, _bundle([service.request for service in services])), answers, codes, codes)


def _bundle(messages: list[bytes]) -> bytes:
    offset = 2 + 2 * len(messages)
    offsets = []
    for message in messages:
        offsets.append(offset)
        offset += len(message)
    return struct.pack(f"<H{len(messages)}H", len(messages), *offsets) + b"".join(messages)


def _identity() -> Service:
    name = b"Synthetic PLC 55"
    data = struct.pack("<HHHBBHIB", 0xFFF0, 14, 55, 20, 11, 0x0060, 0x00C0FFEE, len(name)) + name
    return Service(_request(1, b"\x20\x01\x24\x01"), (_answer(1, data),), (1,), (1,))


def _routed(session: Session, service: Service) -> Service:
    """Unconnected Send (Connection Manager, service 0x52): its answer is that of the message inside."""
    inner = service.request
    data = struct.pack("<BBH", 7, 0xE8, len(inner)) + inner + b"\0" * (len(inner) & 1) + bytes((1, 0, 1, session.slot))
    return Service(_request(0x52, _CONNECTION_MANAGER, data), service.answers, (0x52, *service.asked), service.answered)


def _forward_open(session: Session, octets: int, *, implicit: bool) -> Service:
    to_target = session.io_to_target if implicit else session.to_target
    to_originator = session.io_to_originator if implicit else session.to_originator
    serial = (session.serial + implicit) & 0xFFFF
    path = bytes((1, session.slot)) + (b"\x20\x04\x24\x97\x2c\x96\x2c\x64" if implicit else _MESSAGE_ROUTER)
    interval = 20_000 if implicit else 2_000_000
    outward, inward = (0x4800 | octets + 6, 0x2800 | octets + 2) if implicit else (0x43F8, 0x43F8)
    owner = struct.pack("<HHI", serial, 0xFFF0, session.originator)
    data = struct.pack("<BBII", 10, 14, to_target, to_originator) + owner
    data += struct.pack("<IIHIHBB", 2, interval, outward, interval, inward, 0x01 if implicit else 0xA3, len(path) // 2) + path
    answer = struct.pack("<II", to_target, to_originator) + owner + struct.pack("<IIBB", interval, interval, 0, 0)
    return Service(_request(0x54, _CONNECTION_MANAGER, data), (_answer(0x54, answer),), (0x54,), (0x54,))


def _register(session: Session) -> Exchange:
    asked, answered = _pair(session, REGISTER_SESSION, (b"\1\0\0\0", b"\1\0\0\0"), None, 1200)
    payload = asked.payload
    return (asked._replace(payload=payload[:4] + bytes(4) + payload[8:]), answered)


def _setup(random: Random, session: Session, implicit: int, *, connected: bool) -> Iterator[Exchange]:
    yield _register(session)
    yield _unconnected(random, session, _identity())
    if connected:
        yield _unconnected(random, session, _forward_open(session, 0, implicit=False))
    if implicit:
        yield _unconnected(random, session, _forward_open(session, implicit, implicit=True))


def _cycle(random: Random, session: Session, *, connected: bool) -> Iterator[Exchange]:
    polls = [_several(random) if random.random() < 0.35 else _read_tag(random) for _ in range(random.randrange(3, 9))]
    if random.random() < 0.1:
        polls.append(_unknown_tag())
    writes = random.choice((0.0, 0.01, 0.04))
    at = 0
    while True:
        at = (at + 1) % len(polls)
        service = _write_tag(random) if random.random() < writes else polls[at]
        if connected:
            yield _connected(random, session, service)
        else:
            yield _unconnected(random, session, _routed(session, service))


def _input_output(random: Random, session: Session, octets: int) -> Iterator[tuple[bool, bytes]]:
    """Class 1 data both ways: sequenced address, then count, run/idle word (towards the target) and data."""
    number = 0
    values = [random.randbytes(octets) for _ in range(16)]
    while True:
        number += 1
        for from_client, connection in ((True, session.io_to_target), (False, session.io_to_originator)):
            data = (b"\1\0\0\0" if from_client else b"") + values[(number >> 3) & 15]
            head = struct.pack("<HHHIIHHH", 2, 0x8002, 8, connection, number & 0xFFFFFFFF, 0xB1, len(data) + 2, number & 0xFFFF)
            yield from_client, head + data


def script(random: Random) -> Script:
    """A connection of an HMI or controller; three in ten have implicit I/O beside it."""
    session = Session(random)
    connected = random.random() < 0.7
    octets = random.choice((8, 16, 32, 48)) if random.random() < 0.3 else 0
    datagrams = _input_output(random, session, octets) if octets else None
    return Script(tuple(_setup(random, session, octets, connected=connected)), _cycle(random, session, connected=connected), datagrams)
