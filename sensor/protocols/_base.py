"""The vocabulary of protocol meaning: intents, functions and the row each protocol registers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """What a client wants of a server, whatever the protocol."""

    READ = "read"
    WRITE = "write"
    CONTROL = "control"
    PROGRAM = "program"
    UPLOAD = "upload"
    CONFIGURE = "configure"
    DIAGNOSE = "diagnose"
    DISCOVER = "discover"
    SESSION = "session"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Function:
    """What one function of a protocol does.

    name: the specification's name, "Read Holding Registers".
    intent: what the client wants.
    technique: MITRE ATT&CK for ICS technique that the function by itself is, or None.
    """

    name: str
    intent: Intent
    technique: str | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol's meaning: a row of the registry.

    name: as in the Rust half, "modbus".
    title: for people, "Modbus/TCP".
    function: meaning of (function code, sub-function code or None); total, unknown codes get a name that says so.
    code: the function code as text, "3" or "0x04".
    subfunction: the sub-function code as text ("0x0004"); None where there is none.
    status: the name of a rejection's code, "illegal data address"; total.
    """

    name: str
    title: str
    function: Callable[[int, int | None], Function]
    code: Callable[[int], str] = str
    subfunction: Callable[[int, int | None], str | None] = lambda _code, sub: None if sub is None else f"0x{sub:02x}"
    status: Callable[[int], str] = lambda status: f"status 0x{status:02x}"
