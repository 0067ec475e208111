"""Writes the transaction log in a thread of its own: no disk holds up the capture."""

import fcntl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread
from types import TracebackType
from typing import Self, TextIO

from sensor.capture import Transactions
from sensor.errors import TransactionsError
from sensor.transactions.parts import tidy
from sensor.transactions.rows import table
from sensor.transactions.waiting import Waiting

_MOST_QUEUED = 32
_LOOK_SECONDS = 1.0

_Taken = tuple[Transactions, Sequence[str]]


class TransactionLog:
    """Takes operations from a capture. What cannot be written is counted, and the capture goes on."""

    def __init__(
        self,
        folder: Path,
        *,
        minutes: float = 5,
        retain_days: float | None = None,
        retain_megabytes: float | None = None,
        hurried: bool = False,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """minutes: so long rows wait at the most. say: told when writing begins to fail, and when it does no longer.

        hurried: the capture does not wait for the disk; what is too much is lost, and counted.

        Raises TransactionsError where nothing can be written there, or another process does.
        """
        self._hurried = hurried
        self._say = say
        self._lost = 0
        self._lock = _locked(folder)
        self._waiting = Waiting(folder, minutes, retain_days, retain_megabytes, say)
        self._queue: Queue[_Taken | None] = Queue(_MOST_QUEUED)
        self._thread = Thread(target=self._run, name="transactions")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def written(self) -> int:
        """Rows that are on the disk."""
        return self._waiting.written

    @property
    def lost(self) -> int:
        """Rows for which there was no room, in the engine, here or on the disk."""
        return self._lost + self._waiting.lost

    def add(self, taken: Transactions, sources: Sequence[str]) -> None:
        """Take rows in; they are written soon."""
        self._lost += taken.lost
        try:
            self._queue.put((taken, tuple(sources)), block=not self._hurried)
        except Full:
            self._lost += len(taken.outcome)

    def close(self) -> None:
        """Write all that waits."""
        self._queue.put(None)
        self._thread.join()
        self._lock.close()

    def _run(self) -> None:
        while True:
            try:
                taken = self._queue.get(timeout=_LOOK_SECONDS)
            except Empty:
                self._guarded(self._waiting.look)
                continue
            if taken is None:
                self._guarded(self._waiting.end)
                return
            self._guarded(partial(self._add, *taken), len(taken[0].outcome))
            self._guarded(self._waiting.look)

    def _add(self, taken: Transactions, sources: Sequence[str]) -> None:
        self._waiting.add(table(taken, sources))

    def _guarded(self, do: Callable[[], None], rows: int = 0) -> None:
        """What goes wrong in it costs some rows, not the log."""
        try:
            do()
        except Exception as error:  # noqa: BLE001  a mistake of ours
            self._lost += rows
            self._say(f"a mistake in Otoscope, please report it: operations are missing in the transaction log: {error!r}")


def _locked(folder: Path) -> TextIO:
    """The folder for us alone, without what somebody who was killed has left there."""
    with ExitStack() as opened:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = opened.enter_context((folder / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tidy(folder)
        except BlockingIOError as error:
            raise TransactionsError(f"{folder}: another otoscope writes its transaction log there") from error
        except OSError as error:
            raise TransactionsError(f"{folder}: the transaction log cannot be written: {error.strerror}") from error
        opened.pop_all()
    return lock
