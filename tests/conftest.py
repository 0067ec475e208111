"""What the tests share."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.replay import document, to_json
from tests import samples

COMMAND = Path(sys.executable).with_name("otoscope")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that takes longest begins, or one process would have it for itself when the others are done."""
    items.sort(key=lambda item: item.path.name != "test_limits.py")


@contextmanager
def building() -> Iterator[None]:
    """One wheel at a time: maturin moves what cargo has built within cargo's folder, and another that builds would miss it."""
    with (Path(__file__).parents[1] / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def modbus_pcap(tmp_path: Path) -> Path:
    """A capture of four Modbus requests and their answers."""
    path = tmp_path / "modbus.pcap"
    path.write_bytes(samples.MODBUS)
    return path


@pytest.fixture
def replay() -> Callable[..., dict]:
    """The document of captures, as whoever reads the JSON gets it."""

    def run(*paths: Path, **options: object) -> dict:
        with open_capture(*paths, **options) as capture:
            observations = observe(capture)
        return json.loads(b"".join(to_json(document(conclude(observations), capture.files, capture.warnings))))

    return run


@pytest.fixture
def otoscope() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed command, as a person runs it."""

    def run(*arguments: object, stdin: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment}
        done = subprocess.run([COMMAND, *map(str, arguments)], input=stdin, capture_output=True, env=variables, check=False, timeout=60)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
