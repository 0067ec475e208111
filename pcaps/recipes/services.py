"""The services in which hosts say who they are: DHCP, multicast DNS, NetBIOS and SNMP, each by its usual program.

`apt-get install dnsmasq-base udhcpc avahi-daemon samba snmpd snmp`; their configurations are here and name nobody that exists.
"""

import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pcaps.recipes.expectation import Fact, Recipe
from pcaps.recipes.laboratory import INTERFACE, record
from pcaps.recipes.stations import GATEWAY, HMI

COMMUNITY = "cellview"
OBJECTS = "1.3.6.1.2.1.1"
AVAHI = f"""
[server]
host-name=panel-16
allow-interfaces={INTERFACE}
use-ipv6=no
enable-dbus=no
disallow-other-stacks=no
[publish]
publish-hinfo=yes
publish-workstation=yes
"""
AVAHI_PLACE = Path("/etc/avahi/services/otoscope.service")
"""The one place where avahi looks; taken away again."""
AVAHI_SERVICE = """<service-group>
<name>Panel of the gateway</name>
<service><type>_device-info._tcp</type><port>0</port><txt-record>model=XP3000-16</txt-record></service>
</service-group>
"""
SNMPD = f"""
agentaddress udp:{GATEWAY.ip}:161
rocommunity {COMMUNITY}
rouser reader noauth
createUser reader
sysdescr Works gateway GW-16, firmware 2.4.1
sysobjectid 1.3.6.1.4.1.99999.16
syscontact Shift lead of hall 2
sysname gateway-16.works.test
syslocation Hall 2, cabinet 16
"""


def _run(*command: str, seconds: float = 20) -> None:
    """Run, and take a refusal for an answer."""
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, check=False, timeout=seconds, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _stay(directory: Path, *command: str) -> None:
    """Run until the laboratory ends it."""
    subprocess.run(command, cwd=directory, check=False, stdout=subprocess.DEVNULL)


def _serve_dhcp(directory: Path) -> None:
    """A server that gives the client the address that it has anyway."""
    options = ["--no-daemon", "--port=0", "--conf-file=/dev/null", f"--dhcp-leasefile={directory}/leases", f"--interface={INTERFACE}"]
    host = f"--dhcp-host={HMI.mac},{HMI.ip}"
    _stay(directory, "dnsmasq", *options, f"--dhcp-range={HMI.ip},{HMI.ip},300", host, "--domain=works.test", "--user=root")


def _ask_dhcp(directory: Path) -> None:
    """Get an address, and renew it."""
    name = ["-x", "hostname:panel-100", "-F", "panel-100.works.test", "-V", "Works Panel 100"]
    with subprocess.Popen(["udhcpc", "-f", "-i", INTERFACE, "-s", "/bin/true", "-p", f"{directory}/pid", *name]) as client:
        time.sleep(4)
        client.send_signal(signal.SIGUSR1)
        time.sleep(2)
        client.kill()


def _serve_mdns(directory: Path) -> None:
    (directory / "avahi.conf").write_text(AVAHI)
    AVAHI_PLACE.write_text(AVAHI_SERVICE)
    _stay(directory, "avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "-f", f"{directory}/avahi.conf")


def _question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return bytes.fromhex("000000000001000000000000") + labels + b"\0" + struct.pack(">HH", kind, 1)


def _ask_mdns(directory: Path) -> None:
    """Ask the group for the host, its hardware, its workstation and its device."""
    del directory
    questions = (("panel-16.local", 1), ("panel-16.local", 13), ("_workstation._tcp.local", 12), ("_device-info._tcp.local", 12))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HMI.ip))
        handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        handle.bind((HMI.ip, 5353))
        for name, kind in (*questions, ("Panel of the gateway._device-info._tcp.local", 16)):
            handle.sendto(_question(name, kind), ("224.0.0.251", 5353))
            time.sleep(1.5)


def _samba(directory: Path, name: str, comment: str) -> list[str]:
    """The name service of Samba with a configuration of its own."""
    places = "\n".join(f"{kind} directory = {directory}" for kind in ("lock", "state", "cache", "pid", "private"))
    text = f"[global]\nnetbios name = {name}\nworkgroup = HALL2\nserver string = {comment}\n{places}\ninterfaces = {INTERFACE}\n"
    (directory / "smb.conf").write_text(text + f"bind interfaces only = yes\nlog file = {directory}/log\n")
    return ["nmbd", "--foreground", "--no-process-group", "-s", f"{directory}/smb.conf"]


def _serve_netbios(directory: Path) -> None:
    _stay(directory, *_samba(directory, "GATEWAY-16", "Gateway of hall 2"))


def _ask_netbios(directory: Path) -> None:
    """Another that joins the workgroup; its names are asked of it and of the first."""
    with subprocess.Popen(_samba(directory, "PANEL-100", "Panel at the filler")) as daemon:
        time.sleep(40)
        for question in (("-A", GATEWAY.ip), ("GATEWAY-16",)):
            _run("nmblookup", "-s", f"{directory}/smb.conf", *question)
        daemon.terminate()


def _serve_snmp(directory: Path) -> None:
    (directory / "snmpd.conf").write_text(SNMPD)
    _stay(directory, "env", "MIBS=", f"SNMP_PERSISTENT_DIR={directory}", "snmpd", "-f", "-Lo", "-C", "-c", f"{directory}/snmpd.conf")


def _ask_snmp(directory: Path) -> None:
    """All three versions, and a trap of the first."""
    keep = ("env", "MIBS=", f"SNMP_PERSISTENT_DIR={directory}")
    system = [f"{OBJECTS}.{column}.0" for column in (1, 2, 4, 5, 6)]
    _run(*keep, "snmpget", "-v1", "-c", COMMUNITY, GATEWAY.ip, *system)
    _run(*keep, "snmpget", "-v3", "-l", "noAuthNoPriv", "-u", "reader", GATEWAY.ip, *system)
    _run(*keep, "snmpbulkget", "-v2c", "-c", COMMUNITY, "-Cr8", GATEWAY.ip, OBJECTS)
    _run(*keep, "snmptrap", "-v1", "-c", COMMUNITY, GATEWAY.ip, "1.3.6.1.4.1.99999.100", HMI.ip, "6", "1", "100")


PARTS = {
    "dhcp": (_serve_dhcp, _ask_dhcp),
    "mdns": (_serve_mdns, _ask_mdns),
    "netbios": (_serve_netbios, _ask_netbios),
    "snmp": (_serve_snmp, _ask_snmp),
}


def _version(package: str) -> str:
    return subprocess.run(["dpkg-query", "-Wf", "${Version}", package], capture_output=True, text=True, check=True).stdout


def _made(name: str, shows: str, stacks: str, packages: Sequence[str], facts: Sequence[tuple[str, str, str]], port: int) -> None:
    versions = ", ".join(f"{package} {_version(package)}" for package in packages)
    origin = f"{stacks} (Debian {versions}), two network namespaces, tcpdump at the client"
    rows = tuple(Fact(ip=ip, source=source, value=value) for ip, source, value in facts)
    record(Recipe(f"{name}.pcap", "services", shows, origin, rows), GATEWAY, HMI, port, name)


def _make() -> None:
    client = [(HMI.ip, "dhcp", value) for value in ("panel-100", "panel-100.works.test", "Works Panel 100")]
    _made("dhcp", "an address given and renewed", "udhcpc asks dnsmasq", ("udhcpc", "dnsmasq-base"), client, 67)
    panel = [(GATEWAY.ip, "mdns", value) for value in ("panel-16.local", "panel-16", "XP3000-16", "LINUX", "X86_64")]
    shows = "a host's addresses, hardware, workstation and device by multicast"
    _made("mdns", shows, "avahi answers questions put by hand", ("avahi-daemon",), panel, 5353)
    AVAHI_PLACE.unlink()
    names = [(GATEWAY.ip, "nbns", "GATEWAY-16"), (GATEWAY.ip, "nbns", "HALL2"), (HMI.ip, "nbns", "PANEL-100"), (HMI.ip, "nbns", "HALL2")]
    announced = [(HMI.ip, "browser", value) for value in ("PANEL-100", "HALL2", "Panel at the filler")]
    announced += [(GATEWAY.ip, "browser", value) for value in ("GATEWAY-16", "HALL2", "Gateway of hall 2")]
    shows = "names registered, asked for and listed; an election and announcements of the browser"
    _made("netbios", shows, "nmbd at both ends, nmblookup", ("samba",), names + announced, 137)
    texts = ("Works gateway GW-16, firmware 2.4.1", "Shift lead of hall 2", "gateway-16.works.test", "Hall 2, cabinet 16")
    said = [(GATEWAY.ip, "snmp", text) for text in texts]
    _made("snmp", "the system group in versions 1, 2c and 3; a trap", "net-snmp asks net-snmp", ("snmpd",), said, 161)


def main() -> None:
    """Make the captures, or be one of the ends."""
    if len(sys.argv) > 1:
        end = 0 if sys.argv[1] == "server" else 1
        with TemporaryDirectory() as directory:
            PARTS[sys.argv[2]][end](Path(directory))
        return
    _make()


if __name__ == "__main__":
    main()
