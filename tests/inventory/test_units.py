"""What stands behind one address."""

from dataclasses import dataclass

from sensor.inventory.profile import Profile, Talk, profile
from sensor.inventory.units import units_apart, units_of
from tests.inventory.rows import Fact


@dataclass(frozen=True)
class Operation:
    protocol: str
    unit: str
    responses: int = 1
    errors: int = 0
    function: int = 3
    subfunction: int | None = None
    requests: int = 1
    unanswered: int = 0
    statuses: tuple[tuple[int, int], ...] = ()
    first: int = 1
    last: int = 2


@dataclass(frozen=True)
class Conversation:
    protocol: str
    id: int = 1
    first: int = 1
    last: int = 2
    packets: tuple[int, int] = (1, 1)
    by_port: bool = False
    refused: int = 0
    connections: int = 1


def _server(*rows: Operation, facts: tuple[Fact, ...] = ()) -> Profile:
    return profile("a", [Talk(Conversation(rows[0].protocol), rows, "peer", as_server=True)], facts, (0, 9))


def test_modbus_units_that_answered_with_data_are_devices_behind_a_gateway():
    told = _server(Operation("modbus", "5"), Operation("modbus", "7"), Operation("modbus", "9", responses=1, errors=1, statuses=((11, 1),)))
    units = units_of(told)
    assert set(units) == {"unit 5", "unit 7"}
    assert [row.unit for talk in units["unit 5"].talks for row in talk.operations] == ["5"]
    assert units["unit 5"].id == "a/unit-5"


def test_a_device_that_answers_as_itself_has_no_units():
    for unit in ("0", "1", "255"):
        assert units_of(_server(Operation("modbus", unit))) == {}


def test_a_sweep_of_units_makes_no_devices():
    swept = [Operation("modbus", str(unit), responses=0) for unit in range(1, 248)]
    assert units_of(_server(*swept)) == {}
    assert units_of(_server(*(Operation("modbus", str(unit)) for unit in range(1, 248)))) == {}, "it answers whatever the unit"


def test_several_outstations_behind_one_address():
    units = units_of(_server(Operation("dnp3", "3-4"), Operation("dnp3", "3-6"), Operation("dnp3", "3-65535 broadcast", responses=0)))
    assert set(units) == {"outstation 4", "outstation 6"}
    assert units_of(_server(Operation("dnp3", "3-4"), Operation("dnp3", "5-4"))) == {}, "two masters, one outstation"


def test_a_module_behind_a_network_module_is_another_device():
    facts = (
        Fact(None, "10.0.0.1", "model", "1756-ENBT/A", "enip"),
        Fact(None, "10.0.0.1", "model", "1756-L61", "cip", unit="1/0"),
    )
    told = _server(Operation("cip", "1/0"), facts=facts)
    assert [fact.value for fact in units_of(told)["slot 0"].facts] == ["1756-L61"]
    assert units_apart(units_of(told).values()) == {"1/0"}
    assert units_of(_server(Operation("cip", "1/0"), facts=facts[1:])) == {}, "nothing says that there are two"


def test_a_cpu_answers_in_whatever_slot_it_is_called():
    assert units_of(_server(Operation("s7comm", "rack 0 slot 2"), Operation("s7comm", "rack 0 slot 1"))) == {}
    numbers = ("6ES7 315-2EH14-0AB0", "6GK7 343-1EX30-0XE0")
    facts = tuple(Fact(None, None, "order_number", number, "s7comm", unit=f"rack 0 slot {slot}") for slot, number in enumerate(numbers))
    rows = [Operation("s7comm", f"rack 0 slot {slot}") for slot in (0, 1)]
    assert set(units_of(_server(*rows, facts=facts))) == {"rack 0 slot 0", "rack 0 slot 1"}
