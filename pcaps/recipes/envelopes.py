"""The same short Modbus conversation in every envelope: file formats, link types, tags, fragments."""

import struct
from collections.abc import Callable, Iterable

from pcaps.recipes.frames import (
    ALL,
    CLIENT_MAC,
    SERVER_MAC,
    START,
    STEP,
    Made,
    Path,
    Record,
    dialogue,
    ethernet,
    handshake,
    ipv4,
    ipv6,
    keep,
    messages,
    packets,
    pcap,
    records,
    tcp,
    unit_data,
    up,
)

PLAIN = packets(Path(), handshake() + dialogue())
PLAIN6 = packets(Path(version=6), handshake() + dialogue())
SIX = (Path(version=6).conversation,)
FRAMES = [ethernet(packet, from_client=sender) for sender, packet in PLAIN]
NONE = messages((), ())


def _wrapped(wrap: Callable[..., bytes], plain: Iterable[tuple[bool, bytes]] = PLAIN) -> list[Record]:
    return records(wrap(packet, from_client=sender) for sender, packet in plain)


def _tagged(tag: str, kind: int = 0) -> Callable[..., bytes]:
    """Ethernet with something between the addresses and the packet."""

    def wrap(packet: bytes, *, from_client: bool) -> bytes:
        return ethernet(packet, from_client=from_client, tag=bytes.fromhex(tag), kind=kind)

    return wrap


def _pppoe(packet: bytes, *, from_client: bool) -> bytes:
    return ethernet(struct.pack(">BBHHH", 0x11, 0, 7, len(packet) + 2, 0x0021) + packet, from_client=from_client, kind=0x8864)


def _snap(packet: bytes, *, from_client: bool) -> bytes:
    """IEEE 802.3 with LLC and SNAP: the type field is the length."""
    body = bytes.fromhex("aaaa030000000800") + packet
    return ethernet(body, from_client=from_client, kind=len(body))


def _cooked(packet: bytes, *, from_client: bool) -> bytes:
    mac = CLIENT_MAC if from_client else SERVER_MAC
    return struct.pack(">HHH", 4 if from_client else 0, 1, 6) + mac + bytes(2) + b"\x08\x00" + packet


def _cooked2(packet: bytes, *, from_client: bool) -> bytes:
    mac = CLIENT_MAC if from_client else SERVER_MAC
    return struct.pack(">HHIHBB", 0x0800, 0, 3, 1, 4 if from_client else 0, 6) + mac + bytes(2) + packet


def _loopback(order: str, family6: int) -> Callable[..., bytes]:
    def wrap(packet: bytes, *, from_client: bool) -> bytes:
        del from_client
        return struct.pack(order + "I", 2 if packet[0] >> 4 == 4 else family6) + packet

    return wrap


def _redundant(tail: int) -> list[Record]:
    """PRP: each frame on both networks, with the trailer that says which (IEC 62439-3)."""
    return records(
        frame + struct.pack(">HHH", 100 + number, network << 12 | len(frame) - 14 + 6, tail)
        for number, frame in enumerate(FRAMES)
        for network in (0xA, 0xB)
    )


def _ring() -> list[Record]:
    """HSR: the tag before the type, with path, length and sequence; each frame comes round both ways."""
    frames = []
    for number, (sender, packet) in enumerate(PLAIN):
        for path in (0, 1):
            size = max(len(packet), 46) + 6
            tag = struct.pack(">HHH", 0x892F, path << 12 | size, number)
            frames.append(ethernet(packet, from_client=sender, tag=tag))
    return records(frames)


def _long() -> tuple[bytes, bytes]:
    """A write of sixty registers and its answer."""
    return unit_data(9, struct.pack(">BHHB", 16, 0, 60, 120) + bytes(120)), unit_data(9, bytes.fromhex("100000003c"))


def _fragments4() -> list[Record]:
    """A datagram in three parts, the last before the middle."""
    request, response = _long()
    segment = tcp(Path(), up(0, request), 0)
    parts = ((segment[:64], 0x2000), (segment[128:], 16), (segment[64:128], 0x2008))
    frames = [ethernet(ipv4(part, from_client=True, fragment=word), from_client=True) for part, word in parts]
    answer = packets(Path(), dialogue([request], [response]))[1][1]
    opening = [ethernet(packet, from_client=sender) for sender, packet in packets(Path(), handshake())]
    return records([*opening, *frames, ethernet(answer, from_client=False)])


def _fragments6() -> list[Record]:
    request, response = _long()
    path = Path(version=6)
    segment = tcp(path, up(0, request), 0)
    frames = []
    for at, end, more in ((0, 64, 1), (64, 128, 1), (128, len(segment), 0)):
        head = struct.pack(">BBHI", 6, 0, at | more, 0xBEEF)
        frames.append(ethernet(ipv6(head + segment[at:end], from_client=True, following=44), from_client=True))
    answer = packets(path, dialogue([request], [response]))[1][1]
    opening = [ethernet(packet, from_client=sender) for sender, packet in packets(path, handshake())]
    return records([*opening, *frames, ethernet(answer, from_client=False)])


def _options4() -> list[Record]:
    """Router alert and no-operation."""
    return _wrapped(lambda packet, from_client: ethernet(_with_options(packet, from_client=from_client), from_client=from_client))


def _with_options(packet: bytes, *, from_client: bool) -> bytes:
    return ipv4(packet[20:], from_client=from_client, options=bytes.fromhex("9404000001010100"))


def _extended6(packet: bytes, *, from_client: bool) -> bytes:
    """Hop-by-hop options, then destination options."""
    headers = bytes.fromhex("3c00010400000000") + bytes.fromhex("0600010400000000")
    return ethernet(ipv6(headers + packet[40:], from_client=from_client, following=0), from_client=from_client)


def _block(order: str, kind: int, body: bytes, options: bytes = b"") -> bytes:
    body += b"\0" * (-len(body) % 4) + options
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def _option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _section(order: str) -> bytes:
    options = _option(order, 4, b"recipe") + bytes(4)
    return _block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), options)


def _interface(order: str, link: int, resolution: int = 6, snap: int = 0) -> bytes:
    options = _option(order, 2, b"mirror") + _option(order, 9, bytes((resolution,))) + bytes(4)
    return _block(order, 1, struct.pack(order + "HHI", link, 0, snap), options)


def _enhanced(order: str, interface: int, ticks: int, frame: bytes) -> bytes:
    body = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) + frame
    return _block(order, 6, body)


def _obsolete(order: str, interface: int, ticks: int, frame: bytes) -> bytes:
    body = struct.pack(order + "HHIIII", interface, 0xFFFF, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) + frame
    return _block(order, 2, body)


def _sections() -> bytes:
    """Two sections of opposite byte order; three interfaces with their own link type and time unit; every packet block."""
    times = [START + number * STEP for number in range(len(PLAIN))]
    raw = [packet for _, packet in PLAIN]
    first = _section("<") + _interface("<", 1) + _interface("<", 101, 9)
    first += _block("<", 0x80000001, b"a block of nobody") + _block("<", 4, bytes(4))
    for number in range(3):
        first += _enhanced("<", 0, times[number] // 1000, FRAMES[number])
    first += _enhanced("<", 1, times[3], raw[3]) + _obsolete("<", 0, times[4] // 1000, FRAMES[4])
    first += _block("<", 5, struct.pack("<III", 0, 0, 0))
    second = _section(">") + _interface(">", 1, 0x80 | 20)
    second += _enhanced(">", 0, (times[5] << 20) // 1_000_000_000, FRAMES[5])
    second += _enhanced(">", 0, (times[6] << 20) // 1_000_000_000, FRAMES[6])
    second += _block(">", 3, struct.pack(">I", len(FRAMES[7])) + FRAMES[7])
    return first + second + _enhanced(">", 0, (times[8] << 20) // 1_000_000_000, FRAMES[8])


def files() -> list[Made]:
    """File formats."""
    made, count = [], len(FRAMES)
    for order, letters in (("<", "little"), (">", "big")):
        for fine, unit in ((False, "microsecond"), (True, "nanosecond")):
            data = pcap(records(FRAMES), order=order, nanoseconds=fine)
            made.append(Made(f"pcap-{unit}-{letters}.pcap", f"pcap, {unit}s, {letters}-endian", data, count))
    note = "the simple packet block has no time"
    made.append(Made("pcapng-sections.pcapng", "two sections of opposite byte order, all packet blocks", _sections(), count, note=note))
    cut = pcap(records(FRAMES))[:-20]
    note = "the last record (a response) is cut off: a warning, and all before it"
    made.append(Made("pcap-cut.pcap", "a file that ends inside a record", cut, count - 1, messages((3, 6, 16), (3, 6)), note=note))
    snapped = pcap(records(FRAMES, 62), snap=62)
    note = "each frame is cut to 62 octets: the function code is there, the rest of the message is not"
    made.append(Made("pcap-snapped.pcap", "frames cut by the snap length", snapped, count, note=note))
    made.append(Made("pcap-empty.pcap", "a file without records", pcap([]), 0, NONE, ()))
    other = pcap(records([b"\0\0\x08\0" + bytes(40)] * 3), link=105)
    note = "IEEE 802.11: a link type that is counted and skipped"
    made.append(Made("link-unknown.pcap", "a link type that no plant mirrors", other, 3, NONE, (), note))
    return made


def links() -> list[Made]:
    """Link types, tags and redundancy."""
    count = len(PLAIN)
    rows: list[tuple[str, str, list[Record], int]] = [
        ("vlan", "802.1Q, VLAN 30", _wrapped(_tagged("8100601e")), 1),
        ("qinq", "802.1ad outside, 802.1Q inside", _wrapped(_tagged("88a800648100001e")), 1),
        ("pppoe", "PPPoE session", _wrapped(_pppoe), 1),
        ("llc-snap", "802.3 with LLC and SNAP", _wrapped(_snap), 1),
        ("cooked", "Linux cooked capture", _wrapped(_cooked), 113),
        ("cooked-2", "Linux cooked capture, version 2", _wrapped(_cooked2), 276),
        ("raw-ip", "IP without a link layer", _wrapped(lambda packet, from_client: packet), 101),  # noqa: ARG005 - the same in both directions
        ("loopback-null", "BSD loopback, the writer's byte order", _wrapped(_loopback("<", 30)), 0),
        ("loopback-open", "OpenBSD loopback, network byte order", _wrapped(_loopback(">", 24)), 108),
    ]
    made = [Made(f"{name}.pcap", shows, pcap(data, link), count) for name, shows, data, link in rows]
    made.append(Made("mpls.pcap", "two MPLS labels", pcap(records(_mpls())), count))
    note = "each frame twice, once from each network"
    made.append(Made("prp.pcap", "PRP: both networks, with the trailer", pcap(_redundant(0x88FB)), 2 * count, note=note))
    made.append(Made("hsr.pcap", "HSR: the tag, both ways round the ring", pcap(_ring()), 2 * count, note=note))
    return made


def _mpls() -> list[bytes]:
    """The type says MPLS; the labels come before the packet."""
    labels = bytes.fromhex("000640ff000c81ff")
    return [ethernet(labels + packet, from_client=sender, kind=0x8847) for sender, packet in PLAIN]


def internet() -> list[Made]:
    """IPv4 and IPv6."""
    written = messages((16,), (16,))
    return [
        Made("ipv4-fragments.pcap", "a request in three IPv4 fragments, out of order", pcap(_fragments4()), 7, written),
        Made("ipv4-options.pcap", "IPv4 with options", pcap(_options4()), len(PLAIN)),
        Made("ipv6.pcap", "IPv6", pcap(_wrapped(ethernet, PLAIN6)), len(PLAIN), ALL, SIX),
        Made("ipv6-extensions.pcap", "IPv6 with two extension headers", pcap(_wrapped(_extended6, PLAIN6)), len(PLAIN), ALL, SIX),
        Made("ipv6-fragments.pcap", "a request in three IPv6 fragments", pcap(_fragments6()), 7, written, SIX),
    ]


def main() -> None:
    """Write them all."""
    for made in files() + links() + internet():
        keep(made, "envelopes")


if __name__ == "__main__":
    main()
