"""A cell behind a switch with a mirror port: each station in a network namespace, what enters the switch is copied to the sensor's.

Needs root, iproute2 and ethtool.
"""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pcaps.recipes.stations import OFFICE, ROUTER, Station

MIRROR = "mirror"
"""The interface on which the namespace of the sensor gets what the switch mirrors."""
PORT = "cable"
_OFFICE_GATEWAY = "10.40.0.1"
_NEW_NETWORK = 0x40000000
_ROOT = Path(__file__).resolve().parents[2]


class Switch:
    """The network. `run` and `start` do something in the namespace of a station, or of the `sensor`."""

    def __init__(self, *stations: Station) -> None:
        self._prefix = f"otoscope-{os.getpid()}"
        self._spaces: list[str] = []
        self._ports: list[str] = []
        for name in ("switch", "sensor"):
            self._space(name)
        self.ip("switch", "link", "add", "name", "bridge", "type", "bridge", "mcast_snooping", "0")
        self.ip("switch", "link", "set", "bridge", "up")
        self.plug_mirror()
        for station in (*stations, ROUTER):
            self.plug(station)
        self._join_office()

    def _space(self, name: str) -> None:
        subprocess.run(("ip", "netns", "add", self.name(name)), check=True)
        self._spaces.append(name)
        self.run(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        self.ip(name, "link", "set", "lo", "up")

    def name(self, space: str) -> str:
        """What the namespace is called."""
        return f"{self._prefix}-{space}"

    def ip(self, space: str, *words: str) -> None:
        """Run iproute2 in a namespace."""
        subprocess.run(("ip", "-n", self.name(space), *words), check=True, capture_output=True)

    def command(self, space: str, *words: object) -> list[str]:
        """A command as it is started in a namespace."""
        return ["ip", "netns", "exec", self.name(space), *map(str, words)]

    def run(self, space: str, *words: object, **options: Any) -> "subprocess.CompletedProcess[str]":  # noqa: ANN401 - what subprocess takes
        """Run a command to its end. Raises where it fails."""
        return subprocess.run(self.command(space, *words), check=True, capture_output=True, text=True, cwd=_ROOT, **options)

    def start(self, space: str, *words: object, **options: Any) -> "subprocess.Popen[str]":  # noqa: ANN401 - what subprocess takes
        """Start a command, which goes on."""
        return subprocess.Popen(self.command(space, *words), text=True, cwd=_ROOT, **options)

    def talk(self, station: Station, *words: object) -> "subprocess.CompletedProcess[str]":
        """Let a station do a deed of `pcaps.recipes.talkers`."""
        return self.run(station.role, sys.executable, "-m", "pcaps.recipes.talkers", *words, timeout=60)

    @contextmanager
    def entered(self, space: str) -> Iterator[None]:
        """Sockets that this thread makes in the block are in that namespace."""
        library = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home, Path(f"/run/netns/{self.name(space)}").open() as there:
            if library.setns(there.fileno(), _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "cannot enter the namespace")
            try:
                yield
            finally:
                library.setns(home.fileno(), _NEW_NETWORK)

    def plug_mirror(self) -> None:
        """The mirror port and its cable to the sensor."""
        self.ip("switch", "link", "add", "name", "span", "type", "veth", "peer", "name", MIRROR, "netns", self.name("sensor"))
        self.ip("switch", "link", "set", "span", "up")
        self.ip("sensor", "link", "set", MIRROR, "up")
        for port in self._ports:
            self._mirror(port)

    def unplug_mirror(self) -> None:
        """The interface is gone, at both ends, and what enters the switch is copied nowhere."""
        self.ip("switch", "link", "delete", "span")

    def plug(self, station: Station) -> None:
        """A station and its cable to a port of the switch, which is mirrored."""
        self._space(station.role)
        port = f"port-{station.ip.rpartition('.')[2]}"
        self.ip("switch", "link", "add", "name", port, "type", "veth", "peer", "name", PORT, "netns", self.name(station.role))
        self.ip(station.role, "link", "set", PORT, "address", station.mac)
        self.run(station.role, "ethtool", "-K", PORT, "tx", "off", "tso", "off", "gso", "off")  # frames as a wire carries them
        self.ip(station.role, "address", "add", f"{station.ip}/24", "broadcast", "+", "dev", PORT)
        self.ip(station.role, "link", "set", PORT, "up")
        self.ip("switch", "link", "set", port, "master", "bridge", "up")
        self._ports.append(port)
        self.run("switch", "tc", "qdisc", "add", "dev", port, "ingress")
        self._mirror(port)
        if station is not ROUTER:
            self.ip(station.role, "route", "add", "default", "via", ROUTER.ip)

    def _mirror(self, port: str) -> None:
        """Copy what enters this port to the mirror port, also where that is a new one."""
        self.run("switch", "tc", "filter", "delete", "dev", port, "ingress")
        every = ("protocol", "all", "u32", "match", "u32", "0", "0")
        self.run("switch", "tc", "filter", "add", "dev", port, "ingress", *every, "action", "mirred", "egress", "mirror", "dev", "span")

    def _join_office(self) -> None:
        self._space(OFFICE.role)
        self.ip(ROUTER.role, "link", "add", "name", "office", "type", "veth", "peer", "name", PORT, "netns", self.name(OFFICE.role))
        self.ip(OFFICE.role, "link", "set", PORT, "address", OFFICE.mac)
        self.run(OFFICE.role, "ethtool", "-K", PORT, "tx", "off", "tso", "off", "gso", "off")
        for space, interface, address in ((ROUTER.role, "office", _OFFICE_GATEWAY), (OFFICE.role, PORT, OFFICE.ip)):
            self.ip(space, "address", "add", f"{address}/24", "dev", interface)
            self.ip(space, "link", "set", interface, "up")
        self.ip(OFFICE.role, "route", "add", "default", "via", _OFFICE_GATEWAY)
        self.run(ROUTER.role, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def wait_for(self, station: Station, port: int, server: "subprocess.Popen[str]") -> None:
        """Until the server of a station listens."""
        for _ in range(150):
            if f":{port} " in self.run(station.role, "ss", "-Hltn").stdout:
                return
            if server.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server of {station.role} did not start, exit {server.poll()}")

    def connections(self, station: Station) -> int:
        """How many a station has to others."""
        return len(self.run(station.role, "ss", "-Htn", "state", "established").stdout.splitlines())

    def remove(self) -> None:
        """All namespaces, and so all that is in them."""
        for space in reversed(self._spaces):
            subprocess.run(("ip", "netns", "delete", self.name(space)), check=True)
        self._spaces.clear()


@contextmanager
def switched(*stations: Station) -> Iterator[Switch]:
    """A network of these stations, with the router and the office."""
    switch = Switch(*stations)
    try:
        yield switch
    finally:
        switch.remove()
