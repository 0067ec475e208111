"""`otoscope exports` and `otoscope replay --to`: what a person sees of deliveries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exports.receivers import free_port, until
from tests.exports.test_forwarder import Receiver

WATER = Path(__file__).parents[1] / "pcaps" / "plants" / "water.pcap"


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in an empty folder, whose settings are those of the machine."""
    monkeypatch.setenv("OTOSCOPE_CONFIG", "otoscope.toml")

    def run(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "sensor", *arguments], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == status, done.stderr
        return done

    return run


def settings(folder: Path, port: int, more: str = "") -> None:
    text = f'[sensor]\nname = "ot-sensor-01"\nsite = "plant-a"\n[store]\ndatabase = "otoscope.db"\n[exports.siem]\nurl = "tcp://127.0.0.1:{port}"\n{more}'
    (folder / "otoscope.toml").write_text(text)


def test_a_replay_sends_what_it_has_found_and_ends_when_it_has_arrived(run, receiver):
    said = run("replay", "--to", f"tcp://127.0.0.1:{receiver.port}", WATER).stderr
    assert f"tcp://127.0.0.1:{receiver.port}: {len(receiver.lines)} events delivered" in said
    types = [line.split("|")[4] for line in receiver.lines]
    assert types.count("ot.plc.stop") == 1
    assert types.count("ot.incident") == 2
    assert types.count("ot.asset.new") == 30
    assert {line.split(" ")[3] for line in receiver.lines} != {""}


def test_a_replay_sends_the_form_that_is_asked_for_into_a_file(run, tmp_path):
    run("replay", "--to", "file:events.json?form=json&events=alert&least=high", WATER)
    rows = [json.loads(line) for line in (tmp_path / "events.json").read_text().splitlines()]
    assert {row["schema"] for row in rows} == {"otoscope.event/1"}
    assert {row["severity"] for row in rows} == {"high", "critical"}
    assert {row["kind"] for row in rows} == {"alert"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("tpc://127.0.0.1", "'tpc' is not a kind of destination: did you mean tcp?"),
        ("tcp://127.0.0.1?form=cfe", "'cfe' is not a form: did you mean cef?"),
        ("tcp://127.0.0.1?framming=lf", "'framming' is not a setting of tcp: did you mean framing?"),
        ("tcp://127.0.0.1?least=bad", "'bad' is not a severity"),
        ("tcp://127.0.0.1?events=alerts", "events.1: 'alerts' is not known: did you mean alert?"),
        ("tcp://127.0.0.1:99999", "its port is none from 0 to 65535"),
        ("tcp://user:secret@127.0.0.1", "no names and passwords in URLs"),
        ("127.0.0.1:514", "write where to, like tcp://"),
        ("tls://127.0.0.1?ca_file=nowhere.pem", "nowhere.pem"),
    ],
)
def test_a_wrong_url_is_said_before_anything_is_read(run, url, said):
    stderr = run("replay", "--to", url, "no-such.pcap", status=2).stderr
    assert said in " ".join(stderr.replace("│", " ").split())
    assert "no-such.pcap" not in stderr
    assert "secret" not in stderr


def test_what_does_not_arrive_is_said(run):
    port = free_port()
    said = run("replay", "--to", f"tcp://127.0.0.1:{port}", "--format", "json", WATER, status=1)
    assert json.loads(said.stdout)["alerts"]
    assert "45 of 45 events were not delivered" in said.stderr
    assert "nothing listens there" in said.stderr


def test_a_database_tells_its_destinations(run, tmp_path, receiver):
    settings(tmp_path, receiver.port, '[exports.grave]\nurl = "file:grave.log"\nevents = ["alert"]\nleast = "critical"\n')
    run("replay", "--config", "otoscope.toml", "--database", "otoscope.db", WATER)
    before = {row["name"]: row for row in json.loads(run("exports", "--format", "json").stdout)}
    assert (before["siem"]["waiting"], before["grave"]["waiting"]) == (45, 3)
    assert "not tried yet" in run("exports").stdout
    run("exports", "run", "--once")
    after = {row["name"]: row for row in json.loads(run("exports", "--format", "json").stdout)}
    assert [(row["waiting"], row["sent"], row["connected"]) for row in after.values()] == [(0, 3, True), (0, 45, True)]
    assert len(receiver.lines) == 45
    assert all(" ot-sensor-01 CEF:0|Otoscope|" in line and "cs1=plant-a " in line for line in receiver.lines)
    assert len((tmp_path / "grave.log").read_text().splitlines()) == 3


def test_what_is_said_of_an_alert_is_told(run, tmp_path, receiver):
    settings(tmp_path, receiver.port, 'events = ["alert"]\n')
    run("replay", "--config", "otoscope.toml", "--database", "otoscope.db", WATER)
    stop = next(row["id"] for row in json.loads(run("alerts", "--format", "json").stdout) if row["rule"] == "ot.plc.stop")
    run("alerts", "close", stop, "--comment", "it was us")
    run("exports", "run", "--once")
    assert f"externalId={stop}" in receiver.lines[-1]
    assert "OtoscopeSensorStatus=closed" in receiver.lines[-1]
    assert ": it was us " in receiver.lines[-1]


def test_a_test_event_arrives_and_is_shown(run, tmp_path, receiver):
    settings(tmp_path, receiver.port)
    shown = run("exports", "test", "siem").stdout
    assert until(lambda: len(receiver.lines) == 1)
    assert receiver.lines[0] in shown
    assert "ot.sensor.export_test" in receiver.lines[0]
    receiver.stop()
    assert "nothing listens there" in run("exports", "test", "siem", status=1).stderr
    assert "the settings name no destination seam (they name: siem)" in run("exports", "test", "seam", status=1).stderr


def test_a_destination_can_be_tried_again_and_forgotten(run, tmp_path, receiver):
    settings(tmp_path, receiver.port)
    run("replay", "--config", "otoscope.toml", "--database", "otoscope.db", WATER)
    assert "siem: is tried at once" in run("exports", "retry").stdout
    assert "siem is forgotten" in run("exports", "forget", "siem").stdout
    assert json.loads(run("exports", "--format", "json").stdout) == []
    assert "Nobody is told anything yet" in run("exports").stdout
    assert "no destination siem is known" in run("exports", "retry", "siem", status=1).stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[exports.siem]\n", "otoscope.toml:1:10: exports.siem.url: is missing"),
        ("[exports.siem]\nurl = 'tcp://127.0.0.1'\nform = 'x'\n", "exports.siem.form: 'x' is not a form"),
        ("[sensor]\nnames = 'x'\n", "sensor.names: there is no such setting"),
        ("[exports.'a b']\nurl = 'tcp://127.0.0.1'\n", "'a b' is no name for a destination"),
        ("[outbox]\nmegabytes = 0\n", "outbox.megabytes"),
        ("[exports\n", "otoscope.toml:1:9: "),
        ("", "names no destination"),
    ],
)
def test_wrong_settings_are_said(run, tmp_path, text, said):
    (tmp_path / "otoscope.toml").write_text(text)
    stderr = run("exports", "run", status=1).stderr
    assert said in stderr
    assert "Traceback" not in stderr
