"""What is shipped: a wheel that works without the checkout, and a build that says what it lacks."""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests import samples
from tests.conftest import building

ROOT = Path(__file__).parents[1]
BUILD = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # the build finds maturin on the path
NO_ISOLATION = ("--no-build-isolation", "--no-deps", "--disable-pip-version-check")


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dist")
    with building():
        done = run(sys.executable, "-m", "pip", "wheel", *NO_ISOLATION, "--wheel-dir", directory, ROOT, env=BUILD)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = directory.glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"sensor"}
    assert sum(name.endswith(".so") for name in names) == 1
    assert "sensor/py.typed" in names
    assert "sensor/store/migrations/versions/0001_first.py" in names
    assert "sensor/_dissectors.pyi" in names
    assert {f"sensor/report/templates/{name}" for name in ("page.html", "page.css", "map.svg", "map.css")} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "-cp311-abi3-" in wheel.name


def test_the_wheel_replays_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    done = run(tmp_path / "venv/bin/pip", "install", "--disable-pip-version-check", wheel)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "modbus.pcap").write_bytes(samples.MODBUS)
    command = tmp_path / "venv/bin/otoscope"
    done = run(command, "replay", "--format", "json", "modbus.pcap", cwd=tmp_path, env={})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["protocols"]["modbus"]["messages"] == 8
    assert "Write Single Register" in run(command, "replay", "modbus.pcap", cwd=tmp_path, env={}).stdout


def test_the_source_distribution_can_be_built_from(tmp_path):
    done = run(sys.executable, "-m", "maturin", "sdist", "--out", tmp_path, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    [path] = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE", "dissectors/Cargo.toml", "dissectors/Cargo.lock", "dissectors/build_backend.py"}
    assert needed | {"dissectors/src/lib.rs", "sensor/cli/view.py", "sensor/py.typed"} <= names
    files = {"PKG-INFO", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
    assert {name.split("/")[0] for name in names} == files | {"dissectors", "sensor"}


def test_without_rust_the_build_says_so_in_one_line(tmp_path):
    done = run(sys.executable, "-m", "pip", "wheel", *NO_ISOLATION, "--wheel-dir", tmp_path, ROOT, env={"PATH": str(tmp_path)})
    assert done.returncode != 0
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if "Rust" in line]
    assert "no Rust compiler was found" in line
    assert "https://rustup.rs" in line


def test_with_a_rust_too_old_the_build_says_so_in_one_line(tmp_path):
    for name in ("cargo", "rustc"):
        (tmp_path / name).write_text("#!/bin/sh\necho rustc 1.63.0\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = run(sys.executable, "-m", "pip", "wheel", *NO_ISOLATION, "--wheel-dir", tmp_path, ROOT, env=environment)
    assert done.returncode != 0
    [line] = [line for line in (done.stdout + done.stderr).splitlines() if "Rust" in line]
    assert "too old (1.63)" in line
