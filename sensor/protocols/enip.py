"""EtherNet/IP: what the commands of the encapsulation mean (CIP Volume 2, 2-3), and its cyclic input and output."""

from sensor.protocols._base import Function, Intent, Protocol

COMMANDS: dict[int, Function] = {
    0x0000: Function("NOP", Intent.SESSION),
    0x0004: Function("List Services", Intent.DISCOVER, "T0846"),
    0x0063: Function("List Identity", Intent.DISCOVER, "T0846"),
    0x0064: Function("List Interfaces", Intent.DISCOVER, "T0846"),
    0x0065: Function("Register Session", Intent.SESSION),
    0x0066: Function("Unregister Session", Intent.SESSION),
    0x006F: Function("Send RR Data", Intent.SESSION),
    0x0070: Function("Send Unit Data", Intent.SESSION),
    0x0072: Function("Indicate Status", Intent.SESSION),
    0x0073: Function("Cancel", Intent.SESSION),
    0x00C8: Function("Start DTLS", Intent.SESSION),
}
"""What CIP asks inside Send RR Data and Send Unit Data is told by the rows of `cip`."""

STATUSES: dict[int, str] = {
    0x0000: "success",
    0x0001: "invalid command",
    0x0002: "no memory resources",
    0x0003: "incorrect data",
    0x0064: "invalid session handle",
    0x0065: "invalid length",
    0x0069: "unsupported protocol revision",
    0x006A: "encapsulated CIP service not allowed on this port",
}

CYCLIC_DATA = Function("Cyclic I/O", Intent.WRITE)
"""The originator of a connection writes the target's outputs; what comes back are the responses of the same row."""


def command(code: int, _sub: int | None) -> Function:
    """The meaning of an encapsulation command."""
    return COMMANDS.get(code) or Function(f"unknown command 0x{code:04x}", Intent.SESSION)


def cyclic(code: int, _sub: int | None) -> Function:
    """The meaning of cyclic data."""
    return CYCLIC_DATA if code == 1 else Function(f"unknown function {code}", Intent.WRITE)


ROWS: tuple[Protocol, ...] = (
    Protocol(
        name="enip",
        title="EtherNet/IP",
        function=command,
        code=lambda code: f"0x{code:04x}",
        status=lambda status: STATUSES.get(status, f"status 0x{status:04x}"),
    ),
    Protocol(name="cip_io", title="EtherNet/IP I/O", function=cyclic),
)
