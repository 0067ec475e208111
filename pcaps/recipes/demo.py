"""The demonstration capture: ten minutes of a small plant, put together from the real stacks' captures and the benchmark's conversations.

Make the captures of the other recipes first.
"""

import json
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from random import Random

from benchmarks.trace import dnp3, enip, modbus, s7comm
from benchmarks.trace.plant import START, Link, converse
from benchmarks.trace.wire import ACK, RST, SYN, UDP, Connection, Host, Manner, Message, Packet, PcapWriter, Sender, ask, say, udp
from pcaps.recipes import expectation, wireshark
from pcaps.recipes.expectation import PCAPS, Anomaly, Fact, Key, Recipe, Seen
from pcaps.recipes.stations import (
    BOILER,
    ENGINEER,
    FILLER,
    GATEWAY,
    HISTORIAN,
    HMI,
    METER,
    MIXER,
    SCADA,
    STRANGER,
    SUBSTATION,
    Station,
)

SECOND = 1_000_000
DURATION = 600 * SECOND
POLLS = (
    (modbus, HMI, MIXER, 260),
    (s7comm, HMI, BOILER, 220),
    (enip, HMI, FILLER, 220),
    (dnp3, SCADA, SUBSTATION, 110),
)
RECORDED = (
    ("modbus-functions", 95),
    ("enip-identity", 210),
    ("s7comm-engineer", 305),
    ("s7comm-program", 350),
    ("enip-tags", 390),
    ("dnp3-session", 480),
)
ANOMALIES = (
    ("unexpected_protocol", "not modbus on its port but http"),
    *(("length_mismatch", f"request of function {code} has octets after its last field") for code in (7, 12, 17, 20)),
    ("byte_count_mismatch", "file records of function 20 do not fit its byte count"),
    ("value_out_of_range", "coil value is neither 0x0000 nor 0xFF00"),
    ("response_in_request", "client sends what only a response can be"),
)
"""What is wrong with Modbus here: the web page, and the harvester's requests, all of four octets whatever their function."""
PLAIN = Manner(0.1, 0.9)
SCANNED = (MIXER, BOILER, FILLER, SUBSTATION, METER, GATEWAY)
LISTENING = {(MIXER, 502), (METER, 502), (GATEWAY, 502), (BOILER, 102), (FILLER, 44818), (SUBSTATION, 20000)}
BROADCAST = Station("broadcast", "10.20.1.255", "ff:ff:ff:ff:ff:ff")


def _host(station: Station) -> Host:
    return Host(bytes.fromhex(station.mac.replace(":", "")), socket.inet_aton(station.ip))


def _connection(client: Station, server: Station, ports: tuple[int, int]) -> Connection:
    return Connection(_host(client), _host(server), ports, PLAIN, Random(f"{client} {server} {ports}"))


def _polls() -> Iterator[Iterator[Packet]]:
    """The cyclic traffic of the HMI and the SCADA server."""
    for number, (protocol, client, server, quota) in enumerate(POLLS):
        random = Random(number)
        ports = (49_300 + number, protocol.PORT)
        link = Link(protocol.__name__, _host(client), _host(server), ports, quota, midstream=number == 0)
        script = protocol.script(random)
        if protocol is enip:  # the recorded controller says who it is; the benchmark's would contradict it
            script = script._replace(setup=(script.setup[0], *script.setup[2:]))
        yield islice(converse(link, _connection(client, server, ports), script, random, DURATION), quota)


def _one_way() -> Iterator[Packet]:
    """The historian reads the meter; the mirror port carries only what it asks."""
    random = Random(50)
    link = Link("modbus", _host(HISTORIAN), _host(METER), (50_111, modbus.PORT), 80, midstream=True)
    connection = _connection(HISTORIAN, METER, link.ports)
    asked = bytes.fromhex(HISTORIAN.mac.replace(":", ""))
    packets = converse(link, connection, modbus.script(random), random, DURATION)
    return (packet for packet in islice(packets, 80) if packet.frame[6:12] == asked)


def _session(connection: Connection, messages: list[Message], seconds: int) -> Iterator[Packet]:
    """Messages in turn, a fifth of a second between them."""
    time = START + seconds * SECOND
    yield from connection.open(time)
    for number, message in enumerate(messages):
        yield from connection.send(time + (number + 1) * SECOND // 5, message)


def _harvest() -> Iterator[Packet]:
    """A stranger tries function codes, then addresses, and learns from the exceptions."""
    requests = [bytes((code, 0, 0, 0, 1)) for code in range(1, 21)]
    requests += [struct.pack(">BHH", 3, address, 10) for address in range(0, 40_000, 2_000)]
    messages = []
    for number, request in enumerate(requests):
        code = request[0]
        exception = bytes((code | 0x80, 2 if code in {1, 2, 3, 4} else 1))
        data = (struct.pack(">HHHB", number, 0, len(pdu) + 1, 1) + pdu for pdu in (request, exception))
        keys: list[Key] = [("modbus", str(code), kind) for kind in ("request", "response", "error")]
        messages += [ask(next(data), (keys[0],)), say(next(data), tuple(keys[1:]))]
    return _session(_connection(STRANGER, METER, (41_000, 502)), messages, 420)


def _web() -> Iterator[Packet]:
    """A web page where Modbus should be."""
    body = b"<html><title>Serial gateway</title></html>"
    messages = [
        ask(b"GET / HTTP/1.1\r\nHost: 10.20.1.16:502\r\nUser-Agent: Mozilla/5.0\r\n\r\n"),
        say(b"HTTP/1.1 200 OK\r\nServer: gateway/1.4\r\nContent-Length: %d\r\n\r\n" % len(body) + body),
    ]
    return _session(_connection(ENGINEER, GATEWAY, (50_200, 502)), messages, 260)


def _knocks() -> Iterator[Packet]:
    """The stranger tries four ports of every station; where nobody listens it is refused."""
    time = START + 400 * SECOND
    for number, (server, port) in enumerate((server, port) for server in SCANNED for port in (502, 102, 44818, 20000)):
        connection = _connection(STRANGER, server, (40_000 + number, port))
        listens = (server, port) in LISTENING
        time += 20_000
        yield Packet(time, connection.client.segment(time, SYN))
        connection.server.acknowledgement = connection.client.sequence
        yield Packet(time + 300, connection.server.segment(time, SYN | ACK if listens else RST | ACK))
        if listens:
            yield Packet(time + 400, connection.client.segment(time, RST))


def _who_is_there() -> Iterator[Packet]:
    """ListIdentity to everybody, and the one answer, taken from the recorded identity."""
    time = START + 398 * SECOND
    request = struct.pack("<HHII8sI", 0x63, 0, 0, 0, b"whoisthr", 0)
    outward = Sender(_host(STRANGER), _host(BROADCAST), UDP, None, 1)
    yield Packet(time, udp(outward, (40_900, enip.PORT), request), (("enip", "0x0063", "request"),))
    name = b"1756-L61/B LOGIX5561"
    address = struct.pack(">HH4s8x", 2, enip.PORT, socket.inet_aton(FILLER.ip))
    identity = struct.pack("<H", 1) + address + struct.pack("<HHHBBHIB", 1, 14, 54, 20, 11, 0x3160, 0x006C061A, len(name)) + name + b"\xff"
    body = struct.pack("<HHH", 1, 0x0C, len(identity)) + identity
    answer = struct.pack("<HHII8sI", 0x63, len(body), 0, 0, b"whoisthr", 0) + body
    inward = Sender(_host(FILLER), _host(STRANGER), UDP, None, 1)
    yield Packet(time + 4_000, udp(inward, (enip.PORT, 40_900), answer), (("enip", "0x0063", "response"),))


def _recorded(name: str, seconds: int) -> Iterator[Packet]:
    """A capture of a real stack, moved in time."""
    data = (PCAPS / f"{name}.pcap").read_bytes()
    at, first = 24, None
    while at < len(data):
        second, fraction, length, _ = struct.unpack_from("<IIII", data, at)
        time = second * SECOND + fraction
        first = time if first is None else first
        yield Packet(START + seconds * SECOND + time - first, data[at + 16 : at + 16 + length])
        at += 16 + length


def _facts() -> list[Fact]:
    known = [json.loads((PCAPS / f"{name}.json").read_text())["facts"] for name, _ in RECORDED]
    return [Fact(ip=fact["ip"], source=fact["source"], value=fact["value"]) for fact in chain(*known)]


def main() -> None:
    """Write `demo.pcap` and what is in it."""
    streams = [*_polls(), _one_way(), _harvest(), _web(), _knocks(), _who_is_there()]
    streams += [_recorded(name, seconds) for name, seconds in RECORDED]
    packets = sorted(chain(*streams), key=lambda packet: packet.microseconds)
    counts: Counter[Key] = Counter(key for packet in packets for key in packet.keys)
    for name, _ in RECORDED:
        counts += expectation.flat(json.loads((PCAPS / f"{name}.json").read_text())["protocols"])
    with (PCAPS / "demo.pcap").open("wb") as file:
        writer = PcapWriter(file)
        for packet in packets:
            writer.write(packet)
    shows = "ten minutes of a small plant: polls, a CPU stopped and loaded, a scan, harvested exceptions, one-way traffic, HTTP on 502"
    origin = f"the captures {', '.join(name for name, _ in RECORDED)}; the rest by benchmarks.trace"
    note = "malformed in Wireshark: cpppo's ListServices, python-snap7's _DELE, two of the harvester's requests (write without values)"
    found = wireshark.seen(PCAPS / "demo.pcap")
    told = tuple(Anomaly(protocol="modbus", kind=kind, detail=detail) for kind, detail in ANOMALIES)
    recipe = Recipe("demo.pcap", "demo", shows, origin, tuple(_facts()), told, note=note)
    expectation.write(recipe, Seen(len(packets), counts, found.conversations))


if __name__ == "__main__":
    main()
