"""Who talks to whom in the synthetic plant, how often, and all of it in order of time."""

import heapq
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.trace import dnp3, enip, modbus, s7comm
from benchmarks.trace.wire import UDP, Connection, Exchange, Host, Manner, Packet, Script, Sender, udp

START = 1_795_420_800_000_000
PACKETS_PER_SECOND = 6_600
CELLS = 8
IO_SHARE = 0.6
"""Of the packets of a connection that has implicit I/O beside it."""


class Kind(NamedTuple):
    """A protocol's part of the plant."""

    port: int
    share: float
    connections: int
    script: Callable[[Random], Script]
    vendor: bytes


MIXED = MappingProxyType(
    {
        "modbus": Kind(modbus.PORT, 0.40, 80, modbus.script, b"\x00\x80\xf4"),
        "s7comm": Kind(s7comm.PORT, 0.25, 50, s7comm.script, b"\x00\x1b\x1b"),
        "enip": Kind(enip.PORT, 0.20, 40, enip.script, b"\x00\x00\xbc"),
        "dnp3": Kind(dnp3.PORT, 0.15, 30, dnp3.script, b"\x00\x30\xa7"),
    }
)


class Link(NamedTuple):
    """One client at one server, with the packets that it may spend."""

    protocol: str
    client: Host
    server: Host
    ports: tuple[int, int]
    quota: int
    midstream: bool


def kinds(protocol: str | None) -> dict[str, Kind]:
    """The whole mix, or one protocol with all the connections."""
    if protocol is None:
        return dict(MIXED)
    total = sum(kind.connections for kind in MIXED.values())
    return {protocol: MIXED[protocol]._replace(share=1.0, connections=total)}


def _quotas(random: Random, total: int, count: int) -> list[int]:
    """Uneven parts that add up."""
    weights = [random.choice((1, 2, 2, 3, 4)) for _ in range(count)]
    parts = [total * weight // sum(weights) for weight in weights]
    parts[0] += total - sum(parts)
    return parts


def _client(random: Random, cell: int, number: int) -> Host:
    """An HMI of the cell, or a server of site operations behind the cell's router."""
    if random.random() < 0.3:
        return Host(b"\x00\x1e\x4a\x00\x00" + bytes((cell,)), bytes((10, 3, 0, 10 + number % 4)), 126)
    station = number % 3
    return Host(b"\x00\x0c\x29\x10" + bytes((cell, station)), bytes((10, 20, cell, 100 + station)), 128)


def links(random: Random, wanted: dict[str, Kind], packets: int) -> Iterator[Link]:
    """All connections of the plant."""
    shares = {name: round(packets * kind.share) for name, kind in wanted.items()}
    shares[next(iter(wanted))] += packets - sum(shares.values())
    for index, (name, kind) in enumerate(wanted.items()):
        for number, quota in enumerate(_quotas(random, shares[name], kind.connections)):
            cell, device = number % CELLS, (number // CELLS) * 2 // 3
            mac = kind.vendor + bytes((index, cell, device))
            server = Host(mac, bytes((10, 20, cell, 1 + index * 20 + device)), random.choice((30, 64, 64, 255)))
            ports = (49_152 + index * 1000 + number, kind.port)
            yield Link(name, _client(random, cell, number), server, ports, quota, number % 10 == 9)


def _manner(random: Random, cell: int) -> Manner:
    server = random.choice((0.0, 0.0, 0.1, 1.0))
    client = random.choice((0.3, 0.9, 1.0, 1.0))
    return Manner(server, client, random.choice((536, 1460, 1460, 1460)), random.random() < 0.2, 30 if cell == CELLS - 1 else None)


def converse(link: Link, connection: Connection, script: Script, random: Random, duration: int) -> Iterator[Packet]:
    """The packets of one connection, at the pace that spends its quota in the trace's duration."""
    begin = START + random.randrange(duration // 20)
    sent, time, pace = 0, begin, duration - duration // 20
    if not link.midstream:
        for packet in connection.open(time):
            yield packet
            sent, time = sent + 1, packet.microseconds
        for exchange in script.setup:
            for packet in _exchange(connection, exchange, random, time + 300):
                yield packet
                sent, time = sent + 1, packet.microseconds
    for exchange in script.cycle:
        due = begin + pace * sent // link.quota + random.randrange(2000)
        for packet in _exchange(connection, exchange, random, max(due, time + 150)):
            yield packet
            sent, time = sent + 1, packet.microseconds


def _exchange(connection: Connection, exchange: Exchange, random: Random, time: int) -> Iterator[Packet]:
    """The messages of an exchange with the acknowledgements around them."""
    manner = connection.manner
    for number, message in enumerate(exchange):
        if number and not message.from_client and random.random() < manner.server_acknowledges:
            time += 60
            yield connection.acknowledge(time, from_client=False)
        time += message.microseconds + (90 if number else 0)
        for packet in connection.send(time, message):
            yield packet
            time = packet.microseconds
    last = exchange[-1]
    alone = manner.client_acknowledges if not last.from_client else 0.8
    if random.random() < alone:
        yield connection.acknowledge(time + random.choice((110, 400, 2000, 9000)), from_client=not last.from_client)


def _datagrams(link: Link, script: Script, manner: Manner, random: Random, duration: int) -> Iterator[Packet]:
    if script.datagrams is None:
        return
    outward = Sender(link.client, link.server, UDP, manner.vlan, random.randrange(65536))
    inward = Sender(link.server, link.client, UDP, manner.vlan, random.randrange(65536))
    ports = (enip.IO_PORT, enip.IO_PORT)
    begin = START + duration // 20 + 100_000
    for number, (from_client, payload) in enumerate(script.datagrams):
        time = begin + (duration - duration // 20) * number // link.quota
        yield Packet(time, udp(outward if from_client else inward, ports, payload))


def _streams(link: Link, kind: Kind, random: Random, duration: int) -> Iterator[Iterator[Packet]]:
    """The TCP connection and, where it owns implicit I/O, the datagrams; each cut at its quota."""
    manner = _manner(random, link.server.ip[2])
    script = kind.script(random)
    datagrams = round(link.quota * IO_SHARE) if script.datagrams else 0
    connection = Connection(link.client, link.server, link.ports, manner, random)
    share = link._replace(quota=link.quota - datagrams)
    yield islice(converse(share, connection, script, random, duration), share.quota)
    if datagrams:
        share = link._replace(quota=datagrams)
        yield islice(_datagrams(share, script, manner, Random(random.random()), duration), datagrams)


def plant(packets: int, seed: int, protocol: str | None = None) -> tuple[list[Link], Iterator[Packet]]:
    """The connections, and their packets in order of time."""
    random = Random(seed)
    wanted = kinds(protocol)
    duration = packets * 1_000_000 // PACKETS_PER_SECOND
    everything = list(links(random, wanted, packets))
    streams: list[Iterator[Packet]] = []
    for number, link in enumerate(everything):
        streams += _streams(link, wanted[link.protocol], Random(seed * 100_003 + number), duration)
    return everything, heapq.merge(*streams)
