"""`otoscope evidence`: what a person sees of the frames around an alert."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sensor.evidence.folder import Folder
from sensor.evidence.wanted import everything
from sensor.frames import pick_frames
from sensor.settings.evidence import EvidenceSettings
from tests import samples

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    """Two alerts with the same frames."""
    source = tmp_path / "modbus.pcap"
    source.write_bytes(samples.MODBUS)
    folder = Folder(tmp_path / "evidence", EvidenceSettings())
    for key in ("abc1", "abd2"):
        folder.keep(key, pick_frames([str(source)], [everything(100, 10_000)])[0])
    return folder


@pytest.fixture
def run(tmp_path):
    def run(*arguments: object, path: str = os.environ["PATH"], before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
        command = [*before, sys.executable, "-m", "sensor", "evidence", *map(str, arguments)]
        environment = {"PATH": path, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, check=False, timeout=120, cwd=tmp_path, env=environment)

    return run


def refused(done: subprocess.CompletedProcess[bytes]) -> str:
    assert (done.returncode, done.stdout) == (1, b"")
    return done.stderr.decode()


def test_the_frames_are_shown_with_times_ends_and_sizes(run, folder):
    shown = run("--folder", folder.path, "abc").stdout.decode().splitlines()
    assert "Evidence of abc1" in shown[1]
    assert "11 frames" in shown[1]
    assert [line.split() for line in shown[3:5]] == [
        ["1", "2023-01-02", "03:04:05.123456", "10.0.0.5", "49152", "10.0.0.9", "502", "tcp", "60"],
        ["2", "2023-01-02", "03:04:05.124456", "10.0.0.9", "502", "10.0.0.5", "49152", "tcp", "60"],
    ]
    assert run("--folder", folder.path, "abc", "--rows", 2).stdout.decode().splitlines()[-1] == "… 9 more (--rows 0 shows all)"


def test_the_capture_is_copied_to_a_file_or_to_another_program(run, folder, tmp_path):
    assert run("--folder", folder.path, "abc1", "--pcap", "-").stdout == folder.of("abc1").read_bytes()
    assert run("--folder", folder.path, "abc1", "--pcap", "out.pcap").stderr == b"Wrote out.pcap\n"
    assert (tmp_path / "out.pcap").read_bytes() == folder.of("abc1").read_bytes()
    assert "no/where: No such file or directory" in refused(run("--folder", folder.path, "abc1", "--pcap", "no/where"))


def test_tshark_says_what_the_frames_are(run, folder):
    lines = run("--folder", folder.path, "abc1", "--decode").stdout.decode().splitlines()
    assert len(lines) == 11
    assert "Write Single Register" in lines[5]


@pytest.fixture
def programs():
    """A folder for programs that everybody may run."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_tshark_has_no_rights_and_what_it_prints_obeys_no_terminal(run, folder, programs):
    tshark = programs / "tshark"
    tshark.write_text('#!/bin/sh\nid -un; id -Gn; echo "$HOME" "$*"; printf "\\033[2J\\007\\302\\233\\377\\n"; wc -c\n')
    tshark.chmod(0o755)
    shown = run("--folder", folder.path, "abc1", "--decode", path=f"{programs}:{os.environ['PATH']}").stdout.decode()
    size = folder.of("abc1").stat().st_size
    assert shown.splitlines() == ["nobody", "nogroup", "/nonexistent -n -r -", "\\x1b[2J\\x07\\x9b\N{REPLACEMENT CHARACTER}", str(size)]


def test_where_tshark_is_missing_it_is_said_what_to_do(run, folder, tmp_path):
    assert "tshark is not installed: install it (Debian: apt-get install tshark)" in refused(
        run("--folder", folder.path, "abc1", "--decode", path=str(tmp_path))
    )


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ("ab", "the captures of 2 alerts begin with ab: write more of the id"),
        ("ffff", "holds no evidence of ffff: it may have been removed for its age"),
        ("../evidence/abc1", "holds no evidence of ../evidence/abc1"),
        ("\x1b[31mabc1", "holds no evidence of \\x1b[31mabc1"),
    ],
)
def test_where_there_is_nothing_to_show_it_is_said_why(run, folder, alert, said):
    assert said in refused(run("--folder", folder.path, alert))


def test_who_may_not_read_it_is_told_who_may(run, folder):
    """Somebody else: root without the right to read what is not root's."""
    shutil.chown(folder.path, "nobody")
    asked = run("--folder", folder.path, "abc1", before=("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"))
    assert "may not be read: it is for the sensor's user and root alone" in refused(asked)


@pytest.mark.usefixtures("folder")
def test_the_folder_is_that_of_the_settings(run, tmp_path):
    (tmp_path / "otoscope.toml").write_text(f'[store]\ndatabase = "{tmp_path / "otoscope.db"}"\n')
    assert "Evidence of abc1" in run("--config", "otoscope.toml", "abc1").stdout.decode()
    assert "there is no folder nowhere: a sensor that runs makes it" in refused(run("--folder", "nowhere", "abc1"))


@pytest.mark.parametrize("damage", [b"", b"\x4d\x3c\xb2\xa1", b"no capture at all"])
def test_a_damaged_capture_is_called_one(run, folder, damage):
    folder.of("abc1").write_bytes(damage)
    assert f"{folder.of('abc1')}: " in refused(run("--folder", folder.path, "abc1"))
