"""What offices and servers say: names, time, logons, files, pages, desktops, databases, printing, and the chatter to everybody."""

import struct
from collections.abc import Iterator
from random import Random

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.netbios import NBNSHeader, NBNSQueryRequest
from scapy.layers.ntp import NTPHeader
from scapy.layers.snmp import SNMP, SNMPget, SNMPresponse, SNMPvarbind

from benchmarks.trace.wire import Exchange, ask, say
from pcaps.plants.control import turn

RANDOM = Random("sealed contents")
DOMAIN = "works.test"


def dns(name: str, ip: str) -> tuple[bytes, bytes]:
    """A name asked for and found."""
    number, question = RANDOM.randrange(65536), DNSQR(qname=name)
    answer = DNS(id=number, qr=1, aa=1, ra=1, qd=question, an=DNSRR(rrname=name, ttl=3600, rdata=ip))
    return bytes(DNS(id=number, rd=1, qd=question)), bytes(answer)


def ntp() -> tuple[bytes, bytes]:
    """The time."""
    moment = 4_004_409_600.5
    asked = NTPHeader(version=4, mode=3, stratum=0, ref=0, orig=0, recv=0, sent=moment)
    told = NTPHeader(version=4, mode=4, stratum=2, ref_id="10.0.0.1", id="10.0.0.1", ref=moment, orig=moment, recv=moment, sent=moment)
    return bytes(asked), bytes(told)


def snmp(description: str, name: str) -> tuple[bytes, bytes]:
    """The system's description and name, read with the usual community."""
    objects = (("1.3.6.1.2.1.1.1.0", description), ("1.3.6.1.2.1.1.5.0", name))
    asked = SNMPget(id=7, varbindlist=[SNMPvarbind(oid=oid) for oid, _ in objects])
    told = SNMPresponse(id=7, varbindlist=[SNMPvarbind(oid=oid, value=text) for oid, text in objects])
    return bytes(SNMP(version=1, community="public", PDU=asked)), bytes(SNMP(version=1, community="public", PDU=told))


def dhcp(mac: str, name: str, ip: str, server: str) -> Iterator[tuple[bool, bytes]]:
    """An address given; says who speaks (the client?)."""
    hardware = bytes.fromhex(mac)
    for client, kind, more in (
        (True, "discover", [("hostname", name)]),
        (False, "offer", [("server_id", server), ("lease_time", 86400)]),
        (True, "request", [("requested_addr", ip), ("server_id", server), ("hostname", name)]),
        (False, "ack", [("server_id", server), ("lease_time", 86400)]),
    ):
        head = BOOTP(op=1 if client else 2, chaddr=hardware, xid=0x1234, yiaddr=None if client else ip)
        yield client, bytes(head / DHCP(options=[("message-type", kind), *more, "end"]))


# Chatter -----------------------------------------------------------------------------------------------------------


def nbns(name: str) -> bytes:
    """A NetBIOS name asked for by broadcast."""
    return bytes(NBNSHeader(NAME_TRN_ID=RANDOM.randrange(65536), NM_FLAGS=0x11, QDCOUNT=1) / NBNSQueryRequest(QUESTION_NAME=name))


def mdns(service: str) -> bytes:
    """A service asked for by multicast."""
    return bytes(DNS(id=0, rd=0, qd=DNSQR(qname=service, qtype="PTR")))


def ssdp() -> bytes:
    """Any device asked for by multicast."""
    return b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'


def lldp(mac: str, name: str, description: str) -> bytes:
    """A switch presents itself."""

    def part(number: int, value: bytes) -> bytes:
        return struct.pack(">H", number << 9 | len(value)) + value

    told = (
        part(1, b"\x04" + bytes.fromhex(mac))
        + part(2, b"\x05Gi0/1")
        + part(3, b"\0\x78")
        + part(5, name.encode())
        + part(6, description.encode())
    )
    return told + part(7, struct.pack(">HH", 0x14, 0x04)) + part(0, b"")


# Sealed connections ------------------------------------------------------------------------------------------------


def _record(kind: int, data: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(data)) + data


def _handshake(kind: int, body: bytes) -> bytes:
    return _record(22, bytes((kind,)) + len(body).to_bytes(3, "big") + body, 0x0301 if kind == 1 else 0x0303)


def tls(server: str, turns: int = 3) -> list[Exchange]:
    """TLS 1.3 with a server's name, then sealed."""
    name = struct.pack(">HBH", len(server) + 3, 0, len(server)) + server.encode()
    share = struct.pack(">HH", 0x001D, 32) + RANDOM.randbytes(32)
    extensions = struct.pack(">HH", 0, len(name)) + name + b"\x00\x0a\x00\x04\x00\x02\x00\x1d" + b"\x00\x0d\x00\x04\x00\x02\x04\x03"
    extensions += b"\x00\x2b\x00\x03\x02\x03\x04" + struct.pack(">HHH", 51, len(share) + 2, len(share)) + share
    hello = (
        b"\x03\x03" + RANDOM.randbytes(32) + b"\x00" + b"\x00\x04\x13\x01\x13\x02\x01\x00" + struct.pack(">H", len(extensions)) + extensions
    )
    chosen = b"\x00\x2b\x00\x02\x03\x04" + struct.pack(">HH", 51, len(share)) + struct.pack(">HH", 0x001D, 32) + RANDOM.randbytes(32)
    answer = b"\x03\x03" + RANDOM.randbytes(32) + b"\x00\x13\x01\x00" + struct.pack(">H", len(chosen)) + chosen
    change = _record(20, b"\x01")
    begin = (
        ask(_handshake(1, hello)),
        say(_handshake(2, answer) + change + _record(23, RANDOM.randbytes(900)), (), 8000),
        ask(change + _record(23, RANDOM.randbytes(53)), (), 900),
    )
    return [begin, *(turn(_record(23, RANDOM.randbytes(180)), _record(23, RANDOM.randbytes(600))) for _ in range(turns))]


def ssh(client: str, server: str, turns: int = 6) -> list[Exchange]:
    """Both introductions, the algorithms, then sealed."""
    lists = (
        b"curve25519-sha256",
        b"ssh-ed25519",
        b"aes256-ctr",
        b"aes256-ctr",
        b"hmac-sha2-256",
        b"hmac-sha2-256",
        b"none",
        b"none",
        b"",
        b"",
    )

    def algorithms() -> bytes:
        body = b"\x14" + RANDOM.randbytes(16) + b"".join(struct.pack(">I", len(text)) + text for text in lists) + bytes(5)
        fill = 8 - (len(body) + 5) % 8 + 4
        return struct.pack(">IB", len(body) + fill + 1, fill) + body + bytes(fill)

    def key(code: int) -> bytes:
        body = bytes((code,)) + struct.pack(">I", 32) + RANDOM.randbytes(32)
        fill = 8 - (len(body) + 5) % 8 + 4
        return struct.pack(">IB", len(body) + fill + 1, fill) + body + bytes(fill)

    sealed = [turn(RANDOM.randbytes(52), RANDOM.randbytes(100)) for _ in range(turns)]
    return [turn(client.encode() + b"\r\n", server.encode() + b"\r\n"), turn(algorithms(), algorithms()), (ask(key(30)),), *sealed]


def rdp(user: str, server: str, turns: int = 10) -> list[Exchange]:
    """A remote desktop: the cookie, then TLS."""
    cookie = f"Cookie: mstshash={user}\r\n".encode() + b"\x01\x00\x08\x00\x03\x00\x00\x00"
    request = bytes((6 + len(cookie), 0xE0, 0, 0, 0, 0, 0)) + cookie
    confirm = b"\x0e\xd0\x00\x00\x12\x34\x00\x02\x1f\x08\x00\x02\x00\x00\x00"
    asked, told = (struct.pack(">BBH", 3, 0, 4 + len(body)) + body for body in (request, confirm))
    return [turn(asked, told), *tls(server, turns)]


# Windows -----------------------------------------------------------------------------------------------------------


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes((len(body),)) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes((tag,)) + size + body


def _number(value: int) -> bytes:
    return _der(0x02, value.to_bytes(4, "big").lstrip(b"\0") if value > 127 else bytes((value,)))


def _names(kind: int, *names: str) -> bytes:
    return _der(0x30, _der(0xA0, _number(kind)), _der(0xA1, _der(0x30, *(_der(0x1B, name.encode()) for name in names))))


def kerberos(user: str, service: str = "krbtgt") -> list[Exchange]:
    """A ticket asked for and given, over TCP."""
    realm = DOMAIN.upper()
    options = _der(0xA0, _der(0x03, b"\x00\x40\x81\x00\x10"))
    body = _der(
        0x30,
        options,
        _der(0xA1, _names(1, user)),
        _der(0xA2, _der(0x1B, realm.encode())),
        _der(0xA3, _names(2, service, realm)),
        _der(0xA5, _der(0x18, b"20370913024805Z")),
        _der(0xA7, _number(RANDOM.randrange(1 << 20, 1 << 30))),
        _der(0xA8, _der(0x30, _number(18))),
    )
    request = _der(0x6A, _der(0x30, _der(0xA1, _number(5)), _der(0xA2, _number(10)), _der(0xA4, body)))

    def sealed(octets: int) -> bytes:
        return _der(0x30, _der(0xA0, _number(18)), _der(0xA2, _der(0x04, RANDOM.randbytes(octets))))

    ticket = _der(
        0x61,
        _der(
            0x30,
            _der(0xA0, _number(5)),
            _der(0xA1, _der(0x1B, realm.encode())),
            _der(0xA2, _names(2, service, realm)),
            _der(0xA3, sealed(240)),
        ),
    )
    parts = (_der(0xA3, _der(0x1B, realm.encode())), _der(0xA4, _names(1, user)), _der(0xA5, ticket), _der(0xA6, sealed(160)))
    answer = _der(0x6B, _der(0x30, _der(0xA0, _number(5)), _der(0xA1, _number(11)), *parts))
    return [turn(*(struct.pack(">I", len(text)) + text for text in (request, answer)))]


def ldap() -> list[Exchange]:
    """The directory asked what it is."""
    attributes = _der(0x30, _der(0x04, b"defaultNamingContext"))
    search = _der(
        0x63,
        _der(0x04),
        _der(0x0A, b"\0"),
        _der(0x0A, b"\0"),
        _number(0),
        _number(0),
        _der(0x01, b"\0"),
        _der(0x87, b"objectClass"),
        attributes,
    )
    found = _der(0x30, _der(0x04, b"defaultNamingContext"), _der(0x31, _der(0x04, b"DC=works,DC=test")))
    entry = _der(0x30, _number(1), _der(0x64, _der(0x04), _der(0x30, found)))
    done = _der(0x30, _number(1), _der(0x65, _der(0x0A, b"\0"), _der(0x04), _der(0x04)))
    return [turn(_der(0x30, _number(1), search), entry + done)]


def _smb(command: int, number: int, body: bytes, *, answer: bool, status: int = 0) -> bytes:
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 1, status, command, 1, int(answer), 0, number, 0xFEFF, 0, 0x55 if number else 0)
    return struct.pack(">I", len(head) + len(body)) + head + body


def _ntlm(kind: int, host: str, user: str) -> bytes:
    fields = [text.encode("utf-16-le") for text in (DOMAIN.partition(".")[0].upper(), user, host)]
    if kind == 1:
        return b"NTLMSSP\0" + struct.pack("<IIHHIHHI", 1, 0xE2088297, 0, 0, 40, 0, 0, 40) + b"\x0a\x00\x63\x45\x00\x00\x00\x0f"
    if kind == 2:
        name = host.encode("utf-16-le")
        target = b"".join(struct.pack("<HH", number, len(text)) + text for number, text in ((2, fields[0]), (1, name))) + bytes(4)
        head = struct.pack("<IHHII", 2, len(fields[0]), len(fields[0]), 56, 0xE2898215) + RANDOM.randbytes(8) + bytes(8)
        head += struct.pack("<HHI", len(target), len(target), 56 + len(fields[0])) + b"\x0a\x00\x63\x45\x00\x00\x00\x0f"
        return b"NTLMSSP\0" + head + fields[0] + target
    proof = [bytes(24), RANDOM.randbytes(16) + b"\x01\x01" + bytes(6) + RANDOM.randbytes(16) + bytes(8), *fields, RANDOM.randbytes(16)]
    offset, head = 72, b""
    for part in proof:
        head += struct.pack("<HHI", len(part), len(part), offset)
        offset += len(part)
    return (
        b"NTLMSSP\0" + struct.pack("<I", 3) + head + struct.pack("<I", 0xE2888215) + b"\x0a\x00\x63\x45\x00\x00\x00\x0f" + b"".join(proof)
    )


def smb(client: str, server: str, user: str, turns: int = 4) -> list[Exchange]:
    """SMB 3: a logon by NTLM, then sealed."""
    dialects = struct.pack("<HHHHI16sQHH", 36, 2, 1, 0, 0x44, RANDOM.randbytes(16), 0, 0x0300, 0x0302)
    chosen = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0302, 0, RANDOM.randbytes(16), 0x44, 1 << 20, 1 << 20, 1 << 20, 0, 0, 128, 0, 0)

    def logon(kind: int, host: str) -> bytes:
        token = _ntlm(kind, host, user)
        if kind == 2:
            return struct.pack("<HHHH", 9, 0, 72, len(token)) + token
        return struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token

    def sealed(octets: int) -> bytes:
        data = b"\xfdSMB" + RANDOM.randbytes(32) + struct.pack("<IHHQ", octets, 0, 1, 0x55) + RANDOM.randbytes(octets)
        return struct.pack(">I", len(data)) + data

    more = 0xC0000016
    return [
        turn(_smb(0, 0, dialects, answer=False), _smb(0, 0, chosen, answer=True)),
        turn(_smb(1, 1, logon(1, client), answer=False), _smb(1, 1, logon(2, server), answer=True, status=more)),
        turn(_smb(1, 2, logon(3, client), answer=False), _smb(1, 2, struct.pack("<HHHH", 9, 0, 72, 0), answer=True)),
        *(turn(sealed(140), sealed(420)) for _ in range(turns)),
    ]


# Pages, databases, printing ----------------------------------------------------------------------------------------


def http(host: str, path: str, agent: str, server: str, body: bytes = b"<html><title>Status</title></html>") -> Exchange:
    """A page."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()
    answer = f"HTTP/1.1 200 OK\r\nServer: {server}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return turn(request, answer + body)


BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0"


def updates(host: str) -> Exchange:
    """Windows asks a server of its plant for updates."""
    return http(f"{host}:8530", "/selfupdate/wuident.cab", "Windows-Update-Agent/10.0.10011.16384", "Microsoft-IIS/10.0")


def database(turns: int) -> list[Exchange]:
    """TDS: both versions, a sealed logon, then statements in the clear."""

    def packet(kind: int, body: bytes) -> bytes:
        return struct.pack(">BBHHBB", kind, 1, len(body) + 8, 0, 1, 0) + body

    options = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + b"\x0f\x00\x10\x00\x00\x00"
    begin = [turn(packet(0x12, options + b"\x00"), packet(0x04, options + b"\x00")), *tls("", 1)]
    statement = struct.pack("<IIHQI", 22, 18, 2, 0, 1) + "INSERT INTO Samples VALUES (@t, @v)".encode("utf-16-le")
    done = b"\xfd\x10\x00\xc1\x00" + struct.pack("<Q", 1)
    return begin + [turn(packet(0x01, statement), packet(0x04, done)) for _ in range(turns)]


def opcua(url: str, turns: int) -> list[Exchange]:
    """OPC UA: hello, a channel sealed by a policy, then sealed messages."""

    def text(value: bytes) -> bytes:
        return struct.pack("<I", len(value)) + value

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("<I", len(body) + 8) + body

    numbers = struct.pack("<IIIII", 0, 65536, 65536, 0, 0)
    policy = text(b"http://opcfoundation.org/UA/SecurityPolicy#None") + b"\xff" * 8

    def header(number: int) -> bytes:
        return b"\0\0" + struct.pack("<QII", 0, number, 0) + b"\xff\xff\xff\xff" + struct.pack("<I", 5000) + b"\0\0\0"

    def result(number: int) -> bytes:
        return struct.pack("<QII", 0, number, 0) + b"\0" + struct.pack("<I", 0) + b"\0\0\0"

    def type_id(number: int) -> bytes:
        return b"\x01\x00" + struct.pack("<H", number)

    opened = struct.pack("<III", 0, 0, 1) + b"\xff" * 4 + struct.pack("<I", 3_600_000)
    given = struct.pack("<IIIQI", 0, 7, 3, 0, 3_600_000) + b"\xff" * 4
    named = struct.pack("<II", 1, 1)

    def read(number: int) -> Exchange:
        node = b"\x02" + struct.pack("<HI", 2, number % 40) + struct.pack("<I", 13) + b"\xff" * 4 + b"\0\0" + b"\xff" * 4
        sequence = struct.pack("<IIII", 3, 7, number, number)
        asked = sequence + type_id(631) + header(number) + struct.pack("<dII", 0.0, 2, 1) + node
        value = b"\x01\x0a" + struct.pack("<f", RANDOM.randrange(900) / 10)
        told = sequence + type_id(634) + result(number) + struct.pack("<I", 1) + value + b"\xff" * 4
        return turn(message(b"MSGF", asked), message(b"MSGF", told))

    request_header, answer_header = header(1), result(1)
    return [
        turn(message(b"HELF", numbers + text(url.encode())), message(b"ACKF", numbers)),
        turn(
            message(b"OPNF", struct.pack("<I", 0) + policy + named + type_id(446) + request_header + opened),
            message(b"OPNF", struct.pack("<I", 7) + policy + named + type_id(449) + answer_header + given),
        ),
        *(read(number) for number in range(2, 2 + turns)),
    ]


def print_job() -> list[Exchange]:
    """A page for a printer's raw port."""
    return [(ask(b"\x1b%-12345X@PJL JOB\r\n@PJL ENTER LANGUAGE=PCL\r\n" + RANDOM.randbytes(1800)),)]


def tunnel(number: int) -> bytes:
    """ESP in UDP: a VPN."""
    return struct.pack(">II", 0xC0A8_0001, number) + RANDOM.randbytes(96)
