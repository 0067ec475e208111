import pytest

from sensor.protocols._base import Function, Intent
from sensor.protocols.modbus import DIAGNOSTIC_FUNCTIONS, FUNCTIONS, ROWS, UMAS_FUNCTIONS

MODBUS, RTU = ROWS


def test_codes_are_written_as_the_field_writes_them() -> None:
    assert MODBUS.code(43) == "43"
    assert MODBUS.subfunction(8, 4) == "0x0004"
    assert MODBUS.subfunction(43, 14) == "0x0e"
    assert MODBUS.subfunction(3, None) is None


@pytest.mark.parametrize("code", [5, 6, 15, 16, 21, 22, 23])
def test_what_changes_values_is_a_write(code: int) -> None:
    assert MODBUS.function(code, None).intent is Intent.WRITE


@pytest.mark.parametrize(
    ("code", "sub", "meaning"),
    [
        (8, 1, Function("Restart Communications Option", Intent.CONTROL, "T0816")),
        (8, 4, Function("Force Listen Only Mode", Intent.CONTROL, "T0814")),
        (43, 14, Function("Read Device Identification", Intent.DISCOVER, "T0888")),
        (90, 0x31, Function("UMAS Download Block", Intent.PROGRAM, "T0843")),
        (90, 0x34, Function("UMAS Upload Block", Intent.UPLOAD, "T0845")),
        (90, 0x41, Function("UMAS Stop Controller", Intent.CONTROL, "T0858")),
        (90, None, Function("Schneider UMAS", Intent.SESSION)),
        (126, None, Function("Program 584/984", Intent.PROGRAM, "T0843")),
        (3, 7, Function("Read Holding Registers", Intent.READ)),
    ],
)
def test_a_sub_function_decides_the_meaning(code: int, sub: int | None, meaning: Function) -> None:
    assert MODBUS.function(code, sub) == meaning
    assert RTU.function(code, sub) == meaning


def test_whatever_comes_has_a_name() -> None:
    for code in (-1, *range(300), 1 << 31):
        for sub in (None, -1, *range(300), 1 << 31):
            assert MODBUS.function(code, sub).name
            MODBUS.subfunction(code, sub)
        assert MODBUS.status(code)
    assert MODBUS.function(119, None).name == "unknown function 119"
    assert MODBUS.function(100, None).name == "user-defined function 100"
    assert MODBUS.function(90, 0xEE).name == "Schneider UMAS, unknown sub-function 0xee"


def test_rejections_are_named_and_those_of_umas_are_not_taken_for_exceptions() -> None:
    assert MODBUS.status(2) == "illegal data address"
    assert MODBUS.status(99) == "exception 99"
    assert MODBUS.status(0xFD8083) == "UMAS error 0x8083"


@pytest.mark.parametrize("table", [FUNCTIONS, DIAGNOSTIC_FUNCTIONS, UMAS_FUNCTIONS])
def test_tables_are_sorted(table: dict[int, Function]) -> None:
    assert list(table) == sorted(table)
