"""What the stations of the cell do, each in a process of its own: `python -m pcaps.recipes.talkers DEED [ROUNDS [PAUSE]]`.

Servers go on until they are killed; polls end after so many rounds.
"""

import logging
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from pcaps.recipes.stations import BOILER, FILLER, MIXER


def _serve_modbus() -> None:
    from pcaps.recipes.modbus_pymodbus import serve  # noqa: PLC0415 - each process loads one stack

    serve("tcp")


def _serve_s7() -> None:
    from pcaps.recipes.s7comm_snap7 import serve  # noqa: PLC0415 - each process loads one stack

    serve()


def _serve_enip() -> None:
    from pcaps.recipes.enip_cpppo import serve  # noqa: PLC0415 - each process loads one stack

    serve()


def _serve_dnp3() -> None:
    from pcaps.recipes.dnp3_yadnp3 import serve  # noqa: PLC0415 - each process loads one stack

    serve()


def _poll_modbus(rounds: int, pause: float) -> None:
    """As an HMI does: reads, and a setpoint every other time."""
    from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - each process loads one stack

    with ModbusTcpClient(MIXER.ip, port=502) as client:
        for number in range(rounds):
            client.read_holding_registers(0, count=10, device_id=1)
            client.read_coils(0, count=16, device_id=1)
            if number % 2:
                client.write_register(20, 1200 + number % 50, device_id=1)
            time.sleep(pause)


def _poll_s7(rounds: int, pause: float) -> None:
    client = _connected_to_s7()
    for number in range(rounds):
        client.db_read(1, 0, 32)
        if number % 2:
            client.db_write(1, 10, bytearray((0, number % 256)))
        time.sleep(pause)
    client.disconnect()


def _poll_enip(rounds: int, pause: float) -> None:
    from cpppo.server.enip import client  # type: ignore[import-untyped] # noqa: PLC0415 - each process loads one stack

    with client.connector(host=FILLER.ip, timeout=5) as connection:
        for _ in range(rounds):
            for _ in connection.synchronous(operations=client.parse_operations(["Tank1_Level", "Batch[0-4]"]), timeout=5):
                pass
            time.sleep(pause)


def _poll_dnp3(rounds: int, pause: float) -> None:
    from pcaps.recipes.dnp3_yadnp3 import poll  # noqa: PLC0415 - each process loads one stack

    poll(rounds, pause)


def _write_modbus() -> None:
    """One register."""
    from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - each process loads one stack

    with ModbusTcpClient(MIXER.ip, port=502) as client:
        client.read_holding_registers(0, count=4, device_id=1)
        client.write_register(30, 4711, device_id=1)


def _connected_to_s7():  # type: ignore[no-untyped-def] # noqa: ANN202 - each process loads one stack
    from snap7.client import Client  # noqa: PLC0415 - each process loads one stack

    client = Client()
    client.connect(BOILER.ip, 0, 2, 102)
    return client


def _stop_s7() -> None:
    client = _connected_to_s7()
    client.plc_stop()
    client.disconnect()


def _start_s7() -> None:
    client = _connected_to_s7()
    client.plc_cold_start()
    client.disconnect()


def _upload_s7() -> None:
    from snap7.type import Block  # noqa: PLC0415 - each process loads one stack

    client = _connected_to_s7()
    client.full_upload(Block.DB, 1)
    client.disconnect()


def _scan() -> None:
    """Each address of the cell is asked for a few ports, as fast as the kernel takes it."""
    for host in range(1, 33):
        for port in (22, 80, 102, 443, 502, 2222, 4840, 20000, 44818):
            with socket.socket() as connection, suppress(OSError):
                connection.settimeout(0)
                connection.connect((f"10.20.1.{host}", port))
    time.sleep(2)
    for port in range(1, 400):
        with socket.socket() as connection, suppress(OSError):
            connection.settimeout(0.2)
            connection.connect((MIXER.ip, port))


def _flood(rounds: int, pause: float) -> None:
    """Datagrams as large as they go, that nobody waits for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(rounds):
            sender.sendto(bytes(1400), (MIXER.ip, 9))
            time.sleep(pause)


DEEDS: dict[str, Callable[..., None]] = {
    "serve-modbus": _serve_modbus,
    "serve-s7": _serve_s7,
    "serve-enip": _serve_enip,
    "serve-dnp3": _serve_dnp3,
    "poll-modbus": _poll_modbus,
    "poll-s7": _poll_s7,
    "poll-enip": _poll_enip,
    "poll-dnp3": _poll_dnp3,
    "write-modbus": _write_modbus,
    "stop-s7": _stop_s7,
    "start-s7": _start_s7,
    "upload-s7": _upload_s7,
    "scan": _scan,
    "flood": _flood,
}


def main() -> None:
    """Do one deed."""
    logging.disable()
    numbers = sys.argv[2:]
    arguments = (int(numbers[0]), float(numbers[1])) if numbers else (1_000_000, 0.25) if sys.argv[1].startswith("poll") else ()
    DEEDS[sys.argv[1]](*arguments)


if __name__ == "__main__":
    main()
