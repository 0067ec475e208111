"""Evidence of a running sensor: taken while it listens, found by the id that the database has, and never in the way of anything."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog

from sensor.detections.model import Alert, Engine, Severity
from sensor.evidence.folder import Folder
from sensor.evidence.taker import Taker
from sensor.evidence.wanted import everything
from sensor.frames import pick_frames
from sensor.settings.evidence import EvidenceSettings
from tests import samples
from tests.exports.receivers import until
from tests.service.test_run import ATTACKS, Plant

STOP = "s7comm.param.func == 0x29"


@pytest.fixture
def plant(wire, tmp_path):
    plant = Plant(wire, tmp_path)
    plant.listen()
    yield plant
    plant.receiver.stop()


def seen_by_wireshark(capture: Path, display: str) -> int:
    done = subprocess.run(["tshark", "-n", "-r", capture, "-Y", display], check=True, capture_output=True, text=True)
    return len(done.stdout.splitlines())


def of(plant: Plant, rule: str) -> Path:
    return plant.folder / "evidence" / f"{plant.alerts()[rule]['id']}.pcap"


def test_what_a_sensor_raises_has_its_frames_with_what_came_before_and_after(plant, wire):
    with plant.running():
        wire.send()
        assert until(lambda: plant.alerts().keys() >= ATTACKS and all(of(plant, rule).exists() for rule in ATTACKS), 60)
        stop = of(plant, "ot.plc.stop")
        assert seen_by_wireshark(stop, STOP) >= 1
        assert seen_by_wireshark(stop, "tcp.flags.syn == 1 && frame.number < 5") >= 2
        command = [sys.executable, "-m", "sensor", "evidence", "--config", plant.config, stop.stem[:6], "--decode"]
        assert "PLC Stop" in subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert not [line for line in plant.said if "evidence" in line["event"]]


def test_after_a_restart_there_is_still_one_capture_under_the_id_that_people_know(plant, wire):
    found = []
    for _ in range(2):
        with plant.running():
            wire.send()
        found.append(of(plant, "ot.plc.stop").read_bytes())
    assert found[0] == found[1]
    assert {path.stem for path in (plant.folder / "evidence").iterdir()} >= {row["id"] for row in plant.alerts().values()}


def test_what_is_found_as_the_sensor_ends_has_its_frames_too(plant, wire):
    with plant.running():
        wire.send()
    assert seen_by_wireshark(of(plant, "ot.plc.stop"), STOP) >= 1


def test_a_full_disk_is_said_once_and_nothing_else_suffers(plant, wire, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk], check=True)
    try:
        (disk / "other").write_bytes(b"x" * 4096)
        plant.config.write_text(plant.config.read_text() + f'[evidence]\nfolder = "{disk}"\n')
        with plant.running():
            wire.send()
            assert until(lambda: set(plant.types()) >= ATTACKS, 60)
    finally:
        subprocess.run(["umount", disk], check=True)
    said = [line for line in plant.said if "evidence" in line["event"]]
    assert [line["event"] for line in said] == ["evidence cannot be kept"]
    assert "No space left on device" in said[0]["reason"]


# The taker ---------------------------------------------------------------------------------------------------------


class Memory:
    """A source whose every conversation is the same few frames."""

    def __init__(self, tmp_path):
        self.asked = []
        path = tmp_path / "frames.pcap"
        path.write_bytes(samples.MODBUS)
        [self.held] = pick_frames([str(path)], [everything(100, 10_000)])

    def frames(self, wanted):
        self.asked.append(len(wanted))
        return [self.held] * len(wanted)


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path)


@pytest.fixture
def taker(tmp_path, memory):
    settings = EvidenceSettings()
    return Taker(settings, Folder(tmp_path / "evidence", settings), memory, structlog.get_logger())


def alerts(count, severity=Severity.LOW, first=samples.FIRST):
    numbers = itertools.count(int(severity) << 20)
    return [
        Alert(f"{next(numbers):08x}", "ot.x", "X", Engine.POLICY, severity, "x", first, first, 1, source_ip=samples.CLIENT)
        for _ in range(count)
    ]


def kept(tmp_path):
    return {path.stem for path in (tmp_path / "evidence").glob("*.pcap")}


def test_of_a_burst_the_most_severe_come_first_a_few_at_a_time_and_what_is_left_out_is_counted(tmp_path, taker, memory):
    worst = alerts(5, Severity.CRITICAL)
    taker.note([*alerts(5000), *worst], {})
    taker.take()
    assert memory.asked == [32]
    assert kept(tmp_path) >= {alert.id for alert in worst}
    for _ in range(100):
        taker.take()
    assert max(memory.asked) == 32
    assert taker.counted == {"kept": 1000, "not_found": 0, "left_out": 4005, "failed": 0}


def test_an_alert_is_taken_once_for_all(taker, memory):
    for _ in range(3):
        taker.note(alerts(1), {})
        taker.take()
    taker.note([], {})
    taker.note(alerts(1), {})
    taker.take()
    assert memory.asked == [1]
    assert taker.counted["kept"] == 1


def test_an_alert_that_has_evidence_of_the_run_before_keeps_it(tmp_path, taker, memory):
    [alert] = alerts(1)
    Folder(tmp_path / "evidence", EvidenceSettings()).keep("beef", memory.held[:2])
    taker.note([alert], {alert.id: "beef"})
    taker.take()
    assert kept(tmp_path) == {"beef"}
    assert len(Folder(tmp_path / "evidence", EvidenceSettings()).read("beef")) == 2


def test_what_has_left_the_memory_is_counted(taker, memory, tmp_path):
    memory.held = []
    taker.note(alerts(3), {})
    taker.take()
    assert (taker.counted["not_found"], kept(tmp_path)) == (3, set())


def test_what_comes_after_is_added_and_what_was_before_stays(tmp_path, memory):
    settings = EvidenceSettings(seconds_after=0)
    folder = Folder(tmp_path / "evidence", settings)
    taker = Taker(settings, folder, memory, structlog.get_logger())
    held = memory.held
    [alert] = alerts(1, first=time.time_ns())
    memory.held = held[:5]
    taker.note([alert], {})
    taker.take()
    memory.held = held[3:]
    taker.take()
    assert len(folder.read(alert.id)) == 5
    taker.finish()
    assert [frame.octets for frame in folder.read(alert.id)] == [frame.octets for frame in held]


def test_on_a_slow_disk_those_that_have_no_time_wait_for_the_next_second(tmp_path, memory):
    class Slow(Folder):
        def keep(self, alert, frames):
            time.sleep(0.08)
            super().keep(alert, frames)

    settings = EvidenceSettings()
    taker = Taker(settings, Slow(tmp_path / "evidence", settings), memory, structlog.get_logger())
    taker.note(alerts(8), {})
    taker.take()
    assert 1 <= len(kept(tmp_path)) <= 4
    taker.finish()
    assert taker.counted == {"kept": 8, "not_found": 0, "left_out": 0, "failed": 0}
