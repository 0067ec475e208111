"""Logins: passwords in the clear, and passwords that are tried."""

from collections.abc import Callable, Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.windows import MINUTE
from sensor.detections.words import of_breach, of_deed
from sensor.inventory.traits import title
from sensor.knowledge import Breach, Deed


def _clear(breach: Breach, view: View) -> Iterator[Finding]:
    del view
    dialogue = breach.dialogue
    ends = f"{dialogue.client.name} sent {dialogue.server.name}" if dialogue else "Somebody sent"
    yield of_breach(breach, f"{ends} a password that everybody on the way can read, with {title(breach.row.protocol)}")


def _failing(what: str) -> Callable[[Breach, View], Iterator[Finding]]:
    def on_breach(breach: Breach, view: View) -> Iterator[Finding]:
        row, dialogue = breach.row, breach.dialogue
        minutes = max((row.last - row.first) / MINUTE, 1.0)
        if row.count / minutes >= view.thresholds["failures"]:
            ends = f"{dialogue.client.name} failed to log in at {dialogue.server.name}" if dialogue else "Logins failed"
            yield of_breach(breach, f"{ends} with {title(row.protocol)} {what}")

    return on_breach


def _controller(deed: Deed, view: View) -> Iterator[Finding]:
    if deed.row.errors >= view.thresholds["failures"]:
        yield of_deed(deed, "tried passwords at")


ROWS = (
    Detector(
        id="ot.login.clear_text",
        title="Password Sent in Clear Text",
        severity=Severity.LOW,
        engine=Engine.POLICY,
        about="A protocol that does not hide passwords was used to log in. The password is not recorded. Use an encrypted one.",
        kinds=frozenset({"clear_text_credentials"}),
        on_breach=_clear,
    ),
    Detector(
        id="ot.login.excessive",
        title="Excessive Login Attempts",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about="One host fails to log in again and again: a forgotten password in a service, or somebody who tries.",
        techniques=("T0859",),
        covers=("Excessive Login Attempts",),
        thresholds={"failures": Threshold(10, "failures a minute", "of one client at one server")},
        kinds=frozenset({"login_failed"}),
        on_breach=_failing("again and again"),
    ),
    Detector(
        id="ot.login.guessing",
        title="Password Guessing Attempt Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="Logins fail faster than a person can type: a program tries passwords.",
        techniques=("T0859", "T0812"),
        covers=("Password Guessing Attempt Detected",),
        thresholds={"failures": Threshold(50, "failures a minute", "of one client at one server")},
        kinds=frozenset({"login_failed"}),
        on_breach=_failing("faster than a person can"),
    ),
    Detector(
        id="ot.login.controller",
        title="Passwords Tried at a Controller",
        severity=Severity.HIGH,
        engine=Engine.PROTOCOL,
        about="A controller refused several passwords of one client.",
        techniques=("T0859", "T0812"),
        needs="answers of the device",
        covers=("Excessive Login Attempts",),
        thresholds={"failures": Threshold(3, "refusals", "of one client by one controller")},
        functions=frozenset({("s7comm", 0x70501)}),
        on_deed=_controller,
    ),
)
