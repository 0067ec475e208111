"""The units: systemd takes them, finds them locked down, and they ask for no more than listening needs."""

import re
import subprocess
from pathlib import Path

import pytest

from sensor.service.run import LOCKED_SECONDS

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def settings(name):
    """Each value of each key, of all sections."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (ROOT / "deploy/systemd" / name).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_each_unit_as_it_is(path, tmp_path):
    """The programs are not installed here: tests/deploy/test_debian.py asks again where they are."""
    unit = tmp_path / path.name.replace("@", "@eth1")
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_each_unit_is_locked_down(path):
    """Of 10.0 at the worst; above the threshold of 2.0 systemd-analyze fails."""
    done = analyze("security", "--offline=true", "--threshold=20", "--no-pager", path)
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level" in done.stdout


def test_the_sensor_may_open_packet_sockets_and_nothing_else_of_roots():
    unit = settings("otoscope.service")
    assert unit["User"] == ["otoscope"]
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"] == ["CAP_NET_RAW"]
    assert "AF_PACKET" in unit["RestrictAddressFamilies"][0].split()
    assert unit["NoNewPrivileges"] == ["yes"]
    assert not unit.keys() & {"PrivateNetwork", "PrivateUsers"}, "it would see no interface, or not be allowed to listen on it"


def test_the_sensor_is_supervised_and_tried_again_for_ever():
    unit = settings("otoscope.service")
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    # Each step may wait once for a database that another process holds; at the end there are a few.
    assert int(unit["WatchdogSec"][0]) > 5 * LOCKED_SECONDS
    assert int(unit["TimeoutStopSec"][0]) > 10 * LOCKED_SECONDS


def test_user_and_directories_are_made_as_the_units_expect_them(tmp_path):
    (tmp_path / "etc").mkdir()
    for command, name in (("systemd-sysusers", "sysusers.conf"), ("systemd-tmpfiles", "tmpfiles.conf")):
        create = ["--create"] if command == "systemd-tmpfiles" else []
        path = ROOT / "deploy/systemd" / name
        done = subprocess.run([command, f"--root={tmp_path}", *create, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    [account] = [line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("otoscope:")]
    assert account.endswith(":/var/lib/otoscope:/usr/sbin/nologin")
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("var/lib/otoscope", "etc/otoscope", "etc/otoscope/secrets")}
    assert modes == {"var/lib/otoscope": 0o750, "etc/otoscope": 0o755, "etc/otoscope/secrets": 0o700}
