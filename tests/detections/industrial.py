"""Requests and answers of EtherNet/IP, PCCC and S7, as short as the real engine takes them."""

import struct

from tests.detections.wire import Turn


def enip(command: int, request: bytes, response: bytes, *, status: int = 0, options: int = 0) -> Turn:
    """An encapsulated command."""
    head = struct.Struct("<HHIIQI")
    return (
        head.pack(command, len(request), 7, 0, 1, options) + request,
        head.pack(command, len(response), 7, status, 1, 0) + response,
    )


def cip(service: int, of: int, data: str = "", answer: str = "", *, status: int = 0) -> Turn:
    """A service of a class's first instance, unconnected; data in hex."""
    asked = bytes((service, 2, 0x20, of, 0x24, 1)) + bytes.fromhex(data)
    answered = bytes((service | 0x80, 0, status, 0)) + bytes.fromhex(answer)
    items = (struct.pack("<IHHHHHH", 0, 0, 2, 0, 0, 0xB2, len(message)) + message for message in (asked, answered))
    return enip(0x6F, *items)


def pccc(command: int, function: int, data: str = "") -> Turn:
    """A PCCC command, carried by CIP."""
    requester = "07 0100 01000000"
    return cip(0x4B, 0x67, f"{requester} {command:02x} 00 0100 {function:02x} {data}", f"{requester} {command | 0x40:02x} 00 0100")


def identity(serial: int = 1, minor: int = 1) -> Turn:
    """The identity object of a controller: its answer to Get Attributes All."""
    name = b"1756-L61"
    told = struct.pack("<HHHBBHI", 1, 14, 54, 20, minor, 0x3060, serial) + bytes((len(name),)) + name
    return cip(1, 1, "", told.hex())


def _tpkt(s7: bytes) -> bytes:
    return struct.pack("!BBH", 3, 0, 7 + len(s7)) + b"\x02\xf0\x80" + s7 if s7 else b""


S7_OPEN: tuple[Turn, ...] = (
    (bytes.fromhex("0300001611e00000000100c0010ac1020100c2020102"), bytes.fromhex("0300001611d00001000100c0010ac1020100c2020102")),
    (
        _tpkt(bytes.fromhex("320100000100000800 00f0000001000101e0")),
        _tpkt(bytes.fromhex("3203000001000008000000 00f0000001000100f0".replace(" ", ""))),
    ),
)
"""Connection and session with rack 0, slot 2."""


def s7_userdata(function: int, data: str = "0a000000", answer: str = "0a000000", *, error: int = 0) -> Turn:
    """A service beside the jobs: 0x70109 is sub-function 9 of group 1."""
    group, subfunction = function >> 8 & 15, function & 255
    asked, answered = bytes.fromhex(data), bytes.fromhex(answer)
    ask = bytes((0, 1, 0x12, 4, 0x11, 0x40 | group, subfunction, 0))
    say = bytes((0, 1, 0x12, 8, 0x12, 0x80 | group, subfunction, 1, 0, 0)) + error.to_bytes(2, "big")
    return (
        _tpkt(struct.pack("!BBHHHH", 0x32, 7, 0, 2, len(ask), len(asked)) + ask + asked),
        _tpkt(struct.pack("!BBHHHH", 0x32, 7, 0, 2, len(say), len(answered)) + say + answered),
    )


def s7_mode(mode: int) -> Turn:
    """A controller tells unasked that it went to a mode: 0 stop, 2 run."""
    parameters = bytes((0, 1, 0x12, 8, 0x11, 0, mode, 0, 0, 0, 0, 0))
    return b"", _tpkt(struct.pack("!BBHHHH", 0x32, 7, 0, 2, len(parameters), 4) + parameters + b"\x0a\0\0\0")


def s7_status_list(number: int, index: int, entry: str) -> Turn:
    """A system status list that has one entry."""
    told = bytes.fromhex(entry)
    body = struct.pack("!HHHH", number, index, len(told), 1) + told
    answer = b"\xff\x09" + len(body).to_bytes(2, "big") + body
    return s7_userdata(0x70401, f"ff090004{number:04x}{index:04x}", answer.hex())


def s7_service(name: bytes, arguments: bytes = b"") -> Turn:
    """Program invocation."""
    parameters = b"\x28" + b"\0" * 6 + b"\xfd" + len(arguments).to_bytes(2, "big") + arguments + bytes((len(name),)) + name
    return (
        _tpkt(struct.pack("!BBHHHH", 0x32, 1, 0, 3, len(parameters), 0) + parameters),
        _tpkt(struct.pack("!BBHHHHBB", 0x32, 3, 0, 3, 1, 0, 0, 0) + b"\x28"),
    )


def s7_create(class_of: int) -> Turn:
    """S7comm-plus: an object of that class is created; 1001 is a subscription."""
    session = 0x0398
    number = bytes((class_of >> 7 | 0x80, class_of & 0x7F))
    body = struct.pack("!IBIHBI", session, 0x34, 3, 4, 0, 0) + b"\xa1\0\0\0\0" + number + b"\0\0"
    return _plus(b"\x31\0\0\x04\xca\0\0\0\x02" + body), _plus(b"\x32\0\0\x04\xca\0\0\0\x02" + b"\x34\0")


def _plus(message: bytes) -> bytes:
    return _tpkt(b"\x72\x02" + len(message).to_bytes(2, "big") + message + b"\x72\x02\0\0")
