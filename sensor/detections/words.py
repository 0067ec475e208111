"""What detectors have in common: findings of operations, conversations and anomalies, in sentences."""

from dataclasses import replace

from sensor.detections import scene
from sensor.detections.model import Finding, Outcome, Severity
from sensor.inventory.traits import title
from sensor.knowledge import Breach, Deed, Dialogue, Party
from sensor.protocols import PROTOCOLS

Times = tuple[tuple[int, int, int], ...]

ANSWERS = {
    Outcome.ACCEPTED: "the device accepted it",
    Outcome.REJECTED: "the device rejected it",
    Outcome.ATTEMPTED: "no answer was seen",
}


def times_of(deed: Deed) -> Times:
    """When it was asked for; where only answers were seen, when they came."""
    row = deed.row
    found = tuple((first, last, requests) for first, last, requests, _ in row.episodes if requests)
    return found or ((row.first, row.last, max(row.requests, row.responses)),)


def answer(deed: Deed, outcome: Outcome) -> str:
    """What the device answered, with its reason where it rejected."""
    text = ANSWERS[outcome]
    if outcome is not Outcome.REJECTED or not deed.row.statuses:
        return text
    protocol = PROTOCOLS.get(deed.row.protocol)
    reasons = ", ".join(protocol.status(code) for code, _ in deed.row.statuses) if protocol else ""
    return f"{text} ({reasons})" if reasons else text


def seen(deed: Deed) -> str:
    """A line of evidence: the operation with its counts."""
    row = deed.row
    parts = [title(row.protocol), deed.function.name]
    if row.object:
        parts.append(row.object)
    if row.unit:
        parts.append(f"unit {row.unit}")
    counts = f"{row.requests:,} requests, {row.responses:,} responses"
    return f"{', '.join(parts)}: {counts}{f', {row.errors:,} rejected' if row.errors else ''}"


def of_deed(
    deed: Deed, what: str, *, severity: Severity | None = None, key: str = "", techniques: tuple[str, ...] | None = None
) -> Finding:
    """An operation as a finding: "`client` `what` `server`: the device accepted it"."""
    return _told(deed, what, deed.outcome, severity=severity, key=key, techniques=techniques)


def of_rejection(deed: Deed, what: str, times: Times) -> Finding:
    """What a device rejected of an operation, though it may have accepted others of the same."""
    return replace(_told(deed, what, Outcome.REJECTED), times=times)


def _told(
    deed: Deed,
    what: str,
    outcome: Outcome,
    *,
    severity: Severity | None = None,
    key: str = "",
    techniques: tuple[str, ...] | None = None,
) -> Finding:
    unit = f", unit {deed.row.unit}," if deed.row.unit else ""
    asked = f"{what} {deed.server.name}{unit} with {title(deed.row.protocol)} {deed.function.name}"
    return Finding(
        message=f"{deed.client.name} {asked}: {answer(deed, outcome)}",
        times=times_of(deed),
        source=deed.client.id,
        target=deed.server.id,
        source_ip=deed.client.address,
        target_ip=deed.server.address,
        protocol=deed.row.protocol,
        outcome=outcome,
        evidence=(seen(deed),),
        key=key or deed.row.unit,
        severity=severity,
        techniques=techniques,
        scene=scene.of_deed(deed),
    )


def of_dialogue(
    dialogue: Dialogue, message: str, times: Times, *, evidence: tuple[str, ...] = (), severity: Severity | None = None
) -> Finding:
    """A conversation as a finding."""
    return Finding(
        message=message,
        times=times,
        source=dialogue.client.id,
        target=dialogue.server.id,
        source_ip=dialogue.client.address,
        target_ip=dialogue.server.address,
        protocol=dialogue.row.protocol,
        evidence=evidence,
        severity=severity,
    )


def of_breach(breach: Breach, message: str, *, by_server: bool = False, severity: Severity | None = None) -> Finding:
    """An anomaly as a finding; by_server: the server did it, and is the source."""
    row, dialogue = breach.row, breach.dialogue
    ends: tuple[Party | None, Party | None] = (dialogue.client, dialogue.server) if dialogue else (None, None)
    source, target = ends[::-1] if by_server else ends
    return Finding(
        message=message,
        times=((row.first, row.last, row.count),),
        source=source.id if source else None,
        target=target.id if target else None,
        source_ip=source.address if source else None,
        target_ip=target.address if target else None,
        protocol=row.protocol,
        evidence=(f"{title(row.protocol)} {row.kind.replace('_', ' ')}: {row.detail}",),
        severity=severity,
    )


def between(breach: Breach) -> str:
    """Both ends of the conversation, empty where that is not known any more."""
    dialogue = breach.dialogue
    return f" between {dialogue.client.name} and {dialogue.server.name}" if dialogue else ""
