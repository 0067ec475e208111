"""Evidence of what captures hold: each alert has its frames, and Wireshark reads them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sensor.store import ALERTS, Query, Store
from tests import samples

ROOT = Path(__file__).parents[2]
WATER = ROOT / "pcaps" / "plants" / "water.pcap"

TRIGGERS = {
    "ot.plc.stop": ("s7comm.param.func == 0x29", 1),
    "ot.plc.start": ("s7comm.param.func == 0x28", 1),
    "ot.plc.program_upload": ("s7comm.param.func in {0x1d, 0x1e, 0x1f}", 14),
    "ot.process.stranger": ("modbus.func_code == 6 && ip.src == 10.60.0.13", 4),
    "ot.policy.enterprise_skip": ("mbtcp && ip.src == 10.60.0.13", 5),
    "ot.scan.arp": ("arp.src.proto_ipv4 == 10.30.1.99", 40),
    "ot.scan.controllers": ("ip.src == 10.30.1.99 && tcp.flags == 2", 28),
    "ot.discovery.list_identity": ("enip.command == 0x63 && ip.src == 10.30.1.99", 1),
}
"""What Wireshark calls that which an alert is about, and how many requests of it there are at the least."""


def tshark(capture: Path, display: str) -> int:
    """Frames that are so; also of what Wireshark does not know to be a request's, once each."""
    done = subprocess.run(["tshark", "-n", "-r", capture, "-Y", display], check=True, capture_output=True, text=True)
    return len(done.stdout.splitlines())


def replay(*arguments: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sensor", "replay", "--format", "json", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def replayed(*arguments: object) -> list[dict]:
    """Alerts of a replay."""
    done = replay(*arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["alerts"]


def capture_of(rule: str, alerts: list[dict], folder: Path) -> Path:
    [alert] = [row for row in alerts if row["rule"] == rule]
    return folder / f"{alert['id']}.pcap"


@pytest.fixture(scope="module")
def water(tmp_path_factory) -> tuple[list[dict], Path]:
    folder = tmp_path_factory.mktemp("water") / "evidence"
    return replayed("--evidence", folder, WATER), folder


def test_every_alert_has_its_frames(water):
    alerts, folder = water
    found = {path.stem for path in folder.iterdir()}
    assert found >= {row["id"] for row in alerts if row["severity"] not in ("info", "low")}
    assert found == {row["id"] for row in alerts}


@pytest.mark.parametrize("rule", TRIGGERS)
def test_what_an_alert_is_about_is_in_its_capture(water, rule):
    alerts, folder = water
    display, least = TRIGGERS[rule]
    assert tshark(capture_of(rule, alerts, folder), display) >= least


def test_a_capture_holds_the_conversation_and_nothing_else(water):
    alerts, folder = water
    capture = capture_of("ot.plc.stop", alerts, folder)
    conversation = "vlan.id == 301 && tcp.port == 102 && ip.addr == 10.30.1.99 && ip.addr == 10.30.1.11"
    assert tshark(capture, conversation) > 10
    assert tshark(capture, f"!({conversation})") == 0
    assert tshark(capture, "tcp.flags.syn == 1") == 2, "what came before is there, too"


def test_who_claims_an_address_is_there_with_whom_it_was_claimed_before(tmp_path):
    alerts = replayed("--evidence", tmp_path, ROOT / "pcaps" / "arp-conflict.pcap")
    [alert] = [row for row in alerts if row["rule"] == "ot.network.address_conflict"]
    capture = tmp_path / f"{alert['id']}.pcap"
    claims = subprocess.run(
        ["tshark", "-n", "-r", capture, "-Y", f"arp.src.proto_ipv4 == {alert['target_ip']}", "-T", "fields", "-e", "arp.src.hw_mac"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert len(set(claims.stdout.split())) == 2


def test_wireshark_has_nothing_to_complain_about(water, tmp_path):
    _, folder = water
    told = subprocess.run(["capinfos", "-M", "-F", "-E", "-c", *folder.iterdir()], check=True, capture_output=True, text=True)
    assert told.stderr == ""
    assert told.stdout.count("nanoseconds (9)") == len(list(folder.iterdir()))
    subprocess.run(["mergecap", "-w", tmp_path / "all.pcap", *folder.iterdir()], check=True)
    assert tshark(tmp_path / "all.pcap", "_ws.malformed || _ws.short") == 0
    assert tshark(tmp_path / "all.pcap", "frame") > 400


def test_the_same_replay_gives_the_same_captures(water, tmp_path):
    _, folder = water
    replayed("--evidence", tmp_path, WATER)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_database_calls_the_alert_as_its_capture_is_called(tmp_path):
    replayed("--database", tmp_path / "plant.db", "--evidence", tmp_path / "evidence", WATER)
    with Store.open(tmp_path / "plant.db") as store:
        ids = {row["id"] for row in store.find(ALERTS, Query()).rows}
    assert {path.stem for path in (tmp_path / "evidence").iterdir()} == ids


def test_the_settings_may_ask_for_it(tmp_path):
    config = tmp_path / "otoscope.toml"
    config.write_text(f'[evidence]\nfolder = "{tmp_path / "kept"}"\nframes = 4\n')
    capture = capture_of("ot.plc.stop", replayed("--config", config, WATER), tmp_path / "kept")
    assert tshark(capture, "frame") == 4
    assert tshark(capture, TRIGGERS["ot.plc.stop"][0]) >= 1


def test_nobody_asks_and_nothing_is_written(tmp_path):
    replayed("--database", tmp_path / "plant.db", WATER)
    assert [path.name for path in tmp_path.iterdir()] == ["plant.db"]


def test_what_can_be_read_only_once_has_no_evidence_which_is_said(tmp_path):
    done = replay("--evidence", tmp_path, "-", stdin=samples.MODBUS)
    assert done.returncode == 1
    assert b"no evidence is taken: standard input cannot be read a second time" in done.stderr
    assert json.loads(done.stdout)["alerts"]


def test_an_alert_that_goes_on_keeps_the_frames_of_the_first_time(tmp_path):
    """The same thing two minutes later, in another capture: one alert, and its evidence is that of how it began."""
    captures = [tmp_path / "first.pcap", tmp_path / "second.pcap"]
    turns = [turn for number in range(3) for turn in stop(number)]
    for number, path in enumerate(captures):
        path.write_bytes(samples.pcap(samples.dialogue(turns), samples.FIRST + number * 120_000_000_000))
        replayed("--database", tmp_path / "plant.db", "--evidence", tmp_path / "evidence", path)
    [capture] = (tmp_path / "evidence").iterdir()
    assert tshark(capture, "frame.time_epoch < 1672628700") == 9


def stop(number: int) -> list[tuple[str, bytes]]:
    """Modbus: force listen only mode, which takes a device off the network."""
    return [
        (samples.CLIENT, samples.modbus(number, bytes.fromhex("080004 0000"))),
        (samples.SERVER, samples.modbus(number, bytes.fromhex("080004 0000"))),
    ]
