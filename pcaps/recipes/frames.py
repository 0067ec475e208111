"""A short Modbus conversation as IP packets, for the hand-made captures, and the capture files around them."""

import struct
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from pcaps.recipes.expectation import PCAPS, Anomaly, Conversation, Fact, Key, Recipe, Seen, write

START = 1_795_435_200_000_000_000
STEP = 1_250_000
CLIENT_MAC, SERVER_MAC = bytes.fromhex("000c29100164"), bytes.fromhex("0080f401000b")
CLIENT, SERVER = bytes((10, 20, 1, 100)), bytes((10, 20, 1, 11))
CLIENT6, SERVER6 = (bytes.fromhex("fd00") + bytes(12) + bytes((0, end)) for end in (100, 11))
PORT, CLIENT_PORT = 502, 49_200
IPV4, IPV6 = 0x0800, 0x86DD
ETHERNET = 1
SYN, SYN_ACK, PUSH, ACK, FIN = 0x02, 0x12, 0x18, 0x10, 0x11


class Record(NamedTuple):
    """One record of a capture file: when, what, and how long it was on the wire."""

    nanoseconds: int
    data: bytes
    length: int


class Segment(NamedTuple):
    """One TCP segment, by sender; sequence numbers count from the sender's first octet of data."""

    from_client: bool
    at: int
    payload: bytes
    flags: int = PUSH


def up(at: int, payload: bytes) -> Segment:
    """A segment of the client."""
    return Segment(from_client=True, at=at, payload=payload)


def down(at: int, payload: bytes) -> Segment:
    """A segment of the server."""
    return Segment(from_client=False, at=at, payload=payload)


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    total = int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 65535
    return (65535 - total) % 65535


def unit_data(transaction: int, pdu: bytes, unit: int = 1) -> bytes:
    """A Modbus/TCP message."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


REQUESTS = (
    unit_data(1, bytes.fromhex("0300000002")),
    unit_data(2, bytes.fromhex("060014002a")),
    unit_data(3, bytes.fromhex("100064000204000a000b")),
)
RESPONSES = (
    unit_data(1, bytes.fromhex("030400070008")),
    unit_data(2, bytes.fromhex("060014002a")),
    unit_data(3, bytes.fromhex("1000640002")),
)


def messages(requests: Iterable[int], responses: Iterable[int]) -> Counter[Key]:
    """Counts of Modbus function codes."""
    counts: Counter[Key] = Counter(("modbus", str(code), "request") for code in requests)
    counts.update(("modbus", str(code), "response") for code in responses)
    return counts


ALL = messages((3, 6, 16), (3, 6, 16))


class Path(NamedTuple):
    """Addresses and ports of a conversation."""

    version: int = 4
    port: int = PORT
    client_port: int = CLIENT_PORT
    first: tuple[int, int] = (1000, 5000)
    """Sequence numbers of the first data octets."""

    @property
    def conversation(self) -> Conversation:
        """The row of the expectation."""
        client, server = ("10.20.1.100", "10.20.1.11") if self.version == 4 else ("fd00::64", "fd00::b")
        return Conversation(protocol="modbus", client=client, server=server, transport="tcp", port=self.port)


def tcp(path: Path, segment: Segment, acknowledged: int) -> bytes:
    """A TCP segment with its checksum."""
    ours, theirs = path.first if segment.from_client else path.first[::-1]
    ports = (path.client_port, path.port) if segment.from_client else (path.port, path.client_port)
    sequence = (ours + segment.at) & 0xFFFFFFFF
    acknowledgement = (theirs + acknowledged) & 0xFFFFFFFF if segment.flags & ACK else 0
    header = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledgement, 0x50, segment.flags, 8192, 0, 0)
    total = checksum(pseudo(path, 6, header + segment.payload))
    return header[:16] + total.to_bytes(2, "big") + header[18:] + segment.payload


def pseudo(path: Path, transport: int, segment: bytes) -> bytes:
    """The pseudo header (the sum does not mind which end sends) and the segment."""
    ends = CLIENT + SERVER if path.version == 4 else CLIENT6 + SERVER6
    return ends + struct.pack(">II", len(segment), transport) + segment


def ipv4(payload: bytes, *, from_client: bool, transport: int = 6, fragment: int = 0x4000, options: bytes = b"") -> bytes:
    """An IPv4 packet; `fragment` is the word of flags and offset."""
    ends = CLIENT + SERVER if from_client else SERVER + CLIENT
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 77, fragment, 64, transport, 0) + ends + options
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + payload


def ipv6(payload: bytes, *, from_client: bool, following: int = 6) -> bytes:
    """An IPv6 packet."""
    ends = CLIENT6 + SERVER6 if from_client else SERVER6 + CLIENT6
    return struct.pack(">IHBB", 0x60000000, len(payload), following, 64) + ends + payload


def packets(path: Path, segments: Iterable[Segment]) -> list[tuple[bool, bytes]]:
    """The IP packets of a conversation, and whether the client sends them; each acknowledges all that the other sent."""
    sent = {True: 0, False: 0}
    result = []
    for segment in segments:
        data = tcp(path, segment, sent[not segment.from_client])
        wrap = ipv4 if path.version == 4 else ipv6
        result.append((segment.from_client, wrap(data, from_client=segment.from_client)))
        sent[segment.from_client] = max(sent[segment.from_client], segment.at + len(segment.payload))
    return result


def handshake() -> list[Segment]:
    """The three segments that open a connection."""
    opening = Segment(from_client=True, at=-1, payload=b"", flags=SYN)
    answer = Segment(from_client=False, at=-1, payload=b"", flags=SYN_ACK)
    return [opening, answer, Segment(from_client=True, at=0, payload=b"", flags=ACK)]


def dialogue(requests: Iterable[bytes] = REQUESTS, responses: Iterable[bytes] = RESPONSES) -> list[Segment]:
    """Requests and responses in turn, each in a segment of its own."""
    segments, sent, received = [], 0, 0
    for request, response in zip(requests, responses, strict=True):
        segments += [up(sent, request), down(received, response)]
        sent, received = sent + len(request), received + len(response)
    return segments


def ethernet(packet: bytes, *, from_client: bool, tag: bytes = b"", kind: int = 0) -> bytes:
    """An Ethernet frame, padded to the minimum."""
    ends = SERVER_MAC + CLIENT_MAC if from_client else CLIENT_MAC + SERVER_MAC
    kind = kind or (IPV4 if packet[0] >> 4 == 4 else IPV6)
    return (ends + tag + kind.to_bytes(2, "big") + packet).ljust(60, b"\0")


def records(frames: Iterable[bytes], snap: int = 1 << 18) -> list[Record]:
    """Frames with times."""
    return [Record(START + number * STEP, frame[:snap], len(frame)) for number, frame in enumerate(frames)]


def pcap(rows: Iterable[Record], link: int = ETHERNET, *, order: str = "<", nanoseconds: bool = False, snap: int = 1 << 18) -> bytes:
    """A pcap file; `order` is struct's mark for the byte order."""
    magic, scale = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for row in rows:
        seconds, rest = divmod(row.nanoseconds, 1_000_000_000)
        file += struct.pack(order + "IIII", seconds, rest // scale, len(row.data), row.length) + row.data
    return file


class Made(NamedTuple):
    """A hand-made capture before it is written."""

    name: str
    shows: str
    file: bytes
    packets: int
    counts: Counter[Key] = ALL
    conversations: tuple[Conversation, ...] = (Path().conversation,)
    note: str = ""
    decode_as: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()


def keep(made: Made, module: str) -> None:
    """Write the capture and its expectation."""
    (PCAPS / made.name).write_bytes(made.file)
    origin = "hand-made, no stack: every octet is in the recipe"
    recipe = Recipe(made.name, module, made.shows, origin, made.facts, made.anomalies, made.decode_as, made.note)
    write(recipe, Seen(made.packets, made.counts, list(made.conversations)))
