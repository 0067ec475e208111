"""A plant's network: who stands where, and what a mirror port sees when they talk.

A conversation between two subnets shows the router's MAC in place of the far end's, on the side where the mirror is.
"""

import json
import socket
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random

from benchmarks.trace.wire import ACK, FIN, RST, SYN, Connection, Exchange, Host, Manner, Packet, PcapWriter, Sender, udp
from benchmarks.trace.wire import UDP as UDP_PROTOCOL

FOLDER = Path(__file__).parent
START = 1_795_420_800_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
BROADCAST = b"\xff" * 6
VENDORS = {
    "siemens": "001b1b",
    "schneider": "0080f4",
    "rockwell": "0000bc",
    "moxa": "0090e8",
    "sel": "0030a7",
    "abb": "0002a3",
    "ge": "00a0f4",
    "hirschmann": "008063",
    "cisco": "001bd4",
    "dell": "d4bed9",
    "hp": "3cd92b",
    "lenovo": "8c1645",
    "intel": "001b21",
    "vmware": "005056",
    "advantech": "00d0c9",
    "axis": "accc8e",
    "polycom": "0004f2",
    "brother": "008077",
}
"""MAC prefixes."""


@dataclass(frozen=True)
class Segment:
    """A subnet; mirrored where the capture sees its frames. Its router's address ends in 1."""

    prefix: str
    vlan: int | None = None
    router: str = ""
    mirrored: bool = True

    @property
    def gateway(self) -> str:
        """The router's address."""
        return str(ip_network(self.prefix)[1])


@dataclass(frozen=True)
class Station:
    """One thing in the plant.

    level: None where it has none (a router between levels, a stray laptop) or nothing can be known (a device that never answers).
    """

    name: str
    ip: str
    mac: str
    segment: Segment
    level: float | None
    kind: str
    roles: tuple[str, ...] = ()
    ttl: int = 64


@dataclass
class Plant:
    """The plant as it is built up: stations, then packets."""

    name: str
    title: str
    begin: int = START
    segments: list[Segment] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    story: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.name)
        self.resolved: set[tuple[str, str]] = set()
        self.ports: dict[str, int] = {}
        self.seen: set[str] = set()
        self.outside = Segment("0.0.0.0/0", mirrored=False)

    # What stands in it ---------------------------------------------------------------------------------------------

    def segment(self, prefix: str, vlan: int | None = None, router: str = "cisco", *, mirrored: bool = True) -> Segment:
        """A subnet with its router, whose one MAC serves all its subnets."""
        segment = Segment(prefix, vlan, VENDORS[router] + "10e001", mirrored)
        self.segments.append(segment)
        return segment

    def station(self, name: str, ip: str, vendor: str, level: float | None, kind: str, *roles: str) -> Station:
        """A station with a MAC of its vendor; Windows where it is no device of the plant."""
        mac = VENDORS[vendor] + f"{zlib.crc32(ip.encode()) & 0xFFFFFF:06x}"
        windows = kind in {
            "hmi",
            "scada_server",
            "historian",
            "engineering_workstation",
            "domain_controller",
            "jump_host",
            "server",
            "workstation",
        }
        place = next((segment for segment in self.segments if ip_address(ip) in ip_network(segment.prefix)), self.outside)
        station = Station(name, ip, mac, place, level, kind, roles, 128 if windows else 64)
        self.stations.append(station)
        return station

    # What is sent --------------------------------------------------------------------------------------------------

    def at(self, seconds: float) -> int:
        """A moment after the begin."""
        return self.begin + round(seconds * SECOND)

    def talk(
        self, client: Station, server: Station, port: int, exchanges: Iterable[Exchange], when: float, every: float, **how: bool
    ) -> float:
        """A TCP connection: an exchange every so many seconds; says when it ended.

        how: `midstream` begins before the capture, `stays` is not closed.
        """
        connection, time = self._connection(client, server, port), self.at(when)
        if not how.get("midstream"):
            self._resolve(client, server, time)
            self.packets += connection.open(time)
        for number, exchange in enumerate(exchanges):
            due = self.at(when + 0.002 + number * every) + self.random.randrange(300)
            time = self._exchange(connection, exchange, max(due, time + 500))
        if not how.get("stays"):
            self._close(connection, time + 3000)
        return (time + 4000 - self.begin) / SECOND

    def knock(self, client: Station, server: Station, port: int, when: float, answer: str = "refused") -> None:
        """A connection that does not come about, or is dropped at once: `refused`, `open` or `silent`."""
        connection, time = self._connection(client, server, port), self.at(when)
        self._resolve(client, server, time)
        self.packets.append(Packet(time, connection.client.segment(time, SYN)))
        if answer == "silent":
            for wait in (1, 3):
                connection.client.sequence -= 1
                self.packets.append(Packet(time + wait * SECOND, connection.client.segment(time, SYN)))
            return
        connection.server.acknowledgement = connection.client.sequence
        self.packets.append(Packet(time + 300, connection.server.segment(time, SYN | ACK if answer == "open" else RST | ACK)))
        if answer == "open":
            connection.client.acknowledgement = connection.server.sequence
            self.packets.append(Packet(time + 400, connection.client.segment(time, RST)))

    def ask(self, client: Station, server: Station, port: int, datagrams: Sequence[bytes], when: float, **how: int) -> None:
        """A UDP request and its responses, if any; `source` is the client's port, unless any."""
        here, there, vlan = self._view(client, server)
        ports = (how.get("source") or self._port(client), port)
        time = self.at(when)
        self._resolve(client, server, time)
        self.packets.append(Packet(time, udp(self._sender(here, there, vlan), ports, datagrams[0])))
        for number, answer in enumerate(datagrams[1:], 1):
            frame = udp(self._sender(there, here, vlan), ports[::-1], answer)
            self.packets.append(Packet(time + 900 * number + self.random.randrange(600), frame))

    def call(self, station: Station, ip: str, ports: tuple[int, int], payload: bytes, when: float) -> None:
        """A datagram to everybody: broadcast, or multicast by its group's address."""
        mac = BROADCAST if ip.endswith("255") else b"\x01\x00\x5e" + bytes((socket.inet_aton(ip)[1] & 0x7F,)) + socket.inet_aton(ip)[2:]
        self.seen.add(station.ip)
        sender = self._sender(self._host(station), Host(mac, socket.inet_aton(ip)), station.segment.vlan)
        self.packets.append(Packet(self.at(when), udp(sender, ports, payload)))

    def frame(self, station: Station, destination: str, ethertype: int, payload: bytes, when: float) -> None:
        """A frame without IP."""
        self.seen.add(station.ip)
        self._frame(station.mac, bytes.fromhex(destination), (ethertype, payload), station.segment.vlan, self.at(when))

    def who_has(self, station: Station, ip: str, when: float) -> None:
        """An ARP request to which nobody may answer."""
        self.seen.add(station.ip)
        self._arp(1, (station.mac, station.ip), ("000000000000", ip), station.segment, self.at(when))
        if other := next((other for other in self.stations if other.ip == ip and other.segment == station.segment), None):
            self.seen.add(ip)
            self._arp(2, (other.mac, ip), (station.mac, station.ip), station.segment, self.at(when) + 200)

    def tell(self, when: float, actor: Station, target: Station | None, what: str, technique: str) -> None:
        """A line of the story."""
        stamp = self.at(when) // SECOND
        row = {"time": _utc(stamp), "actor": actor.ip, "target": target.ip if target else "", "what": what, "technique": technique}
        self.story.append(row)

    # What the mirror sees ------------------------------------------------------------------------------------------

    def _port(self, station: Station) -> int:
        self.ports[station.ip] = port = self.ports.get(station.ip, 49_151 + zlib.crc32(station.name.encode()) % 4000) + 1
        return port

    @staticmethod
    def _host(station: Station) -> Host:
        return Host(bytes.fromhex(station.mac), socket.inet_aton(station.ip), station.ttl)

    def _view(self, client: Station, server: Station) -> tuple[Host, Host, int | None]:
        """Both ends as the mirror sees them: routed traffic on the server's side, if that is mirrored."""
        self.seen |= {client.ip, server.ip}
        here, there = self._host(client), self._host(server)
        if client.segment == server.segment:
            return here, there, client.segment.vlan
        side = server.segment if server.segment.mirrored else client.segment
        if not side.mirrored:
            raise ValueError(f"no mirror sees {client.name} and {server.name}")
        router = bytes.fromhex(side.router)
        if side is server.segment:
            return here._replace(mac=router, ttl=client.ttl - (12 if client.segment is self.outside else 1)), there, side.vlan
        return here, there._replace(mac=router, ttl=server.ttl - (12 if server.segment is self.outside else 1)), side.vlan

    def _connection(self, client: Station, server: Station, port: int) -> Connection:
        here, there, vlan = self._view(client, server)
        manner = Manner(0.1, 0.9, vlan=vlan)
        return Connection(here, there, (self._port(client), port), manner, self.random)

    def _sender(self, source: Host, destination: Host, vlan: int | None) -> Sender:
        return Sender(source, destination, UDP_PROTOCOL, vlan, self.random.randrange(65536))

    def _exchange(self, connection: Connection, exchange: Exchange, time: int) -> int:
        for message in exchange:
            time += message.microseconds + 90
            for packet in connection.send(time, message):
                self.packets.append(packet)
                time = packet.microseconds
        if exchange and self.random.random() < connection.manner.client_acknowledges:
            time += 200
            self.packets.append(connection.acknowledge(time, from_client=not exchange[-1].from_client))
        return time

    def _close(self, connection: Connection, time: int) -> None:
        ends = (connection.client, connection.server)
        for number, (ours, theirs) in enumerate((ends, ends[::-1])):
            self.packets.append(Packet(time + number * 200, ours.segment(time, FIN | ACK)))
            theirs.acknowledgement = ours.sequence
        self.packets.append(Packet(time + 400, connection.client.segment(time, ACK)))

    # Address resolution --------------------------------------------------------------------------------------------

    def _resolve(self, client: Station, server: Station, time: int) -> None:
        """ARP before the first packet between two neighbours, or to the router."""
        side = server.segment if server.segment.mirrored else client.segment
        router = (side.router, side.gateway)
        here = (client.mac, client.ip) if client.segment == side else router
        there = (server.mac, server.ip) if server.segment == side else router
        if here == there or not side.mirrored or (here[1], there[1]) in self.resolved:
            return
        self.resolved |= {(here[1], there[1]), (there[1], here[1])}
        self._arp(1, here, ("000000000000", there[1]), side, time - 900)
        self._arp(2, there, here, side, time - 600)

    def _arp(self, code: int, sender: tuple[str, str], target: tuple[str, str], segment: Segment, time: int) -> None:
        body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, code)
        for mac, ip in (sender, target):
            body += bytes.fromhex(mac) + socket.inet_aton(ip)
        destination = BROADCAST if code == 1 else bytes.fromhex(target[0])
        self._frame(sender[0], destination, (0x0806, body), segment.vlan, time)

    def _frame(self, mac: str, destination: bytes, content: tuple[int, bytes], vlan: int | None, time: int) -> None:
        tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
        ethertype, payload = content
        frame = destination + bytes.fromhex(mac) + tag + struct.pack(">H", ethertype) + payload
        self.packets.append(Packet(time, frame.ljust(60, b"\0")))

    # Files ---------------------------------------------------------------------------------------------------------

    def write(self, folder: Path = FOLDER) -> None:
        """The capture, its labels and its story."""
        with (folder / f"{self.name}.pcap").open("wb") as file:
            writer = PcapWriter(file)
            for packet in sorted(self.packets, key=lambda packet: packet.microseconds):
                writer.write(packet)
        labels = {"plant": self.title, "assets": [_label(station) for station in self.stations if station.ip in self.seen]}
        (folder / f"{self.name}.labels.json").write_text(_rows(labels, "assets"), encoding="utf-8")
        if self.story:
            told = {"plant": self.title, "story": sorted(self.story, key=lambda row: row["time"])}
            (folder / f"{self.name}.story.json").write_text(_rows(told, "story"), encoding="utf-8")


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _label(station: Station) -> dict[str, object]:
    local = station.segment.mirrored
    mac = ":".join(station.mac[at : at + 2] for at in range(0, 12, 2)) if local else None
    vlan = station.segment.vlan if local else None
    roles = list(station.roles)
    return {"ip": station.ip, "mac": mac, "vlan": vlan, "level": station.level, "type": station.kind, "roles": roles, "name": station.name}


def _rows(document: dict[str, object], key: str) -> str:
    """One row on one line, so that a change is read easily."""
    rows = document[key]
    lines = ",\n".join("  " + json.dumps(row) for row in rows) if isinstance(rows, list) else ""
    return f'{{\n "plant": {json.dumps(document["plant"])},\n "{key}": [\n{lines}\n ]\n}}\n'
