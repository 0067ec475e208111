import pytest

from sensor.protocols._base import Function, Intent
from sensor.protocols.enip import COMMANDS, ROWS

ENIP, CIP_IO = ROWS


def test_codes_are_the_four_digits_of_the_specification() -> None:
    assert ENIP.code(0x6F) == "0x006f"
    assert CIP_IO.code(1) == "1"


def test_looking_around_is_discovery() -> None:
    assert ENIP.function(0x63, None) == Function("List Identity", Intent.DISCOVER, "T0846")


def test_the_carrier_itself_changes_nothing() -> None:
    assert {command.intent for command in COMMANDS.values()} == {Intent.SESSION, Intent.DISCOVER}


def test_cyclic_data_writes_outputs() -> None:
    assert CIP_IO.function(1, None).intent is Intent.WRITE


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("number", [-1, 0, 0x77, 0xFFFF, 1 << 32])
def test_any_number_has_a_meaning(row, number: int) -> None:
    assert row.function(number, None).name
    assert row.function(number, number).name
    assert row.status(number)


def test_statuses_are_named() -> None:
    assert ENIP.status(0x64) == "invalid session handle"
    assert ENIP.status(8) == "status 0x0008"
