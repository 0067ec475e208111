import pytest

from sensor.protocols._base import Intent
from sensor.protocols.cip import BY_CLASS, COMMON, ROWS, STATUSES

CIP, PCCC = ROWS


def test_codes_are_those_of_the_specification() -> None:
    assert CIP.code(0x4C) == "0x4c"
    assert CIP.subfunction(0x4C, 0x6B) == "0x6b"
    assert CIP.subfunction(0x05, 0x1_0001) == "0x01.1"
    assert CIP.subfunction(0x05, None) is None
    assert PCCC.code(0x0FAA) == "0x0f.0xaa"
    assert PCCC.code(0x08FF) == "0x08"


@pytest.mark.parametrize(
    ("service", "of", "name", "intent"),
    [
        (0x4E, 0x06, "Forward Close", Intent.SESSION),
        (0x4E, 0x6B, "Read Modify Write Tag", Intent.WRITE),
        (0x52, 0x06, "Unconnected Send", Intent.SESSION),
        (0x52, 0x6B, "Read Tag Fragmented", Intent.READ),
        (0x4C, 0x37, "Initiate Download", Intent.PROGRAM),
        (0x4C, 0x6B, "Read Tag", Intent.READ),
        (0x10, 0x04, "Set Attribute Single", Intent.WRITE),
        (0x10, 0x47, "Set Attribute Single", Intent.CONFIGURE),
    ],
)
def test_the_class_decides(service: int, of: int, name: str, intent: Intent) -> None:
    function = CIP.function(service, of)
    assert (function.name, function.intent) == (name, intent)


@pytest.mark.parametrize(
    ("row", "code", "sub", "intent", "technique"),
    [
        (CIP, 0x05, 0x01, Intent.CONTROL, "T0816"),
        (CIP, 0x07, 0x8E, Intent.CONTROL, "T0858"),
        (CIP, 0x08, 0xAC, Intent.PROGRAM, "T0843"),
        (CIP, 0x4D, 0xA1, Intent.PROGRAM, "T0857"),
        (CIP, 0x01, 0x01, Intent.DISCOVER, "T0888"),
        (CIP, 0x55, 0x6B, Intent.DISCOVER, "T0861"),
        (PCCC, 0x0F80, 0x01, Intent.CONTROL, "T0858"),
        (PCCC, 0x0F50, None, Intent.PROGRAM, "T0843"),
        (PCCC, 0x0F53, None, Intent.UPLOAD, "T0845"),
        (PCCC, 0x0FAA, None, Intent.WRITE, None),
    ],
)
def test_dangerous_functions_say_so(row, code: int, sub: int | None, intent: Intent, technique: str | None) -> None:
    function = row.function(code, sub)
    assert (function.intent, function.technique) == (intent, technique)


def test_what_changes_the_meaning_stands_in_the_name() -> None:
    assert CIP.function(0x05, 0x1_0001).name == "Reset to factory defaults"
    assert PCCC.function(0x0F80, 0x06).name == "Change CPU Mode: remote run"


def test_a_response_without_its_request_is_named_by_what_it_may_be() -> None:
    assert CIP.function(0x52, None).name == "Unconnected Send or Read Tag Fragmented"
    assert CIP.function(0x4C, None).name == "Read Tag"


def test_statuses_are_named() -> None:
    assert len(STATUSES) == 0x2D
    assert CIP.status(0x05) == "path destination unknown"
    assert CIP.status(0x0204_01) == "connection failure: unconnected request timed out"
    assert CIP.status(0x2104_FF) == "general status 0xff: extended status 0x2104"
    assert PCCC.status(0x0BF0) == "access denied, improper privilege"
    assert PCCC.status(0x70) == "processor is in program mode"


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("number", [-1, 0, 0x77, 0xFFFF, 1 << 32])
def test_any_number_has_a_meaning(row, number: int) -> None:
    assert row.function(number, None).name
    assert row.function(number, number).name
    assert row.code(number)
    assert row.status(number)


def test_tables_are_sorted() -> None:
    assert list(COMMON) == sorted(COMMON)
    assert list(BY_CLASS) == sorted(BY_CLASS)
