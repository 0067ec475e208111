"""S7comm-plus of S7-1200 and S7-1500: what its functions mean. Not published; numbers and names as seen in use."""

from sensor.protocols._base import Function, Intent, Protocol

READ, WRITE, CONTROL, SESSION, REPORT = Intent.READ, Intent.WRITE, Intent.CONTROL, Intent.SESSION, Intent.REPORT

SESSION_OBJECT, SUBSCRIPTION, EXECUTION_UNIT = 287, 1001, 52

FUNCTIONS: dict[int, Function] = {
    0x0033: Function("Notification", REPORT),
    0x04B1: Function("Error", SESSION),
    0x04BB: Function("Explore", Intent.DISCOVER),
    0x04CA: Function("Create object", Intent.PROGRAM, "T0843"),
    0x04D4: Function("Delete object", Intent.PROGRAM),
    0x04F2: Function("Set variable", WRITE),
    0x04FC: Function("Get variable", READ),
    0x0506: Function("Add link", Intent.CONFIGURE),
    0x051A: Function("Remove link", Intent.CONFIGURE),
    0x0524: Function("Get link", READ),
    0x0542: Function("Set multiple variables", WRITE),
    0x054C: Function("Get multiple variables", READ),
    0x0556: Function("Begin sequence", SESSION),
    0x0560: Function("End sequence", SESSION),
    0x056B: Function("Invoke", CONTROL),
    0x057C: Function("Set variable in parts", WRITE),
    0x0586: Function("Get variable in parts", READ),
    0x0590: Function("Get addresses of variables", READ),
    0x059A: Function("Abort", SESSION),
    0x05A9: Function("Error", SESSION),
    0x05B3: Function("Begin TLS", SESSION),
    0xFE00: Function("System event", REPORT),
    0xFF00: Function("Keep-alive", SESSION),
}

OBJECTS: dict[int, tuple[str, Intent, str | None]] = {
    SESSION_OBJECT: ("of session", SESSION, None),
    SUBSCRIPTION: ("of subscription", SESSION, None),
    EXECUTION_UNIT: ("of execution unit", CONTROL, "T0858"),
}
"""What a request touches besides program and variables; the execution unit holds the operating mode."""

ERRORS: dict[int, str] = {-12: "object not found", -17: "invalid checksum", -255: "invalid identifier"}


def function(code: int, sub: int | None) -> Function:
    """The meaning of an S7comm-plus function."""
    known = FUNCTIONS.get(code) or Function(f"unknown function 0x{code:04x}", CONTROL)
    if sub not in OBJECTS:
        return known
    of, intent, technique = OBJECTS[sub]
    return Function(f"{known.name} {of}", intent, technique)


def status(code: int) -> str:
    """The lowest 16 bits of a return value, negative for an error."""
    number = (code & 0xFFFF) - 0x10000 if code & 0x8000 else code
    return ERRORS.get(number, f"error {number}")


ROW = Protocol(
    name="s7comm_plus",
    title="S7comm-plus",
    function=function,
    code=lambda code: f"0x{code:04x}",
    subfunction=lambda _code, sub: None if sub is None else str(sub),
    status=status,
)
