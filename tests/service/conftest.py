"""A network of our own to listen to: a namespace with a pair of interfaces, what is sent into one comes out of the other."""

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WATER = ROOT / "pcaps" / "plants" / "water.pcap"
_CLONE_NEWNET = 0x40000000
_NUMBERS = count()


class Wire:
    """`span` is where the switch sends, `mirror` what the sensor listens to."""

    def __init__(self) -> None:
        assert os.getuid() == 0, "these tests make network namespaces: run them as root, as CI does"
        self.name = f"otoscope-{os.getpid()}-{next(_NUMBERS)}"
        self.ip("netns", "add", self.name, inside=False)
        self.inside("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        self.ip("link", "set", "lo", "up")
        self.plug()

    def plug(self) -> None:
        self.ip("link", "add", "span", "type", "veth", "peer", "name", "mirror")
        for name in ("span", "mirror"):
            self.ip("link", "set", name, "up")

    def unplug(self) -> None:
        self.ip("link", "del", "span")

    def ip(self, *words: str, inside: bool = True) -> None:
        subprocess.run(["ip", *(["-n", self.name] if inside else []), *words], check=True, capture_output=True)

    def inside(self, *command: str) -> str:
        return subprocess.run(["ip", "netns", "exec", self.name, *command], check=True, capture_output=True, text=True).stdout

    def otoscope(self, *arguments: object, **more: object) -> "subprocess.Popen[str]":
        command = ["ip", "netns", "exec", self.name, "env", "--default-signal=INT", sys.executable, "-m", "sensor", *map(str, arguments)]
        return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    @contextmanager
    def entered(self):
        """Sockets that this thread makes in the block are in the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{self.name}").open() as there:
            assert libc.setns(there.fileno(), _CLONE_NEWNET) == 0
            try:
                yield
            finally:
                assert libc.setns(home.fileno(), _CLONE_NEWNET) == 0

    def send(self, capture: Path = WATER, *, since: int = 0, until: int | None = None) -> int:
        """Send the frames of a capture (pcap, little-endian) as fast as they are taken up; how many."""
        octets, place, number, sent = capture.read_bytes(), 24, 0, 0
        with self.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
            out.bind(("span", 0))
            while place < len(octets) and (until is None or number < until):
                length = struct.unpack_from("<I", octets, place + 8)[0]
                if number >= since:
                    out.send(octets[place + 16 : place + 16 + length])
                    sent += 1
                place, number = place + 16 + length, number + 1
                if sent % 200 == 0:
                    time.sleep(0.005)
        return sent

    def statistic(self, interface: str, name: str) -> int:
        return int(self.inside("cat", f"/sys/class/net/{interface}/statistics/{name}"))

    def remove(self) -> None:
        self.ip("netns", "del", self.name, inside=False)


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.remove()
