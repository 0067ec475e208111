"""What is shipped, made once for all tests of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.throwaway import Throwaway

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """A folder with the package, the bundle, and a capture."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "deb", "bundle"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path_factory.mktemp("dist")
    for path in (*(ROOT / "dist").glob("otoscope_*.deb"), *(ROOT / "dist").glob("otoscope-*.tar*"), ROOT / "pcaps/plants/water.pcap"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def machine(dist, tmp_path_factory):
    """One for each module of tests."""
    return Throwaway(tmp_path_factory.mktemp("machine"), dist)
