"""What is not in the baseline: one detector for each kind of difference. Without a baseline nothing is called new."""

from collections.abc import Callable, Iterator

from sensor.baseline.compare import Change, Difference
from sensor.detections.model import SPAN, Detector, Engine, Finding, Outcome, Scene, Severity, View
from sensor.detections.scene import of_deed, of_dialogue
from sensor.knowledge import Party
from sensor.protocols import Intent

_NEEDS = "a baseline (otoscope baseline export)"
_REVIEW = "If it belongs here, take it over with `otoscope baseline accept`; if not, find out who did it and why."
_DOWNLOADS = frozenset({Intent.PROGRAM, Intent.CONTROL})


def _on(difference: Difference) -> Callable[[Change, View], Iterator[Finding]]:
    def on_change(change: Change, view: View) -> Iterator[Finding]:
        if change.difference is difference:
            yield _finding(change, view)

    return on_change


def _finding(change: Change, view: View) -> Finding:
    usual = (f"usual: {change.usual}",) if change.usual else ()
    if change.dialogue is not None:
        return _between(change, change.dialogue.client, change.dialogue.server, usual)
    if change.asset is None:
        name = (change.known.name or change.known.address) if change.known else "?"
        address, seen = change.known.address if change.known else None, view.knowledge.statistics
        view.looked.add(SPAN)
        times = ((seen.first or 0, seen.last or 0, 1),) if seen else ()
        return Finding(f"{name} belongs to the plant and was not seen", times, target_ip=address, evidence=usual)
    asset = change.asset
    address = next(iter(asset.ips or asset.macs), None)
    party = Party(address or asset.id, asset)
    times = ((asset.first, asset.last, 1),)
    told = [f"{name}: {value}" for name in ("vendor", "model", "hostname") if (value := asset.text(name))]
    return Finding(f"{party.name} {change.what}", times, source=asset.id, source_ip=address, evidence=(*usual, *told))


def _between(change: Change, client: Party, server: Party, usual: tuple[str, ...]) -> Finding:
    deed, dialogue = change.deed, change.dialogue
    times: tuple[tuple[int, int, int], ...] = ()
    if deed is not None:
        times = tuple((first, last, requests) for first, last, requests, _ in deed.row.episodes)
    elif dialogue is not None:
        times = ((dialogue.row.first, dialogue.row.last, dialogue.row.connections),)
    serious = deed is not None and deed.intent in _DOWNLOADS
    return Finding(
        message=f"{client.name} {change.what} with {server.name}, which is not usual",
        times=times,
        source=client.id,
        target=server.id,
        source_ip=client.address,
        target_ip=server.address,
        protocol=deed.row.protocol if deed else dialogue.row.protocol if dialogue else None,
        outcome=deed.outcome if deed else Outcome.NONE,
        evidence=(change.what, *usual),
        severity=Severity.HIGH if serious and change.difference is Difference.WRITER else None,
        scene=of_deed(deed) if deed else of_dialogue(dialogue) if dialogue else Scene(),
    )


Titles = tuple[str, ...]


def _row(difference: Difference, title: str, severity: Severity, about: str, *, techniques: Titles, covers: Titles) -> Detector:
    return Detector(
        id=f"ot.baseline.{difference}",
        title=title,
        severity=severity,
        engine=Engine.ANOMALY,
        about=f"{about} {_REVIEW}",
        techniques=techniques,
        needs=_NEEDS,
        covers=covers,
        on_change=_on(difference),
    )


ROWS = (
    _row(
        Difference.ASSET,
        "New Asset Detected",
        Severity.MEDIUM,
        "A device that the baseline does not know. What it does for as long as the learning period lasts is taken as part of its arrival.",
        techniques=("T0864",),
        covers=(
            "New Asset Detected",
            "Field Device Discovered Unexpectedly",
            "New LLDP Device Configuration",
        ),
    ),
    _row(
        Difference.SERVICE,
        "New Port Discovery",
        Severity.LOW,
        "A known device answers with a protocol that it never served before.",
        techniques=(),
        covers=("New Port Discovery",),
    ),
    _row(
        Difference.EXCHANGE,
        "New Conversation Detected",
        Severity.MEDIUM,
        "Two devices speak a protocol with each other that they never spoke: a new client of a controller, or a new way into a cell.",
        techniques=("T0848",),
        covers=(
            "New Activity Detected - EtherNet/IP I/O Connection",
            "Unauthorized Multicast/Broadcast Connection",
            "Unauthorized Database Login",
        ),
    ),
    _row(
        Difference.WRITER,
        "New Writer Detected",
        Severity.MEDIUM,
        "A client that at the most read from this device now writes to it, operates it or loads it.",
        techniques=(
            "T0855",
            "T0848",
        ),
        covers=(
            "Unauthorized PLC Configuration Write",
            "Unauthorized PLC Programming",
        ),
    ),
    _row(
        Difference.FUNCTION,
        "Unpermitted Usage of Function Code",
        Severity.MEDIUM,
        "A client uses a function at a device that it never used there.",
        techniques=("T0855",),
        covers=(
            "Unpermitted Usage of Modbus Function Code",
            "Unpermitted Usage of DNP3 Function Code",
            "Unpermitted Modbus Schneider Electric Extension",
            "New Activity Detected - CIP Class",
            "New Activity Detected - CIP Class Service",
            "New Activity Detected - CIP PCCC Command",
            "New Activity Detected - EtherNet/IP Protocol Command",
            "Unauthorized Siemens S7 Execution of Control Function",
            "Unauthorized Siemens S7 Execution of User Defined Function",
            "Unauthorized Siemens S7 Plus Operation",
            "Suspicion of Illegal Integrity Scan",
        ),
    ),
    _row(
        Difference.OBJECT,
        "Address Range Violation",
        Severity.MEDIUM,
        "A client touches registers, tags, data blocks or points outside the ranges that it usually touches.",
        techniques=("T0861",),
        covers=(
            "Modbus Address Range Violation",
            "New Activity Detected - CIP Symbol",
            "Unauthorized Access to Siemens S7 Data Block",
            "Unauthorized Access to Siemens S7 Plus Object",
            "Unauthorized Siemens S7 Plus Block Access",
        ),
    ),
    _row(
        Difference.CADENCE,
        "Abnormal Periodic Behavior In Communication Channel",
        Severity.LOW,
        "A poll comes at least three times as often, or three times as seldom, as it usually does.",
        techniques=(),
        covers=("Abnormal Periodic Behavior In Communication Channel",),
    ),
    _row(
        Difference.MISSING,
        "Device Not Seen",
        Severity.INFO,
        "A device of the baseline sent nothing in all of the capture. In a short capture that is no reason to worry.",
        techniques=("T0881",),
        covers=("Inactive Communication Channel",),
    ),
)
