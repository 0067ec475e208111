"""Services that give identity over TCP, between the stacks that are usual for them; one remote desktop by hand.

Needs Debian's curl, openssh-server, openssl, samba and smbclient, and `pip install asyncua`.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

from pcaps.recipes import expectation, frames
from pcaps.recipes.expectation import PCAPS, Anomaly, Fact, Recipe
from pcaps.recipes.laboratory import record
from pcaps.recipes.stations import ENGINEER, GATEWAY, SCADA

MODULE = "services_tcp"
NAME = "gateway.works.example"
NAMESPACES = "two network namespaces, tcpdump at the client"
SERVER_SOFTWARE, CLIENT_SOFTWARE, REALM = "Works-HTTP/2.4", "Works-Panel/3.1", "Works gateway SW-50"
ADDENDUM = "Works-SW-50"
ISSUER = "Works root authority"
SERVER_HOST, CLIENT_HOST, WORKGROUP, USER = "HISTORY1", "ENGINEER1", "PLANTNET", "operator"
APPLICATION, PRODUCT, TITLE = "urn:gateway.works.example:server", "urn:works.example:sw-50", "Works SW-50 OPC UA server"
MAKER, MODEL, FIRMWARE = "Synthetic Works", "SW-50 gateway", "5.2.1"
CLIENT_APPLICATION, CLIENT_PRODUCT, CLIENT_TITLE = "urn:panel.works.example:client", "urn:works.example:panel", "Works panel"
ENDPOINT = f"opc.tcp://{GATEWAY.ip}:4840/works/"
WRONG: dict[str, tuple[Anomaly, ...]] = {
    "http": ({"protocol": "http", "kind": "clear_text_credentials", "detail": "HTTP basic authentication"},)
}
PORTS = {"http": 80, "ssh": 22, "tls": 443, "smb": 445, "opcua": 4840}


def _run(*command: str) -> None:
    """A client that may be refused: what it says before is what counts."""
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL)


def _become(*command: str) -> None:
    """The server itself, under an invented host name."""
    os.execvp("unshare", ["unshare", "--uts", "sh", "-c", f'hostname {SERVER_HOST} && exec "$@"', "sh", *command])  # noqa: S606 - the laboratory ends this process


class Page(BaseHTTPRequestHandler):
    """A page behind a password."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = SERVER_SOFTWARE, ""

    def do_GET(self) -> None:
        """Refuse, or show the page."""
        known = "Authorization" in self.headers
        body = b"<html><body>Gateway</body></html>" if known else b"who are you?"
        self.send_response(200 if known else 401)
        if not known:
            self.send_header("WWW-Authenticate", f'Basic realm="{REALM}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _certificate(directory: Path) -> tuple[str, str]:
    """A key and a certificate of an authority that is not kept."""
    files = {name: str(directory / name) for name in ("ca.key", "ca.crt", "key", "request", "crt", "names")}
    authority = ("-CA", files["ca.crt"], "-CAkey", files["ca.key"])
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    (directory / "names").write_text(f"subjectAltName=DNS:{NAME},DNS:gateway,IP:{GATEWAY.ip}\n")
    for command in (
        ("req", "-x509", *curve, "-keyout", files["ca.key"], "-out", files["ca.crt"], "-subj", f"/CN={ISSUER}"),
        ("req", *curve, "-keyout", files["key"], "-out", files["request"], "-subj", f"/O=Synthetic Works/CN={NAME}"),
        ("x509", "-req", "-in", files["request"], "-out", files["crt"], "-days", "3650", *authority, "-extfile", files["names"]),
    ):
        subprocess.run(("openssl", *command), check=True, stderr=subprocess.DEVNULL)
    return files["key"], files["crt"]


def _samba(directory: Path) -> None:
    folders = "".join(f"{name} directory = {directory}\n" for name in ("private", "lock", "state", "cache", "pid", "ncalrpc"))
    lines = f"netbios name = {SERVER_HOST}\nworkgroup = {WORKGROUP}\nmap to guest = bad user\nserver min protocol = NT1\n"
    lines += f"interfaces = {SCADA.ip}\nbind interfaces only = yes\nlog file = {directory}/log\ndisable netbios = yes\nload printers = no\n"
    (directory / "smb.conf").write_text(f"[global]\n{lines}{folders}")
    _become("smbd", "--foreground", "--no-process-group", "-s", str(directory / "smb.conf"))


async def _opcua() -> None:
    from asyncua import Server, ua  # noqa: PLC0415 - only one of the captures needs it

    server = Server()
    await server.init()
    server.set_endpoint(ENDPOINT)
    server.set_server_name(TITLE)
    await server.set_application_uri(APPLICATION)
    server.product_uri = PRODUCT
    build = ua.BuildInfo(PRODUCT, MAKER, MODEL, FIRMWARE, "1147")
    await server.get_node(ua.ObjectIds.Server_ServerStatus_BuildInfo).write_value(build)
    async with server:
        await asyncio.sleep(3600)


async def _opcua_client() -> None:
    from asyncua import Client, ua  # noqa: PLC0415 - only one of the captures needs it

    client = Client(ENDPOINT)
    client.application_uri, client.product_uri, client.name = CLIENT_APPLICATION, CLIENT_PRODUCT, CLIENT_TITLE
    async with client:
        await client.get_node(ua.ObjectIds.Server_ServerStatus_BuildInfo).read_value()


def serve(part: str) -> None:
    """One of the servers."""
    directory = Path(tempfile.mkdtemp(prefix="otoscope-"))
    if part == "http":
        HTTPServer((GATEWAY.ip, PORTS["http"]), Page).serve_forever()
    elif part == "ssh":
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        options = ("-h", str(key), "-o", f"VersionAddendum={ADDENDUM}", "-o", f"ListenAddress={GATEWAY.ip}")
        _become("/usr/sbin/sshd", "-D", "-f", "/dev/null", *options)
    elif part == "tls":
        key_file, certificate = _certificate(directory)
        _become("openssl", "s_server", "-accept", f"{GATEWAY.ip}:443", "-key", key_file, "-cert", certificate, "-quiet")
    elif part == "smb":
        _samba(directory)
    else:
        asyncio.run(_opcua())


def ask(part: str) -> None:
    """One of the clients."""
    if part == "http":
        page = ("curl", "-s", "-A", CLIENT_SOFTWARE, "--resolve", f"{NAME}:80:{GATEWAY.ip}", f"http://{NAME}/")
        _run(*page)
        _run(*page, "-u", "operator:secret")
    elif part == "ssh":
        quiet = ("-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        _run("ssh", *quiet, f"operator@{GATEWAY.ip}", "true")
    elif part == "tls":
        for protocol in ("-tls1_2", "-tls1_3"):
            _run("openssl", "s_client", "-connect", f"{GATEWAY.ip}:443", "-servername", NAME, protocol)
    elif part == "smb":
        options = (f"--option=netbios name={CLIENT_HOST}", f"--option=workgroup={WORKGROUP}", "--option=client min protocol=NT1")
        client = ("smbclient", *options, "-s", "/dev/null", "-p", "445", "-U", f"{WORKGROUP}/{USER}%secret", "-c", "exit")
        for protocol in ("NT1", "SMB3"):
            _run(*client, "-m", protocol, f"//{SCADA.ip}/IPC$")
    else:
        asyncio.run(_opcua_client())


def _desktop() -> None:
    """A remote desktop with the security of old, whose first messages are in the clear ([MS-RDPBCGR], 2.2.1)."""
    cookie = f"Cookie: mstshash={USER}\r\n".encode()
    negotiation = bytes.fromhex("0100080000000000")
    fixed = bytes.fromhex("e00000000000")
    request = bytes([len(fixed + cookie + negotiation)]) + fixed + cookie + negotiation
    confirm = bytes.fromhex("0ed00000123400 0200080000000000")
    core = bytes.fromhex("04000800 0004 0003 01ca 03aa 09040000 280a0000") + CLIENT_HOST.encode("utf-16-le").ljust(32, b"\0")
    core += bytes.fromhex("04000000 00000000 0c000000") + bytes(64) + bytes.fromhex("01ca 0100 00000000 1800 0700 0100") + bytes(64)
    core += bytes.fromhex("0000 00000000")
    blocks = bytes.fromhex("01c0") + (len(core) + 4).to_bytes(2, "little") + core
    conference = bytes.fromhex("000500147c0001") + (0x8000 | len(blocks) + 14).to_bytes(2, "big")
    conference += bytes.fromhex("000800100001c00044756361") + (0x8000 | len(blocks)).to_bytes(2, "big") + blocks
    domain = b"".join(
        b"\x30" + bytes([len(row)]) + row
        for row in (
            bytes.fromhex("0201220201020201000201010201000201010202ffff020102"),
            bytes.fromhex("020101020101020101020101020100020101020204200201 02"),
            bytes.fromhex("0202ffff0202fc170202ffff0201010201000201010202ffff020102"),
        )
    )
    settings = bytes.fromhex("0401010401010101ff") + domain + b"\x04\x82" + len(conference).to_bytes(2, "big") + conference
    connect = bytes.fromhex("02f0807f6582") + len(settings).to_bytes(2, "big") + settings
    messages = [b"\x03\0" + (len(part) + 4).to_bytes(2, "big") + part for part in (request, confirm, connect)]
    segments = [*frames.handshake(), frames.up(0, messages[0]), frames.down(0, messages[1]), frames.up(len(messages[0]), messages[2])]
    sent = frames.packets(frames.Path(port=3389), segments)
    file = frames.pcap(frames.records(frames.ethernet(packet, from_client=sender) for sender, packet in sent))
    (PCAPS / "rdp-cookie.pcap").write_bytes(file)
    facts = tuple(Fact(ip="10.20.1.100", source="rdp", value=value) for value in (USER, CLIENT_HOST))
    origin = "hand-made, no stack: every octet is in the recipe"
    recipe = Recipe("rdp-cookie.pcap", MODULE, "a remote desktop asked for: the user's cookie, the client's name", origin, facts)
    expectation.write(recipe, expectation.Seen(len(segments), Counter(), []))


def _facts(source: str, server: tuple[str, ...], client: tuple[str, ...], ip: str = GATEWAY.ip) -> tuple[Fact, ...]:
    says = [Fact(ip=ip, source=source, value=value) for value in server]
    return (*says, *(Fact(ip=ENGINEER.ip, source=source, value=value) for value in client))


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


def main() -> None:
    """Make the captures, or be one of the ends."""
    if len(sys.argv) > 1:
        (serve if sys.argv[1] == "server" else ask)(sys.argv[2])
        return
    curl = " ".join(_first_line("curl", "--version").split()[:2])
    ssh = _first_line("ssh", "-V").partition(",")[0]
    openssl = " ".join(_first_line("openssl", "version").split()[:2])
    samba = _first_line("smbd", "--version").partition("-")[0]
    named = (NAME, "gateway", GATEWAY.ip, ISSUER)
    ua_server = (ENDPOINT, APPLICATION, PRODUCT, TITLE, MAKER, MODEL, FIRMWARE)
    ua_client = (CLIENT_APPLICATION, CLIENT_PRODUCT, CLIENT_TITLE)
    rows = (
        (
            ("http", "a page behind a password: products, host, realm", f"{curl}, Python {sys.version.split()[0]} http.server"),
            _facts("http", (SERVER_SOFTWARE, REALM, NAME), (CLIENT_SOFTWARE,)),
        ),
        (("ssh", "both introductions, then encrypted", ssh), _facts("ssh", (f"{ssh} {ADDENDUM}",), (ssh,))),
        (("tls", "TLS 1.2 with a certificate in the clear, TLS 1.3", f"{openssl} s_client and s_server"), _facts("tls", named, ())),
        (
            ("smb", "NTLM in SMB 1 and SMB 3", f"smbclient and smbd, {samba}"),
            _facts("smb", (SERVER_HOST, WORKGROUP), (CLIENT_HOST, WORKGROUP, USER), SCADA.ip),
        ),
        (
            ("opcua", "a session without security: both applications describe themselves", f"asyncua {version('asyncua')}"),
            _facts("opcua", ua_server, ua_client),
        ),
    )
    for (part, shows, origin), facts in rows:
        name = "smb-ntlm.pcap" if part == "smb" else f"{part}.pcap"
        recipe = Recipe(name, MODULE, shows, f"{origin}, {NAMESPACES}", facts, WRONG.get(part, ()))
        record(recipe, SCADA if part == "smb" else GATEWAY, ENGINEER, PORTS[part], part)
    _desktop()


if __name__ == "__main__":
    main()
