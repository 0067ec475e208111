"""PCCC: what the commands of the PLC-5, SLC 500 and MicroLogix mean that CIP carries (Rockwell 1770-6.5.16)."""

from sensor.protocols._base import Function, Intent, Protocol

READ, WRITE, CONTROL, SESSION = Intent.READ, Intent.WRITE, Intent.CONTROL, Intent.SESSION
CONFIGURE, DIAGNOSE, UPLOAD, DOWNLOAD = Intent.CONFIGURE, Intent.DIAGNOSE, Intent.UPLOAD, Intent.PROGRAM

NO_FUNCTION = 0xFF

FUNCTIONS: dict[int, Function] = {
    0x00FF: Function("Protected Write", WRITE),
    0x01FF: Function("Unprotected Read", READ),
    0x02FF: Function("Protected Bit Write", WRITE),
    0x05FF: Function("Unprotected Bit Write", WRITE),
    0x0600: Function("Echo", DIAGNOSE),
    0x0601: Function("Read Diagnostic Counters", DIAGNOSE),
    0x0602: Function("Set Variables", CONFIGURE),
    0x0603: Function("Diagnostic Status", Intent.DISCOVER, "T0888"),
    0x0604: Function("Set Timeout", CONFIGURE),
    0x0605: Function("Set NAKs", CONFIGURE),
    0x0606: Function("Set ENQs", CONFIGURE),
    0x0607: Function("Reset Diagnostic Counters", DIAGNOSE),
    0x0608: Function("Set Data Table Size", CONFIGURE),
    0x0609: Function("Read Link Parameters", READ),
    0x060A: Function("Set Link Parameters", CONFIGURE),
    0x0700: Function("Disable Outputs", CONTROL),
    0x0701: Function("Enable Outputs", CONTROL),
    0x0703: Function("Enable PLC Scanning", CONTROL, "T0858"),
    0x0704: Function("Enter Download Mode", DOWNLOAD, "T0843"),
    0x0705: Function("Exit Download/Upload Mode", DOWNLOAD),
    0x0706: Function("Enter Upload Mode", UPLOAD, "T0845"),
    0x08FF: Function("Unprotected Write", WRITE),
    0x0F00: Function("Word Range Write", WRITE),
    0x0F01: Function("Word Range Read", READ),
    0x0F02: Function("Bit Write", WRITE),
    0x0F03: Function("File Write", WRITE),
    0x0F04: Function("File Read", READ),
    0x0F05: Function("Download Request", DOWNLOAD, "T0843"),
    0x0F06: Function("Upload", UPLOAD, "T0845"),
    0x0F07: Function("Shutdown", CONTROL, "T0816"),
    0x0F08: Function("Physical Write", DOWNLOAD),
    0x0F09: Function("Physical Read", UPLOAD),
    0x0F0A: Function("Restart Request", CONTROL, "T0816"),
    0x0F11: Function("Get Edit Resource", DOWNLOAD, "T0889"),
    0x0F12: Function("Return Edit Resource", DOWNLOAD, "T0889"),
    0x0F17: Function("Read Bytes Physical", UPLOAD),
    0x0F18: Function("Write Bytes Physical", DOWNLOAD),
    0x0F26: Function("Read-Modify-Write", WRITE),
    0x0F29: Function("Read Section Size", READ),
    0x0F3A: Function("Set CPU Mode", CONTROL, "T0858"),
    0x0F41: Function("Disable Forces", CONTROL),
    0x0F50: Function("Download All Request", DOWNLOAD, "T0843"),
    0x0F52: Function("Download Completed", DOWNLOAD, "T0843"),
    0x0F53: Function("Upload All Request", UPLOAD, "T0845"),
    0x0F55: Function("Upload Completed", UPLOAD, "T0845"),
    0x0F57: Function("Initialize Memory", DOWNLOAD, "T0809"),
    0x0F5E: Function("Modify PLC-2 Compatibility File", CONFIGURE),
    0x0F67: Function("Typed Write", WRITE),
    0x0F68: Function("Typed Read", READ),
    0x0F79: Function("Read-Modify-Write N", WRITE),
    0x0F80: Function("Change CPU Mode", CONTROL, "T0858"),
    0x0F81: Function("Open File", SESSION),
    0x0F82: Function("Close File", SESSION),
    0x0F88: Function("Execute Multiple Commands", SESSION),
    0x0F8F: Function("Apply Port Configuration", CONFIGURE),
    0x0FA1: Function("Protected Typed Logical Read, two address fields", READ),
    0x0FA2: Function("Protected Typed Logical Read, three address fields", READ),
    0x0FA7: Function("Protected Typed File Read", READ),
    0x0FA9: Function("Protected Typed Logical Write, two address fields", WRITE),
    0x0FAA: Function("Protected Typed Logical Write, three address fields", WRITE),
    0x0FAB: Function("Protected Typed Logical Masked Write, three address fields", WRITE),
    0x0FAF: Function("Protected Typed File Write", WRITE),
}
"""Command in the high octet, function in the low one, 0xff where the command has none."""

CPU_MODES: dict[int, str] = {
    0x01: "remote program",
    0x06: "remote run",
    0x07: "remote test continuous",
    0x08: "remote test single",
    0x09: "remote test debug",
}
"""Of Change CPU Mode."""

STATUSES: dict[int, str] = {
    0x10: "illegal command or format",
    0x20: "host has a problem and will not communicate",
    0x30: "remote node is missing, disconnected or shut down",
    0x40: "hardware fault",
    0x50: "addressing problem or memory protect rungs",
    0x60: "function not allowed, command protection selected",
    0x70: "processor is in program mode",
    0x80: "compatibility mode file missing or communication zone problem",
    0x90: "remote node cannot buffer command",
    0xB0: "remote node problem due to download",
}

EXTENDED_STATUSES: dict[int, str] = {
    0x01: "illegal value in a field",
    0x02: "fewer address levels than needed",
    0x03: "more address levels than supported",
    0x04: "symbol not found",
    0x05: "symbol of improper format",
    0x06: "address points to nothing usable",
    0x07: "file is of wrong size",
    0x08: "situation has changed since the start of the command",
    0x09: "data or file too large",
    0x0A: "transaction size plus word address too large",
    0x0B: "access denied, improper privilege",
    0x0C: "resource is not available",
    0x0D: "resource is already available",
    0x0E: "command cannot be executed",
    0x11: "illegal data type",
    0x12: "invalid parameter or data",
    0x17: "type mismatch",
    0x1A: "file is open, another node owns it",
    0x1B: "another node is the program owner",
    0x1E: "data table element is protected",
    0x23: "timeout",
}


def function(code: int, sub: int | None) -> Function:
    """The meaning of a command and its function; the sub-function is the mode that the processor is set to."""
    known = FUNCTIONS.get(code)
    if known is None:
        return Function(f"unknown function {text(code)}", CONFIGURE)
    mode = None if sub is None else CPU_MODES.get(sub)
    return Function(f"{known.name}: {mode}", known.intent, known.technique) if mode else known


def text(code: int) -> str:
    """The command, and its function where it has one: "0x06", "0x0f.0xaa"."""
    command, number = code >> 8, code & 0xFF
    return f"0x{command:02x}" if number == NO_FUNCTION else f"0x{command:02x}.0x{number:02x}"


def status(code: int) -> str:
    """STS in the low octet; where that is 0xf0, EXT STS in the next."""
    low, extended = code & 0xFF, code >> 8
    if low == 0xF0:
        return EXTENDED_STATUSES.get(extended, f"extended status 0x{extended:02x}")
    return STATUSES.get(low, f"status 0x{low:02x}")


ROW = Protocol(name="pccc", title="PCCC", function=function, code=text, status=status)
