"""A network namespace for each test: whatever is sent stays in it, and goes with it."""

import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

_NEW_NETWORK = 0x40000000
_C = ctypes.CDLL(None, use_errno=True)
LONGEST = 65_535


def ip(*arguments: str) -> None:
    """Run iproute2 in the namespace of this thread."""
    subprocess.run(("ip", *arguments), check=True, capture_output=True)


def _call(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Wire:
    """A cable: what is sent into `plug` comes out of `name`, where the sensor listens."""

    def __init__(self, name: str) -> None:
        self.name, self.plug = name, f"{name}-plug"
        self.connect()

    def connect(self) -> None:
        """Make both ends and switch them on; neither says anything by itself."""
        ip("link", "add", self.plug, "type", "veth", "peer", "name", self.name)
        for end in (self.plug, self.name):
            Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1", encoding="ascii")
            ip("link", "set", end, "mtu", str(LONGEST), "arp", "off", "multicast", "off", "up")

    def cut(self) -> None:
        """Both ends are gone."""
        ip("link", "delete", self.plug)

    def send(self, frames: Iterable[bytes]) -> int:
        """How many of them the kernel took."""
        sent = 0
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((self.plug, 0))
            for frame in frames:
                if 14 <= len(frame) <= LONGEST:
                    sent += sender.send(frame) > 0
        return sent

    def transmitted(self) -> int:
        """Frames that the end where the sensor listens has sent."""
        shown = subprocess.run(("ip", "-json", "-stats", "link", "show", self.name), check=True, capture_output=True, text=True).stdout
        [row] = json.loads(shown)
        return int(row["stats64"]["tx"]["packets"])


@pytest.fixture
def namespace() -> Iterator[None]:
    """This thread, and what it starts, is in a network of its own while the test runs."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    _call(_C.unshare(_NEW_NETWORK))
    try:
        yield
    finally:
        _call(_C.setns(home, _NEW_NETWORK))
        os.close(home)


@pytest.fixture
def wire(namespace: None) -> Wire:  # noqa: ARG001 - it is made in there
    """A cable to listen to."""
    return Wire("tap0")
