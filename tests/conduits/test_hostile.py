"""What nobody meant to happen: odd addresses, knocks in vain, misspelt words, and policies that say less than they seem to."""

from dataclasses import replace

import pytest

from sensor.conduits.acts import acts
from sensor.conduits.judge import Judge
from sensor.conduits.model import Conduit, Site, Zone
from sensor.conduits.site import parse_site
from sensor.conduits.violations import judge
from sensor.errors import SiteError
from sensor.inventory.model import Role
from sensor.knowledge import Party
from tests.conduits.plant import HMI, METER, MIXER, STRANGER, known, told, violations


@pytest.mark.parametrize("address", ["::1:2:3:4", "1:2::3:4:5", "fd00:1:2:3::5"])
def test_an_ipv6_address_with_five_colons_is_no_mac(address):
    plant = known({HMI: 4})
    dialogue = next(row for row in plant.dialogues.values() if row.client.address == HMI)
    assert list(acts(replace(dialogue, server=Party(address, None))))


def test_frames_to_a_group_cross_nothing():
    plant = known({HMI: 4})
    dialogue = next(row for row in plant.dialogues.values() if row.client.address == HMI)
    assert not list(acts(replace(dialogue, server=Party("01:00:5e:00:00:fb", None))))
    assert not list(acts(replace(dialogue, server=Party("224.0.0.251", None))))


def test_a_knock_in_vain_is_low_and_one_thing_whatever_the_ports():
    plant = known({STRANGER: 4, METER: 1})
    judging = Judge(Site(), plant.assets.values())
    refused = [act for row in plant.dialogues.values() for act in acts(row) if act.refused]
    assert refused
    assert all("/" not in act.protocol for act in refused)
    assert {str(verdict.severity) for act in refused if (verdict := judging.of(act))} <= {"low"}


def test_any_does_not_mean_the_internet():
    opened = Site(conduits=(Conduit("any", "level 1"),))
    assert {row.rule for row in violations({STRANGER: 5, METER: 1}, site=opened)} == {"internet"}
    outside = Site(conduits=(Conduit("outside", "level 1"),))
    assert {row.rule for row in violations({STRANGER: 5, METER: 1}, site=outside)} == {"ews_role"}  # programs have to be named
    named = Conduit("outside", "level 1", intents=("program", "control"))
    assert not violations({STRANGER: 5, METER: 1}, site=Site(conduits=(*outside.conduits, named)))


CELLS = (Zone("cell", assets=(MIXER,)), Zone("desk", assets=(HMI,)))


def test_a_conduit_may_name_a_level_beside_zones():
    site = Site(zones=CELLS[:1], conduits=(Conduit("level 4", "cell"),))
    assert not violations({HMI: 4, MIXER: 1}, {HMI: Role.ENGINEERING_WORKSTATION}, site)


def test_within_a_zone_everything_is_allowed():
    one = Site(zones=(Zone("all", assets=(MIXER, HMI)),))
    assert not {row.rule for row in judge(known({HMI: 3, MIXER: 1}, site=one))} - {"ews_role"}


def test_the_worse_of_file_and_reference_counts():
    found = told(violations({HMI: 5, MIXER: 1}, site=Site(zones=CELLS)))
    assert ("internet", "read", "critical") in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[pin]]\nmatch = 'a'\nkind = 'plcc'\n", r"^3: .*did you mean 'plc'"),
        ("[[pin]]\nmatch = 'a'\nlevel = 7\n", r"^3: .*7 is no level"),
        ("[[pin]]\nmatch = 'a'\ncriticality = 'hihg'\n", r"^3: .*did you mean 'high'"),
        ("[[zone]]\nname = 'a'\nlevels = [1, 6]\n", r"^3: .*6 is no level"),
        ("[[conduit]]\nfrom = 'any'\nto = 'any'\nintents = ['wirte']\n", r"^4: .*did you mean 'write'"),
        ("[[conduit]]\nfrom = 'any'\nto = 'any'\nprotocols = ['modbuss']\n", r"^4: .*did you mean 'modbus'"),
        ("x = " + "[" * 5000, r"^1: .*nested too deep"),
    ],
)
def test_a_misspelt_word_is_said_and_not_taken_for_nothing(text, says):
    with pytest.raises(SiteError, match=says):
        parse_site(text)


def test_a_port_without_a_name_is_a_protocol():
    assert parse_site("[[conduit]]\nfrom = 'any'\nto = 'any'\nprotocols = ['tcp/4711', 'rdp']\n").conduits
