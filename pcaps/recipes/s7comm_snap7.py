"""S7comm between snap7's client and server.

With python-snap7 2.0.2 (the C library): what an HMI and a programming device ask. With python-snap7 3.3 (Python throughout):
blocks uploaded and downloaded, which the C server refuses.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version

from snap7.client import Client
from snap7.server import Server
from snap7.type import Area, Block, SrvArea

from pcaps.recipes.expectation import Fact, Recipe
from pcaps.recipes.laboratory import record
from pcaps.recipes.stations import BOILER, ENGINEER, HMI

PORT = 102


def serve() -> None:
    """A CPU with all areas and three data blocks."""
    server = Server(log=False)
    areas = [(area, 0) for area in (SrvArea.PE, SrvArea.PA, SrvArea.MK, SrvArea.CT, SrvArea.TM)]
    for area, index in [*areas, *((SrvArea.DB, number) for number in (1, 2, 100))]:
        server.register_area(area, index, (ctypes.c_char * 512)())
    server.start_to(BOILER.ip, PORT)
    while True:
        time.sleep(1)


def _try(function: Callable[..., object], *arguments: object) -> None:
    """Ask, and take a refusal for an answer."""
    with suppress(Exception):
        function(*arguments)


def operate(client: Client) -> None:
    """Reads and writes of every area."""
    client.db_read(1, 0, 32)
    client.db_write(1, 10, bytearray(b"\x01\x02\x03\x04"))
    client.mb_read(0, 8)
    client.mb_write(4, 2, bytearray(b"\x10\x20"))
    client.eb_read(0, 4)
    client.ab_read(0, 4)
    client.ab_write(0, bytearray(b"\x81"))
    client.tm_read(0, 2)
    client.ct_read(0, 2)
    client.read_area(Area.DB, 100, 20, 40)
    client.write_area(Area.DB, 2, 0, bytearray(range(16)))
    _try(client.db_read, 999, 0, 4)
    client.db_read(100, 0, 400)


def diagnose(client: Client) -> None:
    """What a programming device asks without touching the program."""
    client.get_cpu_info()
    client.get_order_code()
    client.get_cp_info()
    client.get_cpu_state()
    client.get_protection()
    _try(client.read_szl, 0x0011)
    _try(client.read_szl, 0x00A0)
    _try(client.read_szl, 0x0FFF)
    client.list_blocks()
    _try(client.list_blocks_of_type, Block.DB, 16)
    _try(client.get_block_info, Block.DB, 1)
    client.get_plc_datetime()
    client.set_plc_datetime(datetime(2026, 11, 23, 12, 30, 15))  # noqa: DTZ001 - a controller's clock has no zone
    _try(client.set_session_password, "secret")
    _try(client.clear_session_password)


def control(client: Client) -> None:
    """Stop, start, and what else changes the controller."""
    _try(client.plc_stop)
    _try(client.plc_cold_start)
    _try(client.plc_hot_start)
    _try(client.compress, 2000)
    _try(client.copy_ram_to_rom, 2000)


def program(client: Client) -> None:
    """Blocks read back, written and deleted."""
    client.full_upload(Block.DB, 1)
    client.download(bytearray(range(200)) + bytearray(300), 1)
    _try(client.delete, Block.DB, 2)


PARTS: dict[str, tuple[Callable[[Client], None], ...]] = {
    "operate": (operate,),
    "engineer": (diagnose, control),
    "program": (control, program),
}


def ask(part: str) -> None:
    """One of the captures' clients."""
    client = Client()
    client.connect(BOILER.ip, 0, 2, PORT)
    for step in PARTS[part]:
        step(client)
    client.disconnect()


def main() -> None:
    """Make the captures that the installed version can make, or be one of the ends."""
    if len(sys.argv) > 1:
        if sys.argv[1] == "server":
            serve()
        ask(sys.argv[2])
        return
    release = version("python-snap7")
    origin = f"python-snap7 {release}, client and server, two network namespaces, tcpdump at the client"
    if not release.startswith("2."):
        shows = "stop, start, a data block uploaded and downloaded"
        note = "python-snap7's _DELE has a wrong length: malformed in Wireshark"
        record(Recipe("s7comm-program.pcap", "s7comm_snap7", shows, origin, note=note), BOILER, ENGINEER, PORT, "program")
        return
    said = ("6ES7 315-2EH14-0AB0", "S C-C2UR28922012", "SNAP7-BOILER", "CPU 315-2 PN/DP", "Original Siemens Equipment")
    facts = tuple(Fact(ip=BOILER.ip, source="s7comm", value=value) for value in said)
    shows = "setup, reads and writes of every area, an item that does not exist"
    record(Recipe("s7comm-operate.pcap", "s7comm_snap7", shows, origin), BOILER, HMI, PORT, "operate")
    shows = "status lists with identity, block lists, clock, password, stop and start"
    record(Recipe("s7comm-engineer.pcap", "s7comm_snap7", shows, origin, facts), BOILER, ENGINEER, PORT, "engineer")


if __name__ == "__main__":
    main()
