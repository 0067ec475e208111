"""The same capture, the same alerts: however it was read, and in whatever order detectors look at it. Alerts name assets that are."""

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sensor.capture import open_capture
from sensor.detections.registry import DETECTORS
from sensor.detections.run import detect_with
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude
from tests.detections.captures import CASES, Case
from tests.detections.commands import COMMANDS
from tests.detections.test_detections import PCAPS

CAPTURES = ("demo.pcap", "arp-conflict.pcap", "s7comm-program.pcap", "dnp3-session.pcap", "modbus-functions.pcap")


def concluded(name: str, packets: int) -> Knowledge:
    return conclude(observe(open_capture(PCAPS / name, batch_packets=packets)))


@cache
def whole(name: str) -> Knowledge:
    return concluded(name, 2_000_000)


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(CAPTURES), some.integers(1, 3000))
def test_alerts_do_not_depend_on_the_batches(name: str, packets: int) -> None:
    known = concluded(name, packets)
    assert (known.alerts, known.incidents) == (whole(name).alerts, whole(name).incidents)


@settings(max_examples=60, deadline=None)
@given(some.sampled_from(CAPTURES), some.randoms(use_true_random=False))
def test_alerts_do_not_depend_on_the_order_of_detectors(name: str, random: Random) -> None:
    detectors = list(DETECTORS)
    random.shuffle(detectors)
    assert detect_with(detectors, whole(name)) == (whole(name).alerts, whole(name).incidents)


def check_names(known: Knowledge) -> None:
    for alert in known.alerts:
        assert {alert.source, alert.target} <= {None, *known.assets}
    ids = [alert.id for alert in known.alerts]
    assert len(ids) == len(set(ids))
    for incident in known.incidents:
        assert {incident.actor} <= {None, *known.assets}
        assert set(incident.alerts) <= set(ids)


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_alerts_and_incidents_of_our_captures_name_what_is_known(path) -> None:
    check_names(whole(path.name))


@pytest.mark.parametrize("case", [case for case in (*CASES, *COMMANDS) if case.rule != "ot.flood.requests"], ids=lambda case: case.rule)
def test_made_captures_are_told_the_same_in_small_batches(case: Case) -> None:
    wire = case.guilty()
    known = wire.known(case.site)
    check_names(known)
    again = wire.known(case.site, batch_packets=7 + len(wire.frames) // 20)
    assert (again.alerts, again.incidents) == (known.alerts, known.incidents)
