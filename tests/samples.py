"""Captures made by hand, octet by octet: small enough to know every number in them."""

import struct
from collections.abc import Iterable, Sequence

CLIENT, SERVER = "10.0.0.5", "10.0.0.9"
FIRST = 1_672_628_645_123_456_789
"""2023-01-02T03:04:05.123456789Z"""
STEP = 1_000_000
"""One millisecond from frame to frame."""

_MACS = {CLIENT: bytes.fromhex("020000000005"), SERVER: bytes.fromhex("020000000009")}
_SYN, _ACK, _PUSH = 0x02, 0x10, 0x08


def _tcp(source: str, ports: tuple[int, int], numbers: tuple[int, int], flags: int, payload: bytes = b"") -> bytes:
    target = SERVER if source == CLIENT else CLIENT
    tcp = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 64240, 0, 0) + payload
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + _address(source) + _address(target)
    return (_MACS[target] + _MACS[source] + b"\x08\x00" + ip + tcp).ljust(60, b"\0")


def _address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def dialogue(turns: Iterable[tuple[str, bytes]], port: int = 502, *, handshake: bool = True) -> list[bytes]:
    """Frames of one TCP connection; each turn is (who speaks, what)."""
    ports = {CLIENT: (49152, port), SERVER: (port, 49152)}
    sent = {CLIENT: 1000, SERVER: 5000}
    frames = []
    if handshake:
        frames.append(_tcp(CLIENT, ports[CLIENT], (999, 0), _SYN))
        frames.append(_tcp(SERVER, ports[SERVER], (4999, 1000), _SYN | _ACK))
        frames.append(_tcp(CLIENT, ports[CLIENT], (1000, 5000), _ACK))
    for speaker, payload in turns:
        listener = SERVER if speaker == CLIENT else CLIENT
        frames.append(_tcp(speaker, ports[speaker], (sent[speaker], sent[listener]), _ACK | _PUSH, payload))
        sent[speaker] += len(payload)
    return frames


def modbus(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """One Modbus/TCP message."""
    return struct.pack("!HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


MODBUS_TURNS = (
    (CLIENT, modbus(1, bytes.fromhex("0300000002"))),
    (SERVER, modbus(1, bytes.fromhex("030400010002"))),
    (CLIENT, modbus(2, bytes.fromhex("0600101234"))),
    (SERVER, modbus(2, bytes.fromhex("8602"))),
    (CLIENT, modbus(3, bytes.fromhex("0500acff00"))),
    (SERVER, modbus(3, bytes.fromhex("0500acff00"))),
    (CLIENT, modbus(4, bytes.fromhex("2b0e0100"))),
    (SERVER, modbus(4, bytes.fromhex("2b0e0101000003") + b"\x00\x04Acme" + b"\x01\x08[red]P-1" + b"\x02\x03v2\x1b")),
)
"""Two registers read; a register written in vain (illegal data address); a coil switched on; a device asked who it is,
which answers with a terminal's control octet and with Rich markup."""


def pcap(frames: Sequence[bytes], first: int = FIRST, link_type: int = 1) -> bytes:
    """A pcap with nanoseconds, one frame a millisecond."""
    return pcap_of(((first + number * STEP, frame) for number, frame in enumerate(frames)), link_type)


def pcap_of(frames: Iterable[tuple[int, bytes]], link_type: int = 1) -> bytes:
    """A pcap with nanoseconds, of frames with their times."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link_type))
    for time, frame in frames:
        seconds, nanoseconds = divmod(time, 1_000_000_000)
        out += struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame
    return bytes(out)


MODBUS = pcap(dialogue(MODBUS_TURNS))
"""11 frames."""
