"""The service outlives what fails around it: the capture, the database, the log; and what it knows is kept."""

import io
import itertools
import json
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from sensor.capture import Batch, open_capture
from sensor.errors import CaptureError
from sensor.frames import Frame, Wanted
from sensor.service import Notifier, Service, set_up
from sensor.service import run as module
from sensor.settings import Settings, parse_settings
from sensor.store import ALERTS, ASSETS, Query, Store
from tests.exports.receivers import until
from tests.service.conftest import WATER


class Recording:
    """A capture that comes in batches, as an interface would bring it; `meanwhile` is done before each."""

    interfaces = ()

    def __init__(self, meanwhile=lambda _number: None, packets: int = 500) -> None:
        self._capture, self._meanwhile = open_capture(WATER, batch_packets=packets), meanwhile

    def __iter__(self) -> Iterator[Batch]:
        for number, batch in enumerate(self._capture):
            self._meanwhile(number)
            yield batch

    def stop(self) -> None:
        self._capture.stop()

    def frames(self, wanted: Sequence[Wanted]) -> list[list[Frame]]:
        """A recording keeps none."""
        return [[] for _ in wanted]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return parse_settings(f'[store]\ndatabase = "{tmp_path}/plant.db"\n[site]\nlearning_days = 0\n[metrics]\nlisten = ""\n')


def run(settings: Settings, source, environment=None) -> None:
    """Until it has ended."""
    Service(settings, source, Notifier(environment or {}), set_up("info", "json")).run()


@contextmanager
def systemd(path: Path) -> Iterator[list[str]]:
    """What it is told at that address, all of it once the block has ended."""
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(path))

        def listen() -> None:
            while not told or told[-1] != "enough":
                told.append(ear.recv(4096).decode())

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield told
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
                mouth.sendto(b"enough", str(path))
            thread.join()


def rows(settings: Settings, kind) -> list[dict]:
    with Store.open(settings.store.database) as store:
        return store.find(kind, Query()).rows


def test_what_was_known_when_the_capture_failed_is_kept(settings, monkeypatch):
    def fail(number):
        if number == 10:
            raise CaptureError("eth1", "a thread that reads frames has ended")

    # Nothing is concluded while it runs, so that nothing is kept but at the end.
    monkeypatch.setattr(module._Work, "do", lambda _: None)
    with pytest.raises(CaptureError, match="eth1"):
        run(settings, Recording(fail))
    assert len(rows(settings, ASSETS)) > 20


def test_a_database_that_another_holds_for_a_while_delays_what_is_kept_and_loses_nothing(settings, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(module, "LOCKED_SECONDS", 0.05)
    Store.open(settings.store.database).close()
    with closing(sqlite3.connect(settings.store.database)) as other, systemd(tmp_path / "notify") as told:

        def lock(number):
            if number == 0:
                other.execute("BEGIN IMMEDIATE")
            if number == 10:
                other.rollback()

        run(settings, Recording(lock), {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000"})
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failed = [line for line in said if line["event"] == "cannot save"]
    assert failed
    assert "another process writes to it" in failed[0]["reason"]
    assert "ot.plc.stop" in {row["rule"] for row in rows(settings, ALERTS)}
    # Before and after each attempt to save the watchdog hears that it goes on.
    failures = [number for number, text in enumerate(told) if "cannot save" in text]
    assert all("WATCHDOG=1" in told[before:after] for before, after in itertools.pairwise(failures))


def test_who_started_it_and_does_not_listen_does_not_hold_it_up(settings, monkeypatch, tmp_path):
    monkeypatch.setattr("sensor.service.notify._PATIENCE_SECONDS", 0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        run(settings, Recording(packets=200), {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "10"})
    assert len(rows(settings, ASSETS)) > 20


def test_one_thing_at_a_time_is_done_between_batches(settings, monkeypatch):
    done: list[str] = []
    for name in ("conclude", "learn", "retain"):
        monkeypatch.setattr(Service, name, lambda *_, name=name: done.append(name))
    monkeypatch.setattr(module, "_MINUTELY", 0)
    work = module._Work(Service(settings, Recording(), Notifier({}), set_up("error", "text")), SimpleNamespace())
    for _ in range(3):
        work.do()
    assert done == ["retain", "learn", "conclude"]


def test_a_log_that_cannot_be_written_to_ends_nothing(settings, monkeypatch):
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    run(settings, Recording())
    assert len(rows(settings, ASSETS)) > 20


def test_it_goes_on_where_nobody_takes_its_log(wire, tmp_path):
    """As where the journal has ended: a pipe that nobody reads any more."""
    config = tmp_path / "otoscope.toml"
    config.write_text(f'[capture]\ninterfaces = ["mirror"]\n[store]\ndatabase = "{tmp_path}/plant.db"\n[metrics]\nlisten = ""\n')
    process = wire.otoscope("run", "--config", config)
    assert process.stderr is not None
    assert any("interface is capturing" in line for line in process.stderr)
    process.stderr.close()
    wire.send()
    wire.unplug()  # which it says
    database = str(tmp_path / "plant.db")
    with Store.open(database) as store:
        assert until(lambda: "ot.plc.stop" in {row["rule"] for row in store.find(ALERTS, Query()).rows}, 60)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()


def test_an_order_to_stop_that_comes_while_the_database_is_opened_is_heard(settings, monkeypatch):
    opened = Store.open

    def slowly(*arguments, **more):
        signal.raise_signal(signal.SIGTERM)
        return opened(*arguments, **more)

    monkeypatch.setattr(module.Store, "open", slowly)
    source = Recording(packets=100)
    run(settings, source)
    assert sum(1 for _ in source) == 0


def test_a_change_of_what_is_wrong_with_an_interface_is_said_once(settings, capsys):
    source = Recording(packets=300)

    def interface(condition, trouble):
        return SimpleNamespace(name="eth1", condition=condition, trouble=trouble, dropped=0)

    shown = iter([interface("failed", "no memory"), interface("failed", "not permitted"), interface("capturing", None)])

    def change(_number):
        source.interfaces = (next(shown, source.interfaces[0] if source.interfaces else None),)

    source._meanwhile = change
    run(settings, source)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    found = [(line["event"], line["trouble"]) for line in said if line.get("interface") == "eth1"]
    assert found == [("interface is failed", "no memory"), ("interface is failed", "not permitted"), ("interface is capturing", None)]
