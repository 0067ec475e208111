"""Real captures of others: attacks raise the right thing, the rest nothing above low that defended.toml does not defend.

The corpus lies beside the repository and is not part of it, as for tests/conformance.
"""

import csv
import tomllib
from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.detections.model import Severity
from sensor.observations import observe
from sensor.pipeline import conclude

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY.parent / "shared" / "corpus"
DEFENDED = Path(__file__).with_name("defended.toml")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this repository")

ATTACKS = (
    "ITI+ICS-Security-Tools/pcaps/openics/",
    "digitalbond+Quickdraw-Snort/",
    "kb221svs+modbus-anomaly-detection/",
    "404saint+industrial-protocol-labs/",
    "heinrihs-s+IEC-60870-5-104-Threat-Scenario-Generator/",
    "NozomiNetworks+tricotools/",
    "OISF+suricata-verify/tests/modbus",
    "zeek+zeek/testing/btest/Traces/dhcp/dhcp_flood.pcap",
    "zeek+zeek/testing/btest/Traces/dnp3/dnp3.pcap",
    "zeek+zeek/testing/btest/Traces/modbus/fuzz-",
    "zeek+zeek/testing/btest/Traces/modbus/modbus-and-non-modbus",
)
"""Attacks, scans and malformed messages, or copies of such captures."""

RIGHT = {
    "ITI+ICS-Security-Tools/pcaps/openics/DNP3-Malformed.pcap": {"ot.protocol.malformed", "ot.flood.sessions", "ot.process.brute_force"},
    "ITI+ICS-Security-Tools/pcaps/openics/EIP-ChangeDateAttempt.pcap": {"ot.plc.clock"},
    "ITI+ICS-Security-Tools/pcaps/openics/EIP-ChangePortConfigurationAttempt.pcap": {"ot.plc.configuration_write"},
    "ITI+ICS-Security-Tools/pcaps/openics/EIP-FirmwareChangeFailure.pcap": {"ot.plc.firmware"},
    "ITI+ICS-Security-Tools/pcaps/openics/EIP-RebootorRestart.pcap": {
        "ot.plc.stop",
        "ot.plc.reset",
        "ot.plc.start",
        "ot.plc.program_download",
    },
    "ITI+ICS-Security-Tools/pcaps/openics/EIP-RemoteModeChangeAttempt.pcap": {"ot.plc.stop"},
    "NozomiNetworks+tricotools/malware_exec.pcap": {"ot.discovery.safety_engineering"},
    "digitalbond+Quickdraw-Snort/dnp3_test_data_part1.pcap": {"ot.dnp3.cold_restart", "ot.dnp3.warm_restart", "ot.dnp3.stop_application"},
    "digitalbond+Quickdraw-Snort/modbus_test_data_part1.pcap": {"ot.plc.listen_only", "ot.plc.reset", "ot.plc.clear_counters"},
    "digitalbond+Quickdraw-Snort/modbus_test_data_part2.pcap": {"ot.scan.functions", "ot.plc.firmware", "ot.protocol.function_zero"},
    "digitalbond+Quickdraw-Snort/modicon_test.pcap": {"ot.plc.program_upload", "ot.plc.reservation"},
    "gymgit+s7-pcaps/snap7_s300_stop.pcapng": {"ot.plc.stop"},
    "gymgit+s7-pcaps/step7_s300_download.pcapng": {"ot.plc.program_download"},
    "gymgit+s7-pcaps/tia_s300_downloadHwConfig.pcapng": {"ot.plc.stop", "ot.plc.delete", "ot.plc.program_download", "ot.plc.start"},
    "kb221svs+modbus-anomaly-detection/modbus.pcap": {"ot.network.address_conflict", "ot.network.address_mismatch"},
}
"""What must be raised, at least medium."""


def serious(path: str) -> dict[str, Severity]:
    """The detectors that raise something above low, with the highest severity."""
    found: dict[str, Severity] = {}
    for alert in conclude(observe(open_capture(CORPUS / path))).alerts:
        if alert.severity > Severity.LOW:
            found[alert.rule] = max(alert.severity, found.get(alert.rule, alert.severity))
    return found


def benign() -> list[str]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "split.tsv").open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file, delimiter="\t")]
    return [path for path in paths if not path.startswith(ATTACKS)]


@pytest.mark.parametrize(("path", "rules"), RIGHT.items())
def test_an_attack_raises_the_right_thing(path: str, rules: set[str]) -> None:
    assert rules <= set(serious(path))


def defended(path: str) -> dict[str, str]:
    rows = tomllib.loads(DEFENDED.read_text(encoding="utf-8"))["alert"]
    return {row["rule"]: row["severity"] for row in rows if row["file"] == path}


@pytest.mark.parametrize("path", benign())
def test_what_is_raised_above_low_in_a_benign_capture_is_defended(path: str) -> None:
    assert {rule: str(severity) for rule, severity in serious(path).items()} == defended(path)


def test_each_defended_alert_names_its_capture_and_reason() -> None:
    for row in tomllib.loads(DEFENDED.read_text(encoding="utf-8"))["alert"]:
        assert set(row) == {"file", "rule", "severity", "reason"}
        assert row["file"] in benign()
        assert len(row["reason"].split()) >= 5
