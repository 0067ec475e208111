"""Violations of the policy between zones, as alerts: one detector for each rule of the Purdue reference policy and of zones."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sensor.baseline.learn import came_about
from sensor.conduits.model import Violation
from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.detections.scene import common, listed, of_dialogue
from sensor.knowledge import Dialogue, Party
from sensor.protocols import Intent

_STRONG = 1.5
"""Weight of evidence that speaks against a pin loud enough to be told."""

ABOUT = (
    "See `otoscope conduits` for the zones and what is allowed between them. Where this is wanted, allow it in the "
    "site file as narrowly as "
    "possible; where it is not, close it at the firewall. A wrong level is put right with a pin."
)


_BY_INTENT = {("ews_role", str(Intent.CONTROL)): ("T0858",), ("ews_role", str(Intent.PROGRAM)): ("T0843",)}
"""Techniques of a rule that forbids several things."""


def finding(violation: Violation, view: View) -> Finding:
    """A violation as a finding."""
    dialogues = (view.knowledge.dialogues.get(number) for number in violation.conversations)
    scene = common([of_dialogue(dialogue) for dialogue in dialogues if dialogue is not None])
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
        scene=replace(scene, operation=violation.intent, object=listed(violation.objects)),
    )


def _of(rule: str) -> Callable[[Violation, View], Iterator[Finding]]:
    def on_violation(violation: Violation, view: View) -> Iterator[Finding]:
        if violation.rule == rule:
            yield finding(violation, view)

    return on_violation


def _contradicted_pins(name: str, view: View) -> Iterator[Finding]:
    """Pins that behaviour speaks against: the site file is wrong, or the device does what it should not."""
    asset = view.knowledge.assets[name]
    strong = [piece for piece in asset.level.against if piece.weight >= _STRONG] if asset.level.pinned else []
    if not strong or asset.level.value is None:
        return
    address = next(iter(asset.ips or asset.macs), asset.id)
    yield Finding(
        message=f"{Party(address, asset).name} is pinned to level {asset.level.value:g} and behaves like level {strong[0].says}",
        times=((min(piece.first for piece in strong), max(piece.last for piece in strong), 1),),
        target=asset.id,
        target_ip=address,
        evidence=tuple(f"level {piece.says}: {piece.because}" for piece in strong),
    )


def _temporary_assets(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    """Conversations of controllers with assets that the baseline does not know."""
    client, server, fresh = dialogue.client, dialogue.server, view.knowledge.fresh
    other = server if client.id in fresh else client if server.id in fresh else None
    if other is None or other.id in fresh or not other.level.settled or other.level.value != 1 or not came_about(dialogue):
        return
    row = dialogue.row
    newcomer = client if other is server else server
    yield Finding(
        message=f"{newcomer.name}, which the baseline does not know, talks to controller {other.name}",
        times=((row.first, row.last, row.connections or 1),),
        source=client.id,
        target=server.id,
        source_ip=client.address,
        target_ip=server.address,
        protocol=row.protocol,
        confidence=other.level.confidence,
        scene=of_dialogue(dialogue),
    )


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
        on_violation=_of(rule),
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
    _row("peer_cell", "Controller of Another Cell Commanded", Severity.MEDIUM, "A cell reaches into another cell.", ("T0855",)),
    _row("remote_access", "Remote Access into a Cell", Severity.HIGH, "Somebody enters a host of a cell from above.", ("T0886", "T0822")),
    _row("conduit", "No Conduit Allows This", Severity.MEDIUM, "The site file has no conduit for what was done.", ("T0855",)),
    Detector(
        id="ot.policy.temporary_asset",
        title="Transient Device in a Cell",
        severity=Severity.MEDIUM,
        engine=Engine.POLICY,
        about="A device that the baseline does not know talks to controllers: a laptop that was plugged in, or a new device. If it belongs "
        "here, take it over with `otoscope baseline accept`; if not, find out whose it is and what it did.",
        techniques=("T0864",),
        needs="a baseline (otoscope baseline export) and levels that have settled",
        on_dialogue=_temporary_assets,
    ),
    Detector(
        id="ot.policy.pin_contradicted",
        title="Behaviour Contradicts a Pinned Level",
        severity=Severity.MEDIUM,
        engine=Engine.POLICY,
        about="The site file pins the level of a device that behaves like one of another level. Put the pin right, or find out why the "
        "device does what it should not.",
        needs="a site file with a pinned level",
        on_asset=_contradicted_pins,
    ),
)
