"""Of each command a capture with it, and one with a harmless request of the same protocol."""

from collections.abc import Callable

from tests.detections.captures import Case
from tests.detections.industrial import S7_OPEN, cip, enip, identity, pccc, s7_create, s7_mode, s7_service, s7_status_list, s7_userdata
from tests.detections.wire import MINUTE, SECOND, Turn, Wire, dnp3, modbus, polls


def _case(rule: str, port: int, guilty: list[Turn], innocent: list[Turn]) -> Case:
    before = {502: polls(3), 102: S7_OPEN}.get(port, ())

    def make(turns: list[Turn]) -> Callable[[], Wire]:
        return lambda: Wire().talk(1, 2, port, [*before, *turns], pause=2 * SECOND)

    return Case(rule, make(guilty), make(innocent))


def _modbus(rule: str, request: str, response: str, harmless: tuple[str, str] = ("5a0004", "5a00fe")) -> Case:
    return _case(rule, 502, [modbus(request, response)], [modbus(*harmless)])


def _dnp3(name: str, request: str, harmless: str = "01 3c0206") -> Case:
    guilty, innocent = ([dnp3(f"c0 {asked}", "c0810000")] for asked in (request, harmless))
    return _case(f"ot.dnp3.{name}", 20000, guilty, innocent)


def _cip(rule: str, guilty: Turn, innocent: Turn | None = None) -> Case:
    return _case(rule, 44818, [guilty], [innocent or cip(0x0E, 0x8E)])


def _s7(rule: str, guilty: Turn, innocent: Turn | None = None) -> Case:
    return _case(rule, 102, [guilty], [innocent or s7_userdata(0x70102)])


def _says(rule: str, indication: str) -> Case:
    return _case(rule, 20000, [dnp3("c0 01 3c0206", f"c081{indication}")], [dnp3("c0 01 3c0206", "c0811000")])


def masters(second: int) -> Callable[[], Wire]:
    """Outstation 10 is polled by one host, and by another, or by the same again."""

    def make() -> Wire:
        turns = [dnp3("c0 01 3c0206", "c0810000")] * 5
        return Wire().talk(1, 2, 20000, turns).talk(second, 2, 20000, turns, at=MINUTE)

    return make


def broken_blocks(*, damaged: bool) -> list[Turn]:
    """Requests of a master whose last check sum is wrong."""
    turns = [dnp3("c0 01 3c0206", "c0810000")] * 4
    return [(asked[:-1] + bytes((asked[-1] ^ damaged,)), answered) for asked, answered in turns]


READ = ("03 0000 0001", "03 02 0007")

FILE = "19 4603 5b 01 1b00 1a00 0100 000000000000 0000 00000000 00000000 {mode} 0000 0000 61"

LOW, HIGH = (f"0004 0001 000{level} 000{level} 0001 0000" + "0000" * 14 for level in (1, 3))

COMMANDS = (
    _modbus("ot.plc.listen_only", "08 0004 0000", "", ("08 0000 0000", "08 0000 0000")),
    _modbus("ot.plc.reservation", "5a0010 00000000", "5a00fe01"),
    _modbus("ot.plc.debug", "5a0060", "5a00fe"),
    _modbus("ot.plc.firmware", "7d 00", "7d 00"),
    _modbus("ot.protocol.request_by_server", "0300000001", "03 00 00 00 01", READ),
    _modbus("ot.protocol.out_of_range", "03 0000 0000", "83 03", READ),
    _modbus("ot.protocol.length", "03 0000 0001", "03 02 0007 00", READ),
    _cip("ot.plc.mode", pccc(0x0F, 0x80, "07"), pccc(0x0F, 0x68)),
    _cip("ot.plc.outputs", pccc(0x07, 0x00), pccc(0x0F, 0x68)),
    _cip("ot.plc.memory_reset", pccc(0x0F, 0x57), pccc(0x0F, 0x68)),
    _cip("ot.plc.force", pccc(0x0F, 0x41), pccc(0x0F, 0x68)),
    _cip("ot.plc.address", cip(0x10, 0xF5, "0500 00000000"), cip(0x0E, 0xF5)),
    _cip("ot.plc.blink", cip(0x4B, 0x01), cip(0x0E, 0x01)),
    _cip("ot.plc.credentials", cip(0x51, 0x39), cip(0x0E, 0x39)),
    _cip("ot.plc.stop", cip(0x07, 0x8E), cip(0x0E, 0x8E)),
    _cip("ot.failure.cip", cip(0x0E, 0x6B, status=5), cip(0x0E, 0x6B)),
    _cip("ot.failure.enip", enip(0x65, b"\1\0\0\0", b"\1\0\0\0", status=0x69), enip(0x65, b"\1\0\0\0", b"\1\0\0\0")),
    _case("ot.protocol.reserved_field", 44818, [*[identity()] * 3, enip(0x63, b"", b"", options=9)], [identity()] * 4),
    _case("ot.state.identity", 44818, [identity(1), identity(2)], [identity(1), identity(1)]),
    _case("ot.state.firmware", 44818, [identity(minor=1), identity(minor=2)], [identity(), identity()]),
    _case("ot.plc.program_objects", 102, [s7_create(2571)], [s7_create(1001)]),
    _s7("ot.plc.delete", s7_service(b"_DELE", b"\x01\x000A00001P"), s7_service(b"_N_ASUP__")),
    _s7("ot.failure.s7comm", s7_userdata(0x70401, error=0xD401)),
    _s7("ot.plc.modify_variable", s7_userdata(0x70108)),
    _s7("ot.plc.alarms_locked", s7_userdata(0x70407), s7_userdata(0x70405)),
    _s7("ot.plc.alarms_acknowledged", s7_userdata(0x7040B), s7_userdata(0x70405)),
    _case(
        "ot.login.controller",
        102,
        [s7_userdata(0x70501, error=0xD602)] * 4,
        [s7_userdata(0x70501)] * 4,
    ),
    _case("ot.state.mode", 102, [s7_mode(2), s7_mode(2), s7_mode(0)], [s7_mode(2), s7_mode(2), s7_mode(2)]),
    _case(
        "ot.state.protection",
        102,
        [s7_status_list(0x0232, 4, HIGH), s7_status_list(0x0232, 4, LOW)],
        [s7_status_list(0x0232, 4, HIGH), s7_status_list(0x0232, 4, HIGH)],
    ),
    _dnp3("cold_restart", "0d"),
    _dnp3("warm_restart", "0e"),
    _dnp3("initialize_data", "0f"),
    _dnp3("start_application", "11"),
    _dnp3("stop_application", "12"),
    _dnp3("save_configuration", "13"),
    _dnp3("activate_configuration", "1f"),
    _dnp3("assign_class", "16 3c0206 1e0006"),
    _dnp3("settings", "02 2201 00 00 00 0500", "02 5001 00 07 07 00"),
    _dnp3("freeze_and_clear", "09 140006", "07 140006"),
    _dnp3("file_delete", "1b 4603 5b 01 1b00 1a00 0100 000000000000 0000 00000000 00000000 0000 0000 0000 61"),
    _dnp3("file_write", FILE.format(mode="0200"), FILE.format(mode="0100")),
    _dnp3("file_read", FILE.format(mode="0100"), FILE.format(mode="0200")),
    Case("ot.dnp3.several_masters", masters(3), masters(1)),
    Case("ot.dnp3.same_master", masters(3), masters(1)),
    _says("ot.state.outstation_trouble", "4000"),
    _says("ot.state.outstation_local", "2000"),
    _says("ot.state.outstation_configuration", "0020"),
    _says("ot.state.outstation_overflow", "0008"),
    _case(
        "ot.failure.dnp3_authentication",
        20000,
        [dnp3("c3 01 3c0206", "c3 83 0000 7807 5b 01 0f00 01000000 0100 0000 01 000000000000")],
        [dnp3("c3 01 3c0206", "c3 81 0000")],
    ),
    _case("ot.protocol.malformed", 20000, broken_blocks(damaged=True), broken_blocks(damaged=False)),
)
