"""Modbus: what its functions mean (MODBUS Application Protocol V1.1b3), Modicon's own and Schneider's UMAS among them.

UMAS is not published. Its codes are those that open implementations and captures of Modicon controllers agree on; the names are ours.
Download and upload are meant as in IEC 61131: to the controller, and from it.
"""

from sensor.protocols._base import Function, Intent, Protocol

DIAGNOSTICS = 8
ENCAPSULATED_INTERFACE = 43
UMAS = 90

FUNCTIONS: dict[int, Function] = {
    1: Function("Read Coils", Intent.READ),
    2: Function("Read Discrete Inputs", Intent.READ),
    3: Function("Read Holding Registers", Intent.READ),
    4: Function("Read Input Registers", Intent.READ),
    5: Function("Write Single Coil", Intent.WRITE),
    6: Function("Write Single Register", Intent.WRITE),
    7: Function("Read Exception Status", Intent.DIAGNOSE),
    8: Function("Diagnostics", Intent.DIAGNOSE),
    9: Function("Program 484", Intent.PROGRAM, "T0843"),
    10: Function("Poll 484", Intent.DIAGNOSE),
    11: Function("Get Comm Event Counter", Intent.DIAGNOSE),
    12: Function("Get Comm Event Log", Intent.DIAGNOSE),
    13: Function("Program 184/384", Intent.PROGRAM, "T0843"),
    14: Function("Poll 184/384", Intent.DIAGNOSE),
    15: Function("Write Multiple Coils", Intent.WRITE),
    16: Function("Write Multiple Registers", Intent.WRITE),
    17: Function("Report Server ID", Intent.DISCOVER, "T0888"),
    18: Function("Program 884/M84", Intent.PROGRAM, "T0843"),
    19: Function("Reset Communication Link 884/M84", Intent.CONTROL),
    20: Function("Read File Record", Intent.READ),
    21: Function("Write File Record", Intent.WRITE),
    22: Function("Mask Write Register", Intent.WRITE),
    23: Function("Read/Write Multiple Registers", Intent.WRITE),
    24: Function("Read FIFO Queue", Intent.READ),
    40: Function("Program Concept", Intent.PROGRAM, "T0843"),
    43: Function("Encapsulated Interface Transport", Intent.DISCOVER),
    90: Function("Schneider UMAS", Intent.SESSION),
    91: Function("Object Messaging", Intent.SESSION),
    125: Function("Firmware Replacement", Intent.PROGRAM, "T0857"),
    126: Function("Program 584/984", Intent.PROGRAM, "T0843"),
    127: Function("Report Local Address", Intent.DISCOVER),
}
"""Chapter 6, and what Modicon controllers add: 9, 10, 13, 14, 18, 19, 40, 90, 91 and 125 to 127."""

DIAGNOSTIC_FUNCTIONS: dict[int, Function] = {
    0x00: Function("Return Query Data", Intent.DIAGNOSE),
    0x01: Function("Restart Communications Option", Intent.CONTROL, "T0816"),
    0x02: Function("Return Diagnostic Register", Intent.DIAGNOSE),
    0x03: Function("Change ASCII Input Delimiter", Intent.CONFIGURE),
    0x04: Function("Force Listen Only Mode", Intent.CONTROL, "T0814"),
    0x0A: Function("Clear Counters and Diagnostic Register", Intent.CONTROL),
    0x0B: Function("Return Bus Message Count", Intent.DIAGNOSE),
    0x0C: Function("Return Bus Communication Error Count", Intent.DIAGNOSE),
    0x0D: Function("Return Bus Exception Error Count", Intent.DIAGNOSE),
    0x0E: Function("Return Server Message Count", Intent.DIAGNOSE),
    0x0F: Function("Return Server No Response Count", Intent.DIAGNOSE),
    0x10: Function("Return Server NAK Count", Intent.DIAGNOSE),
    0x11: Function("Return Server Busy Count", Intent.DIAGNOSE),
    0x12: Function("Return Bus Character Overrun Count", Intent.DIAGNOSE),
    0x13: Function("Return IOP Overrun Count", Intent.DIAGNOSE),
    0x14: Function("Clear Overrun Counter and Flag", Intent.CONTROL),
    0x15: Function("Get/Clear Modbus Plus Statistics", Intent.DIAGNOSE),
}
"""Sub-functions of function 8 (6.8), the last but one and the one before it of Modicon controllers only."""

INTERFACES: dict[int, Function] = {
    13: Function("CANopen General Reference", Intent.CONFIGURE),
    14: Function("Read Device Identification", Intent.DISCOVER, "T0888"),
}
"""Types of the encapsulated interface, function 43 (6.19)."""

UMAS_FUNCTIONS: dict[int, Function] = {
    0x01: Function("UMAS Initialize Communication", Intent.SESSION),
    0x02: Function("UMAS Read Controller Identification", Intent.DISCOVER, "T0888"),
    0x03: Function("UMAS Read Project Information", Intent.DISCOVER, "T0888"),
    0x04: Function("UMAS Read Controller Status", Intent.DIAGNOSE, "T0888"),
    0x05: Function("UMAS Read Loader Information", Intent.DISCOVER),
    0x06: Function("UMAS Read Memory Card Information", Intent.DISCOVER),
    0x07: Function("UMAS Read Block Information", Intent.DISCOVER),
    0x0A: Function("UMAS Repeat", Intent.DIAGNOSE),
    0x10: Function("UMAS Take Reservation", Intent.SESSION),
    0x11: Function("UMAS Release Reservation", Intent.SESSION),
    0x12: Function("UMAS Keep Reservation", Intent.SESSION),
    0x20: Function("UMAS Read Memory Block", Intent.READ),
    0x21: Function("UMAS Write Memory Block", Intent.WRITE),
    0x22: Function("UMAS Read Variables", Intent.READ),
    0x23: Function("UMAS Write Variables", Intent.WRITE),
    0x24: Function("UMAS Read Coils and Registers", Intent.READ),
    0x25: Function("UMAS Write Coils and Registers", Intent.WRITE),
    0x26: Function("UMAS Read Data Dictionary", Intent.DISCOVER, "T0861"),
    0x27: Function("UMAS Read Data Dictionary, Preload", Intent.DISCOVER, "T0861"),
    0x28: Function("UMAS Read Physical Address", Intent.READ),
    0x29: Function("UMAS Write Physical Address", Intent.WRITE),
    0x30: Function("UMAS Begin Download", Intent.PROGRAM, "T0843"),
    0x31: Function("UMAS Download Block", Intent.PROGRAM, "T0843"),
    0x32: Function("UMAS End Download", Intent.PROGRAM, "T0843"),
    0x33: Function("UMAS Begin Upload", Intent.UPLOAD, "T0845"),
    0x34: Function("UMAS Upload Block", Intent.UPLOAD, "T0845"),
    0x35: Function("UMAS End Upload", Intent.UPLOAD, "T0845"),
    0x36: Function("UMAS Back Up or Restore", Intent.PROGRAM),
    0x37: Function("UMAS Preload Blocks", Intent.PROGRAM),
    0x39: Function("UMAS Read Ethernet Master Data", Intent.READ),
    0x40: Function("UMAS Start Controller", Intent.CONTROL, "T0858"),
    0x41: Function("UMAS Stop Controller", Intent.CONTROL, "T0858"),
    0x42: Function("UMAS Initialize Controller", Intent.CONTROL),
    0x50: Function("UMAS Monitor Controller", Intent.READ),
    0x58: Function("UMAS Check Controller", Intent.DIAGNOSE),
    0x60: Function("UMAS Set Breakpoint", Intent.CONTROL),
    0x61: Function("UMAS Delete Breakpoint", Intent.CONTROL),
    0x62: Function("UMAS Step Over", Intent.CONTROL),
    0x63: Function("UMAS Step In", Intent.CONTROL),
    0x64: Function("UMAS Step Out", Intent.CONTROL),
    0x66: Function("UMAS Go To", Intent.CONTROL),
    0x70: Function("UMAS Read I/O Object", Intent.READ),
    0x71: Function("UMAS Write I/O Object", Intent.WRITE),
    0x72: Function("UMAS Read Rack", Intent.DISCOVER),
    0x73: Function("UMAS Read Module Status", Intent.DIAGNOSE),
}
"""Codes of UMAS, function 90."""

EXCEPTIONS: dict[int, str] = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""Chapter 7; 7 is of Modicon controllers."""

UMAS_STATUS = 0xFD0000
"""The Rust half adds it to UMAS error codes, which would be taken for exceptions otherwise."""

_SUBFUNCTIONS = {DIAGNOSTICS: DIAGNOSTIC_FUNCTIONS, ENCAPSULATED_INTERFACE: INTERFACES, UMAS: UMAS_FUNCTIONS}


def _function(code: int, subfunction: int | None) -> Function:
    known = FUNCTIONS.get(code)
    if known is None:
        user_defined = 65 <= code <= 72 or 100 <= code <= 110
        return Function(f"{'user-defined' if user_defined else 'unknown'} function {code}", Intent.CONFIGURE)
    if subfunction is None or code not in _SUBFUNCTIONS:
        return known
    named = _SUBFUNCTIONS[code].get(subfunction)
    return named or Function(f"{known.name}, unknown sub-function 0x{subfunction:02x}", Intent.CONFIGURE)


def _subfunction(code: int, subfunction: int | None) -> str | None:
    if subfunction is None:
        return None
    return f"0x{subfunction:04x}" if code == DIAGNOSTICS else f"0x{subfunction:02x}"


def _status(status: int) -> str:
    if status & UMAS_STATUS == UMAS_STATUS:
        return f"UMAS error 0x{status - UMAS_STATUS:02x}"
    return EXCEPTIONS.get(status, f"exception {status}")


ROWS: tuple[Protocol, ...] = (
    Protocol("modbus", "Modbus/TCP", _function, subfunction=_subfunction, status=_status),
    Protocol("modbus_rtu", "Modbus RTU over TCP", _function, subfunction=_subfunction, status=_status),
)
