"""What is usual is learned first: while that lasts nothing is called new, and afterwards everything that was not there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sensor.baseline.file import to_text
from sensor.baseline.learn import learn
from sensor.capture import Batch, open_capture
from sensor.conclusions import Conclusions
from sensor.frames import Frame, Wanted
from sensor.service import Notifier, Service, set_up
from sensor.service import run as module
from sensor.settings import parse_settings
from sensor.store import ALERTS, Query, Store
from tests.service.conftest import WATER
from tests.store.conftest import known_of


class Recording:
    """A capture that comes in batches, as an interface would bring it."""

    interfaces = ()

    def __init__(self, path: Path, packets: int) -> None:
        self._capture = open_capture(path, batch_packets=packets)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._capture)

    def stop(self) -> None:
        self._capture.stop()

    def frames(self, wanted: Sequence[Wanted]) -> list[list[Frame]]:
        """A recording keeps none."""
        return [[] for _ in wanted]


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Runs the service over a recording, learning with every batch; the rules of the alerts that are in its database then."""
    monkeypatch.setattr(module, "_MINUTELY", 0)
    monkeypatch.setattr(module, "_HOURLY", 0)

    def serve(path: Path = WATER, packets: int = 500, **more) -> set[str]:
        settings = parse_settings(f'[store]\ndatabase = "{tmp_path}/plant.db"\nretain_days = 3650\n[metrics]\nlisten = ""\n')
        service = Service(settings, Recording(path, packets), Notifier({}), set_up("error", "text"))
        for name, value in more.items():
            setattr(service, name, value)
        service.run()
        with Store.open(tmp_path / "plant.db") as store:
            return {row["rule"] for row in store.find(ALERTS, Query()).rows}

    return serve


def of_baseline(rules: set[str]) -> set[str]:
    return {rule for rule in rules if rule.startswith("ot.baseline.")}


def test_nothing_is_new_while_it_is_learned_what_is_usual(serve, tmp_path):
    assert of_baseline(serve()) == set()
    with Store.open(tmp_path / "plant.db") as store:
        assert b"10.30.1.11" in store.baseline()


def test_what_is_not_usual_is_told_once_that_is_known(serve, tmp_path):
    usual = learn(known_of("plants/water.pcap"), 14)
    long_ago = replace(usual, first=1, assets=usual.assets[1:])
    with Store.open(tmp_path / "plant.db") as store:
        store.accept_baseline(to_text(long_ago).encode())
    assert "ot.baseline.asset" in of_baseline(serve())


def test_what_came_late_in_the_learning_period_is_usual_though_it_ended_before_the_next_look(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MINUTELY", 3600)
    assert of_baseline(serve()) == set()
    with Store.open(tmp_path / "plant.db") as store:
        assert b"10.30.1.99" in store.baseline()


def test_conclusions_that_fail_begin_anew(serve):
    class Broken(Conclusions):
        def update(self, observations):
            raise KeyError(observations)

    assert "ot.plc.stop" in serve(_conclusions=Broken())
