"""The console as a process of its own, over a database of the water works and one of a plant whose every name is hostile."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sensor.baseline.file import to_text
from sensor.baseline.learn import learn
from sensor.capture import open_capture
from sensor.evidence.folder import Folder
from sensor.evidence.replay import keep_evidence
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.settings.evidence import EvidenceSettings
from sensor.store import Role, Store
from tests.report.hostile import hostile_plant

WATER = Path(__file__).parents[2] / "pcaps/plants/water.pcap"
PASSWORD = "a sentence that nobody guesses"  # noqa: S105  of nobody


@dataclass
class Console:
    """One that runs. url: without a slash at its end. printed: what it said when it began."""

    url: str
    database: Path
    printed: str
    process: subprocess.Popen

    def client(self, **options):
        """A browser without scripts, to which nobody has signed in."""
        return httpx.Client(base_url=self.url, follow_redirects=True, timeout=60, **options)

    @contextmanager
    def signed_in(self, name, password=PASSWORD, **options):
        """One to which somebody has."""
        with self.client(**options) as client:
            answer = client.post("/sign-in", data={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
            yield client


@contextmanager
def running(database, *arguments):
    command = [sys.executable, "-m", "sensor", "console", "--database", str(database), "--listen", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed = ""
    for line in process.stdout:
        printed += line
        if found := re.search(r"(https?://\S+)/ ", line):
            break
    else:
        raise AssertionError(printed)
    try:
        yield Console(found[1], database, printed, process)
    finally:
        process.send_signal(signal.SIGTERM)
        with process:
            rest = process.stdout.read()
    assert process.returncode == 0, rest


def csrf(client, path):
    """What a form of that page proves itself with."""
    return re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)[1]


def people(store):
    """One of each role."""
    from sensor.console.passwords import hashed  # noqa: PLC0415  takes a while

    kept = hashed(PASSWORD)
    for role in Role:
        store.accounts.add(f"{role}-of-the-plant", role, kept, None, must_change=False)


def water_works(path, *, evidence=None):
    """A database of the water works at that path; with evidence in that folder."""
    known = conclude(observe(open_capture(str(WATER))))
    with Store.open(path) as store:
        store.save(known)
        store.accept_baseline(to_text(learn(known)).encode())
        people(store)
    if evidence is not None:
        settings = EvidenceSettings()
        keep_evidence(known.alerts, [str(WATER)], Folder(evidence, settings), settings, {})


@pytest.fixture(scope="session")
def water(tmp_path_factory):
    """The database of the water works."""
    path = tmp_path_factory.mktemp("console") / "water.db"
    water_works(path)
    return path


@pytest.fixture(scope="session")
def console(water):
    with running(water) as console:
        yield console


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "hostile.db"
    with Store.open(path) as store:
        store.save(hostile_plant())
        people(store)
    with running(path) as console:
        yield console


@pytest.fixture
def analyst(console):
    with console.signed_in("analyst-of-the-plant") as client:
        yield client


@pytest.fixture
def viewer(console):
    with console.signed_in("viewer-of-the-plant") as client:
        yield client


@pytest.fixture
def admin(console):
    with console.signed_in("admin-of-the-plant") as client:
        yield client
