"""The policy: what is a violation, how bad, and what is none."""

from dataclasses import replace
from datetime import date

import pytest

from sensor.conduits.model import Allowance, Conduit, Pin, Site, Zone
from sensor.conduits.schedule import Schedule
from sensor.conduits.violations import judge
from sensor.detections.model import Outcome
from sensor.inventory.model import Level, Role
from sensor.pipeline import conclude
from tests.conduits.plant import BOILER, ENGINEER, HISTORIAN, HMI, METER, MIXER, STRANGER, known, observations, told, violations

EWS = Role.ENGINEERING_WORKSTATION


def test_neighbours_may_talk():
    assert not violations({HMI: 2, MIXER: 1, BOILER: 1}, {HMI: EWS})


def test_a_write_from_the_enterprise_is_critical_and_a_read_high():
    found = told(violations({HMI: 4, MIXER: 1}))
    assert ("enterprise_skip", "write", "critical") in found
    assert ("enterprise_skip", "read", "high") in found


def test_a_write_from_operations_is_high_and_a_read_low():
    found = told(violations({HMI: 3, MIXER: 1}))
    assert {("operations_write", "write", "high"), ("operations_write", "read", "low")} <= found


def test_an_engineering_workstation_may_write_from_operations():
    assert not [row for row in violations({HMI: 3, MIXER: 1}, {HMI: EWS}) if row.severity > 1]


def test_stopping_and_loading_is_for_engineering_workstations():
    found = violations({ENGINEER: 2, BOILER: 1})
    assert {("ews_role", "control", "critical"), ("ews_role", "program", "critical")} <= told(found)
    assert not violations({ENGINEER: 2, BOILER: 1}, {ENGINEER: EWS})


def test_the_outside_does_not_reach_the_plant():
    found = violations({STRANGER: 5, METER: 1})
    assert {row.rule for row in found} == {"internet"}
    assert {str(row.severity) for row in found if row.outcome is not Outcome.ATTEMPTED} == {"critical"}


def test_control_does_not_cross_to_the_outside_at_whatever_level_its_end_lives():
    found = violations({STRANGER: 5})
    assert {row.rule for row in found} == {"internet"}
    assert {str(row.severity) for row in found if row.outcome is not Outcome.ATTEMPTED} == {"high"}


@pytest.mark.parametrize("level", [3.5, 4])
def test_control_does_not_cross_to_the_outside_above_the_plant_either(level):
    found = violations({STRANGER: 5, METER: level})
    assert {row.rule for row in found} == {"internet"}
    assert {str(row.severity) for row in found if row.outcome is not Outcome.ATTEMPTED} == {"high"}


def test_above_level_2_nothing_reaches_the_field():
    assert "field_reach" in {row.rule for row in violations({HMI: 3, MIXER: 0})}
    assert not violations({HMI: 2, MIXER: 0}, {HMI: EWS})


def test_a_controller_does_not_call_upwards():
    assert "direction_reversal" in {row.rule for row in violations({HMI: 1, MIXER: 3})}


@pytest.mark.parametrize(
    ("client", "server", "rules"),
    [
        (4, 2, {"enterprise_skip"}),
        (4, 3, {"remote_access"}),
        (3, 1, {"remote_access"}),
        (3, 2, set()),
        (3.5, 3, set()),
        (4, 3.5, set()),
        (2, 3, set()),
    ],
)
def test_remote_access_comes_through_the_dmz(client, server, rules):
    plant = known(capture="ssh")
    row = next(row for row in plant.observations.conversations.values() if row.protocol == "ssh")
    leveled = known({row.client_ip: client, row.server_ip: server}, capture="ssh")
    assert {found.rule for found in judge(leveled)} == rules


def test_past_a_dmz_where_there_is_one():
    assert "dmz_bypass" in {row.rule for row in violations({HMI: 4, MIXER: 3, STRANGER: 3.5})}
    assert not violations({HMI: 4, MIXER: 3})


def test_levels_that_have_not_settled_raise_nothing():
    plant = known({HMI: 4, MIXER: 1})
    for number, dialogue in plant.dialogues.items():
        asset = dialogue.client.asset
        if asset is not None:
            doubtful = replace(asset, level=Level(asset.level.value, 0.6, settled=False))
            plant.dialogues[number] = replace(dialogue, client=replace(dialogue.client, asset=doubtful))
    assert not judge(plant)


def test_a_violation_says_all_there_is_to_know():
    row = next(row for row in violations({HMI: 4, MIXER: 1}) if row.intent == "write")
    assert (row.source_ip, row.target_ip, row.protocol) == (HMI, MIXER, "modbus")
    assert row.outcome is Outcome.ACCEPTED
    assert "HR 40020" in row.objects
    assert row.count >= 5
    assert row.first < row.last
    assert "10.20.1.100" in row.message
    assert "level 4" in row.message


CELLS = (Zone("cell", subnets=("10.20.1.0/24",)), Zone("operations", subnets=("10.3.0.0/24",)))
READ = Conduit("operations", "cell", protocols=("modbus",), intents=("read",))


def test_between_zones_only_what_a_conduit_allows():
    assert {row.rule for row in violations({}, site=Site(zones=CELLS))} == {"conduit"}
    assert not violations({}, site=Site(zones=CELLS, conduits=(READ,)))
    assert violations({}, site=Site(zones=CELLS, conduits=(replace(READ, intents=("write",)),)))
    assert violations({}, site=Site(zones=CELLS, conduits=(replace(READ, protocols=("s7comm",)),)))
    assert violations({}, site=Site(zones=CELLS, conduits=(replace(READ, objects=("HR 1-2",)),)))
    assert not violations({}, site=Site(zones=CELLS, conduits=(replace(READ, objects=("HR *", "IR *", "C *", "DI *")),)))


def test_a_conduit_has_a_direction():
    turned = replace(READ, source="cell", target="operations")
    assert violations({}, site=Site(zones=CELLS, conduits=(turned,)))
    assert not violations({}, site=Site(zones=CELLS, conduits=(replace(turned, both=True),)))


def test_a_conduit_has_its_hours():
    # the capture is of Monday, 2026-11-23, a little after 8:00 UTC
    assert not violations({}, site=Site(zones=CELLS, conduits=(replace(READ, schedule=Schedule(("monday",), "08:00-09:00")),)))
    assert violations({}, site=Site(zones=CELLS, conduits=(replace(READ, schedule=Schedule(("tuesday",))),)))
    vienna = Schedule(("monday",), "09:00-10:00", "Europe/Vienna")
    assert not violations({}, site=Site(zones=CELLS, conduits=(replace(READ, schedule=vienna),)))


def test_a_conduit_overrules_the_reference_policy():
    site = Site(conduits=(Conduit("level 4", "level 1"),))
    assert not violations({HMI: 4, MIXER: 1}, {HMI: EWS}, site)


def test_a_write_into_a_safety_zone_is_critical():
    zones = (Zone("sis", assets=(MIXER,), safety=True), Zone("cell", subnets=("10.20.1.0/24",)))
    found = violations({}, site=Site(zones=zones))
    assert ("safety_zone", "write", "critical") in told(found)
    assert ("conduit", "read", "medium") in told(found)


@pytest.mark.parametrize(("day", "allowed"), [(date(2026, 11, 23), True), (date(2026, 11, 22), False)])
def test_an_exception_lasts_until_it_expires(day, allowed):
    found = violations({}, site=Site(zones=CELLS, allowances=(Allowance(HISTORIAN, "cell", "a test", day),)))
    assert (not found) is allowed
    assert allowed or all("expired on 2026-11-22" in row.title for row in found)


def test_a_pin_puts_an_asset_into_a_zone():
    site = Site(zones=CELLS, pins=(Pin(HISTORIAN, zone="cell"),))
    assert not violations({}, site=site)


def test_a_pinned_engineering_workstation_has_the_role_before_it_was_seen_at_work():
    def rules(*pins):
        return {row.rule for row in conclude(observations("mirrored-stop"), Site(pins=pins)).violations}

    assert "ews_role" in rules(Pin(ENGINEER, level=2))
    assert "ews_role" not in rules(Pin(ENGINEER, level=2, kind="engineering_workstation"))


def test_the_closest_zone_counts():
    zones = (Zone("all", subnets=("10.0.0.0/8",)), Zone("cell", subnets=("10.20.1.0/24",)), Zone("one", assets=(MIXER,)))
    plant = known(site=Site(zones=zones))
    zone = {next(iter(asset.ips), ""): asset.zone for asset in plant.assets.values() if asset.parent is None}
    assert (zone[MIXER], zone[BOILER], zone[HISTORIAN]) == ("one", "cell", "all")


def test_a_conduit_opens_programs_only_if_it_names_them():
    def with_intents(*intents):
        return Site(conduits=(Conduit("level 2", "level 1", intents=intents),))

    assert {row.rule for row in violations({ENGINEER: 2, BOILER: 1}, site=with_intents())} == {"ews_role"}
    named = with_intents("program", "control", "configure", "read", "write", "upload", "diagnose")
    assert not violations({ENGINEER: 2, BOILER: 1}, site=named)


def test_a_conduit_opens_a_safety_zone_for_writing_only_if_it_names_that():
    zones = (Zone("sis", assets=(MIXER,), safety=True), Zone("cell", subnets=("10.20.1.0/24",)))
    everything = Conduit("cell", "sis")
    assert {row.rule for row in violations({}, site=Site(zones=zones, conduits=(everything,)))} == {"safety_zone"}
    assert not violations({}, site=Site(zones=zones, conduits=(everything, replace(everything, intents=("write", "control", "configure")))))


@pytest.mark.parametrize(("safety", "rule"), [(False, ("conduit", "medium")), (True, ("safety_zone", "critical"))])
def test_a_host_of_no_zone_changes_nothing_in_one(safety, rule):
    zones = (Zone("cell", assets=(MIXER,), safety=safety),)
    found = told(violations({}, site=Site(zones=zones)))
    assert {(name, severity) for name, _, severity in found} == {rule}
    assert {intent for _, intent, _ in found} == {"write", "control", "configure"}


def in_subnets(plant, subnets):
    """Hosts moved to other subnets, as if they had been there."""
    for name, asset in plant.assets.items():
        ip = next(iter(asset.ips), "")
        if ip in subnets:
            moved = tuple(replace(address, ip=f"{subnets[ip]}.{ip.rpartition('.')[2]}") for address in asset.addresses)
            plant.assets[name] = replace(asset, addresses=moved)
    for number, dialogue in plant.dialogues.items():
        ends = [replace(party, asset=plant.assets.get(party.id or "")) for party in (dialogue.client, dialogue.server)]
        plant.dialogues[number] = replace(dialogue, client=ends[0], server=ends[1])
    return plant


PLANT = {HMI: 2, MIXER: 1, BOILER: 1, ENGINEER: 2}
ROLES = {HMI: EWS, ENGINEER: EWS}


def test_a_host_of_another_cell_commands_no_controller():
    cells = {HMI: "10.1.1", BOILER: "10.1.1", MIXER: "10.1.2", ENGINEER: "10.1.2"}
    found = told(judge(in_subnets(known(PLANT, ROLES), cells)))
    assert {("peer_cell", "write", "high"), ("peer_cell", "read", "low")} <= found
    assert {rule for rule, _, _ in found} == {"peer_cell"}


def test_a_server_room_without_controllers_is_no_cell():
    rooms = {HMI: "10.1.9", BOILER: "10.1.1", MIXER: "10.1.2", ENGINEER: "10.1.9"}
    assert not judge(in_subnets(known(PLANT, ROLES), rooms))


def test_the_zones_of_a_site_file_are_cells():
    zones = (Zone("one", assets=(HMI,)), Zone("two", assets=(MIXER,)))
    found = told(violations({HMI: 2, MIXER: 1}, {HMI: EWS}, Site(zones=zones)))
    assert {("peer_cell", "write", "high"), ("peer_cell", "read", "medium")} <= found
    opened = (Conduit("one", "two", intents=("read", "write", "control", "configure", "diagnose", "discover")),)
    assert not violations({HMI: 2, MIXER: 1}, {HMI: EWS}, Site(zones=zones, conduits=opened))
