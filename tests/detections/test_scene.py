"""Alerts say where they happened: the columns by which a SOC looks for them."""

from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.detections.model import Scene
from sensor.detections.scene import common
from sensor.observations import observe
from sensor.pipeline import conclude

WATER = Path(__file__).parents[2] / "pcaps" / "plants" / "water.pcap"


@pytest.fixture(scope="module")
def scenes():
    alerts = conclude(observe(open_capture(str(WATER)))).alerts
    return {(alert.rule, alert.target_ip): alert.scene for alert in alerts}


def test_a_command_says_what_was_asked_of_what_over_which_port(scenes):
    assert scenes["ot.plc.stop", "10.30.1.11"] == Scene("tcp", None, 102, 301, "Stop", "P_PROGRAM", 41)


def test_a_write_that_was_found_in_a_conversation_says_so_too(scenes):
    scene = scenes["ot.process.stranger", "10.30.3.11"]
    assert (scene.target_port, scene.operation) == (502, "Write Single Register")
    assert scene.object.startswith("HR 400")


def test_a_violation_says_what_it_wanted_and_what_it_touched(scenes):
    scene = scenes["ot.policy.enterprise_skip", "10.30.3.11"]
    assert (scene.transport, scene.target_port, scene.vlan, scene.operation) == ("tcp", 502, 303, "read, write")
    assert scene.object == "HR 40001-40040, HR 40021, HR 40022, HR 40023 and 1 more"


def test_several_rows_of_one_alert_keep_what_they_have_in_common():
    one = Scene("tcp", None, 502, 10, "Write Single Register", "HR 40001", 6)
    other = Scene("tcp", None, 502, 20, "Write Multiple Registers", "HR 40001", 16)
    assert common([one, other]) == Scene("tcp", None, 502, None, "Write Single Register, Write Multiple Registers", "HR 40001", None)
    assert common([]) == Scene()
