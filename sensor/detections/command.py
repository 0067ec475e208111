"""Dangerous commands: a table of functions by protocol becomes a detector whose severity knows who gave the command."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.detections.standing import Severities, weigh
from sensor.detections.words import of_deed
from sensor.knowledge import Deed

Functions = Mapping[str, Iterable[int | tuple[int, int]]]
"""By protocol: function codes, or those with a sub-function."""

NONE = -1
"""The sub-function of what has none."""

INFO, LOW, MEDIUM, HIGH, CRITICAL = Severity

GRAVE: Severities = (MEDIUM, HIGH, CRITICAL)
SERIOUS: Severities = (LOW, MEDIUM, HIGH)
NOTABLE: Severities = (INFO, LOW, MEDIUM)
MINOR: Severities = (INFO, INFO, LOW)

ADVICE = (
    "Severity: low or medium where an engineering workstation that works with the device does it, high or critical "
    "for a host from outside or the enterprise, a scanner, or one that never worked with the device. Less where it goes about it like "
    "engineering software, where a less grave command comes from the only client that the device has, and where the device refuses. "
    "Ask who did it; if nobody did, secure the "
    "host and compare the device's program "
    "and state with the last known ones. It is expected during maintenance and commissioning."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A dangerous command.

    verb: as in "`client` stopped `server`". attempt: the same where it was not accepted, "tried to stop".
    undone_by: a function with which the same client took it back: then it is no more than low.
    techniques_by_object: more techniques where the object's text begins so.
    """

    id: str
    title: str
    verb: str
    attempt: str
    severities: Severities
    functions: Functions
    about: str
    techniques: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    undone_by: int | None = None
    techniques_by_object: Mapping[str, str] = field(default_factory=dict)


def detector(command: Command) -> Detector:
    """The row of a command."""
    wanted = {(protocol, code) for protocol, codes in command.functions.items() for code in codes}
    functions = frozenset((protocol, code if isinstance(code, int) else code[0]) for protocol, code in wanted)

    def on_deed(deed: Deed, view: View) -> Iterator[Finding]:
        row = deed.row
        exact = (row.function, NONE if row.subfunction is None else row.subfunction)
        if (row.protocol, row.function) in wanted or (row.protocol, exact) in wanted:
            did = command.verb if row.responses > row.errors else command.attempt
            severity = weigh(command.severities, deed, view)
            if command.undone_by is not None and _was_done(command.undone_by, deed):
                severity = min(severity, Severity.LOW)
            more = tuple(name for start, name in command.techniques_by_object.items() if row.object.startswith(start))
            yield of_deed(deed, did, severity=severity, techniques=command.techniques + more)

    return Detector(
        id=command.id,
        title=command.title,
        severity=command.severities[1],
        engine=Engine.PROTOCOL,
        about=f"{command.about} {ADVICE}",
        techniques=command.techniques,
        needs="the requests; whether it was accepted, also the device's answers",
        covers=command.covers,
        functions=functions,
        on_deed=on_deed,
    )


def _was_done(function: int, deed: Deed) -> bool:
    rows = deed.dialogue.operations
    return any(row.function == function and row.unit == deed.row.unit and row.last >= deed.row.last for row in rows)
