"""Writes and commands to the process itself: by whom, and how many."""

from collections.abc import Iterator, Sequence

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.standing import Standing, clientele, is_foreign, standing
from sensor.detections.windows import peak
from sensor.detections.words import of_deed, of_dialogue
from sensor.knowledge import Deed, Dialogue, Party
from sensor.protocols import Intent

OPERATES = frozenset({("dnp3", code) for code in range(3, 13)} | {("modbus", 5), ("modbus", 15)})
CYCLIC = frozenset({"cip_io", "profinet"})
FORCED = ("I", "Q", "E", "A", "PE", "PA", "PI", "PQ")


def touches_process(deed: Deed) -> bool:
    """Does it change values or operate outputs?"""
    row = deed.row
    return row.protocol not in CYCLIC and (deed.intent is Intent.WRITE or (row.protocol, row.function) in OPERATES)


def _has_master(server: Party, other_than: Party, view: View) -> bool:
    return server.id is not None and any(peer in view.knowledge.assets for peer in clientele(server.id, view).working - {other_than.id})


def _stranger(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    touching = [deed for deed in dialogue.deeds if touches_process(deed)]
    if not touching or standing(dialogue.client, dialogue.server, view) is not Standing.STRANGER:
        return
    foreign = is_foreign(dialogue.client, dialogue.server)
    if not foreign and not _has_master(dialogue.server, dialogue.client, view):
        return
    for deed in touching:
        accepted = deed.row.responses > deed.row.errors
        severity = Severity.CRITICAL if foreign and accepted else Severity.HIGH if accepted or foreign else Severity.MEDIUM
        yield of_deed(deed, "wrote to" if accepted else "tried to write to", severity=severity)


def _brute_force(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    touching = [deed for deed in dialogue.deeds if touches_process(deed)]
    if len(touching) < view.thresholds["objects"]:
        return
    a_minute = peak([deed.row for deed in touching])
    asked = sum(deed.row.requests for deed in touching)
    if a_minute >= view.thresholds["requests"] and asked <= 5 * len(touching):
        message = (
            f"{dialogue.client.name} wrote to {len(touching)} objects of {dialogue.server.name} in a row, up to {a_minute} times a minute"
        )
        times = ((min(deed.row.first for deed in touching), max(deed.row.last for deed in touching), asked),)
        yield of_dialogue(dialogue, message, times)


def _broadcast(deed: Deed, view: View) -> Iterator[Finding]:
    del view
    row = deed.row
    if deed.intent not in (Intent.WRITE, Intent.CONTROL, Intent.CONFIGURE, Intent.PROGRAM):
        return
    if row.unit.endswith("broadcast") or (row.protocol in ("modbus", "modbus_rtu") and row.unit == "0" and not row.responses):
        yield of_deed(deed, "sent a command to all units behind")


def _written(deed: Deed) -> tuple[str, str, str] | None:
    """Server, protocol and unit of which an object was written."""
    row = deed.row
    if row.responses <= row.errors or not row.object or not touches_process(deed):
        return None
    return deed.server.address, row.protocol, row.unit


def _writers(deeds: Sequence[Deed], view: View) -> Iterator[Finding]:
    """Of a unit, the first object that several clients wrote."""
    del view
    written: dict[str, list[Deed]] = {}
    for deed in deeds:
        written.setdefault(deed.row.object, []).append(deed)
    for touched, by in written.items():
        clients = sorted({deed.client.address for deed in by})
        if len(clients) > 1:
            target = by[0].server
            yield Finding(
                message=f"{len(clients)} clients write {touched} of {target.name}: {', '.join(clients[:5])}",
                times=((min(deed.row.first for deed in by), max(deed.row.last for deed in by), 1),),
                target=target.id,
                target_ip=target.address,
                protocol=by[0].row.protocol,
                key=by[0].row.unit,
                evidence=tuple(f"{deed.client.name}: {deed.row.requests} requests" for deed in by[:5]),
            )
            return


def _image(deed: Deed, view: View) -> Iterator[Finding]:
    row = deed.row
    if row.function not in (0x05, 0x70108) or not row.object.rstrip("0123456789.XBWD ").startswith(FORCED):
        return
    known = standing(deed.client, deed.server, view)
    severity = Severity.HIGH if is_foreign(deed.client, deed.server) else Severity.INFO if known is Standing.ENGINEER else Severity.LOW
    yield of_deed(deed, "wrote inputs or outputs of", severity=severity)


ROWS = (
    Detector(
        id="ot.process.stranger",
        title="Unauthorized Command by a Stranger",
        severity=Severity.HIGH,
        engine=Engine.POLICY,
        about=(
            "A host that does no everyday work with this device writes to its process although another one does, or writes "
            "from outside or the "
            "enterprise. Stop it, and check what was written. An engineer who changes one value looks the same."
        ),
        techniques=("T0855", "T0836", "T0848"),
        needs="the everyday work of the device's real master in the same capture",
        on_dialogue=_stranger,
    ),
    Detector(
        id="ot.process.brute_force",
        title="Brute Force Writes",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about="A client writes to one address after the other in a short time. Recipes that are loaded look the same once.",
        techniques=("T0806",),
        thresholds={
            "objects": Threshold(30, "objects", "that were written"),
            "requests": Threshold(60, "requests", "in the busiest minute"),
        },
        on_dialogue=_brute_force,
    ),
    Detector(
        id="ot.process.broadcast",
        title="Broadcast Command",
        severity=Severity.MEDIUM,
        engine=Engine.PROTOCOL,
        about="A command to all units at once, which nobody answers. Some masters set the time so.",
        techniques=("T0855",),
        functions=None,
        on_deed=_broadcast,
    ),
    Detector(
        id="ot.process.several_writers",
        title="Several Clients Write the Same Object",
        severity=Severity.LOW,
        engine=Engine.ANOMALY,
        about="More than one client writes the same register, tag or point. Redundant servers do; else one of them should not.",
        techniques=("T0848",),
        group_of=_written,
        on_group=_writers,
    ),
    Detector(
        id="ot.process.image",
        title="Inputs or Outputs Written",
        severity=Severity.LOW,
        engine=Engine.PROTOCOL,
        about="A client writes into the process image of a controller, past its program.",
        techniques=("T0835",),
        functions=frozenset({("s7comm", 0x05), ("s7comm", 0x70108)}),
        on_deed=_image,
    ),
)
