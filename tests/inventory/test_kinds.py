"""Types and roles: what a device says of itself, and what it does."""

import pytest

from sensor.inventory.identity import kind_by_name, kind_of
from sensor.inventory.model import Kind, Role
from sensor.protocols import Intent
from tests.levels.plant import Plant, names


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("order_number", "6ES7 315-2EH14-0AB0", Kind.PLC),
        ("order_number", "6ES7 151-8AB01-0AB0", Kind.PLC),
        ("order_number", "6ES7 151-3BA23-0AB0", Kind.IO),
        ("order_number", "6ES7 155-6AU01-0BN0", Kind.IO),
        ("order_number", "6ES7214-1HE30-0XB0", Kind.PLC),
        ("order_number", "6AV2 124-0GC01-0AX0", Kind.HMI),
        ("order_number", "6SL3 210-1KE11", Kind.DRIVE),
        ("order_number", "6GK5 208-0BA10", Kind.SWITCH),
        ("model", "1756-L61/B LOGIX5561", Kind.PLC),
        ("model", "1734-AENT/B", Kind.IO),
        ("model", "140 CPU 311 10", Kind.PLC),
        ("model", "BMX P34 2020", Kind.PLC),
        ("device_type", "Programmable Logic Controller", Kind.PLC),
        ("device_type", "Human-Machine Interface", Kind.HMI),
        ("device_type", "AC Drive", Kind.DRIVE),
        ("model", "SEL-421", Kind.IED),
        ("model", "HP LaserJet 4250", Kind.PRINTER),
        ("model", "something else", None),
    ],
)
def test_what_numbers_and_names_tell(key: str, value: str, kind: Kind | None) -> None:
    assert kind_of(key, value) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("PLC-7", Kind.PLC),
        ("line3-hmi", Kind.HMI),
        ("HIST01", Kind.HISTORIAN),
        ("DESKTOP-M5C7L14", None),
        ("plc-hmi", None),
        ("shipping", None),
    ],
)
def test_what_names_hint_at(name: str, kind: Kind | None) -> None:
    assert kind_by_name(name) == kind


def kind(plant: Plant, name: str) -> str | None:
    """The type that was concluded."""
    plant.levels()
    return plant.assets[name].kind.value


def test_a_device_that_answers_is_what_its_protocol_is_for() -> None:
    plant = Plant()
    for name, protocol in (("plc", "s7comm"), ("rtu", "dnp3"), ("ied", "mms")):
        plant.host(name, f"10.0.0.{len(plant.assets)}").asks("somebody", protocol, name, reads=5 if protocol != "mms" else 0)
        assert kind(plant, name) == name


def test_nothing_seen_is_unknown() -> None:
    plant = Plant().host("box")
    assert kind(plant, "box") == Kind.UNKNOWN
    assert plant.assets["box"].roles == ()


def test_a_server_is_told_from_a_panel_by_what_it_polls() -> None:
    plant = Plant().host("server", "10.0.0.1").host("panel", "10.0.0.2")
    plant.asks("server", "modbus", *names("plc", 4), reads=50).asks("panel", "modbus", "plc0", reads=50)
    assert (kind(plant, "server"), kind(plant, "panel")) == (Kind.SCADA_SERVER, Kind.HMI)


def test_who_programs_is_an_engineering_workstation() -> None:
    plant = Plant().host("laptop", "10.0.0.1").asks("laptop", "s7comm", "plc", reads=5, intent=Intent.PROGRAM)
    assert kind(plant, "laptop") == Kind.ENGINEERING_WORKSTATION


def test_who_is_refused_is_no_engineering_workstation() -> None:
    plant = Plant().host("laptop", "10.0.0.1").asks("laptop", "s7comm", "plc", reads=5, intent=Intent.PROGRAM)
    plant.profiles["laptop"].asks["s7comm"].accepted.clear()
    assert kind(plant, "laptop") != Kind.ENGINEERING_WORKSTATION


def test_a_dnp3_master_that_configures_is_a_server_not_an_engineer() -> None:
    plant = Plant().host("master", "10.0.0.1").asks("master", "dnp3", "rtu", reads=5, intent=Intent.CONFIGURE)
    plant.asks("master", "dnp3", "rtu", reads=100)
    assert kind(plant, "master") == Kind.SCADA_SERVER


def test_several_units_behind_one_address_are_behind_a_gateway() -> None:
    plant = Plant().host("box", "10.0.0.1").asks("master", "modbus", "box", reads=50)
    plant.profiles["box"].serves["modbus"].answered_units |= {"5", "6", "7"}
    assert kind(plant, "box") == Kind.GATEWAY
    assert Role.GATEWAY in plant.assets["box"].roles


def test_servers_of_offices() -> None:
    plant = Plant().host("dc", "10.0.0.1").host("printer", "10.0.0.2").host("camera", "10.0.0.3").host("switch")
    plant.asks("pc", "kerberos", "dc").asks("pc", "ldap", "dc").asks("pc", "jetdirect", "printer").asks("pc", "rtsp", "camera")
    plant.asks("switch", "stp", "group", answers=0)
    kinds = [kind(plant, name) for name in ("dc", "printer", "camera", "switch")]
    assert kinds == [Kind.DOMAIN_CONTROLLER, Kind.PRINTER, Kind.CAMERA, Kind.SWITCH]
    assert Role.DOMAIN_CONTROLLER in plant.assets["dc"].roles


def test_its_own_words_outweigh_what_it_does() -> None:
    plant = Plant().host("drive", "10.0.0.1", ("cip", "device_type", "AC Drive"), ("cip", "model", "PowerFlex 525"))
    plant.asks("plc", "cip", "drive", reads=5)
    assert kind(plant, "drive") == Kind.DRIVE


def test_an_office_computer_that_once_wrote_to_a_controller_is_no_panel() -> None:
    plant = Plant().host("desk", "10.4.0.1").asks("desk", "kerberos", "dc").asks("desk", "modbus", "plc", reads=3, intent=Intent.WRITE)
    assert kind(plant, "desk") == Kind.WORKSTATION


def test_a_protection_relay_that_also_answers_dnp3_is_a_relay() -> None:
    plant = Plant().host("relay", "10.0.0.1").asks("hmi", "mms", "relay").asks("centre", "dnp3", "relay", reads=50)
    assert kind(plant, "relay") == Kind.IED


def test_what_only_engineering_software_speaks_makes_an_engineering_workstation() -> None:
    plant = Plant().host("pc", "10.0.0.1").host("sis", "10.0.0.2").asks("pc", "tristation", "sis")
    assert (kind(plant, "pc"), kind(plant, "sis")) == (Kind.ENGINEERING_WORKSTATION, Kind.PLC)
