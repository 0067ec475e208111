import re
from pathlib import Path

import pytest

from sensor.protocols._base import Intent
from sensor.protocols._s7comm_plus import EXECUTION_UNIT, FUNCTIONS, SESSION_OBJECT
from sensor.protocols.s7comm import JOBS, PI_SERVICES, ROWS, USERDATA_FUNCTIONS

COTP, S7, PLUS = ROWS
BLOCKS = Path(__file__).parents[2] / "dissectors/src/protocols/s7comm/blocks.rs"


def test_codes_are_written_as_engineers_write_them() -> None:
    assert S7.code(0x04) == "0x04"
    assert S7.code(0xF0) == "0xf0"
    assert S7.code(0x70401) == "userdata 4.1"
    assert S7.code(0x70116) == "userdata 1.22"
    assert S7.code(0x70000) == "userdata 0.None"
    assert PLUS.code(0x4BB) == "0x04bb"
    assert COTP.code(0xE0) == "0xe0"


@pytest.mark.parametrize(
    ("code", "sub", "intent", "technique"),
    [
        (0x05, None, Intent.WRITE, None),
        (0x1A, None, Intent.PROGRAM, "T0843"),
        (0x1E, None, Intent.UPLOAD, "T0845"),
        (0x28, 1, Intent.CONTROL, "T0858"),
        (0x28, 2, Intent.PROGRAM, "T0809"),
        (0x28, 5, Intent.PROGRAM, "T0843"),
        (0x28, None, Intent.CONTROL, None),
        (0x29, None, Intent.CONTROL, "T0858"),
        (0x70108, None, Intent.WRITE, "T0836"),
        (0x7010C, None, Intent.CONTROL, "T0809"),
        (0x70401, 0x11, Intent.DISCOVER, "T0888"),
        (0x70401, 0x24, Intent.DIAGNOSE, None),
        (0x70702, None, Intent.CONFIGURE, None),
        (0x77, None, Intent.CONTROL, None),
    ],
)
def test_what_changes_a_controller_has_its_intent(code: int, sub: int | None, intent: Intent, technique: str | None) -> None:
    function = S7.function(code, sub)
    assert (function.intent, function.technique) == (intent, technique)


def test_names_say_which_service_and_which_mode() -> None:
    assert S7.function(0x28, 1).name == "Start program (P_PROGRAM)"
    assert S7.subfunction(0x28, 5) == "_INSE"
    assert S7.function(0x70000, 0).name == "Mode transition to STOP"
    assert S7.function(0x77, None).name == "unknown function 0x77"


def test_plus_tells_sessions_from_programs() -> None:
    assert PLUS.function(0x4CA, SESSION_OBJECT).intent is Intent.SESSION
    assert PLUS.function(0x4CA, None).intent is Intent.PROGRAM
    assert PLUS.function(0x542, None).intent is Intent.WRITE
    assert PLUS.function(0x542, EXECUTION_UNIT).technique == "T0858"


def test_rejections_are_named() -> None:
    assert S7.status(0x0A) == "object does not exist"
    assert S7.status(0xD241) == "not permitted at this protection level"
    assert S7.status(0x8777) == "access error 0x8777"
    assert PLUS.status(0xFFF4) == "object not found"
    assert COTP.status(136) == "request refused"


def test_services_have_the_numbers_that_the_dissector_gives_them() -> None:
    rows = re.findall(r'\("(\w+)", (\d+)\),', BLOCKS.read_text())
    assert {int(number): name for name, number in rows} == {number: name for number, (name, _) in PI_SERVICES.items()}


@pytest.mark.parametrize("table", [JOBS, PI_SERVICES, USERDATA_FUNCTIONS, FUNCTIONS])
def test_tables_are_sorted(table: dict) -> None:
    assert list(table) == sorted(table)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("number", [-1, 0, 0x28, 0x77, 0xFFFF, 0x70000, 0x70F99, 0x7FFFF, 1 << 40])
def test_any_number_has_a_meaning(row, number: int) -> None:
    for sub in (None, -1, 0, 99, 1 << 32):
        assert row.function(number, sub).name
        assert (row.subfunction(number, sub) is None) == (sub is None)
    assert row.code(number)
    assert row.status(number)
