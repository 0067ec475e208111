"""One plant for all of these tests, polled as usual; for each module a SIEM, Prometheus and a folder."""

import os

import pytest

from pcaps.recipes import mirrored
from tests.end_to_end.appliance import Metrics, Siem

FOR_EVER = 1_000_000


@pytest.fixture(scope="session")
def plant():
    assert os.getuid() == 0, "these tests make network namespaces: run them as root, as CI does"
    with mirrored.plant() as switch, mirrored.polled(switch, FOR_EVER):
        yield switch


@pytest.fixture
def siem(plant, tmp_path):
    yield from _started(Siem(plant, tmp_path))


@pytest.fixture(scope="module")
def prometheus(plant, tmp_path_factory):
    yield from _started(Metrics(plant, tmp_path_factory.mktemp("prometheus")))


def _started(daemon):
    daemon.start()
    yield daemon
    daemon.stop()
