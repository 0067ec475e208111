"""Ethernet, IPv4, TCP and UDP as bytes, with right checksums, and the pcap file that holds them."""

import struct
from collections.abc import Iterator
from random import Random
from typing import BinaryIO, NamedTuple

Key = tuple[str, str, str]
"""Protocol, function code, and `request`, `response` or `error`."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MINIMUM_FRAME = 60
TCP, UDP = 6, 17

_PCAP_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_TCP = struct.Struct(">HHIIBBHHH")
_TIMESTAMPS = struct.Struct(">BBBBII")
_UDP = struct.Struct(">HHHH")


class Packet(NamedTuple):
    """One frame of the trace and the messages that are complete with it."""

    microseconds: int
    frame: bytes
    keys: tuple[Key, ...] = ()


class Message(NamedTuple):
    """One application message: who sends it, and how long that end takes before it does."""

    from_client: bool
    payload: bytes
    keys: tuple[Key, ...]
    microseconds: int


def ask(payload: bytes, keys: tuple[Key, ...] = (), microseconds: int = 0) -> Message:
    """What the client says."""
    return Message(from_client=True, payload=payload, keys=keys, microseconds=microseconds)


def say(payload: bytes, keys: tuple[Key, ...] = (), microseconds: int = 0) -> Message:
    """What the server says."""
    return Message(from_client=False, payload=payload, keys=keys, microseconds=microseconds)


Exchange = tuple[Message, ...]


class Script(NamedTuple):
    """What one connection says: once after it opens, then for ever; beside it, datagrams (from the client?, payload)."""

    setup: tuple[Exchange, ...]
    cycle: Iterator[Exchange]
    datagrams: Iterator[tuple[bool, bytes]] | None = None


class Host(NamedTuple):
    """An end as the mirror port sees it: behind a router the MAC is the router's."""

    mac: bytes
    ip: bytes
    ttl: int = 64


class Manner(NamedTuple):
    """How the two TCP stacks of a connection behave."""

    server_acknowledges: float
    """How often the server acknowledges a request before it answers."""
    client_acknowledges: float
    """How often the client's acknowledgement goes alone, not with the next request."""
    segment_octets: int = 1460
    timestamps: bool = False
    vlan: int | None = None


def checksum(total: int) -> int:
    """The Internet checksum (RFC 1071) of a sum of big-endian 16-bit words of any width."""
    return (65535 - total % 65535) % 65535


def word_sum(data: bytes) -> int:
    """A number that is congruent to the sum of the data's 16-bit words, modulo 65535."""
    return int.from_bytes(data + b"\0" if len(data) & 1 else data, "big")


class Sender:
    """What one end puts on the wire towards the other: Ethernet and IPv4."""

    def __init__(self, source: Host, destination: Host, transport: int, vlan: int | None, identification: int) -> None:
        tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
        self.ethernet = destination.mac + source.mac + tag + b"\x08\x00"
        self.source, self.destination, self.transport = source, destination, transport
        self.pseudo = word_sum(source.ip + destination.ip) + transport
        self.identification = identification

    def frame(self, segment: bytes) -> bytes:
        """The whole frame around a TCP or UDP segment, padded as Ethernet demands."""
        self.identification = (self.identification + 1) & 0xFFFF
        length = 20 + len(segment)
        fields = (0x45, 0, length, self.identification, 0x4000, self.source.ttl, self.transport)
        header = _IPV4.pack(*fields, 0, self.source.ip, self.destination.ip)
        header = _IPV4.pack(*fields, checksum(int.from_bytes(header, "big")), self.source.ip, self.destination.ip)
        return (self.ethernet + header + segment).ljust(MINIMUM_FRAME, b"\0")


class TcpEnd:
    """One end of a TCP connection: its next sequence number and what it has seen of the other."""

    def __init__(self, sender: Sender, ports: tuple[int, int], sequence: int, manner: Manner) -> None:
        self.sender, self.ports, self.sequence = sender, ports, sequence
        self.timestamps, self.segment_octets = manner.timestamps, manner.segment_octets
        self.clock_offset = sequence >> 3
        self.acknowledgement = 0
        self.echo = 0
        self.window = 0x2000 + (sequence & 0x7FFF)

    def clock(self, microseconds: int) -> int:
        """The TCP timestamp clock (RFC 7323), in milliseconds."""
        return (microseconds // 1000 + self.clock_offset) & 0xFFFFFFFF

    def segment(self, microseconds: int, flags: int, payload: bytes = b"") -> bytes:
        """One frame; moves the sequence number on."""
        options = b""
        if flags & SYN:
            options = struct.pack(">BBH", 2, 4, self.segment_octets)
        if self.timestamps:
            options += _TIMESTAMPS.pack(1, 1, 8, 10, self.clock(microseconds), self.echo)
        source, destination = self.ports
        offset = (20 + len(options)) << 2
        acknowledgement = self.acknowledgement if flags & ACK else 0
        header = _TCP.pack(source, destination, self.sequence, acknowledgement, offset, flags, self.window, 0, 0)
        body = header + options + payload
        total = word_sum(body) + self.sender.pseudo + len(body)
        self.sequence = (self.sequence + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xFFFFFFFF
        return self.sender.frame(b"".join((body[:16], checksum(total).to_bytes(2, "big"), body[18:])))


class Connection:
    """A TCP connection between two hosts, without loss."""

    def __init__(self, client: Host, server: Host, ports: tuple[int, int], manner: Manner, random: Random) -> None:
        self.manner = manner
        outward = Sender(client, server, TCP, manner.vlan, random.randrange(65536))
        inward = Sender(server, client, TCP, manner.vlan, random.randrange(65536))
        self.client = TcpEnd(outward, ports, random.randrange(1 << 32), manner)
        self.server = TcpEnd(inward, (ports[1], ports[0]), random.randrange(1 << 32), manner)
        self.client.acknowledgement, self.server.acknowledgement = self.server.sequence, self.client.sequence

    def _emit(self, microseconds: int, flags: int, payload: bytes = b"", *, from_client: bool) -> bytes:
        ours, theirs = (self.client, self.server) if from_client else (self.server, self.client)
        frame = ours.segment(microseconds, flags, payload)
        theirs.acknowledgement, theirs.echo = ours.sequence, ours.clock(microseconds)
        return frame

    def open(self, microseconds: int) -> Iterator[Packet]:
        """The handshake."""
        yield Packet(microseconds, self._emit(microseconds, SYN, from_client=True))
        yield Packet(microseconds + 180, self._emit(microseconds + 180, SYN | ACK, from_client=False))
        yield Packet(microseconds + 290, self._emit(microseconds + 290, ACK, from_client=True))

    def acknowledge(self, microseconds: int, *, from_client: bool) -> Packet:
        """A segment without payload."""
        return Packet(microseconds, self._emit(microseconds, ACK, from_client=from_client))

    def send(self, microseconds: int, message: Message) -> Iterator[Packet]:
        """A message in as many segments as it needs; the other end acknowledges every second full one."""
        octets, payload = self.manner.segment_octets, message.payload
        pieces = [payload[at : at + octets] for at in range(0, len(payload), octets)]
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            flags = PSH | ACK if last else ACK
            frame = self._emit(microseconds, flags, piece, from_client=message.from_client)
            yield Packet(microseconds, frame, message.keys if last else ())
            microseconds += 25
            if not last and number % 2 == 0:
                yield self.acknowledge(microseconds, from_client=not message.from_client)
                microseconds += 25


def udp(sender: Sender, ports: tuple[int, int], payload: bytes) -> bytes:
    """One UDP datagram as a frame."""
    length = 8 + len(payload)
    header = _UDP.pack(*ports, length, 0)
    total = checksum(word_sum(header + payload) + sender.pseudo + length) or 0xFFFF
    return sender.frame(_UDP.pack(*ports, length, total) + payload)


class PcapWriter:
    """A little-endian microsecond pcap file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        file.write(_PCAP_HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def write(self, packet: Packet) -> None:
        """Append one record."""
        seconds, microseconds = divmod(packet.microseconds, 1_000_000)
        length = len(packet.frame)
        self.file.write(_RECORD.pack(seconds, microseconds, length, length) + packet.frame)
