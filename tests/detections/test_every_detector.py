"""No detector is dead: each is raised by a capture of these tests."""

import pytest

from sensor.baseline.learn import learn
from sensor.conduits.reference import RULES
from sensor.detections.registry import DETECTORS
from sensor.detections.rules import policy
from tests.detections.captures import CASES
from tests.detections.commands import COMMANDS
from tests.detections.test_detections import RAISED
from tests.detections.wire import MINUTE, SECOND, Turn, Wire, levels, modbus, polls, read, write


def plant(client: int = 1, server: int = 2, turns: list[Turn] | None = None, *, pause: int = SECOND) -> Wire:
    """A master with a controller, and whatever else."""
    wire = Wire().talk(1, 2, 502, polls(30), pause=pause)
    if turns is not None:
        wire.talk(client, server, 502, turns, at=10 * MINUTE)
    return wire


VISITOR = "ot.policy.temporary_asset"

DIFFERENCES = {
    "asset": (plant(), plant(3, 2, [read()])),
    "service": (plant(), plant().talk(1, 2, 80, [(b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")])),
    "exchange": (plant().talk(3, 4, 502, polls(3)), plant().talk(3, 4, 502, polls(3)).talk(3, 2, 502, polls(3))),
    "writer": (plant(), plant(1, 2, [write()])),
    "function": (plant(), plant(1, 2, [modbus("0400000001", "04020007")])),
    "object": (plant(), plant(1, 2, [read(500)])),
    "cadence": (plant(), plant(pause=10 * SECOND)),
    "missing": (plant(3, 2, [read()]), plant()),
}
"""By difference: what was learned from, and what is seen then."""


@pytest.mark.parametrize(("difference", "usual", "unusual"), [(name, *rows) for name, rows in DIFFERENCES.items()])
def test_what_is_not_in_the_baseline(difference: str, usual: Wire, unusual: Wire) -> None:
    baseline = learn(usual.known())
    rule = f"ot.baseline.{difference}"
    assert rule in {alert.rule for alert in unusual.known(baseline=baseline).alerts}
    assert rule not in {alert.rule for alert in usual.known(baseline=baseline).alerts}
    assert not any(name.startswith("ot.baseline.") for name in unusual.rules())


def test_a_visitor_at_a_controller_is_not_in_the_baseline() -> None:
    usual, unusual = plant(), plant(3, 2, [read()])
    baseline = learn(usual.known(levels(h2=1)))
    assert VISITOR in {alert.rule for alert in unusual.known(levels(h2=1), baseline=baseline).alerts}
    assert VISITOR not in {alert.rule for alert in usual.known(levels(h2=1), baseline=baseline).alerts}


def test_each_detector_is_raised_by_a_capture() -> None:
    raised = {case.rule for case in (*CASES, *COMMANDS)} | set(RAISED) | {f"ot.baseline.{name}" for name in DIFFERENCES} | {VISITOR}
    assert {row.id for row in DETECTORS} == raised


def test_each_rule_of_the_policy_has_its_detector() -> None:
    rules = {rule.name for rule in RULES} | {"conduit", "safety_zone"}
    assert {row.id for row in policy.ROWS} == {f"ot.policy.{name}" for name in rules} | {VISITOR, "ot.policy.pin_contradicted"}
