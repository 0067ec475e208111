"""Violations of the policy between zones, as alerts: one detector for each rule of the Purdue reference policy and of zones."""

from collections.abc import Callable, Iterator

from sensor.conduits.model import Violation
from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.protocols import Intent

ABOUT = (
    "See `otoscope conduits` for the zones and what is allowed between them. Where this is wanted, allow it in the "
    "site file as narrowly as "
    "possible; where it is not, close it at the firewall. A wrong level is put right with a pin."
)


_BY_INTENT = {("ews_role", str(Intent.CONTROL)): ("T0858",), ("ews_role", str(Intent.PROGRAM)): ("T0843",)}
"""Techniques of a rule that forbids several things."""


def finding(violation: Violation) -> Finding:
    """A violation as a finding."""
    return Finding(
        message=violation.message or f"{violation.source_ip} crosses zones to {violation.target_ip}: {violation.title}",
        times=violation.times,
        source=violation.source,
        target=violation.target,
        source_ip=violation.source_ip,
        target_ip=violation.target_ip,
        protocol=violation.protocol,
        outcome=violation.outcome,
        confidence=violation.confidence,
        evidence=tuple(f"touched {name}" for name in violation.objects[:3]),
        severity=violation.severity,
        techniques=_BY_INTENT.get((violation.rule, violation.intent or "")),
    )


def _of(rule: str) -> Callable[[View], Iterator[Finding]]:
    return lambda view: (finding(violation) for violation in view.knowledge.violations if violation.rule == rule)


def _row(rule: str, title: str, severity: Severity, about: str, techniques: tuple[str, ...] = (), covers: tuple[str, ...] = ()) -> Detector:
    return Detector(
        id=f"ot.policy.{rule}",
        title=title,
        severity=severity,
        engine=Engine.POLICY,
        about=f"{about} {ABOUT}",
        techniques=techniques,
        needs="levels that have settled",
        covers=covers,
        on_capture=_of(rule),
    )


_INTERNET = (
    "Internet Access Detected",
    "Unauthorized Internet Connectivity Detected",
    "External address within the network communicated with Internet",
)

ROWS = (
    _row(
        "internet",
        "Unauthorized Internet Connectivity Detected",
        Severity.HIGH,
        "The plant speaks with the Internet. Control protocols never belong there, at whatever level their end in the plant lives.",
        ("T0883",),
        _INTERNET,
    ),
    _row("enterprise_skip", "Enterprise Host Reaches into the Plant", Severity.HIGH, "A host of the enterprise skips the DMZ.", ("T0886",)),
    _row("dmz_bypass", "DMZ Bypassed", Severity.HIGH, "A conversation goes past the DMZ that should end in it.", ("T0886",)),
    _row("operations_write", "Operations Level Writes to a Controller", Severity.MEDIUM, "Level 3 reads, and does not write.", ("T0855",)),
    _row(
        "field_reach",
        "Field Device Reached from Above",
        Severity.MEDIUM,
        "Something reaches field devices past their controller.",
        ("T0855",),
    ),
    _row(
        "ews_role",
        "Engineering by a Host Without the Role",
        Severity.HIGH,
        "A host that is no engineering workstation does its work.",
        ("T0843", "T0858"),
    ),
    _row(
        "direction_reversal",
        "Controller Asks Upwards",
        Severity.MEDIUM,
        "A lower level begins a conversation with a higher one.",
        ("T0885",),
    ),
    _row("safety_zone", "Safety Zone Entered", Severity.CRITICAL, "Something outside of a safety zone writes into it.", ("T0855", "T0880")),
    _row("remote_access", "Remote Access into a Cell", Severity.HIGH, "Somebody enters a host of a cell from above.", ("T0886", "T0822")),
    _row("conduit", "No Conduit Allows This", Severity.MEDIUM, "The site file has no conduit for what was done.", ("T0855",)),
)
