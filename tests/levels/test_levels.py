"""Levels of small plants in words: what may never happen, and each rule that could fail."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sensor.capture import open_capture
from sensor.conduits.model import Pin, Site
from sensor.inventory.model import Role
from sensor.inventory.traits import Traits
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.protocols import Intent
from tests.levels.plant import Plant, names


def cells() -> Plant:
    """Three controllers in two cells, their panel, and a server that polls them all from its own subnet."""
    plant = Plant()
    plant.host("plc0", "10.1.0.10").host("plc1", "10.1.1.10").host("plc2", "10.1.1.11").host("panel", "10.1.0.20")
    plant.host("scada", "10.2.0.10").host("scada2", "10.2.0.11")
    plant.asks("panel", "s7comm", "plc0", reads=900)
    plant.asks("scada", "s7comm", "plc0", "plc1", "plc2", reads=900)
    return plant.asks("scada2", "s7comm", "plc0", "plc1", reads=900)


def offices(plant: Plant) -> Plant:
    """People with mail and the web, their domain controller and mail server."""
    plant.host("dc4", "10.4.0.5").host("mail", "10.4.0.6").host("web", "142.1.2.3", outside=True)
    for name in names("pc", 4):
        plant.host(name, f"10.4.1.1{name[-1]}").asks(name, "kerberos", "dc4").asks(name, "ldap", "dc4").asks(name, "dns", "dc4")
        plant.asks(name, "imap", "mail").asks(name, "tls", "web")
    return plant


def site_operations(plant: Plant) -> Plant:
    """Log-on and historian of the plant."""
    plant.host("dc3", "10.3.0.5").host("historian", "10.3.0.10")
    for name in ("scada", "scada2", "historian"):
        plant.asks(name, "kerberos", "dc3").asks(name, "ldap", "dc3")
    return plant.asks("historian", "opcua", "scada")


def test_a_plant_of_cells_site_operations_a_dmz_and_offices() -> None:
    plant = offices(site_operations(cells()))
    plant.host("jump", "10.3.5.10").host("replica", "10.3.5.20").host("updates", "10.3.5.30")
    plant.asks("pc0", "rdp", "jump").asks("jump", "rdp", "scada", "historian")
    plant.asks("replica", "tds", "historian").asks("pc1", "tds", "replica")
    plant.asks("updates", "tls", "web").asks("dc3", "http", "updates").asks("historian", "http", "updates")
    levels = plant.values()
    assert {name: levels[name] for name in ("plc0", "plc1", "plc2")} == dict.fromkeys(("plc0", "plc1", "plc2"), 1)
    assert {name: levels[name] for name in ("panel", "scada", "scada2")} == dict.fromkeys(("panel", "scada", "scada2"), 2)
    assert {name: levels[name] for name in ("dc3", "historian")} == {"dc3": 3, "historian": 3}
    assert {name: levels[name] for name in ("jump", "replica", "updates")} == dict.fromkeys(("jump", "replica", "updates"), 3.5)
    assert {name: levels[name] for name in ("pc0", "pc3", "dc4", "mail")} == dict.fromkeys(("pc0", "pc3", "dc4", "mail"), 4)
    assert levels["web"] == 5


def test_people_who_only_look_at_a_replica_are_in_offices_and_the_replica_between() -> None:
    plant = site_operations(cells()).host("replica", "10.3.5.20").host("desk", "10.4.1.10").host("desk2", "10.4.1.11")
    plant.asks("replica", "tds", "historian").asks("desk", "http", "replica").asks("desk2", "http", "replica")
    levels = plant.values()
    assert (levels["replica"], levels["desk"], levels["desk2"], levels["historian"]) == (3.5, 4, 4, 3)


def test_a_scanner_is_no_master() -> None:
    plant = cells().host("stranger", "10.1.1.99")
    plant.asks("stranger", "modbus", *names("nobody", 30), reads=1, answers=0)
    plant.asks("stranger", "s7comm", "plc0", "plc1", "plc2", reads=2)
    level = plant.levels()["stranger"]
    assert Role.SCANNER in plant.assets["stranger"].roles
    assert Role.MASTER not in plant.assets["stranger"].roles
    assert level.value is None


def test_calling_to_everyone_is_no_scan() -> None:
    plant = cells()
    for port in range(30):
        plant.asks("panel", "ssdp", f"239.255.0.{port}", answers=0).asks("panel", "codesys", "10.1.0.255", answers=0)
    assert plant.values()["panel"] == 2
    assert Role.SCANNER not in plant.assets["panel"].roles


def test_who_only_asks_devices_who_they_are_is_no_master() -> None:
    plant = cells().host("curious", "10.1.1.98")
    plant.asks("curious", "s7comm", "plc0", "plc1", "plc2", reads=2, intent=Intent.DISCOVER)
    assert plant.levels()["curious"].value is None
    assert Role.SCANNER in plant.assets["curious"].roles


def test_a_server_that_also_finds_dead_addresses_stays_a_master() -> None:
    plant = cells().asks("scada", "modbus", *names("off", 20), reads=1, answers=0)
    assert plant.values()["scada"] == 2


def test_an_unanswered_request_makes_neither_controller_nor_level() -> None:
    plant = Plant().host("asks", "10.0.0.1").host("silent", "10.0.0.2").asks("asks", "modbus", "silent", reads=5, answers=0)
    assert plant.values() == {"asks": None, "silent": None}
    assert plant.assets["silent"].roles == ()


def test_many_requests_to_someone_unheard_are_weak_evidence_of_a_master() -> None:
    level = Plant().host("asks", "10.0.0.1").asks("asks", "modbus", "10.0.0.2", reads=500, answers=0).levels()["asks"]
    assert level.value == 2
    assert level.confidence < 0.5
    assert not level.settled


def test_requests_into_another_subnet_whose_answers_were_not_seen_tell_nothing() -> None:
    plant = cells().host("asks", "10.3.0.1").asks("asks", "modbus", "10.0.0.2", reads=500, answers=0)
    assert plant.values()["asks"] is None
    plant = cells().host("asks", "10.3.0.1").asks("asks", "modbus", "plc0", reads=500, answers=0)
    assert plant.values()["asks"] is None


def test_a_controller_that_asks_others_stays_at_level_1() -> None:
    plant = cells().host("meter", "10.1.0.50").asks("plc0", "s7comm", "plc1", "plc2", reads=400).asks("plc0", "modbus", "meter", reads=400)
    assert plant.values()["plc0"] == 1


def test_a_telecontrol_unit_that_polls_devices_of_its_bay_stays_at_level_1() -> None:
    plant = Plant().host("rtu", "10.0.0.1").host("ied", "10.0.0.2").host("ied2", "10.0.0.3").host("centre", "10.9.0.1")
    plant.asks("rtu", "mms", "ied", "ied2").asks("centre", "dnp3", "rtu", reads=300)
    assert plant.values() == {"rtu": 1, "ied": 1, "ied2": 1, "centre": 2}


def test_a_server_that_passes_on_what_it_polls_is_no_controller() -> None:
    plant = cells().asks("scada", "smb", "scada2")
    plant.host("historian", "10.3.0.1").asks("historian", "modbus", "scada", reads=50)
    assert plant.values()["scada"] == 2


def test_an_office_host_that_writes_to_controllers_stays_an_office_host() -> None:
    plant = offices(cells()).asks("pc0", "s7comm", "plc0", "plc1", reads=300, intent=Intent.WRITE)
    assert plant.values()["pc0"] == 4


def test_an_office_host_in_the_subnet_of_controllers_stays_above_them() -> None:
    plant = cells().host("web", "142.1.2.3", outside=True).host("laptop", "10.1.1.50")
    plant.asks("laptop", "tls", "web").asks("laptop", "smb", "scada")
    assert plant.values()["laptop"] == 4


def test_an_engineering_workstation_among_site_operations_lives_there() -> None:
    plant = site_operations(cells()).host("engineer", "10.3.0.20").asks("engineer", "kerberos", "dc3")
    plant.asks("engineer", "s7comm", "plc0", reads=8, intent=Intent.UPLOAD)
    assert plant.values()["engineer"] == 3
    assert Role.ENGINEERING_WORKSTATION in plant.assets["engineer"].roles


def test_an_engineering_workstation_beside_controllers_is_at_level_2() -> None:
    plant = cells().host("engineer", "10.1.1.30").asks("engineer", "s7comm", "plc1", reads=8, intent=Intent.PROGRAM)
    assert plant.values()["engineer"] == 2


@pytest.mark.parametrize("protocol", ["arp", "mdns", "ssdp", "dhcp", "llmnr", "browser", "stp"])
def test_who_only_talks_to_groups_stays_unknown(protocol: str) -> None:
    plant = cells().host("quiet", "10.1.1.77").asks("quiet", protocol, "all", reads=0, answers=0)
    assert plant.values()["quiet"] is None


def test_the_maker_of_the_adapter_alone_tells_no_level() -> None:
    level = Plant().host("box", "10.0.0.1", vendor="Siemens AG").levels()["box"]
    assert level.value is None
    assert [piece.says for piece in level.evidence] == ["2-"]


def test_opc_ua_is_served_by_controllers_and_by_computers() -> None:
    plant = Plant().host("cpu", "10.0.0.1", vendor="Siemens AG").host("server", "10.0.0.2", ("browser", "operating_system", "Windows 10.0"))
    plant.host("files", "10.0.0.3").host("any", "10.0.0.4")
    plant.asks("somebody", "opcua", "cpu", "server", "any").asks("server", "smb", "files")
    levels = plant.values()
    assert (levels["cpu"], levels["server"], levels["any"]) == (1, 2, None)


def test_who_only_reads_from_afar_what_operators_work_with_is_not_taken_for_one() -> None:
    plant = cells().asks("panel", "s7comm", "plc0", reads=5, intent=Intent.WRITE)
    plant.host("reports", "10.3.0.20").asks("reports", "s7comm", "plc0", reads=60)
    assert plant.values()["reports"] != 2
    plant = site_operations(plant)
    plant.asks("reports", "kerberos", "dc3")
    assert plant.values()["reports"] == 3


def test_a_server_with_a_leg_in_the_cell_does_not_come_from_afar() -> None:
    plant = Plant().host("plc", "10.1.0.10").host("plc2", "10.1.0.11").host("server", "10.2.0.10,10.1.0.20")
    near = plant.asks("server", "modbus", "plc", "plc2", reads=40).levels()["server"]
    plant = Plant().host("plc", "10.1.0.10").host("plc2", "10.1.0.11").host("server", "10.2.0.10")
    far = plant.asks("server", "modbus", "plc", "plc2", reads=40).levels()["server"]
    assert (near.value, far.value) == (2, 2)
    assert near.confidence > far.confidence


def test_a_pin_beats_what_was_seen_and_keeps_what_speaks_against_it() -> None:
    plant = cells()
    pinned = plant.levels(Site(pins=(Pin("10.1.0.10", level=3),)))["plc0"]
    assert (pinned.value, pinned.confidence, pinned.settled, pinned.pinned) == (3, 1, True, True)
    assert any(piece.says == "1" for piece in pinned.against)


def test_a_pin_is_believed_by_others() -> None:
    plant = Plant().host("names", "10.0.1.1").host("a", "10.0.0.1").host("b", "10.0.0.2")
    plant.asks("a", "dns", "names").asks("b", "dns", "names")
    assert plant.levels()["names"].value is None
    assert plant.levels(Site(pins=(Pin("10.0.0.1", level=2), Pin("10.0.0.2", level=2))))["names"].value == 3


def test_a_public_address_is_outside() -> None:
    level = Plant().host("far", "142.1.2.3", outside=True).levels()["far"]
    assert (level.value, level.confidence, level.settled) == (5, 1, True)


def test_a_plant_with_public_addresses_inside_is_no_outside() -> None:
    plant = Plant().host("plc", "134.249.61.163", outside=True).host("hmi", "134.249.62.206", outside=True)
    assert plant.asks("hmi", "s7comm", "plc", reads=50).values() == {"plc": 1, "hmi": 2}


def test_two_of_one_public_subnet_that_talk_are_at_home() -> None:
    plant = cells().host("one", "142.1.2.3", outside=True).host("other", "142.1.2.4", outside=True)
    plant.asks("one", "dns", "other")
    assert {plant.values()[name] for name in ("one", "other")} == {None}


def test_where_all_addresses_are_public_those_who_control_are_not_called_outside() -> None:
    plant = Plant().host("plc", "1.1.1.1", outside=True).host("hmi", "2.2.2.2", outside=True).asks("hmi", "fins", "plc", reads=50)
    assert plant.values() == {"plc": 1, "hmi": 2}
    assert plant.host("pc", "10.0.0.1").values()["plc"] == 5


def test_a_stranger_from_outside_who_writes_to_a_controller_stays_outside() -> None:
    plant = cells().host("far", "142.1.2.3", outside=True).asks("far", "s7comm", "plc0", reads=500, intent=Intent.WRITE)
    assert plant.values()["far"] == 5


@pytest.mark.parametrize(
    ("device_type", "level"),
    [("AC Drive", 0), ("General Purpose Discrete I/O", 0), ("Human-Machine Interface", 2), ("Programmable Logic Controller", 1)],
)
def test_a_device_that_says_what_it_is_lives_there_although_it_answers(device_type: str, level: float) -> None:
    plant = Plant().host("device", "10.0.0.1", ("cip", "device_type", device_type)).asks("plc", "cip", "device", reads=50)
    assert plant.values()["device"] == level


def test_a_device_whose_controller_sets_it_up_and_uses_its_io_is_io() -> None:
    plant = Plant().host("plc", "10.0.0.1").host("adapter", "10.0.0.2")
    plant.asks("plc", "cip", "adapter", reads=5, intent=Intent.SESSION).asks("plc", "cip_io", "adapter", reads=5000, intent=Intent.WRITE)
    assert plant.values() == {"plc": 1, "adapter": 0}


def test_io_is_told_by_its_own_words() -> None:
    plant = Plant().host("io", "10.0.0.1", ("pn_dcp", "role", "IO device"), ("pn_dcp", "model", "ET 200SP"))
    assert plant.values()["io"] == 0
    plant = Plant().host("cpu", "10.0.0.1", ("s7comm", "order_number", "6ES7 315-2EH14-0AB0"))
    assert plant.values()["cpu"] == 1


def test_the_hub_of_cyclic_data_is_the_controller() -> None:
    plant = Plant().host("cpu").host("io0").host("io1").asks("cpu", "profinet", "io0", "io1", reads=5000)
    assert plant.values() == {"cpu": 1, "io0": 0, "io1": 0}
    assert Plant().host("a").host("b").asks("a", "profinet", "b", reads=5000).values() == {"a": None, "b": None}


def test_evidence_speaks_with_numbers() -> None:
    level = cells().levels()["plc0"]
    assert level.evidence[0].because == "answers S7comm: 2,700 responses to 3 clients"
    assert level.settled


def test_the_order_of_assets_changes_nothing() -> None:
    plant = offices(site_operations(cells()))
    forwards = dict(plant.levels())
    plant.assets = dict(reversed(plant.assets.items()))
    assert dict(plant.levels()) == forwards


def test_a_real_capture_of_an_engineer_and_a_controller() -> None:
    known = conclude(observe(open_capture("pcaps/s7comm-program.pcap")))
    levels = {ip: asset.level.value for asset in known.assets.values() for ip in asset.ips}
    assert 1 in levels.values()
    assert not {level for level in levels.values() if level is not None and level > 2}


def test_the_demo_has_no_controller_above_and_no_stranger_below() -> None:
    known = conclude(observe(open_capture("pcaps/demo.pcap")))
    levels = {ip: asset.level.value for asset in known.assets.values() for ip in asset.ips}
    assert {levels[f"10.20.1.{host}"] for host in (11, 12, 13, 14, 15)} == {1}
    assert {levels[f"10.20.1.{host}"] for host in (100, 101, 110)} == {2}
    assert levels["10.20.1.66"] is None
    assert levels["10.3.0.20"] is None


HOSTS = tuple(names("host", 6))
DEEDS = some.tuples(
    some.sampled_from(HOSTS),
    some.sampled_from(
        ("s7comm", "modbus", "dnp3", "rdp", "smb", "kerberos", "dns", "tds", "opcua", "http", "tls", "ssh", "ntp", "snmp", "cip_io")
    ),
    some.sampled_from(HOSTS),
    some.sampled_from((0, 1, 30, 500)),
    some.sampled_from((Intent.READ, Intent.WRITE, Intent.PROGRAM, Intent.DISCOVER)),
)


@settings(deadline=None)
@given(some.lists(DEEDS, max_size=25), some.lists(some.booleans(), min_size=6, max_size=6))
def test_whatever_happens_no_controller_is_above_its_operators(deeds: list[tuple[str, str, str, int, Intent]], far: list[bool]) -> None:
    plant = Plant().host("inside", "10.9.0.1")
    for number, name in enumerate(HOSTS):
        plant.host(name, f"10.{number // 2}.0.{number + 1}" if not far[number] else f"14{number}.1.{number}.1", outside=far[number])
    for client, protocol, server, reads, intent in deeds:
        if client != server:
            plant.asks(client, protocol, server, reads=reads if protocol in ("s7comm", "modbus", "dnp3", "cip_io") else 0, intent=intent)
    levels = plant.levels()
    for name, level in levels.items():
        assert 0 <= level.confidence <= 1
        assert level.value is not None or not level.settled
        if plant.assets[name].outside:
            assert level.value == 5
        elif plant.profiles[name].serves.keys() & {"s7comm", "dnp3"} and not Traits(plant.profiles[name]).is_computer:
            assert level.value is None or level.value <= 2
