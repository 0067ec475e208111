"""Nothing is lost between the outbox and a receiver, whoever of both dies, and whenever."""

import random
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sensor.errors import DeliveryError
from sensor.events import Event, Sensor
from sensor.exports import forwarder as forwarder_module
from sensor.exports import run as run_module
from sensor.exports.forwarder import Forwarder
from sensor.exports.run import Deliveries
from sensor.settings import destination_of, load_settings
from sensor.store import ALERTS, Bounds, Query, Store
from sensor.telling import health_event
from tests.exports.receivers import free_port, until

ROOT = Path(__file__).parents[2]
moments = random.Random(20261124)  # noqa: S311 - when somebody dies is no secret
SENSOR = Sensor(id="sns-1", name="sensor", version="1")


class Receiver:
    """Takes lines on a port; can be stopped and started again."""

    def __init__(self):
        self.port = free_port()
        self.lines: list[str] = []
        self._server: socket.socket | None = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._connections: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def stop(self):
        """As a receiver that dies: what it has not read is lost."""
        server, self._server = self._server, None
        if server:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            for connection in self._connections:
                with_reset(connection)

    def _accept(self, server):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        rest = b""
        try:
            while octets := connection.recv(4096):
                *lines, rest = (rest + octets).split(b"\n")
                self.lines += [line.decode() for line in lines]
        except OSError:
            return
        connection.close()

    @property
    def numbers(self) -> list[int]:
        """Of the events, as they came."""
        return [int(found[1]) for line in self.lines if (found := re.search(r"OtoscopeSensorNumber=(\d+)", line))]

    @property
    def first_arrivals(self) -> list[int]:
        return list(dict.fromkeys(self.numbers))


def with_reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.shutdown(socket.SHUT_RD)
        connection.close()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def event(number: int) -> Event:
    return health_event("heartbeat", "Sensor heartbeat", time.time_ns(), figures={"number": number})


@pytest.fixture
def plant(tmp_path, receiver):
    """A database with a destination, and its settings."""
    config, database = tmp_path / "otoscope.toml", tmp_path / "plant.db"
    config.write_text(f'[exports.siem]\nurl = "tcp://127.0.0.1:{receiver.port}"\n')
    with Store.open(database) as store:
        store.outbox.register(load_settings(config).destinations(), Bounds())
        yield store, config, database


def forward(config: Path, database: Path, *options: str, **more) -> subprocess.Popen:
    command = [sys.executable, "-m", "sensor", "exports", "run", "--config", config, "--database", database, *options]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **more)


@contextmanager
def forwarding(destinations, store):
    said: list[tuple[str, str]] = []
    deliveries = Deliveries(destinations, SENSOR, store.outbox, once=False, say=lambda name, text: said.append((name, text)))
    yield said
    deliveries.stop()
    assert deliveries.at_work == []


def states(store):
    return {state.name: state for state in store.outbox.states()}


def test_a_dead_destination_delays_no_other_and_is_said(plant, receiver):
    store, _, _ = plant
    dead = destination_of(f"tcp://127.0.0.1:{free_port()}", "dead")
    store.outbox.register([dead], Bounds())
    with forwarding([dead, destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem")], store) as said:
        for number in range(10):
            store.outbox.tell([event(number)])
        assert until(lambda: len(receiver.numbers) == 10)
    assert said[0][0] == "dead"
    assert "nothing listens there" in said[0][1]
    assert (states(store)["siem"].waiting, states(store)["dead"].waiting) == (0, 10)
    assert states(store)["dead"].last_error


def test_what_came_while_the_receiver_was_away_comes_in_order(plant, receiver):
    store, _, _ = plant
    with forwarding([destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem")], store):
        store.outbox.tell([event(0)])
        assert until(lambda: receiver.numbers == [0])
        receiver.stop()
        for number in range(1, 2000, 500):
            store.outbox.tell([event(one) for one in range(number, number + 500)])
        receiver.start()
        assert until(lambda: len(receiver.first_arrivals) == 2001, 30)
    assert receiver.first_arrivals == list(range(2001))
    assert states(store)["siem"].waiting == 0


def test_a_receiver_that_dies_again_and_again_gets_everything(plant, receiver):
    store, _, _ = plant
    with forwarding([destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem")], store):
        for number in range(0, 3000, 300):
            store.outbox.tell([event(one) for one in range(number, number + 300)])
            until(lambda number=number: len(receiver.first_arrivals) > number, 10)
            receiver.stop()
            time.sleep(moments.uniform(0, 0.05))
            receiver.start()
        assert until(lambda: len(receiver.first_arrivals) == 3000, 60)
    assert receiver.first_arrivals == list(range(3000))


def test_a_forwarder_that_is_killed_at_any_moment_loses_nothing(plant, receiver):
    store, config, database = plant
    for number in range(0, 5000, 500):
        store.outbox.tell([event(one) for one in range(number, number + 500)])
    for _ in range(8):
        process = forward(config, database)
        before = len(receiver.numbers)
        until(lambda before=before: len(receiver.numbers) > before, 20)
        time.sleep(moments.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    said = forward(config, database, "--once").communicate(timeout=60)
    assert said == (None, "")
    assert receiver.first_arrivals == list(range(5000))
    assert states(store)["siem"].waiting == 0


SAVE_FOR_EVER = """
import sys
from itertools import count
from sensor.store import Run, Store
from tests.store.conftest import known_of
from tests.store.rows import alert, with_findings
demo = known_of("demo.pcap")
with Store.open(sys.argv[1]) as store:
    for number in count(int(sys.argv[2])):
        alerts = tuple(alert(f"alert {name}") for name in range(number * 20))
        store.save(with_findings(demo, alerts=alerts), Run("monday"))
        print(number, flush=True)
"""


def test_what_is_in_the_database_when_the_sensor_is_killed_reaches_the_receiver_and_nothing_else(plant, receiver):
    store, config, database = plant
    number = 1
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, database, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline().strip() == str(number)
        time.sleep(moments.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        number = max([number, *map(int, process.communicate(timeout=20)[0].split())]) + 1
    assert forward(config, database, "--once").communicate(timeout=60) == (None, "")
    kept = {row["id"] for row in store.find(ALERTS, Query()).rows}
    told = {found[1] for line in receiver.lines if (found := re.search(r"externalId=(alert \d+) ", line))}
    assert told == kept
    assert len(kept) >= 20


def test_a_full_disk_stops_no_delivery_and_is_said(plant, receiver):
    store, config, database = plant
    store.outbox.tell([event(number) for number in range(700)])
    room = max(path.stat().st_size for path in database.parent.iterdir()) // 4096 * 4096

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = forward(config, database, preexec_fn=limit)
    assert until(lambda: len(receiver.first_arrivals) == 700, 30)
    process.send_signal(signal.SIGTERM)
    [said] = process.communicate(timeout=40)[1].splitlines()
    assert "is the disk full or broken?" in said
    assert forward(config, database, "--once").communicate(timeout=60) == (None, "")
    assert receiver.first_arrivals == list(range(700))
    assert states(store)["siem"].waiting == 0


def test_an_event_that_cannot_be_written_holds_nobody_up(plant, receiver):
    store, _, _ = plant
    damaged = replace(event(1), techniques=(17,))
    forwarder = Forwarder(destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem"), SENSOR, store.outbox)
    store.outbox.tell([event(0), damaged, event(2)])
    assert forwarder.step()
    forwarder.finish()
    assert until(lambda: receiver.numbers == [0, 2])
    assert states(store)["siem"].refused == 1
    store.outbox.nudge("siem")
    assert not forwarder.step()
    assert states(store)["siem"].refused == 1


def dies_when_it_is_told_something(port: int) -> threading.Thread:
    """It accepts and reads a little; what it has not read is lost with it."""
    server = socket.create_server(("127.0.0.1", port))

    def die():
        connection, _ = server.accept()
        server.close()
        connection.recv(1)
        with_reset(connection)

    thread = threading.Thread(target=die)
    thread.start()
    return thread


def test_what_was_refused_is_kept_until_it_has_arrived(plant, receiver):
    store, _, _ = plant
    forwarder = Forwarder(destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem"), SENSOR, store.outbox)
    for number in range(3):
        store.outbox.refuse("siem", number, event(number), "it would not")
    receiver.stop()
    dying = dies_when_it_is_told_something(receiver.port)
    store.outbox.nudge("siem")
    with pytest.raises(DeliveryError):
        forwarder.step()
    dying.join(10)
    assert states(store)["siem"].refused == 3
    receiver.start()
    forwarder.step()
    assert until(lambda: receiver.numbers == [0, 1, 2])
    assert states(store)["siem"].refused == 0
    forwarder.step()
    assert receiver.numbers == [0, 1, 2]


def test_who_asks_and_is_not_served_before_the_end_is_served_after_the_next_start(plant, receiver):
    store, _, _ = plant
    store.outbox.refuse("siem", 1, event(1), "it would not")
    receiver.stop()
    store.outbox.nudge("siem")
    with forwarding([destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem")], store) as said:
        assert until(lambda: said)
    receiver.start()
    with forwarding([destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem")], store):
        assert until(lambda: receiver.numbers == [1])
        assert until(lambda: states(store)["siem"].refused == 0)


def test_an_event_that_cannot_be_written_is_put_aside_once_however_often_the_others_are_tried(plant, receiver):
    store, _, _ = plant
    forwarder = Forwarder(destination_of(f"tcp://127.0.0.1:{receiver.port}", "siem"), SENSOR, store.outbox)
    store.outbox.tell([event(0), replace(event(1), techniques=(17,)), event(2)])
    receiver.stop()
    stop = threading.Event()
    thread = threading.Thread(target=forwarder.run, args=(stop,), kwargs={"once": True})
    thread.start()
    assert until(lambda: states(store)["siem"].failures >= 3, 30)
    receiver.start()
    thread.join(60)
    assert receiver.first_arrivals == [0, 2]
    assert states(store)["siem"].refused == 1


def test_what_a_receiver_takes_and_breaks_again_and_again_is_given_up(monkeypatch):
    """It accepts, and resets before it has read: that is no progress, however much goes out each time."""
    monkeypatch.setattr(run_module, "PATIENCE", 3)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                time.sleep(0.3)
                with_reset(connection)

        threading.Thread(target=reset, daemon=True).start()
        destination = destination_of(f"tcp://127.0.0.1:{server.getsockname()[1]}", "siem")
        missed = run_module.send([event(number) for number in range(10)], [destination], SENSOR, lambda _name, _text: None)
        server.shutdown(socket.SHUT_RDWR)
    assert missed["siem"].startswith("10 of 10 events were not delivered: it broke the connection")


def test_a_clean_end_says_that_everything_has_arrived_and_sends_nothing_twice(plant, receiver):
    store, config, database = plant
    store.outbox.tell([event(number) for number in range(1200)])
    for _ in range(2):
        assert forward(config, database, "--once").communicate(timeout=60) == (None, "")
    assert receiver.numbers == list(range(1200))
    assert states(store)["siem"].sent == 1200


@pytest.mark.parametrize("body", ["[]", '{"packets": "x"}', '{"counters": []}'])
def test_a_heart_beats_whatever_the_database_holds(plant, receiver, body):
    _, config, database = plant
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO runs (name, parts, body) VALUES ('strange', '', ?)", (body.encode(),))
    process = forward(config, database)
    assert until(lambda: any("heartbeat" in line for line in receiver.lines), 20)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30) == (None, "")


def test_who_takes_nothing_is_told_of_once_a_day_with_the_time_that_it_was(plant, monkeypatch):
    store, _, _ = plant
    told, now = [], [1000.0]
    monkeypatch.setattr(forwarder_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(store.outbox.__class__, "tell", lambda _outbox, events: told.extend(events))
    forwarder = Forwarder(destination_of("tcp://127.0.0.1:9", "siem"), SENSOR, store.outbox)
    for minutes in (0, 4, 6, 60, 24 * 60, 25 * 60):
        now[0] = 1000.0 + minutes * 60
        forwarder._fail(DeliveryError("nothing listens there"))
    assert [event.message for event in told] == [
        "siem has taken no event for 6 minutes: nothing listens there",
        "siem has taken no event for 1500 minutes: nothing listens there",
    ]


def test_what_a_forwarder_sends_after_sigterm_is_sure(plant, receiver):
    store, config, database = plant
    process = forward(config, database)
    assert until(lambda: any("heartbeat" in line for line in receiver.lines), 20)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30) == (None, "")
    assert process.returncode == 0
    assert states(store)["siem"].waiting == 0
