"""Dangerous commands: a table of functions by protocol becomes a detector whose severity knows who gave the command."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.detections.standing import Severities, weigh
from sensor.detections.words import of_deed
from sensor.knowledge import Deed

Functions = Mapping[str, Iterable[int | tuple[int, int]]]
"""By protocol: function codes, or those with a sub-function."""

INFO, LOW, MEDIUM, HIGH, CRITICAL = Severity

GRAVE: Severities = (MEDIUM, HIGH, CRITICAL)
SERIOUS: Severities = (LOW, MEDIUM, HIGH)
NOTABLE: Severities = (INFO, LOW, MEDIUM)
MINOR: Severities = (INFO, INFO, LOW)

ADVICE = (
    "Severity: low or medium where an engineering workstation that works with the device does it, high or critical for a host from outside or the "
    "enterprise, a scanner, or one that never worked with the device. Ask who did it; if nobody did, secure the host and compare the device's program "
    "and state with the last known ones. It is expected during maintenance and commissioning."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A dangerous command.

    verb: as in "`client` stopped `server`". attempt: the same where it was not accepted, "tried to stop".
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


def detector(command: Command) -> Detector:
    """The row of a command."""
    wanted = {(protocol, code) for protocol, codes in command.functions.items() for code in codes}
    functions = frozenset((protocol, code if isinstance(code, int) else code[0]) for protocol, code in wanted)

    def on_deed(deed: Deed, view: View) -> Iterator[Finding]:
        row = deed.row
        if (row.protocol, row.function) in wanted or (row.protocol, (row.function, row.subfunction)) in wanted:
            did = command.verb if row.responses > row.errors else command.attempt
            yield of_deed(deed, did, severity=weigh(command.severities, deed, view))

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
