"""EtherNet/IP and CIP: pycomm3 and pylogix as clients of cpppo's simulated controller."""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version

from pcaps.recipes.expectation import Fact, Recipe
from pcaps.recipes.laboratory import record
from pcaps.recipes.stations import FILLER, HMI

PORT = 44818
TAGS = ("Pump1_Run=INT", "Tank1_Level=REAL", "Batch=DINT[20]", "Recipe=REAL[200]", "Counter=DINT")


def serve() -> None:
    """A controller with a few tags."""
    from cpppo.server.enip.main import main as simulate  # type: ignore[import-untyped] # noqa: PLC0415 - the clients do without

    simulate(["--no-config", "-a", f"{FILLER.ip}:{PORT}", *TAGS])


def _try(function: Callable[..., object], *arguments: object) -> None:
    """Ask, and take a refusal for an answer."""
    with suppress(Exception):
        function(*arguments)


def _discover() -> None:
    """The commands that need no session, over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.settimeout(1)
        for command in (0x63, 0x04):
            handle.sendto(command.to_bytes(2, "little") + bytes(10) + b"otoscope" + bytes(4), (FILLER.ip, PORT))
            _try(handle.recv, 2048)


def _connected() -> None:
    """SendUnitData after a Forward Open."""
    from pylogix import PLC  # type: ignore[import-untyped] # noqa: PLC0415 - the server does without

    with PLC(FILLER.ip, slot=0, timeout=3) as plc:
        plc.Read("Tank1_Level")
        plc.Read("Batch[0]", 10)
        plc.Read(["Pump1_Run", "Counter", "Tank1_Level"])
        plc.Write("Pump1_Run", 1)
        plc.Write("Counter", 42)
        plc.Read("Recipe[0]", 200)
        plc.Read("Missing_Tag")


def _unconnected() -> None:
    """SendRRData with Unconnected Send and without, and a Multiple Service Packet."""
    from cpppo.server.enip import client  # type: ignore[import-untyped] # noqa: PLC0415 - heavy

    with client.connector(host=FILLER.ip, port=PORT, timeout=3) as connection:
        operations = client.parse_operations(["Tank1_Level", "Batch[0-4]", "Pump1_Run=(INT)3"])
        for _ in connection.synchronous(operations=operations, timeout=3):
            pass
        operations = client.parse_operations(["Tank1_Level", "Counter", "Batch[2]"])
        for _ in connection.synchronous(operations=operations, multiple=500, timeout=3):
            pass
        connection.list_services()
        _try(connection.readable, 1)
        connection.list_interfaces()
        _try(connection.readable, 1)


def _identity() -> None:
    from pycomm3 import CIPDriver  # noqa: PLC0415 - the server does without

    _try(CIPDriver.list_identity, FILLER.ip)
    with CIPDriver(FILLER.ip) as driver:
        _try(driver.generic_message, b"\x01", b"\x01", b"\x01")
        _try(driver.generic_message, b"\x0e", b"\x01", b"\x01", b"\x07")


def ask(part: str) -> None:
    """One of the captures' clients."""
    steps = {"tags": (_connected, _unconnected), "identity": (_discover, _identity)}[part]
    for step in steps:
        step()


def main() -> None:
    """Make the captures, or be one of the ends."""
    if len(sys.argv) > 1:
        if sys.argv[1] == "server":
            serve()
        ask(sys.argv[2])
        return
    clients = f"pylogix {version('pylogix')}, pycomm3 {version('pycomm3')}, cpppo {version('cpppo')}"
    origin = f"{clients} as clients of cpppo's simulator, two network namespaces, tcpdump at the client"
    note = "cpppo shortens the name in its ListServices answer: malformed in Wireshark"
    facts = (Fact(ip=FILLER.ip, source="enip", value="1756-L61/B LOGIX5561"),)
    shows = "tags read and written, connected and unconnected, several in one packet, fragmented, unknown"
    record(Recipe("enip-tags.pcap", "enip_cpppo", shows, origin, note=note), FILLER, HMI, PORT, "tags")
    shows = "ListIdentity, ListServices, Identity object"
    record(Recipe("enip-identity.pcap", "enip_cpppo", shows, origin, facts, note=note), FILLER, HMI, PORT, "identity")


if __name__ == "__main__":
    main()
