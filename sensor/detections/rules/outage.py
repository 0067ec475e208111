"""Devices that do not answer any more. A capture that lacks packets lowers the confidence."""

from collections.abc import Iterator

from sensor.detections.model import LAST_SEEN, LOSS, Detector, Engine, Finding, Severity, Threshold, View, lacking
from sensor.detections.windows import SECOND
from sensor.inventory.traits import title
from sensor.knowledge import Dialogue


def trust_in_silence(view: View) -> float:
    """How sure it is that what was not seen did not happen: 1, less the more packets the capture lacks."""
    view.looked.add(LOSS)
    statistics = view.knowledge.statistics
    if statistics is None or not statistics.packets:
        return 0.5
    return max(0.1, 1.0 - 10 * lacking(statistics))


def _silence(dialogue: Dialogue, message: str, times: tuple[int, int, int], confidence: float) -> Finding:
    return Finding(
        message=message,
        times=(times,),
        target=dialogue.server.id,
        target_ip=dialogue.server.address,
        source=dialogue.client.id,
        source_ip=dialogue.client.address,
        protocol=dialogue.row.protocol,
        confidence=confidence,
    )


def _unresponsive(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    """Its answers were seen before: a mirror that shows one direction only is no reason."""
    rows = dialogue.operations
    unanswered = sum(row.unanswered for row in rows)
    if unanswered < view.thresholds["requests"] or not any(row.responses for row in rows):
        return
    asked = sum(row.requests for row in rows)
    if unanswered < asked * view.thresholds["share"]:
        return
    silent = [row for row in rows if row.unanswered]
    message = f"{dialogue.server.name} left {unanswered:,} of {asked:,} requests of {dialogue.client.name} unanswered"
    times = (min(row.first for row in silent), max(row.last for row in silent), unanswered)
    yield _silence(dialogue, f"{message} ({title(dialogue.row.protocol or '')})", times, trust_in_silence(view))


def _silent(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    server = dialogue.server.asset
    answered = sum(row.responses for row in dialogue.operations)
    if server is None or server.parent is not None or answered < 5 or not any(row.unanswered for row in dialogue.operations):
        return
    view.looked.add((LAST_SEEN, server.id))
    asked_until = max(row.last for row in dialogue.operations)
    if (asked_until - server.last) / SECOND >= view.thresholds["seconds"]:
        message = f"{server.name} answered {dialogue.client.name} and then sent nothing any more, though it was asked on"
        yield _silence(dialogue, message, (server.last, asked_until, 1), trust_in_silence(view))


ROWS = (
    Detector(
        id="ot.outage.unresponsive",
        title="Device is Suspected to be Disconnected (Unresponsive)",
        severity=Severity.LOW,
        engine=Engine.OPERATIONAL,
        about="A device that answered before leaves requests unanswered: it is overloaded, off, or somebody keeps it busy.",
        techniques=("T0814",),
        needs="both directions of the conversation",
        covers=("Device is Suspected to be Disconnected (Unresponsive)", "Suspicion of Unresponsive MODBUS Device"),
        thresholds={
            "requests": Threshold(8, "requests", "that were not answered"),
            "share": Threshold(0.2, "of the requests", "that were not answered"),
        },
        on_dialogue=_unresponsive,
    ),
    Detector(
        id="ot.outage.silent",
        title="Device Went Silent",
        severity=Severity.MEDIUM,
        engine=Engine.OPERATIONAL,
        about="A device that answered sends nothing any more while its client goes on asking.",
        techniques=("T0881",),
        needs="both directions of the conversation",
        covers=("Device is Suspected to be Disconnected (Unresponsive)", "Inactive Communication Channel"),
        thresholds={"seconds": Threshold(60, "seconds", "without a packet of it")},
        on_dialogue=_silent,
    ),
)
