"""Captures or interfaces in, batches of observations out. The only importer of the Rust module.

    with open_capture("plant.pcap") as capture:
        for batch in capture:
            for operation in batch.operations:
                ...

    with open_interfaces(["eth1"]) as live:
        for batch in live:  # one each second, until `live.stop()`
            ...

Rows are cumulative: a later row replaces the earlier one of the same id (see `Batch`). Times are nanoseconds
since the Unix epoch, in capture time; pairs are (client to server, server to client).
"""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from sensor._dissectors import (
    Anomaly,
    Batch,
    Conversation,
    Endpoint,
    Engine,
    Fact,
    Interface,
    Listener,
    Operation,
    Statistics,
    Transactions,
)  # fmt: skip
from sensor._dissectors import CaptureError as EngineError
from sensor.errors import CaptureError
from sensor.frames import Frame, Wanted
from sensor.listening import Listening
from sensor.progress import Progress
from sensor.stopping import Stop

__all__ = [
    "Anomaly", "Batch", "Capture", "Conversation", "Endpoint", "Fact", "Interface", "Listening", "LiveCapture", "Operation", "Progress",
    "Statistics", "Transactions", "default_limits", "open_capture", "open_interfaces",
]  # fmt: skip

Take = Callable[[Transactions, Sequence[str]], None]
"""Takes operations as rows, and the names of the captures or interfaces that they came from."""

_MANY_TRANSACTIONS = 131_072  # are taken at once: there is room for eight times as many
_SLICE_PACKETS = 16_384
"""Packets between two looks at signals: a few milliseconds, so that Ctrl-C is heard at once."""


class Capture:
    """One or more captures, read one after the other as one: an iterator of batches, made by `open_capture`."""

    def __init__(
        self,
        paths: tuple[str, ...],
        limits: Mapping[str, int] | None,
        batch_packets: int,
        on_progress: Callable[[Progress], None] | None,
        on_error: Callable[[CaptureError], None] | None,
        on_transactions: Take | None,
    ) -> None:
        self.files: list[str] = []
        """The captures that could be opened, so far."""
        self.warnings: list[tuple[str, str]] = []
        """What was wrong with captures that could be read: (path, text). Complete once the iteration has ended."""
        self._engine = Engine(limits, transactions=on_transactions is not None)
        self._on_transactions = on_transactions
        self._captures = len(paths)
        self._pending = deque(enumerate(paths, start=1))
        self._current: tuple[int, str] | None = None
        self._batch_packets = batch_packets
        self._on_progress = on_progress
        self._on_error = on_error
        self._finished = False
        self._open_next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._finished = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """Read on to the next batch; the last one holds what was still pending at the end.

        Raises CaptureError where the next capture cannot be opened and no `on_error` was given. Ctrl-C between two
        slices raises KeyboardInterrupt; `stop` and another `next` then give what was read so far.
        """
        if self._finished:
            raise StopIteration
        left = self._batch_packets
        while self._current is not None and left > 0:
            packets = min(left, _SLICE_PACKETS)
            more = self._engine.read(packets)
            left -= packets
            self._report_progress()
            if self._engine.waiting_transactions() >= _MANY_TRANSACTIONS:
                self._tell_transactions()
            if not more:
                self._close()
                self._open_next()
        if self._current is None:
            self._engine.finish()
            self._finished = True
            self._tell_transactions()
        return self._engine.batch()

    def stop(self) -> None:
        """Read no further: the next batch is the last."""
        if self._current is not None:
            self._close()
        self._pending.clear()

    def _open_next(self) -> None:
        while self._pending:
            number, path = self._pending.popleft()
            try:
                self._engine.open(path)
            except (EngineError, OSError) as error:
                failure = CaptureError(path, str(error).removeprefix(f"{_name(path)}: "))
                if self._on_error is None:
                    raise failure from error
                self._on_error(failure)
            else:
                self._current = (number, path)
                self.files.append(path)
                return

    def _close(self) -> None:
        if self._current is not None and (text := self._engine.warning()):
            self.warnings.append((self._current[1], text))
        self._current = None

    def _tell_transactions(self) -> None:
        if self._on_transactions is not None and (taken := self._engine.transactions()) is not None:
            self._on_transactions(taken, self.files)

    def _report_progress(self) -> None:
        if self._on_progress is not None and self._current is not None:
            number, path = self._current
            self._on_progress(Progress(path, number, self._captures, *self._engine.progress()))


def default_limits() -> dict[str, int]:
    """Caps of the engine's tables by name, as they are where none is given."""
    return Engine.limits()


def _name(path: str) -> str:
    return "standard input" if path == "-" else path


def open_capture(
    *paths: str | os.PathLike[str],
    limits: Mapping[str, int] | None = None,
    batch_packets: int = 2_000_000,
    on_progress: Callable[[Progress], None] | None = None,
    on_error: Callable[[CaptureError], None] | None = None,
    on_transactions: Take | None = None,
) -> Capture:
    """Open captures (pcap or pcapng, plain, .gz or .zst; "-" is standard input) and read them as one, in that order.

    limits: caps of the engine's tables, by name; what is not named keeps its default.
    batch_packets: packets from one batch to the next. The sum of the batches does not depend on it.
    on_progress: called after every few milliseconds' worth of packets.
    on_error: called for each capture that cannot be opened, which is then left out; without it that is raised.
    on_transactions: called with every operation as a row of its own, some hundred thousand at a time; without it none is kept.

    Raises CaptureError where the first capture cannot be opened; ValueError where there is none, or a limit is wrong.
    """
    if not paths:
        raise ValueError("no capture given")
    if batch_packets < 1:
        raise ValueError("batch_packets must be at least 1")
    return Capture(tuple(os.fspath(path) for path in paths), limits, batch_packets, on_progress, on_error, on_transactions)


class LiveCapture:
    """Interfaces that are listened to: an iterator of batches, made by `open_interfaces`. It never sends."""

    def __init__(
        self, names: Sequence[str], listening: Listening, limits: Mapping[str, int] | None, seconds: float, take: Take | None
    ) -> None:
        self._names, self._take = names, take or (lambda _taken, _names: None)
        self._listener = Listener(
            names,
            limits=limits,
            workers=listening.workers,
            kernel_filter=listening.kernel_filter,
            snap_length=listening.snap_length,
            ring_octets=listening.ring_mebibytes << 20,
            busy_poll=listening.busy_poll_microseconds,
            promiscuous=listening.promiscuous,
            hardware_time=listening.hardware_time,
            patient=listening.wait_for_missing,
            transactions=take is not None,
            recent_octets=listening.recent_mebibytes << 20,
            recent_seconds=listening.recent_minutes * 60,
        )
        self._batch_seconds = seconds
        self._due = time.monotonic() + seconds
        self._stopped = Stop()
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        if not self._finished:
            self._finished = True
            self._listener.stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """Wait until the next batch is due; once stopped, the last one holds all that was received until then.

        Raises CaptureError where a thread that reads frames has come upon a fault of its own. Ctrl-C raises KeyboardInterrupt;
        `stop` and another `next` then give what was received so far.
        """
        if self._finished:
            raise StopIteration
        stopped = self._stopped.wait(self._due - time.monotonic())
        # A batch that took long is not made up for by the next ones.
        self._due = max(self._due, time.monotonic() - self._batch_seconds) + self._batch_seconds
        try:
            self._finished = stopped
            batch = self._listener.stop() if stopped else self._listener.batch()
        except EngineError as error:
            self._finished = True
            with suppress(EngineError):  # the other threads are to end as well
                self._listener.stop()
            raise _interface_error(error) from error
        for taken in self._listener.transactions():
            self._take(taken, self._names)
        return batch

    def frames(self, wanted: Sequence[Wanted]) -> list[list[Frame]]:
        """What is found of each of those among the frames that came last (see Listening), also once stopped. Raises CaptureError."""
        try:
            return self._listener.frames(wanted)
        except EngineError as error:
            raise _interface_error(error) from error

    def stop(self) -> None:
        """Listen no longer: the next batch comes at once and is the last. From any thread, or a signal handler."""
        self._stopped.set()

    @property
    def interfaces(self) -> list[Interface]:
        """How the interfaces are now, and what was counted on them until the last batch; from any thread."""
        return self._listener.interfaces()


def open_interfaces(
    names: Sequence[str],
    listening: Listening | None = None,
    *,
    limits: Mapping[str, int] | None = None,
    batch_seconds: float = 1.0,
    on_transactions: Take | None = None,
) -> LiveCapture:
    """Listen to network interfaces as one, in background threads, from the return on. Nothing is ever sent.

    An interface that goes away, is switched off or renamed is followed or waited for, and what was read of it is kept.

    limits: caps of the engine's tables, by name, shared by all workers; what is not named keeps its default.
    batch_seconds: from one batch to the next.
    on_transactions: called before each batch with every operation as a row of its own; without it none is kept.

    Raises CaptureError where an interface cannot be read; ValueError where there is none, it is named twice, or a limit is wrong.
    """
    if not names or len(set(names)) < len(names):
        raise ValueError("no interface given, or one twice")
    try:
        return LiveCapture(tuple(names), listening or Listening(), limits, batch_seconds, on_transactions)
    except EngineError as error:
        raise _interface_error(error) from error


def _interface_error(error: EngineError) -> CaptureError:
    name, _, reason = str(error).partition(": ")
    return CaptureError(name, reason) if reason else CaptureError("live capture", name)
