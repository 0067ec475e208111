"""An order to stop is heard wherever it comes: a signal handler may run between any two steps of who waits for it."""

import sys
import threading

from sensor.stopping import Stop


def interrupted(step: int, stop: Stop, wait) -> bool:
    """Does this wait end where the order is given at that step of it, in its own thread? False where it has fewer steps."""
    steps = iter(range(step, -1, -1))

    def trace(_frame, event, _argument):
        if event != "call" and next(steps, None) == 0:
            sys.settrace(None)
            stop()
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            wait()
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), f"it waits for itself, from step {step} on"
    return next(steps, None) is None


def test_an_order_from_a_handler_is_heard_whenever_it_comes():
    step = 0
    while (stop := Stop()) and interrupted(step, stop.set, lambda stop=stop: stop.wait(0.01)):
        assert stop.is_set()
        step += 1
    assert step > 3


def test_all_who_wait_hear_it():
    stop, heard = Stop(), []
    waiting = [threading.Thread(target=lambda: heard.append(stop.wait(60))) for _ in range(4)]
    for thread in waiting:
        thread.start()
    stop.set()
    for thread in waiting:
        thread.join(20)
    assert heard == [True] * 4
    assert stop.wait(60)


def test_without_an_order_a_wait_ends_with_its_time():
    assert not Stop().wait(0.01)
    assert not Stop().wait(-1)
