"""The forwarder: brings events from a queue to one destination, in order, each at least once, and knows what may still be lost."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from sensor.detections.model import Severity
from sensor.errors import DeliveryError, RefusedError, StoreError
from sensor.events import Event, Sensor
from sensor.exports.destination import Destination
from sensor.exports.queue import Portion
from sensor.exports.syslog import message
from sensor.exports.ways import WAYS
from sensor.telling import health_event

_PORTION = 500
_POLL = 0.25
"""Seconds between two looks whether there is something to send."""
_LONGEST_PAUSE = 300.0
_TOLD_AFTER = 300.0
"""Seconds without success after which others are told of it."""
_TOLD_AGAIN = 86_400.0


class Queue(Protocol):
    """What waits for destinations, by their names: the outbox of a database, or what a replay has found."""

    def cursor(self, name: str) -> int:
        """Up to which event a destination has everything."""

    def after(self, name: str, number: int, most: int) -> Portion:
        """The next events that it gets, after that one."""

    def advance(self, name: str, number: int, sent: int) -> None:
        """It has everything up to that event; so many were sent now."""

    def fail(self, name: str, error: str) -> None:
        """An attempt failed."""

    def refuse(self, name: str, number: int, event: Event, why: str) -> None:
        """It will not take an event."""

    def refused(self, name: str) -> list[tuple[int, Event]]:
        """What it would not take, with a number each."""

    def accept(self, numbers: Sequence[int]) -> None:
        """It has taken what it would not take before."""

    def nudge(self, name: str) -> None:
        """Ask to try now, and once more what was refused."""

    def take_nudge(self, name: str) -> bool:
        """Has somebody asked to try now? Once."""

    def tell(self, events: Sequence[Event]) -> None:
        """Let further events wait."""


class Forwarder:
    """Delivers to one destination, in one thread.

    failing: why the last attempt failed, "" where it did not. trouble: why the last of those that failed did.
    position: the number of the last event that was handed over.
    """

    def __init__(
        self, destination: Destination, sensor: Sensor, queue: Queue, on_failure: Callable[[str], None] = lambda _reason: None
    ) -> None:
        """on_failure: gets each new reason why it fails."""
        self.destination = destination
        self.failing = self.trouble = ""
        self._sensor = sensor
        self._queue = queue
        self._on_failure = on_failure
        self._way = WAYS[destination.scheme].open(destination)
        self._cursor = self.position = queue.cursor(destination.name)
        self._unsure: deque[int] = deque()
        self._put_aside: set[int] = set()  # refused, and behind the cursor not yet
        self._asked = False
        self._failures = 0
        self._failing_since: float | None = None
        self._told_at: float | None = None

    def run(self, stop: threading.Event, *, once: bool = False) -> None:
        """Deliver until `stop`, or with `once` until nothing waits any more."""
        try:
            while not stop.is_set():
                try:
                    if not self.step():
                        if once:
                            self.finish()
                            return
                        stop.wait(_POLL)
                except (DeliveryError, StoreError) as error:
                    self._fail(error)
                    self._pause(stop, error.wait if isinstance(error, DeliveryError) else None)
                except Exception as error:  # noqa: BLE001  a mistake of ours must not end deliveries without a word
                    self._fail(DeliveryError(f"a mistake in Otoscope, please report it: {error!r}"))
                    self._pause(stop, None)
            self._end()
        finally:
            self._way.close()

    def step(self) -> bool:
        """Deliver a portion; False where nothing waits. Raises DeliveryError, and StoreError where the queue cannot be read or written."""
        name = self.destination.name
        if self._is_asked():
            self._deliver_refused()
        portion = self._queue.after(name, self.position, _PORTION)
        if portion.events:
            self._deliver(portion.events)
        elif self._unsure:
            self._way.deliver(())  # says whether the connection still stands
        self.position = portion.upto
        trouble = ""
        try:
            self._settle(self._way.unsure())
        except StoreError as error:  # a full disk keeps nobody from being told; after a restart they are told again
            trouble = str(error)
        self._say(trouble)
        self._failures, self._failing_since, self._told_at = 0, None, None
        return bool(portion.events)

    def _is_asked(self) -> bool:
        """Has somebody asked to send once more what was refused, and has it not arrived yet?"""
        self._asked = self._queue.take_nudge(self.destination.name) or self._asked
        return self._asked

    def _end(self) -> None:
        """Make sure of what was sent; what is not sure, and what somebody has asked for, is for the next start."""
        try:
            if self._asked:
                self._queue.nudge(self.destination.name)
            self.finish()
        except (DeliveryError, StoreError) as error:
            self._say(str(error))

    def finish(self) -> None:
        """Make sure of all that was delivered. Raises DeliveryError where that fails."""
        self._way.finish()
        self._settle(0)

    def _deliver(self, events: Sequence[tuple[int, Event]]) -> None:
        left, messages = list[tuple[int, Event]](), list[bytes]()
        for number, event in events:
            if number in self._put_aside:
                continue
            written = self._write(event)
            if isinstance(written, str):
                self._refuse(number, event, written)
            else:
                left.append((number, event))
                messages.append(written)
        while left:
            rest = self._hand_over(left, messages)
            left, messages = rest, messages[len(messages) - len(rest) :]

    def _write(self, event: Event) -> bytes | str:
        """Its octets, or why there are none."""
        try:
            return message(event, self._sensor, self.destination)
        except Exception as error:  # noqa: BLE001  one event that cannot be written must not hold up those behind it
            return f"cannot be written as {self.destination.form}: {error!r}"

    def _hand_over(self, events: list[tuple[int, Event]], messages: Sequence[bytes]) -> list[tuple[int, Event]]:
        """Those that are left after one that is refused."""
        try:
            self._way.deliver(messages)
        except RefusedError as error:
            self._note(events[: error.index])
            self._refuse(*events[error.index], str(error))
            return events[error.index + 1 :]
        self._note(events)
        return []

    def _refuse(self, number: int, event: Event, why: str) -> None:
        """Put it aside; once, though those around it may have to be sent again."""
        self._queue.refuse(self.destination.name, number, event, why)
        self._put_aside.add(number)

    def _note(self, events: Sequence[tuple[int, Event]]) -> None:
        for number, _ in events:
            self.position = number
            self._unsure.append(number)

    def _deliver_refused(self) -> None:
        """Once more what it did not take, together: by the others a way may know what one of them is refused for."""
        refused = [(number, self._write(event)) for number, event in self._queue.refused(self.destination.name)]
        left = [(number, written) for number, written in refused if isinstance(written, bytes)]
        while left:
            portion, left = left[:_PORTION], left[_PORTION:]
            arrived = len(portion)
            try:
                self._way.deliver([written for _, written in portion])
            except RefusedError as error:
                arrived = error.index
            if self._way.unsure():
                self.finish()  # they are not in the outbox: nothing would send them again
            self._queue.accept([number for number, _ in portion[:arrived]])
            left = portion[arrived + 1 :] + left
        self._asked = False

    def _settle(self, unsure: int) -> None:
        """Move the cursor behind what is sure."""
        sure = len(self._unsure) - unsure
        cursor = self._unsure[sure - 1] if 0 < sure < len(self._unsure) else self._cursor if self._unsure and sure <= 0 else self.position
        if cursor != self._cursor:
            self._queue.advance(self.destination.name, cursor, max(sure, 0))
            self._cursor = cursor
            self._put_aside = {number for number in self._put_aside if number > cursor}
        for _ in range(sure):
            self._unsure.popleft()

    def _say(self, trouble: str) -> None:
        """Note why it fails, and say it where that is news."""
        if trouble and trouble != self.failing:
            self._on_failure(trouble)
        self.failing = trouble
        self.trouble = trouble or self.trouble

    def _fail(self, error: DeliveryError | StoreError) -> None:
        """Begin again behind what is sure."""
        if isinstance(error, DeliveryError):
            self._unsure.clear()
            self.position = self._cursor
        self._say(str(error))
        self._failures += 1
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        with suppress(StoreError):
            self._queue.fail(self.destination.name, str(error))
            again = self._told_at is None or now - self._told_at >= _TOLD_AGAIN
            if again and now - self._failing_since >= _TOLD_AFTER:
                self._queue.tell([self._failing_event(now - self._failing_since)])
                self._told_at = now

    def _failing_event(self, seconds: float) -> Event:
        name = self.destination.name
        text = f"{name} has taken no event for {seconds / 60:.0f} minutes: {self.failing}"
        figures = {"destination": name, "failures": self._failures}
        title = "Destination takes no events"
        return health_event("export_failing", title, time.time_ns(), severity=Severity.MEDIUM, message=text, figures=figures)

    def _pause(self, stop: threading.Event, wait: float | None) -> None:
        """Leave it alone for a while, longer each time, and not all sensors for the same time; less where somebody asks for it."""
        longest = min(_LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 20))
        until = time.monotonic() + max(wait or 0.0, longest * random.uniform(0.5, 1.0))  # noqa: S311  no secret
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            stop.wait(min(left, 1.0))
            with suppress(StoreError):
                if self._queue.take_nudge(self.destination.name):
                    self._asked = True
                    return
