"""Of each detector a capture that raises it, and its benign neighbour that looks alike and must not."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from sensor.conduits.model import Site, Zone
from tests.detections.industrial import cip
from tests.detections.wire import HOUR, MILLISECOND, MINUTE, SECOND, Turn, Wire, dnp3, levels, modbus, polls, read, write

PLANT = Site()


class Case(NamedTuple):
    """site: of both captures."""

    rule: str
    guilty: Callable[[], Wire]
    innocent: Callable[[], Wire]
    site: Site = PLANT


def _talk(port: int, turns: Callable[[], list[Turn]], pause: int = 100 * MILLISECOND) -> Callable[[], Wire]:
    return lambda: Wire().talk(1, 2, port, turns(), pause=pause)


def _modbus(*turns: Turn) -> Callable[[], Wire]:
    """After some everyday work."""
    return _talk(502, lambda: [*polls(5), *turns])


def _dnp3(*turns: Turn, pause: int = 100 * MILLISECOND) -> Callable[[], Wire]:
    return _talk(20000, lambda: list(turns), pause)


def _knocks(hosts: int, ports: int = 1, every: int = SECOND, port: int = 80) -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        for number in range(hosts * ports):
            wire.knock(number * every, 1, 1000 + number % hosts, port + number // hosts, refused=ports > 1)
        return wire

    return make


def scada(plcs: int = 30, *, one_way: bool = False, off: int = 0) -> Wire:
    """A master that polls many controllers; of one direction only the requests are seen; some controllers are off."""
    wire = Wire()
    for number in range(plcs):
        wire.talk(1, 100 + number, 502, polls(10), at=number * 10 * MILLISECOND, pause=10 * SECOND)
    if one_way:
        wire.frames = [(time, frame) for time, frame in wire.frames if frame[6:12] == wire.mac(1)]
    for number in range(off):
        wire.knock(number * SECOND, 1, 600 + number, 502)
    return wire


def tristation(*, answered: bool) -> Wire:
    """Requests of engineering software to a safety controller (UDP, the CRC-16 of ARC at the end), and its answers."""
    wire = Wire()
    for number in range(3):
        wire.udp(number * SECOND, (1, 2), (1503, 1502), bytes.fromhex("05000a0000001300000027000a005010"))
        if answered:
            wire.udp(number * SECOND + MILLISECOND, (2, 1), (1502, 1503), bytes.fromhex("0500120000004101000066001200000000000000000037f9"))
    return wire


def router() -> Wire:
    """Sixty hosts behind one MAC each knock at another address."""
    wire = Wire()
    for number in range(60):
        wire.knock(number * SECOND, f"192.168.7.{number + 1}", 300 + number, 80)
    return wire


def web_server() -> Wire:
    """Forty browsers open ten connections each within a few seconds, and are answered."""
    wire = Wire()
    for client in range(40):
        for number in range(10):
            turn = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            wire.talk(100 + client, 2, 80, [turn], at=(client * 10 + number) * 20 * MILLISECOND)
    return wire


def sessions(count: int, every: int) -> Callable[[], Wire]:
    """Connections to a controller that carry nothing; an hour later one more, which must not make the burst less."""

    def make() -> Wire:
        wire = Wire().talk(1, 2, 502, [], at=HOUR)
        for number in range(count):
            wire.talk(1, 2, 502, [], at=number * every)
        return wire

    return make


def syns(count: int, *, answered: bool) -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        for number in range(count):
            if answered:
                wire.talk(1, 2, 80, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")], at=number * 10 * MILLISECOND)
            else:
                wire.knock(number * 10 * MILLISECOND, 1, 2, 80)
        return wire

    return make


def pings(count: int, every: int) -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        wire.ping(6 * HOUR, 1, 2)
        for number in range(count):
            wire.ping(number * every, 1, 2, number)
        return wire

    return make


def requests(count: int, pause: int) -> Callable[[], Wire]:
    return _talk(502, lambda: polls(count), pause)


def often(function: str, count: int, pause: int) -> Callable[[], Wire]:
    """A burst of it, and once more after ten hours."""

    def make() -> Wire:
        turn = dnp3(f"c0{function}", "c0810000")
        return Wire().talk(1, 2, 20000, [turn] * count, pause=pause).talk(1, 2, 20000, [turn], at=10 * HOUR)

    return make


def burst(rejected: int) -> Callable[[], Wire]:
    """Some rejections amid hours of the same request that succeeds."""
    right = [read(0)] * 200
    return _talk(502, lambda: [*right, *[modbus("0300000001", "8302")] * rejected, *right], 2 * MINUTE if rejected < 20 else 2 * SECOND)


def units(*, answered: bool, pause: int = SECOND) -> Callable[[], Wire]:
    """Twelve units behind a gateway: all there, or none."""
    return _talk(502, lambda: [*polls(3), *(modbus("0300000001", "03020007" if answered else "", unit) for unit in range(10, 22))], pause)


def dead_units() -> Wire:
    """A master goes on polling twelve drives that are off."""
    return Wire().talk(
        1, 2, 502, [modbus("0300000001", "", unit) for _ in range(8) for unit in range(10, 22)] + polls(9), pause=10 * SECOND
    )


def writers(second: Callable[[int], Turn]) -> Callable[[], Wire]:
    """Two masters with one controller; the second writes as well, or only reads."""

    def make() -> Wire:
        first = Wire().talk(1, 2, 502, [*polls(20), write(1)], pause=5 * SECOND)
        return first.talk(3, 2, 502, [*polls(20), second(1)], pause=5 * SECOND)

    return make


def late_joiner() -> Wire:
    """An operator station comes later, reads everything once and sets a few values."""
    turns = [*(read(number) for number in range(80)), *(write(number) for number in range(5))]
    return Wire().talk(1, 2, 502, polls(100), pause=SECOND).talk(3, 2, 502, turns, at=MINUTE)


def arp(count: int, *, answered: bool = False) -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        for number in range(count):
            wire.arp(number * SECOND, 1, 50 + number)
            if answered:
                wire.arp(number * SECOND + MILLISECOND, 50 + number, 1, reply=True)
        return wire

    return make


def udp(source: int | str, ports: tuple[int, int] = (5000, 5001)) -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        wire.udp(0, (source, 2), ports, b"x")
        return wire

    return make


def ftp(passwords: int, answer: bytes, *, first: bytes = b"USER bob\r\n") -> Callable[[], Wire]:
    def make() -> Wire:
        wire = Wire()
        for number in range(passwords):
            turns = [(b"", b"220 ready\r\n"), (first, b"331 password\r\n"), (b"PASS secret%d\r\n" % number, answer)]
            wire.talk(1, 2, 21, turns, at=number * 400 * MILLISECOND, pause=50 * MILLISECOND)
        return wire

    return make


def ftp_without_password() -> Wire:
    return Wire().talk(1, 2, 21, [(b"", b"220 ready\r\n"), (b"SYST\r\n", b"215 UNIX\r\n"), (b"QUIT\r\n", b"221 bye\r\n")])


def lost(every: int) -> Callable[[], Wire]:
    """A long poll of which the mirror drops one frame in so many."""

    def make() -> Wire:
        wire = Wire().talk(1, 2, 502, [read(0, transaction=number) for number in range(900)])
        wire.frames = [frame for number, frame in enumerate(wire.frames) if number % every != every - 1]
        return wire

    return make


def dhcp(*, leased: bool) -> Callable[[], Wire]:
    """Discovers with 0.0.0.0, and an offer and acknowledgement, or none."""

    def message(kind: int, operation: int, ours: bytes) -> bytes:
        head = bytes((operation, 1, 6, 0)) + b"\0\0\0\x07" + b"\0" * 4 + b"\0" * 4 + ours + b"\0" * 8
        return head + b"\x02\0\0\0\0\x05" + b"\0" * 10 + b"\0" * 192 + b"\x63\x82\x53\x63" + bytes((53, 1, kind, 255))

    def make() -> Wire:
        wire = Wire()
        mac = b"\x02\0\0\0\0\x05"
        for number in range(4):
            body = message(1, 1, b"\0" * 4)
            data = _udp("0.0.0.0", "255.255.255.255", (68, 67), body)  # noqa: S104 - a client without address
            wire.frame(number * SECOND, mac, b"\xff" * 6, 0x0800, data)
        if leased:
            answer = _udp("10.0.0.1", "255.255.255.255", (67, 68), message(5, 2, b"\x0a\0\0\x05"))
            wire.frame(5 * SECOND, wire.mac(1), mac, 0x0800, answer)
            wire.arp(6 * SECOND, 5, 1)
        return wire

    return make


def _udp(source: str, target: str, ports: tuple[int, int], payload: bytes) -> bytes:
    wire = Wire()
    wire.udp(0, (source, target), ports, payload)
    return wire.frames[0][1][14:]


def outage(answered: int, unanswered: int, pause: int = 10 * SECOND) -> Callable[[], Wire]:
    return lambda: Wire().talk(
        1, 2, 502, [*polls(answered), *(modbus("0300000001") for _ in range(unanswered))], pause=pause, closed=not unanswered
    )


def policy(client: int | str, server: int | str, port: int, *turns: Turn, past: int | None = None) -> Callable[[], Wire]:
    """One conversation; past: a host of the DMZ that also says something."""

    def make() -> Wire:
        wire = Wire().talk(client, server, port, turns)
        if past is not None:
            wire.talk(past, server, 443, [])
        return wire

    return make


STOP = modbus("5a0041", "5a00fe")
HTTP = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
RDP = (bytes.fromhex("030000130ee000000000000100080003000000"), bytes.fromhex("030000130ed000001234000209080002000000"))
PURDUE = levels(h1=2, h2=1, h3=3, h4=4, h5=0, h6=3.5)
ZONES = Site(zones=(Zone("cell", subnets=("10.0.0.2/32",)), Zone("control", subnets=("10.0.0.1/32",))))
SAFETY = Site(zones=(Zone("safety", subnets=("10.0.0.2/32",), safety=True), Zone("control", subnets=("10.0.0.1/32",))))

OPERATE = "c0 05 0c 01 28 01 00 00 00 03 01 00 00 00 00 00 00 00 00 00"

CASES = (
    Case("ot.discovery.safety_engineering", lambda: tristation(answered=True), lambda: tristation(answered=False)),
    Case("ot.scan.address", _knocks(60), router),
    Case("ot.scan.address", _knocks(60), lambda: scada(60, one_way=True)),
    Case("ot.scan.address_slow", _knocks(120, every=20 * SECOND), _knocks(60, every=60 * SECOND)),
    Case("ot.scan.port", _knocks(1, ports=60), _knocks(1, ports=10)),
    Case("ot.scan.controllers", _knocks(12, port=502), scada),
    Case("ot.scan.controllers", _knocks(12, port=102), lambda: scada(one_way=True)),
    Case("ot.scan.controllers", _knocks(12, port=44818), lambda: scada(off=12)),
    Case("ot.scan.units", units(answered=False), units(answered=True)),
    Case("ot.scan.units", units(answered=False), dead_units),
    Case("ot.scan.arp", arp(60), arp(60, answered=True)),
    Case("ot.process.brute_force", _talk(502, lambda: [write(number) for number in range(80)], 200 * MILLISECOND), late_joiner),
    Case(
        "ot.process.brute_force",
        _talk(502, lambda: [write(number) for number in range(80)], 200 * MILLISECOND),
        _talk(502, lambda: [write(number) for number in range(80)], 5 * MINUTE),
    ),
    Case("ot.process.broadcast", _modbus(write(1, 0, answered=False)), _modbus(write(1, 0))),
    Case("ot.process.broadcast", _dnp3(dnp3(OPERATE, broadcast=True)), _dnp3(dnp3(OPERATE, "c0810000"))),
    Case("ot.process.several_writers", writers(write), writers(read)),
    Case("ot.flood.sessions", sessions(120, 100 * MILLISECOND), web_server),
    Case("ot.flood.sessions", sessions(120, 100 * MILLISECOND), sessions(120, 20 * SECOND)),
    Case("ot.flood.syn", syns(4000, answered=False), syns(4000, answered=True)),
    Case("ot.flood.icmp", pings(2000, 10 * MILLISECOND), pings(2000, 150 * MILLISECOND)),
    Case("ot.flood.requests", requests(125_000, MILLISECOND // 2), requests(6000, 10 * MILLISECOND)),
    Case("ot.flood.restarts", often("0d", 4, MINUTE), often("0d", 2, MINUTE)),
    Case("ot.flood.stops", often("12", 25, MINUTE), often("12", 5, MINUTE)),
    Case("ot.failure.illegal_value", _modbus(modbus("0300000001", "8303")), _modbus(modbus("0300000001", "8302"))),
    Case("ot.failure.device_failure", _modbus(modbus("0300000001", "8304")), _modbus(modbus("0300000001", "8306"))),
    Case("ot.failure.busy", _modbus(modbus("0300000001", "8306")), _modbus(modbus("0300000001", "8304"))),
    Case("ot.failure.modbus_exception", _modbus(modbus("0300000001", "830b")), _modbus(modbus("0300000001", "8306"))),
    Case("ot.failure.dnp3_function", _dnp3(dnp3("c0 01 3c0206", "c0810001")), _dnp3(dnp3("c0 01 3c0206", "c0810000"))),
    Case("ot.failure.dnp3_object", _dnp3(dnp3("c0 01 3c0206", "c0810002")), _dnp3(dnp3("c0 01 3c0206", "c0810000"))),
    Case("ot.failure.dnp3_parameter", _dnp3(dnp3("c0 01 3c0206", "c0810004")), _dnp3(dnp3("c0 01 3c0206", "c0810000"))),
    Case(
        "ot.failure.dnp3_control",
        _dnp3(dnp3(OPERATE, f"c0810000{OPERATE[5:-2]}04")),
        _dnp3(dnp3(OPERATE, f"c0810000{OPERATE[5:]}")),
    ),
    Case("ot.failure.burst", burst(30), burst(5)),
    Case("ot.network.port_zero", udp(1, (5000, 0)), udp(1)),
    Case("ot.network.illegal_address", udp("224.0.0.5"), udp("192.168.7.1")),
    Case("ot.network.illegal_address", udp("127.0.0.1"), udp("192.168.7.1")),
    Case("ot.network.no_lease", dhcp(leased=False), dhcp(leased=True)),
    Case("ot.sensor.loss", lost(20), lost(10_000)),
    Case("ot.sensor.one_way", lambda: scada(one_way=True), scada),
    Case("ot.login.clear_text", ftp(1, b"230 in\r\n"), ftp_without_password),
    Case("ot.login.excessive", ftp(40, b"530 no\r\n"), ftp(3, b"530 no\r\n")),
    Case("ot.login.guessing", ftp(120, b"530 no\r\n"), ftp(120, b"230 in\r\n")),
    Case("ot.outage.unresponsive", outage(20, 20), outage(40, 2)),
    Case("ot.outage.silent", outage(20, 20), outage(40, 0)),
    Case(
        "ot.discovery.structure",
        _talk(44818, lambda: [cip(0x55, 0x6B, "", "01000000 0400 54616731 c400")]),
        _talk(44818, lambda: [cip(0x0E, 0x6B)]),
    ),
    Case("ot.protocol.confirmation", _dnp3(dnp3("e0 01 3c0206", "c0810000")), _dnp3(dnp3("c0 01 3c0206", "c0810000"))),
    Case("ot.protocol.reserved_indication", _dnp3(dnp3("c0 01 3c0206", "c08100c0")), _dnp3(dnp3("c0 01 3c0206", "c0819000"))),
    Case("ot.protocol.reserved_function", _dnp3(dnp3("c0 46", "c0810001")), _dnp3(dnp3("c0 01 3c0206", "c0810000"))),
    Case("ot.protocol.function_zero", _modbus(modbus("00000000", "8001")), _modbus(modbus("0300000001", "8301"))),
    Case("ot.protocol.response_mismatch", _modbus(modbus("0300000002", "03020007")), _modbus(modbus("0300000002", "030400070007"))),
    Case("ot.policy.internet", policy(2, "93.184.216.34", 80, HTTP), policy(2, "192.168.7.1", 80, HTTP), PURDUE),
    Case("ot.policy.enterprise_skip", policy(4, 2, 502, read()), policy(1, 2, 502, read()), PURDUE),
    Case("ot.policy.remote_access", policy(4, 3, 3389, RDP), policy(6, 3, 3389, RDP), PURDUE),
    Case("ot.policy.dmz_bypass", policy(4, 3, 80, HTTP, past=6), policy(6, 3, 80, HTTP, past=6), PURDUE),
    Case("ot.policy.field_reach", policy(3, 5, 502, read()), policy(2, 5, 502, read()), PURDUE),
    Case("ot.policy.operations_write", policy(3, 2, 502, write()), policy(1, 2, 502, write()), PURDUE),
    Case("ot.policy.ews_role", policy(1, 2, 502, STOP), policy(1, 2, 502, write()), PURDUE),
    Case("ot.policy.direction_reversal", policy(2, 3, 80, HTTP), policy(2, 1, 80, HTTP), PURDUE),
    Case("ot.policy.conduit", policy(1, 2, 502, write()), policy(3, 2, 502, read()), ZONES),
    Case("ot.policy.peer_cell", policy(1, 2, 502, write()), policy(3, 2, 502, write()), replace(ZONES, pins=PURDUE.pins)),
    Case("ot.policy.pin_contradicted", policy(1, 2, 502, *polls(30)), policy(1, 2, 80, HTTP), levels(h2=2)),
    Case("ot.policy.safety_zone", policy(1, 2, 502, write()), policy(1, 2, 502, read()), SAFETY),
)
