"""`otoscope watch`, as a person runs it."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from sensor.capture import Batch
from sensor.cli import main
from sensor.observations import Observations
from tests import samples
from tests.live.conftest import Wire, ip

ROOT = Path(__file__).parents[2]
MODBUS = samples.dialogue(samples.MODBUS_TURNS)


def start(*arguments: str) -> subprocess.Popen[str]:
    # A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C.
    command = ("env", "--default-signal=INT", sys.executable, "-m", "sensor", "watch", *arguments)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def said(process: subprocess.Popen[str], text: str) -> None:
    """Wait until it says so."""
    assert process.stderr is not None
    assert any(text in line for line in process.stderr)


def test_ctrl_c_shows_what_was_seen_until_then(wire: Wire) -> None:
    process = start(wire.name)
    said(process, "listening to tap0")
    wire.send(MODBUS)
    process.send_signal(signal.SIGINT)
    out, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert "11 packets" in out
    assert "Modbus/TCP" in out


def test_ctrl_c_while_a_batch_is_taken_up_loses_none_of_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    class Interrupted(Observations):
        def add(self, batch: Batch) -> None:
            if batch.statistics.packets and not taken:
                taken.append(batch)
                signal.raise_signal(signal.SIGINT)
            super().add(batch)

    monkeypatch.setattr("sensor.observations.Observations", Interrupted)
    monkeypatch.setattr("gc.disable", lambda: None)
    sender = threading.Timer(0.5, wire.send, (MODBUS,))
    sender.start()
    done = CliRunner().invoke(main, ["watch", wire.name, "--format", "json"])
    sender.join()
    assert done.exit_code == 0, done.stderr
    shown = json.loads(done.stdout)
    assert [len(shown[rows]) for rows in ("endpoints", "conversations", "operations")] == [2, 1, 4]


def test_after_the_time_given_there_is_one_document_and_changes_were_said(wire: Wire) -> None:
    process = start("--seconds", "4", "--format", "json", "--workers", "2", "--filter", "tcp", wire.name)
    said(process, "listening to tap0")
    wire.send([*MODBUS, b"\xff" * 12 + b"\x88\xb5" + bytes(46)])
    ip("link", "set", wire.plug, "down")
    said(process, "tap0 is no link")
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["capture"]["packets"] == 11


def test_what_cannot_be_listened_to_is_one_line(wire: Wire) -> None:
    for arguments, status, text in (
        (["nosuch"], 1, "nosuch: no such interface"),
        (["--filter", "port port", wire.name], 2, "syntax error"),
    ):
        process = start(*arguments)
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == status
        assert text in complaints.splitlines()[-1]


def test_an_interface_may_come_later_where_that_was_asked(wire: Wire) -> None:
    wire.cut()
    process = start("--wait", wire.name)
    said(process, "tap0 is missing")
    wire.connect()
    said(process, "tap0 is capturing")
    wire.send(MODBUS)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "11 packets" in out
