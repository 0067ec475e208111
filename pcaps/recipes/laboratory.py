"""Two stations on a cable: network namespaces joined by a veth pair, a server in one, a client and tcpdump in the other.

Needs root, iproute2, tcpdump and tshark.
"""

import array
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcaps.recipes import expectation, wireshark
from pcaps.recipes.expectation import PCAPS, Recipe
from pcaps.recipes.stations import Station

INTERFACE = "cable"
PREFIX = 24
_SIOCETHTOOL = 0x8946
_CHECKSUM_OFFLOAD, _SEGMENT_OFFLOAD, _GENERIC_OFFLOAD = 0x17, 0x1F, 0x24


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _inside(role: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", f"otoscope-{role}", *command]


def plain_checksums() -> None:
    """Let the kernel fill in checksums and cut segments itself: what is captured is then what a wire carries."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for command in (_CHECKSUM_OFFLOAD, _SEGMENT_OFFLOAD, _GENERIC_OFFLOAD):
            value = array.array("B", struct.pack("II", command, 0))
            fcntl.ioctl(handle, _SIOCETHTOOL, struct.pack("16sP", INTERFACE.encode(), value.buffer_info()[0]))


@contextmanager
def _cable(server: Station, client: Station) -> Iterator[None]:
    spaces = [f"otoscope-{station.role}" for station in (server, client)]
    for space in spaces:
        _ip("netns", "add", space)
    try:
        _ip("link", "add", INTERFACE, "netns", spaces[0], "type", "veth", "peer", "name", INTERFACE, "netns", spaces[1])
        for space, station in zip(spaces, (server, client), strict=True):
            _ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            _ip("-n", space, "link", "set", INTERFACE, "address", station.mac)
            _ip("-n", space, "address", "add", f"{station.ip}/{PREFIX}", "broadcast", "+", "dev", INTERFACE)
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", INTERFACE, "up")
            subprocess.run(_inside(station.role, sys.executable, "-m", __name__), check=True)
        yield
    finally:
        for space in spaces:
            _ip("netns", "delete", space)


def _wait_for(server: subprocess.Popen[bytes], role: str, port: int) -> None:
    """Until the server listens."""
    for _ in range(150):
        listening = subprocess.run(_inside(role, "ss", "-Hltun"), capture_output=True, text=True, check=True).stdout
        if f":{port} " in listening:
            return
        if server.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit(f"the server did not start, exit {server.poll()}")


@contextmanager
def _listening(client: Station, capture: Path) -> Iterator[None]:
    listen = ["tcpdump", "-n", "-i", INTERFACE, "-U", "--immediate-mode", "-Z", "root", "-w", str(capture)]
    with subprocess.Popen(_inside(client.role, *listen), stderr=subprocess.DEVNULL) as dump:
        time.sleep(1.0)
        try:
            yield
            time.sleep(0.5)
        finally:
            dump.send_signal(signal.SIGINT)


def record(recipe: Recipe, server: Station, client: Station, port: int, part: str = "") -> None:
    """Run `python -m MODULE server|client [PART]` of the recipe at both ends, and keep what passed between them."""
    capture = PCAPS / recipe.name
    module = f"pcaps.recipes.{recipe.module}"
    arguments = [part] if part else []
    with _cable(server, client):
        serving = subprocess.Popen(_inside(server.role, sys.executable, "-m", module, "server", *arguments), start_new_session=True)
        try:
            _wait_for(serving, server.role, port)
            with _listening(client, capture):
                asking = _inside(client.role, sys.executable, "-m", module, "client", *arguments)
                subprocess.run(asking, check=True, timeout=60)
        finally:
            os.killpg(serving.pid, signal.SIGKILL)
            serving.wait()
    found = wireshark.seen(capture, recipe.decode_as)
    expectation.write(recipe, found)
    print(f"{recipe.name}: {found.packets} packets, {found.counts.total()} messages, {found.malformed} malformed")


if __name__ == "__main__":
    plain_checksums()
