import pytest

from sensor.protocols._base import Function, Intent
from sensor.protocols.dnp3 import FUNCTIONS, ROWS

DNP3, LINK = ROWS


def test_codes_are_plain_numbers() -> None:
    assert DNP3.code(129) == "129"
    assert LINK.code(0x19) == "primary 9"
    assert LINK.code(11) == "secondary 11"


@pytest.mark.parametrize("code", [3, 4, 5, 6, 13, 14, 17, 18])
def test_what_moves_the_plant_is_control(code: int) -> None:
    assert DNP3.function(code, None).intent is Intent.CONTROL


def test_all_published_functions_are_named() -> None:
    assert set(FUNCTIONS) == {*range(34), 129, 130, 131}


@pytest.mark.parametrize(
    ("code", "sub", "meaning"),
    [
        (1, None, Function("Read", Intent.READ)),
        (1, 0, Function("Read Device Attributes", Intent.DISCOVER, "T0888")),
        (2, 50, Function("Write Time", Intent.CONFIGURE)),
        (13, None, Function("Cold Restart", Intent.CONTROL, "T0816")),
        (21, None, Function("Disable Unsolicited Responses", Intent.CONFIGURE, "T0878")),
        (25, 1, Function("Open File for Reading", Intent.UPLOAD, "T0845")),
        (25, 2, Function("Open File for Writing", Intent.PROGRAM, "T0843")),
        (25, 9, Function("Open File", Intent.SESSION)),
    ],
)
def test_what_is_touched_may_change_the_meaning(code: int, sub: int | None, meaning: Function) -> None:
    assert DNP3.function(code, sub) == meaning


def test_subfunctions_read_as_what_they_are() -> None:
    assert DNP3.subfunction(2, 80) == "g80"
    assert DNP3.subfunction(25, 1) == "1"
    assert DNP3.subfunction(2, None) is None


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (4, "not supported"),
        (0x106, "object unknown, parameter error"),
        (0x203, "file: file not found"),
        (0x301, "authentication: authentication failed"),
        (0x7F3, "status 0x7f3"),
    ],
)
def test_rejections_are_named(status: int, text: str) -> None:
    assert DNP3.status(status) == text


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("number", [-1, 0, 0x77, 0xFF, 0x100, 0xFFFF, 1 << 32])
def test_any_number_has_a_meaning(row, number: int) -> None:
    assert row.function(number, None).name
    assert row.function(number, number).name
    assert row.code(number)
    assert row.status(number)
    assert LINK.function(0x1F, None).name == "unknown link function 0x1f"
