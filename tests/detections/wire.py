"""Captures made while a test runs: correct Ethernet, IP and TCP around whatever hosts say, read by the real engine."""

import struct
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.trace.dnp3 import Link
from sensor.baseline.model import Baseline
from sensor.capture import open_capture
from sensor.conduits.model import Pin, Site
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude
from tests.samples import FIRST, pcap_of

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
MILLISECOND = SECOND // 1000

Turn = tuple[bytes, bytes]
"""What the client says and what the server answers; empty: nothing."""

_FIN, _SYN, _RESET, _PUSH, _ACK = 1, 2, 4, 8, 16


def ip_of(host: int | str) -> str:
    """Host 300 is 10.0.1.44; what is a text is that address."""
    return host if isinstance(host, str) else f"10.0.{host >> 8}.{host & 255}"


def _octets(host: int | str) -> bytes:
    return bytes(map(int, ip_of(host).split(".")))


class Wire:
    """What passes a mirror port; `at` is nanoseconds after the first moment."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.ports = 20_000

    def frame(self, at: int, source: bytes, target: bytes, kind: int, payload: bytes) -> None:
        frame = target + source + kind.to_bytes(2, "big") + payload
        self.frames.append((FIRST + at, frame.ljust(60, b"\0")))

    def mac(self, host: int | str) -> bytes:
        """Of host 254, the router, for whoever is not in 10.0.0.0/16."""
        address = _octets(host)
        return b"\x02\0\0\0" + (address[2:] if address[:2] == b"\x0a\0" else b"\0\xfe")

    def ip(self, at: int, ends: tuple[int | str, int | str], protocol: int, payload: bytes, ttl: int = 64) -> None:
        source, target = ends
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, ttl, protocol, 0)
        self.frame(at, self.mac(source), self.mac(target), 0x0800, head + _octets(source) + _octets(target) + payload)

    def udp(self, at: int, ends: tuple[int | str, int | str], ports: tuple[int, int], payload: bytes) -> None:
        self.ip(at, ends, 17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload)

    def ping(self, at: int, source: int | str, target: int | str, number: int = 0) -> None:
        """And its reply."""
        self.ip(at, (source, target), 1, struct.pack("!BBHHH", 8, 0, 0, 1, number & 0xFFFF))
        self.ip(at + 1000, (target, source), 1, struct.pack("!BBHHH", 0, 0, 0, 1, number & 0xFFFF))

    def arp(self, at: int, source: int, target: int, *, reply: bool = False) -> None:
        """Who has the target? Or the source's reply."""
        ask = b"\xff" * 6
        known = self.mac(target) if reply else b"\0" * 6
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + self.mac(source) + _octets(source) + known + _octets(target)
        self.frame(at, self.mac(source), known if reply else ask, 0x0806, body)

    def knock(self, at: int, client: int | str, server: int | str, port: int, *, refused: bool = False, ours: int | None = None) -> None:
        """A connection that comes to nothing."""
        self.ports += 1
        near = ours or self.ports % 40_000 + 20_000
        self._segment(at, (client, server), (near, port), (99, 0), _SYN)
        if refused:
            self._segment(at + 1000, (server, client), (port, near), (0, 100), _RESET | _ACK)

    def _segment(
        self, at: int, ends: tuple[int | str, int | str], ports: tuple[int, int], numbers: tuple[int, int], flags: int, payload: bytes = b""
    ) -> None:
        self.ip(at, ends, 6, struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 64240, 0, 0) + payload)

    def talk(
        self,
        client: int | str,
        server: int | str,
        port: int,
        turns: Iterable[Turn],
        *,
        at: int = 0,
        pause: int = 100 * MILLISECOND,
        closed: bool = True,
    ) -> "Wire":
        """One TCP connection in which the server answers 1 ms after it was asked; then the pause."""
        self.ports += 1
        ports, back = (self.ports % 40_000 + 20_000, port), (port, self.ports % 40_000 + 20_000)
        there, here = (client, server), (server, client)
        ours, theirs = 1000, 5000
        self._segment(at, there, ports, (ours - 1, 0), _SYN)
        self._segment(at + 1000, here, back, (theirs - 1, ours), _SYN | _ACK)
        self._segment(at + 2000, there, ports, (ours, theirs), _ACK)
        at += 3000
        for asked, answered in turns:
            if asked:
                self._segment(at, there, ports, (ours, theirs), _PUSH | _ACK, asked)
                ours += len(asked)
            if answered:
                self._segment(at + MILLISECOND, here, back, (theirs, ours), _PUSH | _ACK, answered)
                theirs += len(answered)
            at += pause
        if not closed:
            return self
        self._segment(at, there, ports, (ours, theirs), _FIN | _ACK)
        self._segment(at + 1000, here, back, (theirs, ours + 1), _FIN | _ACK)
        self._segment(at + 2000, there, ports, (ours + 1, theirs + 1), _ACK)
        return self

    def pcap(self) -> bytes:
        return pcap_of(sorted(self.frames, key=lambda each: each[0]))

    def known(self, site: Site | None = None, baseline: Baseline | None = None, batch_packets: int = 2_000_000) -> Knowledge:
        with TemporaryDirectory() as directory:
            path = Path(directory) / "made.pcap"
            path.write_bytes(self.pcap())
            return conclude(observe(open_capture(path, batch_packets=batch_packets)), site, baseline)

    def rules(self, site: Site | None = None) -> set[str]:
        return {alert.rule for alert in self.known(site).alerts}


def modbus(request: str, response: str = "", unit: int = 1, transaction: int = 1) -> Turn:
    """Modbus/TCP PDUs, in hex."""

    def message(pdu: str) -> bytes:
        data = bytes.fromhex(pdu)
        return struct.pack("!HHHB", transaction & 0xFFFF, 0, len(data) + 1, unit) + data if data else b""

    return message(request), message(response)


def read(address: int = 0, unit: int = 1, transaction: int = 1) -> Turn:
    """One holding register, which is 7."""
    return modbus(f"03{address:04x}0001", "03020007", unit, transaction)


def write(address: int = 0, unit: int = 1, *, answered: bool = True, transaction: int = 1) -> Turn:
    """One holding register."""
    pdu = f"06{address:04x}0009"
    return modbus(pdu, pdu if answered else "", unit, transaction)


def polls(number: int, unit: int = 1) -> list[Turn]:
    """The everyday work of a master."""
    return [read(0, unit, number) for number in range(number)]


class _Stations(Link):
    """Master 1 and outstation 10."""

    def __init__(self) -> None:
        self.master, self.outstation = 1, 10
        self.transport = [0, 0]


def dnp3(request: str, response: str = "", *, broadcast: bool = False) -> Turn:
    """DNP3 application fragments, in hex: control, function, (indications,) objects."""
    link = _Stations()
    if broadcast:
        link.outstation = 0xFFFF
    asked = link.fragment(bytes.fromhex(request), from_master=True) if request else b""
    return asked, link.fragment(bytes.fromhex(response), from_master=False) if response else b""


def levels(**pins: float) -> Site:
    """A site file that says at which levels hosts live: levels(h5=1) pins 10.0.0.5."""
    return Site(pins=tuple(Pin(ip_of(int(name[1:])), level=level) for name, level in pins.items()))
