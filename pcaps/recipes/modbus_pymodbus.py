"""Modbus between pymodbus' client and server: every public function, exceptions, and RTU frames over TCP."""

import asyncio
import sys
from importlib.metadata import version

from pymodbus import ModbusDeviceIdentification
from pymodbus.client import ModbusTcpClient, ModbusUdpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.framer import FramerType
from pymodbus.pdu.file_message import FileRecord
from pymodbus.server import StartAsyncTcpServer, StartAsyncUdpServer

from pcaps.recipes.expectation import Fact, Recipe
from pcaps.recipes.laboratory import record
from pcaps.recipes.stations import HMI, MIXER

PORT, RTU_PORT = 502, 1503
IDENTITY = {
    "VendorName": "Synthetic Works",
    "ProductCode": "SW-1200",
    "MajorMinorRevision": "V2.40",
    "VendorUrl": "http://works.example",
    "ProductName": "Mixer controller",
    "ModelName": "SW-1200-8DI",
    "UserApplicationName": "Mixer 3",
}


def _blocks() -> ModbusDeviceContext:
    bits = [bool(number % 3) for number in range(64)]
    words = [number * 7 for number in range(120)]
    di, co, ir, hr = (ModbusSequentialDataBlock(1, values) for values in (bits, bits, words, words))  # type: ignore[no-untyped-call] # pymodbus has no types there
    return ModbusDeviceContext(di=di, co=co, ir=ir, hr=hr)


def serve(part: str) -> None:
    """Three units behind one address."""
    context = ModbusServerContext(devices={1: _blocks(), 2: _blocks(), 17: _blocks()}, single=False)
    identity = ModbusDeviceIdentification(info_name=IDENTITY)  # type: ignore[no-untyped-call] # pymodbus has no types there
    if part == "udp":
        asyncio.run(StartAsyncUdpServer(context, identity=identity, address=(MIXER.ip, PORT)))
    elif part == "rtu":
        asyncio.run(StartAsyncTcpServer(context, identity=identity, address=(MIXER.ip, RTU_PORT), framer=FramerType.RTU))
    else:
        asyncio.run(StartAsyncTcpServer(context, identity=identity, address=(MIXER.ip, PORT)))


def _data(client: ModbusTcpClient | ModbusUdpClient) -> None:
    client.read_coils(3, count=10, device_id=1)
    client.read_discrete_inputs(0, count=16, device_id=1)
    client.read_holding_registers(0, count=10, device_id=1)
    client.read_holding_registers(100, count=4, device_id=2)
    client.read_input_registers(8, count=6, device_id=17)
    client.write_coil(4, value=True, device_id=1)
    client.write_register(20, 1234, device_id=1)
    client.write_coils(8, [True, False, True, True, False], device_id=1)
    client.write_registers(30, [1, 2, 3, 4], device_id=2)
    client.mask_write_register(address=20, and_mask=0x00F2, or_mask=0x0025, device_id=1)
    client.readwrite_registers(read_address=0, read_count=4, write_address=40, values=[9, 8], device_id=1)


def _exceptions(client: ModbusTcpClient | ModbusUdpClient) -> None:
    client.read_holding_registers(9000, count=10, device_id=1)
    client.read_coils(9000, count=8, device_id=1)
    client.write_register(9000, 1, device_id=2)
    client.write_registers(9000, [1, 2], device_id=2)


def _diagnostics(client: ModbusTcpClient) -> None:
    client.diag_query_data(b"\xa5\x37", device_id=1)
    client.diag_read_diagnostic_register(device_id=1)
    client.diag_change_ascii_input_delimeter(device_id=1)
    client.diag_read_bus_message_count(device_id=1)
    client.diag_read_bus_comm_error_count(device_id=1)
    client.diag_read_bus_exception_error_count(device_id=1)
    client.diag_read_device_message_count(device_id=1)
    client.diag_read_device_no_response_count(device_id=1)
    client.diag_read_device_nak_count(device_id=1)
    client.diag_read_device_busy_count(device_id=1)
    client.diag_read_bus_char_overrun_count(device_id=1)
    client.diag_clear_overrun_counter(device_id=1)
    client.diag_clear_counters(device_id=1)
    client.diag_restart_communication(toggle=True, device_id=1)
    client.read_exception_status(device_id=1)
    client.diag_get_comm_event_counter(device_id=1)
    client.diag_get_comm_event_log(device_id=1)


def _identity(client: ModbusTcpClient) -> None:
    client.report_device_id(device_id=1)
    for code in (1, 2, 3):
        client.read_device_information(read_code=code, object_id=0, device_id=1)
    client.read_device_information(read_code=4, object_id=5, device_id=1)


def _files(client: ModbusTcpClient) -> None:
    client.read_file_record([FileRecord(file_number=4, record_number=1, record_length=20)], device_id=1)
    client.write_file_record([FileRecord(file_number=4, record_number=7, record_data=b"\x06\xaf\x04\xbe\x10\x0d\x00\x01")], device_id=1)
    client.read_fifo_queue(address=1246, device_id=1)


def ask(part: str) -> None:
    """One of the captures' clients."""
    if part == "udp":
        with ModbusUdpClient(MIXER.ip, port=PORT) as datagrams:
            _data(datagrams)
        return
    rtu = part == "rtu"
    framer = FramerType.RTU if rtu else FramerType.SOCKET
    with ModbusTcpClient(MIXER.ip, port=RTU_PORT if rtu else PORT, framer=framer) as client:
        _data(client)
        _exceptions(client)
        if not rtu:
            _diagnostics(client)
            _identity(client)
            _files(client)


def main() -> None:
    """Make the captures, or be one of the ends."""
    if len(sys.argv) > 1:
        (serve if sys.argv[1] == "server" else ask)(sys.argv[2])
        return
    origin = f"pymodbus {version('pymodbus')}, client and server, two network namespaces, tcpdump at the client"
    identity = tuple(Fact(ip=MIXER.ip, source="modbus", value=value) for value in IDENTITY.values())
    module = "modbus_pymodbus"
    functions = Recipe("modbus-functions.pcap", module, "every public function, four exceptions, three units", origin, identity)
    record(functions, MIXER, HMI, PORT, "tcp")
    rtu = Recipe(
        "modbus-rtu-over-tcp.pcap", module, "RTU frames with CRC over TCP, port 1503", origin, (), (f"tcp.port=={RTU_PORT},mbrtu",)
    )
    record(rtu, MIXER, HMI, RTU_PORT, "rtu")
    record(Recipe("modbus-udp.pcap", module, "Modbus over UDP", origin), MIXER, HMI, PORT, "udp")


if __name__ == "__main__":
    main()
