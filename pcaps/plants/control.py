"""What control systems say to each other: Modbus, S7comm, EtherNet/IP with CIP, DNP3, GOOSE."""

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from random import Random

from benchmarks.trace import dnp3
from benchmarks.trace.wire import Exchange, ask, say

MODBUS, S7, ENIP, IMPLICIT, DNP3 = 502, 102, 44818, 2222, 20000
RANDOM = Random("process values")


def turn(request: bytes, response: bytes, microseconds: int = 2500) -> Exchange:
    """A request and its response."""
    return (ask(request), say(response, (), microseconds))


def repeat(exchanges: Sequence[Exchange], times: int) -> Iterator[Exchange]:
    """A cycle of polls."""
    for number in range(times):
        yield exchanges[number % len(exchanges)]


def values(count: int) -> bytes:
    """Registers that change slowly."""
    return b"".join(struct.pack(">H", RANDOM.randrange(1200, 1400)) for _ in range(count))


# Modbus ------------------------------------------------------------------------------------------------------------


def modbus(unit: int, request: bytes, response: bytes) -> Exchange:
    """One request and its response with their headers."""
    number = RANDOM.randrange(65536)
    asked, answered = (struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu for pdu in (request, response))
    return turn(asked, answered)


def modbus_read(unit: int, address: int, quantity: int, code: int = 3) -> Exchange:
    """Registers, or bits with codes 1 and 2."""
    data = bytes((quantity + 7) // 8) if code < 3 else values(quantity)
    return modbus(unit, struct.pack(">BHH", code, address, quantity), bytes((code, len(data))) + data)


def modbus_write(unit: int, address: int, value: int) -> Exchange:
    """One register."""
    request = struct.pack(">BHH", 6, address, value)
    return modbus(unit, request, request)


def modbus_identify(unit: int, vendor: str, product: str, revision: str) -> Exchange:
    """Read Device Identification, basic."""
    texts = (vendor.encode(), product.encode(), revision.encode())
    objects = b"".join(bytes((number, len(text))) + text for number, text in enumerate(texts))
    return modbus(unit, b"\x2b\x0e\x01\x00", b"\x2b\x0e\x01\x01\x00\x00\x03" + objects)


# S7comm ------------------------------------------------------------------------------------------------------------


def _tpkt(body: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def _s7(kind: int, reference: int, parameter: bytes, data: bytes = b"") -> bytes:
    error = b"\0\0" if kind == 3 else b""
    head = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameter), len(data))
    return _tpkt(b"\x02\xf0\x80" + head + error + parameter + data)


def s7_job(question: tuple[bytes, bytes], answer: tuple[bytes, bytes]) -> Exchange:
    """A job and its acknowledgement: parameters and data of both."""
    reference = RANDOM.randrange(65536)
    return turn(_s7(1, reference, *question), _s7(3, reference, *answer), 4000)


def s7_open(slot: int = 2, kind: int = 3) -> list[Exchange]:
    """The COTP connection to the CPU's slot (kind 1 programming device, 2 panel, 3 other) and the PDU length."""
    tsap = struct.pack(">BBHBBH", 0xC1, 2, 0x0100, 0xC2, 2, kind << 8 | slot)
    request, confirm = (
        _tpkt(bytes((17, code, 0, there, 0, here, 0, 0xC0, 1, 10)) + tsap) for code, there, here in ((0xE0, 0, 1), (0xD0, 1, 9))
    )
    negotiated = struct.pack(">BBHHH", 0xF0, 0, 1, 1, 480)
    return [turn(request, confirm), s7_job((negotiated, b""), (negotiated, b""))]


def _address(block: int, start: int, octets: int, area: int) -> bytes:
    return struct.pack(">BBBBHHB", 0x12, 10, 0x10, 2, octets, block, area) + (start * 8).to_bytes(3, "big")


def s7_read(block: int, start: int, octets: int, area: int = 0x84) -> Exchange:
    """Octets of a data block, or of another area."""
    data = struct.pack(">BBH", 0xFF, 4, octets * 8) + values(octets // 2)
    return s7_job((b"\x04\x01" + _address(block, start, octets, area), b""), (b"\x04\x01", data))


def s7_write(block: int, start: int, data: bytes) -> Exchange:
    """Octets to a data block."""
    item = struct.pack(">BBH", 0, 4, len(data) * 8) + data
    return s7_job((b"\x05\x01" + _address(block, start, len(data), 0x84), item), (b"\x05\x01", b"\xff"))


def s7_status_list(number: int, index: int, entries: Sequence[bytes]) -> Exchange:
    """A system status list."""
    reference = RANDOM.randrange(65536)
    body = struct.pack(">HHHH", number, index, len(entries[0]), len(entries)) + b"".join(entries)
    answer = struct.pack(">BBH", 0xFF, 9, len(body)) + body
    asked = _s7(7, reference, bytes((0, 1, 0x12, 4, 0x11, 0x44, 1, 0)), struct.pack(">BBHHH", 0xFF, 9, 4, number, index))
    return turn(asked, _s7(7, reference, bytes((0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0)), answer), 6000)


def s7_identify(order: str, station: str, module: str, serial: str) -> list[Exchange]:
    """Order number, names and serial: what a programming device asks first."""
    text = order.ljust(20).encode()
    modules = [
        struct.pack(">H", number) + text + struct.pack(">HHH", 0xC0, version, 1) for number, version in ((1, 3), (6, 3), (7, 0x5603))
    ]
    names = ((1, station), (2, module), (3, ""), (4, "Original Siemens Equipment"), (5, serial), (7, module))
    return [
        s7_status_list(0x0011, 0, modules),
        s7_status_list(0x001C, 0, [struct.pack(">H", number) + name.encode().ljust(32, b"\0") for number, name in names]),
        s7_status_list(0x0424, 0, [bytes.fromhex("5144ff0800000000000000002406231455261037")]),
    ]


def s7_upload(block: str = "_0800001A", parts: int = 3) -> Iterator[Exchange]:
    """A block read out of the CPU."""
    yield s7_job((b"\x1d" + bytes(7) + b"\x09" + block.encode(), b""), (b"\x1d\x00\x01\x00\x00\x00\x00\x07\x070000666", b""))
    for part in range(parts):
        data = struct.pack(">HH", 200, 0x00FB) + RANDOM.randbytes(200)
        yield s7_job((b"\x1e" + bytes(6) + b"\x07", b""), (bytes((0x1E, part < parts - 1)), data))
    yield s7_job((b"\x1f" + bytes(6) + b"\x07", b""), (b"\x1f", b""))


def s7_download(block: str = "_0800001P", parts: int = 2) -> Iterator[Exchange]:
    """A block loaded: asked for by the client, fetched by the CPU, then put to work."""
    name = b"\x00\x01\x00\x00\x00\x00\x00\x09" + block.encode()
    yield s7_job((b"\x1a" + name + b"\x0d1000444000410", b""), (b"\x1a", b""))
    for part in range(parts):
        reference = RANDOM.randrange(65536)
        data = struct.pack(">HH", 200, 0x00FB) + RANDOM.randbytes(200)
        yield (say(_s7(1, reference, b"\x1b" + name), (), 3000), ask(_s7(3, reference, bytes((0x1B, part < parts - 1)), data), (), 900))
    reference = RANDOM.randrange(65536)
    yield (say(_s7(1, reference, b"\x1c" + name), (), 3000), ask(_s7(3, reference, b"\x1c"), (), 900))
    argument = b"\x01\x00" + block[1:].encode()
    insert = b"\x28" + bytes(6) + b"\xfd" + struct.pack(">H", len(argument)) + argument + b"\x05_INSE"
    yield s7_job((insert, b""), (b"\x28", b""))


def s7_stop() -> Exchange:
    """PLC stop."""
    return s7_job((b"\x29" + bytes(5) + b"\x09P_PROGRAM", b""), (b"\x29", b""))


def s7_start() -> Exchange:
    """PLC start, warm."""
    return s7_job((b"\x28" + bytes(6) + b"\xfd\x00\x00\x09P_PROGRAM", b""), (b"\x28", b""))


# EtherNet/IP -------------------------------------------------------------------------------------------------------


def identity(device: int, product: int, name: str, serial: int) -> bytes:
    """The Identity object of a Rockwell device."""
    return struct.pack("<HHHBBHIB", 1, device, product, 20, 11, 0x3060, serial, len(name)) + name.encode()


def list_identity(ip: str, told: bytes) -> tuple[bytes, bytes]:
    """ListIdentity and its answer."""
    head = "<HHII8sI"
    request = struct.pack(head, 0x63, 0, 0, 0, b"whoisthr", 0)
    item = struct.pack("<H", 1) + struct.pack(">HH4s8x", 2, ENIP, socket.inet_aton(ip)) + told + b"\x03"
    body = struct.pack("<HHH", 1, 0x0C, len(item)) + item
    return request, struct.pack(head, 0x63, len(body), 0, 0, b"whoisthr", 0) + body


def _symbol(name: str) -> bytes:
    path = b""
    for part in name.split("."):
        path += bytes((0x91, len(part))) + part.encode() + b"\0" * (len(part) & 1)
    return path


def _class(number: int, instance: int = 1) -> bytes:
    return bytes((0x20, number, 0x24, instance))


class Cip:
    """A session with explicit messages, connected once it was opened."""

    def __init__(self, slot: int = 0) -> None:
        self.slot, self.handle, self.sequence = slot, RANDOM.randrange(1, 1 << 32), 0
        self.to_target, self.to_originator = RANDOM.randrange(1 << 32), RANDOM.randrange(1 << 32)

    def _pack(self, command: int, data: bytes) -> bytes:
        return struct.pack("<HHIIQI", command, len(data), self.handle, 0, 0, 0) + data

    def register(self) -> Exchange:
        """The session."""
        request, answer = self._pack(0x65, b"\1\0\0\0"), self._pack(0x65, b"\1\0\0\0")
        return turn(request[:4] + bytes(4) + request[8:], answer)

    def once(self, service: int, path: bytes, data: bytes = b"", answer: bytes = b"", status: int = 0) -> Exchange:
        """An unconnected message."""
        request = bytes((service, len(path) // 2)) + path + data
        response = bytes((service | 0x80, 0, status, 0)) + answer
        pair = (struct.pack("<IHHHHHH", 0, 10 * first, 2, 0, 0, 0xB2, len(text)) + text for first, text in ((1, request), (0, response)))
        return turn(*(self._pack(0x6F, body) for body in pair))

    def open(self, path: bytes = b"", octets: int = 0) -> Exchange:
        """Forward Open to the message router, or of implicit I/O of so many octets."""
        path = path or bytes((1, self.slot)) + _class(2)
        owner = struct.pack("<HHI", RANDOM.randrange(1 << 16), 1, 0x00C0FFEE)
        outward, inward = (0x4800 | octets + 6, 0x2800 | octets + 2) if octets else (0x43F8, 0x43F8)
        data = struct.pack("<BBII", 10, 14, self.to_target, self.to_originator) + owner
        data += struct.pack("<IIHIHBB", 2, 20_000, outward, 20_000, inward, 1 if octets else 0xA3, len(path) // 2) + path
        answer = struct.pack("<II", self.to_target, self.to_originator) + owner + struct.pack("<IIBB", 20_000, 20_000, 0, 0)
        return self.once(0x54, _class(6), data, answer)

    def send(self, service: int, path: bytes, data: bytes = b"", answer: bytes = b"", status: int = 0) -> Exchange:
        """A connected message."""
        self.sequence += 1
        request = bytes((service, len(path) // 2)) + path + data
        response = bytes((service | 0x80, 0, status, 0)) + answer
        pair = (
            struct.pack("<IHHHHIHHH", 0, 0, 2, 0xA1, 4, connection, 0xB1, len(text) + 2, self.sequence & 0xFFFF) + text
            for connection, text in ((self.to_target, request), (self.to_originator, response))
        )
        return turn(*(self._pack(0x70, body) for body in pair))

    def read(self, tag: str) -> Exchange:
        """A REAL tag."""
        return self.send(0x4C, _symbol(tag), b"\x01\x00", struct.pack("<Hf", 0xCA, RANDOM.randrange(400, 600) / 10))

    def write(self, tag: str, value: float) -> Exchange:
        """A REAL tag."""
        return self.send(0x4D, _symbol(tag), struct.pack("<HHf", 0xCA, 1, value))

    def reads(self, tags: Sequence[str], times: int) -> Iterator[Exchange]:
        """Session, connection, and tags read in a cycle."""
        yield self.register()
        yield self.open()
        for number in range(times):
            yield self.read(tags[number % len(tags)])

    def identify(self, told: bytes) -> Exchange:
        """The Identity object."""
        return self.once(1, _class(1), b"", told)

    def browse(self) -> Exchange:
        """Names of the tags."""
        names = (b"Line_Speed", b"Tank_Level")
        found = b"".join(struct.pack("<IH", number, len(name)) + name + b"\xca\x00" for number, name in enumerate(names, 1))
        return self.send(0x55, b"\x20\x6b\x25\x00\x00\x00", b"\x02\x00\x01\x00\x02\x00", found)

    def program(self) -> Iterator[Exchange]:
        """An engineering station goes online, stops the controller, loads a program and starts it."""
        yield self.register()
        yield self.open()
        yield self.browse()
        yield self.send(0x07, _class(0x8E))
        yield self.send(0x08, _class(0xAC, 0), RANDOM.randbytes(12), b"\1\0")
        yield self.send(0x08, _class(0x68, 0), RANDOM.randbytes(60), b"\2\0")
        yield self.send(0x08, _class(0x6D, 0), RANDOM.randbytes(200), b"\3\0")
        yield self.send(0x06, _class(0x8E))


def implicit(connections: tuple[int, int], octets: int, count: int) -> tuple[bytes, bytes]:
    """Class 1 data both ways, towards the target first."""
    pair = []
    for connection, data in zip(connections, (b"\1\0\0\0" + RANDOM.randbytes(octets), RANDOM.randbytes(octets)), strict=True):
        head = struct.pack("<HHHIIHHH", 2, 0x8002, 8, connection, count, 0xB1, len(data) + 2, count & 0xFFFF)
        pair.append(head + data)
    return pair[0], pair[1]


# DNP3 --------------------------------------------------------------------------------------------------------------


class Outstation:
    """A master and an outstation, by their link addresses."""

    def __init__(self, master: int, outstation: int) -> None:
        self.link = dnp3.Link(RANDOM)
        self.link.master, self.link.outstation = master, outstation

    def ask(self, code: int, objects: bytes, answer: bytes = b"") -> Exchange:
        """A request and its response."""
        self.link.sequence = (self.link.sequence + 1) & 15
        control = 0xC0 | self.link.sequence
        request = self.link.fragment(bytes((control, code)) + objects, from_master=True)
        return turn(request, self.link.fragment(bytes((control, 0x81, 0, 0)) + answer, from_master=False), 9000)

    def integrity(self) -> Exchange:
        """All classes: sixteen binaries, eight analogs."""
        binaries = struct.pack("<BBBHH", 1, 2, 1, 0, 15) + bytes(RANDOM.choices((1, 0x81), k=16))
        analogs = struct.pack("<BBBHH", 30, 1, 1, 0, 7) + b"".join(struct.pack("<Bi", 1, RANDOM.randrange(9000)) for _ in range(8))
        return self.ask(1, b"\x3c\x02\x06\x3c\x03\x06\x3c\x04\x06\x3c\x01\x06", binaries + analogs)

    def events(self) -> Exchange:
        """The event classes; one analog has changed."""
        change = struct.pack("<BBBHHBi", 32, 1, 0x28, 1, RANDOM.randrange(8), 1, RANDOM.randrange(9000))
        return self.ask(1, b"\x3c\x02\x06\x3c\x03\x06\x3c\x04\x06", change)

    def control(self, point: int, code: int = 0x41) -> Iterator[Exchange]:
        """Select, then operate."""
        objects = struct.pack("<BBBHHBBIIB", 12, 1, 0x28, 1, point, code, 1, 500, 0, 0)
        yield self.ask(3, objects, objects)
        yield self.ask(4, objects, objects)

    def time(self, milliseconds: int) -> Exchange:
        """The clock set."""
        return self.ask(2, b"\x32\x01\x07\x01" + milliseconds.to_bytes(6, "little"))

    def poll(self, times: int) -> Iterator[Exchange]:
        """An integrity poll, then events."""
        yield self.integrity()
        for _ in range(times):
            yield self.events()


# GOOSE -------------------------------------------------------------------------------------------------------------


def _tag(number: int, value: bytes) -> bytes:
    return bytes((number, len(value))) + value if len(value) < 128 else bytes((number, 0x81, len(value))) + value


def goose(device: str, application: int, number: int, states: Iterable[bool]) -> bytes:
    """A GOOSE message with booleans."""
    data = [_tag(0x83, bytes((state,))) for state in states]
    fields = (
        _tag(0x80, f"{device}LD0/LLN0$GO$gcb01".encode()),
        _tag(0x81, struct.pack(">H", 8000)),
        _tag(0x82, f"{device}LD0/LLN0$DSet01".encode()),
        _tag(0x83, f"{device}_gcb01".encode()),
        _tag(0x84, struct.pack(">II", 1_795_420_000, 0x0A)),
        _tag(0x85, b"\x01"),
        _tag(0x86, struct.pack(">I", number)),
        _tag(0x87, b"\x00"),
        _tag(0x88, b"\x01"),
        _tag(0x89, b"\x00"),
        _tag(0x8A, bytes((len(data),))),
        _tag(0xAB, b"".join(data)),
    )
    body = _tag(0x61, b"".join(fields))
    return struct.pack(">HHHH", application, len(body) + 8, 0, 0) + body
