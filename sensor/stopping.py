"""An order to stop, also from a signal handler."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue


class Stop:
    """Given once, heard by all who wait.

    A handler may run in the middle of a wait of its own thread, where `threading.Event` would wait for its own lock for ever;
    putting into this queue waits for nothing.
    """

    def __init__(self) -> None:
        self._given = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Stop. From any thread, or a signal handler."""
        self._given = True
        self._wake.put(None)

    def is_set(self) -> bool:
        """Was the order given?"""
        return self._given

    def wait(self, seconds: float) -> bool:
        """Wait for the order, no longer than that; was it given?"""
        if not self._given:
            with suppress(Empty):
                self._wake.get(timeout=max(0.0, seconds))
                self._wake.put(None)  # for the others who wait
        return self._given


@contextmanager
def heeding(orders: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Do this when such a signal comes, while the block runs. What is done must wait for no lock: see `Stop`."""

    def heed(number: int, _frame: object) -> None:
        orders[signal.Signals(number)]()

    before = {number: signal.signal(number, heed) for number in orders}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
