"""What is shipped, made once for the tests of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import building
from tests.deploy.throwaway import Throwaway

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(request, tmp_path_factory):
    """A folder with what the module is about, its MADE, and a capture."""
    folder = tmp_path_factory.mktemp("dist")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment["DPKG_DEB_COMPRESSOR_TYPE"] = "gzip"  # a minute faster than what is shipped
    command = ["make", request.module.MADE, f"DIST={folder}"]
    with building():
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(ROOT / "pcaps/plants/water.pcap", folder)
    return folder


@pytest.fixture(scope="module")
def machine(dist, tmp_path_factory):
    """One for each module of tests."""
    machine = Throwaway(tmp_path_factory.mktemp("machine"), dist)
    yield machine
    machine.throw_away()
