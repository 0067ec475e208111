"""What is found in captures, what is not, and that it does not depend on how they were read."""

import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.conduits.model import Maintenance, Pin, Site, Zone
from sensor.detections.catalogue import coverage_page, detectors_page
from sensor.detections.coverage import ALERT_TYPES, TECHNIQUES, WHY_NOT
from sensor.detections.model import Alert, Detector, Engine, Finding, Outcome, Severity, View
from sensor.detections.registry import DETECTORS
from sensor.detections.run import MOST_ALERTS, QUIET, detect_with
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude

REPOSITORY = Path(__file__).parents[2]
PCAPS = REPOSITORY / "pcaps"

DEPRECATED = {"T0808", "T0810", "T0818", "T0824", "T0825", "T0833", "T0841", "T0844", "T0850", "T0854", "T0870", "T0875", "T0842"}
"""Deprecated or revoked in v18.1; and network sniffing, which cannot be seen."""


@cache
def known(name: str) -> Knowledge:
    """All that is known of one of our captures."""
    return conclude(observe(open_capture(PCAPS / name)))


@cache
def raised(name: str) -> frozenset[str]:
    """The detectors that raise something in one of our captures."""
    return frozenset(alert.rule for alert in known(name).alerts)


RAISED = {
    "ot.discovery.identity": ("demo.pcap", "http.pcap"),
    "ot.discovery.list_identity": ("demo.pcap", "enip-tags.pcap"),
    "ot.dnp3.clock": ("dnp3-session.pcap", "modbus-functions.pcap"),
    "ot.dnp3.disable_unsolicited": ("dnp3-session.pcap", "modbus-functions.pcap"),
    "ot.dnp3.indications_cleared": ("dnp3-session.pcap", "modbus-functions.pcap"),
    "ot.failure.illegal_function": ("demo.pcap", "dnp3-session.pcap"),
    "ot.failure.illegal_address": ("demo.pcap", "dnp3-session.pcap"),
    "ot.network.address_conflict": ("arp-conflict.pcap", "demo.pcap"),
    "ot.network.address_mismatch": ("arp-conflict.pcap", "demo.pcap"),
    "ot.network.address_moved": ("arp-conflict.pcap", "demo.pcap"),
    "ot.plc.clear_counters": ("modbus-functions.pcap", "s7comm-operate.pcap"),
    "ot.plc.clock": ("s7comm-engineer.pcap", "s7comm-operate.pcap"),
    "ot.plc.configuration_write": ("modbus-functions.pcap", "s7comm-operate.pcap"),
    "ot.plc.password": ("s7comm-engineer.pcap", "s7comm-operate.pcap"),
    "ot.plc.program_download": ("s7comm-program.pcap", "s7comm-operate.pcap"),
    "ot.plc.program_upload": ("s7comm-program.pcap", "s7comm-operate.pcap"),
    "ot.plc.reset": ("modbus-functions.pcap", "s7comm-operate.pcap"),
    "ot.plc.start": ("s7comm-program.pcap", "s7comm-operate.pcap"),
    "ot.plc.stop": ("s7comm-program.pcap", "s7comm-operate.pcap"),
    "ot.process.image": ("s7comm-operate.pcap", "s7comm-program.pcap"),
    "ot.process.stranger": ("demo.pcap", "s7comm-operate.pcap"),
    "ot.protocol.exception_by_master": ("demo.pcap", "modbus-functions.pcap"),
    "ot.protocol.unexpected": ("http-on-502.pcap", "http.pcap"),
    "ot.scan.functions": ("demo.pcap", "modbus-functions.pcap"),
    "ot.scan.points": ("demo.pcap", "modbus-functions.pcap"),
    "ot.sensor.no_traffic": ("pcap-empty.pcap", "http.pcap"),
    "ot.state.outstation_restarted": ("dnp3-session.pcap", "modbus-functions.pcap"),
}
"""By detector: a capture that raises it, and one that is alike and does not."""


@pytest.mark.parametrize(("rule", "guilty", "innocent"), [(rule, *names) for rule, names in RAISED.items()])
def test_raised_where_it_happens_and_not_next_to_it(rule: str, guilty: str, innocent: str) -> None:
    assert rule in raised(guilty)
    assert rule not in raised(innocent)


def only(name: str, rule: str, **about: object) -> Alert:
    """The one alert of a detector."""
    found = [
        alert for alert in known(name).alerts if alert.rule == rule and all(getattr(alert, key) == value for key, value in about.items())
    ]
    assert len(found) == 1
    return found[0]


def test_a_stop_by_a_stranger_is_critical_and_says_what_the_device_answered() -> None:
    alert = only("s7comm-program.pcap", "ot.plc.stop")
    assert (alert.severity, alert.outcome, alert.source_ip, alert.target_ip) == (
        Severity.CRITICAL,
        Outcome.ACCEPTED,
        "10.20.1.110",
        "10.20.1.12",
    )
    assert alert.message.startswith("10.20.1.110 stopped 10.20.1.12")
    assert "the device accepted it" in alert.message
    assert "T0858" in alert.techniques


def test_an_alert_is_the_same_whoever_its_address_is_taken_for(tmp_path: Path) -> None:
    """Before a router has said that it is there, the one host behind it seems to own its MAC."""
    octets, place = (PCAPS / "mirrored-enterprise.pcap").read_bytes(), 24
    kept = octets[:24]
    while place < len(octets):
        end = place + 16 + int.from_bytes(octets[place + 8 : place + 12], "little")
        kept += b"" if octets[place + 28 : place + 30] == b"\x08\x06" else octets[place:end]
        place = end
    (tmp_path / "without-arp.pcap").write_bytes(kept)
    site = Site(pins=(Pin("10.40.0.0/24", level=4),))
    captures = (PCAPS / "mirrored-enterprise.pcap", tmp_path / "without-arp.pcap")
    found = [alert for path in captures for alert in conclude(observe(open_capture(path)), site).alerts]
    [alert, early] = [alert for alert in found if alert.rule == "ot.process.stranger"]
    assert early.source != alert.source
    assert (early.id, early.thing) == (alert.id, alert.thing)


def test_what_the_sensor_had_no_room_for_is_an_alert() -> None:
    observations = observe(open_capture(PCAPS / "demo.pcap"))
    assert not {alert.rule for alert in conclude(observations).alerts} & {"ot.sensor.loss"}
    observations.statistics.counters["kernel_dropped"] = 1000  # type: ignore[index, union-attr] # as of an interface
    [alert] = [alert for alert in conclude(observations).alerts if alert.rule == "ot.sensor.loss"]
    assert "1,000 packets" in alert.message


def test_a_refused_command_says_so() -> None:
    alert = only("demo.pcap", "ot.plc.reset", source_ip="10.20.1.66")
    assert alert.outcome is Outcome.REJECTED
    assert "tried to reset" in alert.message
    assert "rejected" in alert.message


def test_one_that_works_with_the_device_is_less_suspicious_than_a_stranger() -> None:
    assert only("demo.pcap", "ot.plc.reset", source_ip="10.20.1.100").severity < Severity.CRITICAL
    assert only("modbus-functions.pcap", "ot.plc.reset").severity is Severity.CRITICAL


def test_announced_work_is_less_severe_and_a_safety_zone_more() -> None:
    observations = observe(open_capture(PCAPS / "s7comm-program.pcap"))
    site = Site(zones=(Zone("safety", subnets=("10.20.1.12/32",), safety=True),), maintenance=(Maintenance(actors=("10.20.1.110",)),))
    severity = {}
    for name, given in {"plain": Site(), "announced": Site(maintenance=site.maintenance), "safety": Site(zones=site.zones)}.items():
        severity[name] = {alert.rule: alert.severity for alert in conclude(observations, given).alerts}
    assert severity["plain"]["ot.plc.start"] is Severity.MEDIUM
    assert severity["announced"]["ot.plc.start"] is Severity.LOW
    assert severity["safety"]["ot.plc.start"] is Severity.HIGH


def test_the_site_file_switches_detectors_off_and_sets_thresholds() -> None:
    observations = observe(open_capture(PCAPS / "demo.pcap"))
    site = Site(disabled=frozenset({"ot.scan.points"}), thresholds={"ot.scan.functions": {"functions": 1000}})
    rules = {alert.rule for alert in conclude(observations, site).alerts}
    assert not {"ot.scan.points", "ot.scan.functions"} & rules


def test_who_does_several_things_makes_one_incident() -> None:
    told = [incident for incident in known("demo.pcap").incidents if "10.20.1.66" in incident.title]
    assert len(told) == 1
    assert "scanned the network" in told[0].title
    assert "tried to change programs" in told[0].title  # the device rejected it
    assert told[0].severity is Severity.CRITICAL
    rules = {alert.rule for alert in known("demo.pcap").alerts if alert.id in told[0].alerts}
    assert {"ot.scan.functions", "ot.process.stranger"} <= rules


@pytest.mark.parametrize("name", ["demo.pcap", "arp-conflict.pcap", "s7comm-program.pcap", "dnp3-session.pcap", "modbus-functions.pcap"])
@pytest.mark.parametrize("packets", [1, 7, 100])
def test_the_same_capture_gives_the_same_alerts_whatever_the_batches(name: str, packets: int) -> None:
    again = conclude(observe(open_capture(PCAPS / name, batch_packets=packets)))
    assert (again.alerts, again.incidents) == (known(name).alerts, known(name).incidents)


def made(*times: tuple[int, int, int], rows: int = 1, **about: object) -> tuple[Alert, ...]:
    """The alerts of one detector that finds this."""

    def on_capture(view: View) -> list[Finding]:
        assert view.knowledge is known("http.pcap")
        return [Finding("it happened", times, source_ip=f"10.0.0.{row}", **about) for row in range(rows)]

    row = Detector("ot.test.made", "Made", Severity.LOW, Engine.ANOMALY, "Made for a test.", on_capture=on_capture)
    return detect_with([row], known("http.pcap"))[0]


def test_raised_once_then_counted_and_again_after_quiet() -> None:
    assert [(alert.first, alert.last, alert.count) for alert in made((0, 10, 2), (QUIET, QUIET, 1))] == [(0, QUIET, 3)]
    late = 10 + QUIET + 1
    assert [(alert.first, alert.count) for alert in made((0, 10, 2), (late, late, 1))] == [(0, 2), (late, 1)]


def test_alerts_of_one_detector_are_bounded_and_the_rest_counted() -> None:
    alerts = made((0, 0, 1), rows=MOST_ALERTS + 7)
    assert len(alerts) == MOST_ALERTS + 1
    assert sum(alert.count for alert in alerts) == MOST_ALERTS + 7
    assert sum(alert.message.startswith("7 more") for alert in alerts) == 1


@pytest.mark.parametrize("row", DETECTORS, ids=lambda row: row.id)
def test_each_row_is_whole(row: Detector) -> None:
    assert re.fullmatch(r"ot\.[a-z0-9]+\.[a-z0-9_]+", row.id)
    assert row.title
    assert row.about.endswith(".")
    assert sum(getattr(row, way.name) is not None for way in fields(row) if way.name.startswith("on_")) == 1
    assert not set(row.techniques) & DEPRECATED
    assert all(re.fullmatch(r"T0\d{3}", technique) for technique in row.techniques)


def test_ids_are_unique() -> None:
    assert len({row.id for row in DETECTORS}) == len(DETECTORS)


def test_each_alert_type_and_technique_is_covered_or_has_a_reason_why_not() -> None:
    covered = {title for row in DETECTORS for title in row.covers} | {technique for row in DETECTORS for technique in row.techniques}
    wanted = {*ALERT_TYPES, *TECHNIQUES}
    assert wanted - covered == set(WHY_NOT)


@pytest.mark.parametrize(("page", "make"), [("detectors.md", detectors_page), ("coverage.md", coverage_page)])
def test_the_pages_are_those_of_the_registry(page: str, make) -> None:
    assert (REPOSITORY / "docs" / page).read_text(encoding="utf-8") == make(DETECTORS), "run `make docs`"
