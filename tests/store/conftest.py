"""Both databases, for real."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import psycopg
import pytest

from sensor.capture import open_capture
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude

PCAPS = Path(__file__).parents[2] / "pcaps"
NOBODY = 65534


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The directory of the socket of a server of our own."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert programs, "these tests start a PostgreSQL server: install one (Debian: sudo apt-get install postgresql)"
    directory = Path(tempfile.mkdtemp(prefix="otoscope-postgres-"))
    # It refuses to run as root.
    as_whom = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    if as_whom:
        os.chown(directory, NOBODY, NOBODY)
    made = [
        programs[-1] / "initdb",
        "-D",
        directory / "data",
        "-U",
        "otoscope",
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run(made, check=True, capture_output=True, cwd=directory, **as_whom)
    with (directory / "log").open("wb") as log:
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={directory}", "-c", "fsync=off", "-c", "max_connections=20"]
        server = subprocess.Popen([programs[-1] / "postgres", "-D", directory / "data", *options], stderr=log, cwd=directory, **as_whom)
        try:
            _wait_for(directory, server)
            yield str(directory)
        finally:
            server.terminate()
            server.wait(30)
            shutil.rmtree(directory)


def _wait_for(directory: Path, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert server.poll() is None, (directory / "log").read_text()
        try:
            psycopg.connect(host=str(directory), user="otoscope", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError((directory / "log").read_text())


_NUMBERS = count()


@pytest.fixture
def new_postgres(postgres: str) -> Callable[[], str]:
    """Make an empty database on the server; its URL."""

    def make() -> str:
        name = f"plant{next(_NUMBERS)}"
        with psycopg.connect(host=postgres, user="otoscope", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://otoscope@/{name}?host={postgres}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new database can be."""
    if request.param == "sqlite":
        return str(tmp_path / "plant.db")
    return request.getfixturevalue("new_postgres")()


def known_of(*captures: Path | str, **options: object) -> Knowledge:
    """All that captures of ours tell."""
    with open_capture(*(PCAPS / capture for capture in captures), **options) as capture:
        return conclude(observe(capture))


@pytest.fixture(scope="session")
def demo() -> Knowledge:
    """All that the demo capture tells, but what is wrong with it: tests have findings of their own."""
    return replace(known_of("demo.pcap"), alerts=(), incidents=(), violations=())
