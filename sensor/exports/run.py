"""All destinations at once: a thread each, so that one that is dead delays no other; and the heartbeat."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from sensor.detections.model import Severity
from sensor.errors import StoreError
from sensor.events import Event, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forwarder import Forwarder, Queue
from sensor.exports.queue import Backlog
from sensor.exports.syslog import message
from sensor.exports.ways import WAYS
from sensor.settings import Settings
from sensor.stopping import Stop, heeding
from sensor.store import Bounds, Outbox
from sensor.telling import health_event

HEARTBEAT = 300.0
"""Seconds. A SIEM that hears nothing for three of them has lost the sensor."""
PATIENCE = 30.0
"""Seconds without an event delivered after which what is to be delivered once is given up."""

Say = Callable[[str, str], None]
"""What is to be said of a destination, by its name."""


class Deliveries:
    """Forwarders at work, one for each destination."""

    def __init__(self, destinations: Iterable[Destination], sensor: Sensor, queue: Queue, *, once: bool, say: Say) -> None:
        self._stop = threading.Event()
        self.forwarders = {
            destination.name: Forwarder(destination, sensor, queue, partial(say, destination.name)) for destination in destinations
        }
        self._threads = {
            name: threading.Thread(target=forwarder.run, args=(self._stop,), kwargs={"once": once}, name=name, daemon=True)
            for name, forwarder in self.forwarders.items()
        }
        for thread in self._threads.values():
            thread.start()

    @property
    def at_work(self) -> list[str]:
        """Destinations that are not done yet."""
        return [name for name, thread in self._threads.items() if thread.is_alive()]

    def stop(self, seconds: float = 15.0) -> None:
        """Let each make sure of what it has sent, and end."""
        self._stop.set()
        until = time.monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))


@contextmanager
def delivering(settings: Settings, outbox: Outbox, say: Say) -> Iterator[Deliveries]:
    """Deliver from a database, and send heartbeats, while the block runs."""
    destinations = settings.destinations()
    outbox.register(destinations, Bounds(**settings.outbox.model_dump()))
    stop = threading.Event()
    deliveries = Deliveries(destinations, settings.identity(), outbox, once=False, say=say)
    heart = threading.Thread(target=_beat, args=(outbox, stop), name="heartbeat", daemon=True)
    heart.start()
    try:
        yield deliveries
    finally:
        stop.set()
        heart.join(5.0)
        deliveries.stop()


def deliver(settings: Settings, outbox: Outbox, *, once: bool, say: Say) -> dict[str, str]:
    """Deliver from a database until SIGTERM or Ctrl-C, or with `once` until nothing waits; why that failed, by destination."""
    stop = Stop()
    with heeding({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}):
        if not once:
            with delivering(settings, outbox, say) as deliveries:
                return _wait(deliveries, stop, patience=None)
        destinations = settings.destinations()
        outbox.register(destinations, Bounds(**settings.outbox.model_dump()))
        deliveries = Deliveries(destinations, settings.identity(), outbox, once=True, say=say)
        failed = _wait(deliveries, stop, patience=PATIENCE)
        deliveries.stop()
        return failed


def send(events: Sequence[Event], destinations: Sequence[Destination], sensor: Sensor, say: Say) -> dict[str, str]:
    """Deliver events, and end; what was not delivered to whom, and why."""
    backlog = Backlog(events, destinations)
    deliveries = Deliveries(destinations, sensor, backlog, once=True, say=say)
    failed = _wait(deliveries, Stop(), patience=PATIENCE)
    deliveries.stop(seconds=1.0)
    missed = {}
    for name, forwarder in deliveries.forwarders.items():
        if left := backlog.left(name):
            why = failed.get(name) or next(iter(backlog.reasons(name)), forwarder.failing)
            why = why.removeprefix(f"{forwarder.destination.url}: ")
            missed[name] = f"{left:,} of {backlog.total(name):,} events were not delivered: {why}"
    return missed


def send_test(destination: Destination, sensor: Sensor) -> str:
    """Send one test event; the line that was sent. Raises DeliveryError."""
    text = f"Test event of the Otoscope sensor {sensor.name}: nothing has happened"
    event = health_event("export_test", "Test event", time.time_ns(), severity=Severity.LOW, message=text)
    line = message(event, sensor, destination)
    way = WAYS[destination.scheme].open(destination)
    try:
        way.deliver([line])
        way.finish()
    finally:
        way.close()
    return line.decode(errors="replace").rstrip("\n")


def _wait(deliveries: Deliveries, stop: Stop, *, patience: float | None) -> dict[str, str]:
    """Until all are done, or those that are not have got no further for too long; why they have not."""
    farthest = dict.fromkeys(deliveries.forwarders, 0)  # what has to be sent again is no progress
    since = dict.fromkeys(deliveries.forwarders, time.monotonic())
    while not stop.wait(0.05):
        left = deliveries.at_work
        further = {name: now for name in left if (now := deliveries.forwarders[name].position) > farthest[name]}
        farthest |= further
        since |= dict.fromkeys(further, time.monotonic())
        if not left or (patience is not None and all(time.monotonic() - since[name] > patience for name in left)):
            return {name: deliveries.forwarders[name].trouble or "it takes nothing" for name in left}
    return {}


def _beat(outbox: Outbox, stop: threading.Event) -> None:
    """Tell every few minutes that the sensor lives, and how it is."""
    began = time.monotonic()
    while not stop.is_set():
        with suppress(StoreError):  # a full disk: the next one tells it
            figures = {"uptime_seconds": int(time.monotonic() - began), **_figures(outbox)}
            outbox.tell([health_event("heartbeat", "Sensor heartbeat", time.time_ns(), figures=figures)])
        stop.wait(HEARTBEAT)


def _figures(outbox: Outbox) -> dict[str, int]:
    """What the database tells; nothing where it holds what none of ours has written: the sensor lives all the same."""
    try:
        return outbox.figures()
    except (TypeError, ValueError, AttributeError):
        return {}
