"""Floods: more sessions, packets, requests or restarts than any work needs."""

from collections.abc import Callable, Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.rules.scan import CONTROLLER_PORTS, CONTROLLERS
from sensor.detections.windows import MINUTE, peak
from sensor.detections.words import of_deed, of_dialogue
from sensor.knowledge import Deed, Dialogue


def _is_control(dialogue: Dialogue) -> bool:
    return dialogue.row.protocol in CONTROLLERS or dialogue.row.port in CONTROLLER_PORTS


def _sessions(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    row = dialogue.row
    control = _is_control(dialogue)
    if row.transport != "tcp" or row.most_in_a_minute < view.thresholds["sessions" if control else "others"]:
        return
    # Some clients open a connection for each request: that is bad style, not an attack.
    answered = sum(operation.responses for operation in dialogue.operations)
    severity = Severity.HIGH if control and 2 * answered < row.connections else Severity.LOW
    message = (
        f"{dialogue.client.name} opened up to {row.most_in_a_minute:,} connections a minute to port {row.port} of {dialogue.server.name}, "
        f"{row.connections:,} in all"
    )
    yield of_dialogue(dialogue, message, ((row.first, row.last, 1),), severity=severity)


def _refused(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    row = dialogue.row
    # Who is not answered at all was not refused either.
    in_vain = row.refused if row.packets[1] else row.connections
    if row.transport == "tcp" and 2 * in_vain >= row.connections and min(in_vain, row.most_in_a_minute) >= view.thresholds["attempts"]:
        message = f"{dialogue.client.name} tried {in_vain:,} connections to port {row.port} of {dialogue.server.name} that came to nothing"
        yield of_dialogue(dialogue, message, ((row.first, row.last, 1),))


def _icmp(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    row = dialogue.row
    # The busiest minute counts both directions.
    sent = row.most_in_a_minute * row.packets[0] // max(sum(row.packets), 1)
    if row.transport == "icmp" and sent >= view.thresholds["packets"]:
        message = f"{dialogue.client.name} sent {dialogue.server.name} up to {sent:,} ICMP packets a minute"
        yield of_dialogue(dialogue, message, ((row.first, row.last, 1),))


def _requests(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    if not _is_control(dialogue) or sum(row.most_in_a_minute[0] for row in dialogue.operations) < view.thresholds["requests"]:
        return
    most = peak(dialogue.operations)
    if most >= view.thresholds["requests"]:
        message = f"{dialogue.client.name} sent {dialogue.server.name} up to {most:,} requests a minute"
        yield of_dialogue(dialogue, message, ((dialogue.row.first, dialogue.row.last, 1),))


def _often(what: str, hours: float) -> Callable[[Deed, View], Iterator[Finding]]:
    def on_deed(deed: Deed, view: View) -> Iterator[Finding]:
        spans = ((max((last - first) / (60 * MINUTE * hours), 1.0), requests) for first, last, requests, _ in deed.row.episodes)
        if any(requests / span >= view.thresholds["requests"] for span, requests in spans):
            yield of_deed(deed, f"{what} again and again")

    return on_deed


ROWS = (
    Detector(
        id="ot.flood.sessions",
        title="Excessive Number of Sessions",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=(
            "Controllers can hold few connections; who opens many keeps others out. Low where the port is none of a "
            "controller, or each connection carries answered requests."
        ),
        techniques=("T0814",),
        covers=("Excessive Number of Sessions",),
        thresholds={
            "sessions": Threshold(50, "connections a minute", "in the busiest minute, from one client to one port of a controller"),
            "others": Threshold(600, "connections a minute", "the same to a port of anything else"),
        },
        on_dialogue=_sessions,
    ),
    Detector(
        id="ot.flood.syn",
        title="Suspicion of Denial Of Service Attack",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="Very many attempts to connect that never become a connection.",
        techniques=("T0814",),
        covers=("Suspicion of Denial Of Service Attack",),
        thresholds={"attempts": Threshold(1000, "attempts a minute", "in the busiest minute, most of them refused or not answered")},
        on_dialogue=_refused,
    ),
    Detector(
        id="ot.flood.icmp",
        title="ICMP Flooding",
        severity=Severity.LOW,
        engine=Engine.ANOMALY,
        about="Very many ICMP packets from one host to another. Tests of network performance look the same.",
        techniques=("T0814",),
        covers=("ICMP Flooding",),
        thresholds={"packets": Threshold(600, "packets a minute", "in the busiest minute")},
        on_dialogue=_icmp,
    ),
    Detector(
        id="ot.flood.requests",
        title="Excessive Number of Requests",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about="More requests than a controller can answer, or than any work needs.",
        techniques=("T0814",),
        thresholds={"requests": Threshold(60_000, "requests a minute", "in the busiest minute")},
        on_dialogue=_requests,
    ),
    Detector(
        id="ot.flood.restarts",
        title="Excessive Restart Rate of an Outstation",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="An outstation that is restarted again and again never gets to work.",
        techniques=("T0814", "T0816"),
        covers=("Excessive Restart Rate of an Outstation", "Outstation Restarts Frequently"),
        thresholds={"requests": Threshold(3, "restarts an hour", "asked for by one client")},
        functions=frozenset({("dnp3", 13), ("dnp3", 14)}),
        on_deed=_often("restarted", 1),
    ),
    Detector(
        id="ot.flood.stops",
        title="Abnormal Termination of Applications",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="A controller or an application is stopped again and again.",
        techniques=("T0814", "T0881"),
        covers=("Abnormal Termination of Applications",),
        thresholds={"requests": Threshold(20, "stops in 3 hours", "by one client")},
        functions=frozenset({("dnp3", 18), ("s7comm", 0x29), ("cip", 0x07)}),
        on_deed=_often("stopped", 3),
    ),
)
