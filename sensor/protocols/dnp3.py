"""DNP3: what the application functions and those of the link layer mean (IEEE 1815-2012, 4.2.2.5 and 9.2.4.1.3)."""

from sensor.protocols._base import Function, Intent, Protocol

FUNCTIONS: dict[int, Function] = {
    0: Function("Confirm", Intent.SESSION),
    1: Function("Read", Intent.READ),
    2: Function("Write", Intent.WRITE),
    3: Function("Select", Intent.CONTROL),
    4: Function("Operate", Intent.CONTROL),
    5: Function("Direct Operate", Intent.CONTROL),
    6: Function("Direct Operate, No Acknowledgement", Intent.CONTROL),
    7: Function("Immediate Freeze", Intent.CONTROL),
    8: Function("Immediate Freeze, No Acknowledgement", Intent.CONTROL),
    9: Function("Freeze and Clear", Intent.CONTROL),
    10: Function("Freeze and Clear, No Acknowledgement", Intent.CONTROL),
    11: Function("Freeze at Time", Intent.CONTROL),
    12: Function("Freeze at Time, No Acknowledgement", Intent.CONTROL),
    13: Function("Cold Restart", Intent.CONTROL, "T0816"),
    14: Function("Warm Restart", Intent.CONTROL, "T0816"),
    15: Function("Initialize Data", Intent.CONFIGURE),
    16: Function("Initialize Application", Intent.CONTROL),
    17: Function("Start Application", Intent.CONTROL, "T0858"),
    18: Function("Stop Application", Intent.CONTROL, "T0858"),
    19: Function("Save Configuration", Intent.CONFIGURE),
    20: Function("Enable Unsolicited Responses", Intent.CONFIGURE),
    21: Function("Disable Unsolicited Responses", Intent.CONFIGURE, "T0878"),
    22: Function("Assign Class", Intent.CONFIGURE),
    23: Function("Delay Measurement", Intent.DIAGNOSE),
    24: Function("Record Current Time", Intent.CONFIGURE),
    25: Function("Open File", Intent.SESSION),
    26: Function("Close File", Intent.SESSION),
    27: Function("Delete File", Intent.PROGRAM, "T0809"),
    28: Function("Get File Information", Intent.READ),
    29: Function("Authenticate File", Intent.SESSION),
    30: Function("Abort File Transfer", Intent.SESSION),
    31: Function("Activate Configuration", Intent.PROGRAM, "T0836"),
    32: Function("Authentication Request", Intent.SESSION),
    33: Function("Authentication Request, No Acknowledgement", Intent.SESSION),
    129: Function("Response", Intent.REPORT),
    130: Function("Unsolicited Response", Intent.REPORT),
    131: Function("Authentication Response", Intent.SESSION),
}

SUBFUNCTIONS: dict[tuple[int, int], Function] = {
    (1, 0): Function("Read Device Attributes", Intent.DISCOVER, "T0888"),
    (1, 70): Function("Read File", Intent.UPLOAD, "T0845"),
    (2, 0): Function("Write Device Attributes", Intent.CONFIGURE),
    (2, 34): Function("Write Dead-bands", Intent.CONFIGURE, "T0836"),
    (2, 50): Function("Write Time", Intent.CONFIGURE),
    (2, 70): Function("Write File", Intent.PROGRAM, "T0843"),
    (2, 80): Function("Write Internal Indications", Intent.CONFIGURE),
    (25, 1): Function("Open File for Reading", Intent.UPLOAD, "T0845"),
    (25, 2): Function("Open File for Writing", Intent.PROGRAM, "T0843"),
    (25, 3): Function("Open File for Appending", Intent.PROGRAM, "T0843"),
}
"""Reads and writes by the first object's group where that is not process data, file openings by their mode."""

CONTROL_STATUSES: dict[int, str] = {
    0: "success",
    1: "timeout",
    2: "no select",
    3: "format error",
    4: "not supported",
    5: "already active",
    6: "hardware error",
    7: "local",
    8: "too many operations",
    9: "not authorized",
    10: "automation inhibit",
    11: "processing limited",
    12: "out of range",
    13: "downstream local",
    14: "already complete",
    15: "blocked",
    16: "canceled",
    17: "blocked by other master",
    18: "downstream fail",
    126: "non-participating",
    127: "undefined",
}
"""Of a control relay output block or analog output (A.8.1)."""

INDICATIONS: dict[int, str] = {
    0x01: "function not supported",
    0x02: "object unknown",
    0x04: "parameter error",
    0x10: "operation already executing",
}
"""Bits of the second internal indication octet that reject (4.2.2.6)."""

FILE_STATUSES: dict[int, str] = {
    1: "permission denied",
    2: "invalid mode",
    3: "file not found",
    4: "file locked",
    5: "too many files open",
    6: "invalid file handle",
    7: "invalid block size",
    8: "communication lost",
    9: "cannot abort",
    16: "file not open",
    17: "handle expired",
    18: "buffer overrun",
    19: "fatal error",
    20: "block out of sequence",
    255: "undefined error",
}
"""Of file commands and transfers (A.24)."""

AUTHENTICATION_ERRORS: dict[int, str] = {
    1: "authentication failed",
    2: "unexpected reply",
    3: "no reply",
    4: "aggressive mode not permitted",
    5: "MAC algorithm not supported",
    6: "key wrap algorithm not supported",
    7: "authorization failed",
    8: "update key change method not permitted",
    9: "invalid signature",
    10: "invalid certification data",
    11: "unknown user",
    12: "too many session key status requests",
}
"""Of secure authentication (A.45.7)."""

PRIMARY: dict[int, Function] = {
    0: Function("Reset Link States", Intent.SESSION),
    1: Function("Reset User Process", Intent.CONTROL),
    2: Function("Test Link States", Intent.DIAGNOSE),
    3: Function("Confirmed User Data", Intent.SESSION),
    4: Function("Unconfirmed User Data", Intent.SESSION),
    9: Function("Request Link Status", Intent.DIAGNOSE),
}
"""What a primary station asks: a keep-alive on most networks."""

SECONDARY: dict[int, Function] = {
    0: Function("Acknowledgement", Intent.SESSION),
    1: Function("Negative Acknowledgement", Intent.SESSION),
    11: Function("Link Status", Intent.DIAGNOSE),
    14: Function("Link Service Not Functioning", Intent.SESSION),
    15: Function("Not Supported", Intent.SESSION),
}
"""What a secondary station answers."""


def function(code: int, sub: int | None) -> Function:
    """The meaning of an application function."""
    known = None if sub is None else SUBFUNCTIONS.get((code, sub))
    return known or FUNCTIONS.get(code) or Function(f"unknown function 0x{code:02x}", Intent.REPORT if code >= 129 else Intent.CONFIGURE)


def subfunction(code: int, sub: int | None) -> str | None:
    """The first object's group of a read or write, the mode of a file opening."""
    if sub is None:
        return None
    return f"g{sub}" if code in {1, 2} else str(sub)


def status(code: int) -> str:
    """Why a request was rejected: a control's status, error indications, a file's status or an authentication error."""
    kind, number = divmod(code, 0x100)
    unknown = f"status 0x{code:02x}"
    match kind:
        case 0:
            return CONTROL_STATUSES.get(number, unknown)
        case 1:
            return ", ".join(name for bit, name in INDICATIONS.items() if number & bit) or unknown
        case 2:
            return f"file: {FILE_STATUSES.get(number, unknown)}"
        case 3:
            return f"authentication: {AUTHENTICATION_ERRORS.get(number, unknown)}"
        case _:
            return unknown


def link(code: int, _sub: int | None) -> Function:
    """The meaning of a link function: 16 and more is asked by a primary station, less answered by a secondary one."""
    table = PRIMARY if code & 0x10 else SECONDARY
    return (table.get(code & 0x0F) if 0 <= code < 0x20 else None) or Function(f"unknown link function 0x{code:02x}", Intent.SESSION)


ROWS: tuple[Protocol, ...] = (
    Protocol(name="dnp3", title="DNP3", function=function, subfunction=subfunction, status=status),
    Protocol(
        name="dnp3_link",
        title="DNP3 link layer",
        function=link,
        code=lambda code: f"{'primary' if code & 0x10 else 'secondary'} {code & ~0x10}",
        status=lambda code: SECONDARY[code].name.lower() if code in SECONDARY else f"status 0x{code:02x}",
    ),
)
