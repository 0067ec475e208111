"""What devices say of themselves without IP: LLDP, CDP, PROFINET DCP and ARP. All names and addresses are invented."""

import struct

from pcaps.recipes.expectation import Anomaly, Fact
from pcaps.recipes.frames import START, Made, Record, checksum, keep, messages, pcap, records

NONE = messages((), ())
BROADCAST = "ffffffffffff"
LLDP_GROUP, CDP_GROUP, DCP_GROUP = "0180c200000e", "01000ccccccc", "010ecf000000"
LLDP, PROFINET, ARP = 0x88CC, 0x8892, 0x0806
IDENTIFICATION = f"{'Drive Invented':<25} {'7XX1 204-5AB00-0CD0':<20} {'QX-4471-000312':<16} {2:>5} V{4:>3}{7:>3}{12:>3}"
"""What a PROFINET device of the newer kind has for a chassis id: fields of fixed width."""


def _frame(destination: str, source: str, kind: int, payload: bytes, vlan: int = 0) -> bytes:
    tag = struct.pack(">HH", 0x8100, vlan) if vlan else b""
    return (bytes.fromhex(destination + source) + tag + kind.to_bytes(2, "big") + payload).ljust(60, b"\0")


def _facts(source: str, *values: str) -> tuple[Fact, ...]:
    return tuple(Fact(ip=None, source=source, value=value) for value in values)


# LLDP ----------------------------------------------------------------------------------------------------------------


def _element(kind: int, value: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(value)) + value


def _of(organisation: str, subtype: int, value: bytes) -> bytes:
    return _element(127, bytes.fromhex(organisation) + bytes((subtype,)) + value)


def _address(*octets: int) -> bytes:
    """A management address, by interface number 1."""
    family = 1 if len(octets) == 4 else 2
    return _element(8, bytes((len(octets) + 1, family, *octets)) + bytes.fromhex("020000000100"))


def _announcement(chassis: bytes, port: bytes, *elements: bytes) -> bytes:
    return b"".join((_element(1, chassis), _element(2, port), _element(3, struct.pack(">H", 120)), *elements, _element(0, b"")))


def _lldp() -> Made:
    switch = _announcement(
        bytes.fromhex("04 02a0b1000010"),
        b"\x05GigabitEthernet1/3",
        _element(4, b"Uplink to packing line"),
        _element(5, b"sw-packing-1"),
        _element(6, b"Invented Networks RailSwitch 8, software 3.14"),
        _element(7, struct.pack(">HH", 0x0014, 0x0004)),
        _address(10, 30, 0, 2),
        _address(*bytes.fromhex("fd00") + bytes(13) + b"\x02"),
    )
    station = _announcement(
        b"\x07conveyor-4",
        b"\x07port-001",
        _element(5, b"conveyor-4"),
        _element(6, b"Invented Automation, conveyor drive, V2.0.1"),
        _of("000ecf", 2, bytes(4)),
        _of("000ecf", 5, bytes.fromhex("02a0b1000041")),
        _address(10, 30, 0, 41),
    )
    drive = _announcement(b"\x07" + IDENTIFICATION.encode(), b"\x07port-002.drive-7", _of("000ecf", 5, bytes.fromhex("02a0b1000071")))
    inventory = (b"rev C", b"boot 1.9", b"app 6.2", b"TEL-0090", b"Invented Voice", b"Desk 40")
    telephone = _announcement(
        bytes((5, 1, 10, 30, 0, 90)),
        b"\x03" + bytes.fromhex("02a0b1000090"),
        _element(7, struct.pack(">HH", 0x0024, 0x0024)),
        _of("0012bb", 1, bytes.fromhex("003303")),
        *(_of("0012bb", 5 + at, text) for at, text in enumerate(inventory)),
    )
    frames = [
        _frame(LLDP_GROUP, "02a0b1000013", LLDP, switch),
        _frame(LLDP_GROUP, "02a0b1000042", LLDP, station),
        _frame(LLDP_GROUP, "02a0b1000072", LLDP, drive),
        _frame(LLDP_GROUP, "02a0b1000090", LLDP, telephone, vlan=30),
    ]
    texts = (
        *("GigabitEthernet1/3", "Uplink to packing line", "sw-packing-1", "Invented Networks RailSwitch 8, software 3.14"),
        *("conveyor-4", "port-001", "Invented Automation, conveyor drive, V2.0.1"),
        *(IDENTIFICATION, "Drive Invented", "7XX1 204-5AB00-0CD0", "QX-4471-000312", "port-002.drive-7"),
        *("rev C", "boot 1.9", "app 6.2", "TEL-0090", "Invented Voice", "Desk 40"),
    )
    shows = "LLDP of a switch, of two PROFINET stations and of a telephone in a VLAN"
    return Made("lldp.pcap", shows, pcap(records(frames)), len(frames), NONE, (), facts=_facts("lldp", *texts))


# CDP -----------------------------------------------------------------------------------------------------------------


def _snap(protocol: int, body: bytes, source: str) -> bytes:
    payload = bytes.fromhex("aaaa0300000c") + protocol.to_bytes(2, "big") + body
    return _frame(CDP_GROUP, source, len(payload), payload)


def _field(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value) + 4) + value


def _discovery(version: int, *fields: bytes) -> bytes:
    body = bytes((version, 180, 0, 0)) + b"".join(fields)
    return body[:2] + checksum(body).to_bytes(2, "big") + body[4:]


def _cdp() -> Made:
    addresses = bytes.fromhex("00000001 01 01 cc 0004 0a1e0003")
    lines = ("Invented Internetwork Software, RS8000 Software (RS8000-BASE-M), Version 15.2(7)X3, RELEASE SOFTWARE (fc2)",)
    lines += tuple(f"Line {at} of a text that is longer than one fact may be: support is to be found elsewhere" for at in range(1, 6))
    switch = _discovery(
        2,
        _field(1, b"sw-filling-2.plant.invalid"),
        _field(2, addresses),
        _field(3, b"FastEthernet0/14"),
        _field(4, struct.pack(">I", 0x28)),
        _field(5, "\n".join(lines).encode()),
        _field(6, b"invented RS8000-24"),
        _field(9, b"FILLING"),
        _field(22, addresses),
    )
    router = _discovery(1, _field(1, b"rt-gate1"), _field(2, addresses), _field(3, b"Ethernet0"), _field(4, struct.pack(">I", 1)))
    # DTP is sent to the same address, and more often.
    trunk = bytes.fromhex("01 0001 0005 00 0002 0005 04 0003 0005 a5 0004 000a 02a0b1000114")
    frames = [_snap(0x2004, trunk, "02a0b1000114")] * 8
    frames += [_snap(0x2000, switch, "02a0b1000114"), _snap(0x2000, router, "02a0b1000201")]
    texts = ("sw-filling-2.plant.invalid", "FastEthernet0/14", "invented RS8000-24", "FILLING", "15.2(7)X3", "rt-gate1", "Ethernet0")
    shows = "CDP of a switch among its DTP, and version 1 of a router"
    return Made("cdp.pcap", shows, pcap(records(frames)), len(frames), NONE, (), facts=_facts("cdp", *texts))


# PROFINET DCP --------------------------------------------------------------------------------------------------------


def _block(option: int, suboption: int, value: bytes) -> bytes:
    return struct.pack(">BBH", option, suboption, len(value)) + value + b"\0" * (len(value) & 1)


def _dcp(frame: int, service: int, kind: int, *blocks: bytes, delay: int = 0) -> bytes:
    body = b"".join(blocks)
    return struct.pack(">HBBIHH", frame, service, kind, 0x1000, delay, len(body)) + body


def _station(name: str, model: str, number: int, role: int, last: int) -> tuple[bytes, ...]:
    information = bytes(2)
    return (
        _block(2, 2, information + name.encode()),
        _block(2, 1, information + model.encode()),
        _block(2, 3, information + struct.pack(">HH", 0x0FFE, number)),
        _block(2, 4, information + bytes((role, 0))),
        _block(1, 2, b"\0\x01" + bytes((10, 30, 0, last, 255, 255, 255, 0, 10, 30, 0, 1))),
    )


def _profinet() -> Made:
    controller, device, other = "02a0b1000301", "02a0b1000302", "02a0b1000303"
    cyclic = bytes.fromhex("8001") + bytes(40) + struct.pack(">HBB", 0x2000, 0x35, 0)
    frames = [
        _frame(device, controller, PROFINET, cyclic, vlan=6 << 13),
        _frame(DCP_GROUP, controller, PROFINET, _dcp(0xFEFE, 5, 0, _block(255, 255, b""), delay=1)),
        _frame(controller, device, PROFINET, _dcp(0xFEFF, 5, 1, *_station("mixer-2", "Invented IO 16", 0x0021, 1, 52))),
        _frame(controller, other, PROFINET, _dcp(0xFEFF, 5, 1, *_station("plc-mixing", "Invented PLC 500", 0x0101, 2, 50))),
        _frame(other, controller, PROFINET, _dcp(0xFEFD, 4, 0, _block(2, 2, b"\0\x01never-a-fact"), _block(5, 2, b"\0\0"))),
        _frame(controller, other, PROFINET, _dcp(0xFEFD, 4, 1, _block(5, 4, b"\x02\x02\0"), _block(5, 4, b"\x05\x02\0"))),
        _frame(device, controller, PROFINET, _dcp(0xFEFD, 3, 0, b"\x02\x06")),
        _frame(controller, device, PROFINET, _dcp(0xFEFD, 3, 1, _block(2, 6, b"\0\0port-001.sw-packing-1"))),
        _frame("010ecf000001", "02a0b1000304", PROFINET, _dcp(0xFEFC, 6, 0, *_station("mixer-3", "Invented IO 8", 0x0022, 1, 53))),
    ]
    texts = ("mixer-2", "Invented IO 16", "plc-mixing", "Invented PLC 500", "port-001.sw-packing-1", "mixer-3", "Invented IO 8")
    shows = "PROFINET DCP: identify, get, set and hello, beside a cyclic frame"
    return Made("profinet-dcp.pcap", shows, pcap(records(frames)), len(frames), NONE, (), facts=_facts("pn_dcp", *texts))


# ARP -----------------------------------------------------------------------------------------------------------------


def _arp(operation: int, source: str, own: int, target: str, other: int, vlan: int = 0) -> bytes:
    """`own` and `other` are the last octets of 10.30.0.0/24; an own of 0 is a probe."""
    sender, wanted = bytes((10, 30, 0, own)) if own else bytes(4), bytes((10, 30, 0, other))
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + bytes.fromhex(source) + sender + bytes.fromhex(target) + wanted
    return _frame(BROADCAST if operation == 1 else target, source, ARP, body, vlan)


def _conflict() -> Made:
    station, first, second, router, nobody = "02a0b1000401", "02a0b1000402", "02a0b1000403", "00005e000105", "000000000000"
    minutes: list[tuple[float, bytes]] = [
        (0, _arp(1, station, 61, nobody, 62)),
        (0.1, _arp(2, first, 62, station, 61)),
        # 10.30.0.63 goes from one to the other and stays there.
        (1, _arp(1, first, 63, nobody, 63)),
        (2, _arp(1, second, 0, nobody, 63)),
        (2.1, _arp(1, second, 63, nobody, 63)),
        # 10.30.0.62 is claimed by turns.
        (3, _arp(2, second, 62, station, 61)),
        (4, _arp(2, first, 62, station, 61)),
        (5, _arp(2, second, 62, station, 61)),
        # In another VLAN the same address is another device; a router's virtual address goes where it likes.
        (6, _arp(1, "02a0b1000404", 62, nobody, 62, vlan=40)),
        (7, _arp(1, station, 1, nobody, 1)),
        (8, _arp(1, router, 1, nobody, 1)),
        # In the name of another.
        (9, _frame(station, second, ARP, _arp(2, first, 64, station, 61)[14:])),
    ]
    rows = [Record(START + int(minute * 60_000_000_000), frame, len(frame)) for minute, frame in minutes]
    told = (
        Anomaly(protocol="arp", kind="address_moved", detail=f"10.30.0.63 was at {_mac(first)} and is now at {_mac(second)}"),
        Anomaly(protocol="arp", kind="address_moved", detail=f"10.30.0.62 was at {_mac(first)} and is now at {_mac(second)}"),
        Anomaly(protocol="arp", kind="address_conflict", detail=f"10.30.0.62 is claimed by {_mac(first)} and {_mac(second)}"),
        Anomaly(protocol="arp", kind="address_mismatch", detail=f"{_mac(second)} sends ARP in the name of {_mac(first)}"),
    )
    shows = "ARP: an address that moves, one that two claim by turns, one claimed in another's name"
    return Made("arp-conflict.pcap", shows, pcap(rows), len(rows), NONE, (), anomalies=told)


def _mac(digits: str) -> str:
    return bytes.fromhex(digits).hex(":")


def main() -> None:
    """Write them all."""
    for made in (_lldp(), _cdp(), _profinet(), _conflict()):
        keep(made, "neighbours")


if __name__ == "__main__":
    main()
