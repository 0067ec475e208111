"""The container: there is no daemon to build it with here, so it is read and linted."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "deploy/container"
SERVICES = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))["services"]
DOCKERFILE = (CONTAINER / "Dockerfile").read_text(encoding="utf-8")


def test_the_dockerfile_is_clean():
    command = [Path(sys.executable).with_name("hadolint"), "--failure-threshold=warning", CONTAINER / "Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_copies_is_there_and_in_its_context():
    context = (CONTAINER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [line.split() for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line]
    sources = [word for words in copied for word in words[1:-1] if not word.startswith("--")]
    assert "deploy/debian/otoscope" in sources
    assert [source for source in sources if not (ROOT / source).exists() or f"!{source}" not in context] == []


def test_it_runs_as_nobody_special():
    assert DOCKERFILE.index("\nUSER 994\n") > DOCKERFILE.rindex("\nFROM ")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_no_capability_but_the_sensors(name):
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name].get("cap_add", []) == (["NET_RAW"] if name == "sensor" else [])


@pytest.mark.parametrize("name", SERVICES)
def test_each_file_that_is_mounted_is_there(name):
    files = [volume.split(":")[0] for volume in SERVICES[name]["volumes"] if volume.startswith(".")]
    assert [file for file in files if not (CONTAINER / file).is_file()] == []


def test_the_settings_are_right(otoscope):
    assert "it listens on eth1" in otoscope("config", "check", "--config", CONTAINER / "otoscope.toml").stdout
