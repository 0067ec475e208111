"""The folder of evidence: whole captures or none, for the sensor alone, and no more than it may hold."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from sensor.detections.model import Alert, Engine, Scene, Severity
from sensor.errors import EvidenceError
from sensor.evidence.folder import Folder
from sensor.evidence.wanted import bounded, everything, wanted
from sensor.frames import Frame, pick_frames
from sensor.settings.evidence import EvidenceSettings
from tests import samples

SECOND = 1_000_000_000
DAY = 86_400


def frames_of(tmp_path: Path, frames: list[tuple[int, bytes]], link_type: int = 1) -> list[Frame]:
    path = tmp_path / "frames.pcap"
    path.write_bytes(samples.pcap_of(frames, link_type))
    return pick_frames([path], [everything(100_000, 1 << 30)])[0]


def alert(first: int, last: int | None = None, **more: object) -> Alert:
    known = {"source_ip": samples.CLIENT, "target_ip": samples.SERVER, **more}
    return Alert("a1", "ot.x", "X", Engine.POLICY, Severity.HIGH, "x", first, first if last is None else last, 1, **known)


@pytest.fixture
def frames(tmp_path):
    return frames_of(
        tmp_path, [(samples.FIRST + number * samples.STEP, frame) for number, frame in enumerate(samples.dialogue(samples.MODBUS_TURNS))]
    )


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "evidence", EvidenceSettings())


def aged(folder: Folder, key: str, days: float) -> None:
    when = time.time() - days * DAY
    os.utime(folder.of(key), (when, when))


def kept(folder: Folder) -> set[str]:
    return {path.name.removesuffix(".pcap") for path in folder.path.iterdir()}


# Captures ----------------------------------------------------------------------------------------------------------


def test_what_is_kept_can_be_read_by_us_and_by_wireshark(folder, frames):
    folder.keep("a1", frames)
    shown = [(frame.time, frame.octets, frame.length) for frame in folder.read("a1")]
    assert shown == [(frame.time, frame.octets, frame.length) for frame in frames]
    told = subprocess.run(
        ["tshark", "-n", "-r", folder.of("a1"), "-T", "fields", "-e", "frame.time_epoch"], check=True, capture_output=True, text=True
    )
    assert told.stdout.split()[0] == "1672628645.123456789"


def test_nobody_else_can_read_it(folder, frames):
    folder.keep("a1", frames)
    assert (folder.path.stat().st_mode & 0o777, folder.of("a1").stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_frame_that_was_cut_says_how_long_it_was(tmp_path, folder):
    path = tmp_path / "cut.pcap"
    octets = bytearray(samples.pcap([b"\x02" * 60]))
    octets[36:40] = (1500).to_bytes(4, "little")
    path.write_bytes(octets)
    [found] = pick_frames([str(path)], [everything(10, 10_000)])
    folder.keep("a1", found)
    [frame] = folder.read("a1")
    assert (len(frame.octets), frame.length) == (60, 1500)


@pytest.mark.parametrize("time_of_it", [0, 2**32 * SECOND - 1])
def test_any_time_that_the_format_has_comes_back(tmp_path, folder, time_of_it):
    folder.keep("a1", frames_of(tmp_path, [(time_of_it, b"x" * 60)]))
    assert folder.read("a1")[0].time == time_of_it


def test_the_link_type_is_kept_and_of_two_the_one_of_the_moment(tmp_path, folder):
    cooked = frames_of(tmp_path, [(samples.FIRST, b"\0" * 60)], 113)
    folder.keep("a1", cooked)
    assert [frame.link for frame in folder.read("a1")] == [113]
    ethernet = frames_of(tmp_path, [(samples.FIRST + 5, b"\1" * 60)])
    assert bounded([*ethernet, *cooked], alert(samples.FIRST), EvidenceSettings()) == cooked


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "A1", "a1.pcap", "a" * 65, "a1\n"])
def test_what_is_no_id_names_no_file(folder, frames, key):
    with pytest.raises(EvidenceError, match="is not the id of an alert"):
        folder.keep(key, frames)
    assert folder.find(key) is None
    assert not folder.path.exists()


def test_an_id_may_be_cut_short_where_it_is_the_only_one(folder, frames):
    for key in ("a1b2", "a1c3", "a1"):
        folder.keep(key, frames)
    assert (folder.find("a1b"), folder.find("a1"), folder.find("ff")) == ("a1b2", "a1", None)
    with pytest.raises(EvidenceError, match="3 alerts begin with a: write more"):
        folder.find("a")


def test_a_file_that_a_power_cut_left_empty_is_no_evidence(folder, frames):
    folder.keep("a1", frames)
    folder.of("a1").write_bytes(b"")
    assert not folder.has("a1")


# What is wanted ----------------------------------------------------------------------------------------------------


def picked(tmp_path: Path, about: Alert, settings: EvidenceSettings, frames: list[tuple[int, bytes]]) -> list[int]:
    """Times of the frames that an alert gets."""
    path = tmp_path / "all.pcap"
    path.write_bytes(samples.pcap_of(frames))
    found = pick_frames([str(path)], wanted(about, settings))
    return [frame.time for frame in bounded([frame for each in found for frame in each], about, settings)]


def test_what_came_before_and_after_is_there_for_so_long(tmp_path):
    [frame] = samples.dialogue([(samples.CLIENT, b"x")], handshake=False)
    ticks = [(second * SECOND, frame) for second in range(1000, 1100)]
    settings = EvidenceSettings(seconds_before=3, seconds_after=2)
    assert picked(tmp_path, alert(1050 * SECOND), settings, ticks) == [second * SECOND for second in range(1047, 1053)]
    around = [*range(1017, 1023), *range(1077, 1083)]
    assert picked(tmp_path, alert(1020 * SECOND, 1080 * SECOND), settings, ticks) == [second * SECOND for second in around]


@pytest.mark.parametrize("bound", [{"frames": 5}, {"kibibytes": 2}])
def test_of_too_many_frames_the_one_that_it_is_about_stays(tmp_path, bound):
    [frame] = samples.dialogue([(samples.CLIENT, b"x" * 400)], handshake=False)
    flood = [(1000 * SECOND + number, frame) for number in range(-5000, 5000)]
    times = picked(tmp_path, alert(1000 * SECOND), EvidenceSettings(**bound), flood)
    assert 4 <= len(times) <= 5
    assert 1000 * SECOND in times
    assert max(abs(time_of_it - 1000 * SECOND) for time_of_it in times) <= 3


def test_an_alert_without_an_address_has_no_frames():
    assert wanted(alert(0, source_ip=None, target_ip=None), EvidenceSettings()) == []
    assert wanted(alert(0, source_ip="no address"), EvidenceSettings()) == []


def test_times_at_the_edge_are_no_trouble():
    for moment in (-(2**63), 2**63 - 1):
        assert len(wanted(alert(moment, scene=Scene("tcp", None, 502, 4095)), EvidenceSettings())) == 1


# Bounds ------------------------------------------------------------------------------------------------------------


def test_what_is_too_old_goes(folder, frames):
    for key, days in (("a1", 91), ("a2", 89)):
        folder.keep(key, frames)
        aged(folder, key, days)
    assert (folder.tidy(), kept(folder)) == (1, {"a2"})


def test_where_there_is_too_much_the_oldest_go_and_open_alerts_last(tmp_path, frames):
    each = 24 + sum(16 + len(frame.octets) for frame in frames)
    settings = EvidenceSettings(megabytes=6.5 * each / 1_000_000)
    folder = Folder(tmp_path / "evidence", settings, lambda: ["a0", "a1"])
    for number in range(6):
        folder.keep(f"a{number}", frames)
        aged(folder, f"a{number}", 10 - number)
    folder.keep("a6", frames)
    assert kept(folder) == {"a0", "a1", "a4", "a5", "a6"}


def test_the_folder_keeps_within_its_bound_whatever_comes(tmp_path, frames):
    each = 24 + sum(16 + len(frame.octets) for frame in frames)
    folder = Folder(tmp_path / "evidence", EvidenceSettings(megabytes=10 * each / 1_000_000))
    for number in range(100):
        folder.keep(f"{number:04x}", frames)
        assert sum(path.stat().st_size for path in folder.path.iterdir()) <= 10 * each
    assert "0063" in kept(folder)


def test_files_of_others_stay_and_unfinished_ones_go(folder, frames):
    folder.keep("a1", frames)
    for name in ("README.txt", "Evil.pcap", "b1.new"):
        (folder.path / name).write_bytes(b"x")
        os.utime(folder.path / name, (0, 0))
    folder.tidy()
    assert kept(folder) == {"a1", "README.txt", "Evil"}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with room for 128 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_on_a_full_disk_what_was_there_stays_whole(small_disk, tmp_path):
    folder = Folder(small_disk / "evidence", EvidenceSettings())
    small = frames_of(tmp_path, [(1, b"x" * 1000)])
    large = frames_of(tmp_path, [(number, os.urandom(1000)) for number in range(1, 300)])
    folder.keep("a1", small)
    for key in ("a1", "a2"):
        with pytest.raises(EvidenceError, match="No space left on device"):
            folder.keep(key, large)
    assert kept(folder) == {"a1"}
    assert len(folder.read("a1")) == 1
