"""CIP: what its services mean, each by the class it is asked of.

Common services: CIP Volume 1, appendix A. Those of one class: chapter 5; of the tags of a controller: Rockwell 1756-PM020;
of Rockwell's private classes: as seen in use.
"""

from sensor.protocols._base import Function, Intent, Protocol
from sensor.protocols._pccc import ROW as PCCC

CONNECTION_MANAGER, SYMBOL, TEMPLATE = 0x06, 0x6B, 0x6C
IDENTITY, PARAMETER, MOTION_AXIS, TCP_IP = 0x01, 0x0F, 0x42, 0xF5
PROGRAM, ROUTINE, TASK, CONTROLLER_MODE, FIRMWARE, CONTROLLER_CHANGES = 0x68, 0x6D, 0x70, 0x8E, 0xA1, 0xAC

READ, WRITE, CONTROL, SESSION = Intent.READ, Intent.WRITE, Intent.CONTROL, Intent.SESSION
CONFIGURE, DIAGNOSE, UPLOAD, DOWNLOAD = Intent.CONFIGURE, Intent.DIAGNOSE, Intent.UPLOAD, Intent.PROGRAM

COMMON: dict[int, Function] = {
    0x01: Function("Get Attributes All", READ),
    0x02: Function("Set Attributes All", CONFIGURE),
    0x03: Function("Get Attribute List", READ),
    0x04: Function("Set Attribute List", CONFIGURE),
    0x05: Function("Reset", CONTROL, "T0816"),
    0x06: Function("Start", CONTROL, "T0858"),
    0x07: Function("Stop", CONTROL, "T0858"),
    0x08: Function("Create", CONFIGURE),
    0x09: Function("Delete", CONFIGURE),
    0x0A: Function("Multiple Service Packet", SESSION),
    0x0D: Function("Apply Attributes", CONFIGURE),
    0x0E: Function("Get Attribute Single", READ),
    0x10: Function("Set Attribute Single", CONFIGURE),
    0x11: Function("Find Next Object Instance", Intent.DISCOVER),
    0x15: Function("Restore", CONFIGURE),
    0x16: Function("Save", CONFIGURE),
    0x17: Function("NOP", SESSION),
    0x18: Function("Get Member", READ),
    0x19: Function("Set Member", WRITE),
    0x1A: Function("Insert Member", WRITE),
    0x1B: Function("Remove Member", WRITE),
    0x1C: Function("Group Sync", SESSION),
}
"""Services that mean the same in every class."""

BY_CLASS: dict[tuple[int, int], Function] = {
    (IDENTITY, 0x01): Function("Get Attributes All", Intent.DISCOVER, "T0888"),
    (IDENTITY, 0x03): Function("Get Attribute List", Intent.DISCOVER),
    (IDENTITY, 0x0E): Function("Get Attribute Single", Intent.DISCOVER),
    (IDENTITY, 0x4B): Function("Flash LEDs", DIAGNOSE),
    (0x05, 0x4B): Function("Connection Bind", SESSION),
    (0x05, 0x4C): Function("Producing Application Lookup", SESSION),
    (0x05, 0x4E): Function("SafetyClose", SESSION),
    (0x05, 0x54): Function("SafetyOpen", SESSION),
    (CONNECTION_MANAGER, 0x4E): Function("Forward Close", SESSION),
    (CONNECTION_MANAGER, 0x52): Function("Unconnected Send", SESSION),
    (CONNECTION_MANAGER, 0x54): Function("Forward Open", SESSION),
    (CONNECTION_MANAGER, 0x56): Function("Get Connection Data", DIAGNOSE),
    (CONNECTION_MANAGER, 0x57): Function("Search Connection Data", DIAGNOSE),
    (CONNECTION_MANAGER, 0x5A): Function("Get Connection Owner", DIAGNOSE),
    (CONNECTION_MANAGER, 0x5B): Function("Large Forward Open", SESSION),
    (PARAMETER, 0x10): Function("Set Attribute Single", CONFIGURE, "T0836"),
    (PARAMETER, 0x4B): Function("Get Enum String", READ),
    (0x37, 0x4B): Function("Initiate Upload", UPLOAD),
    (0x37, 0x4C): Function("Initiate Download", DOWNLOAD),
    (0x37, 0x4D): Function("Initiate Partial Read", UPLOAD),
    (0x37, 0x4E): Function("Initiate Partial Write", DOWNLOAD),
    (0x37, 0x4F): Function("Upload Transfer", UPLOAD),
    (0x37, 0x50): Function("Download Transfer", DOWNLOAD),
    (0x37, 0x51): Function("Clear File", DOWNLOAD),
    (0x39, 0x4C): Function("Recover", CONTROL),
    (0x39, 0x4E): Function("Perform Diagnostics", DIAGNOSE),
    (0x39, 0x4F): Function("Configure Request", CONFIGURE),
    (0x39, 0x50): Function("Validate Configuration", CONFIGURE),
    (0x39, 0x51): Function("Set Password", CONFIGURE),
    (0x39, 0x52): Function("Configuration (Un)Lock", CONFIGURE),
    (0x39, 0x53): Function("Mode Change", CONTROL, "T0858"),
    (0x39, 0x54): Function("Safety Reset", CONTROL, "T0816"),
    (0x39, 0x55): Function("Reset Password", CONFIGURE),
    (0x39, 0x56): Function("Propose TUNID", CONFIGURE),
    (0x39, 0x57): Function("Apply TUNID", CONFIGURE),
    (MOTION_AXIS, 0x4B): Function("Get Axis Attribute List", READ),
    (MOTION_AXIS, 0x4C): Function("Set Axis Attribute List", CONFIGURE, "T0836"),
    (MOTION_AXIS, 0x4D): Function("Set Cyclic Write List", CONFIGURE),
    (MOTION_AXIS, 0x4E): Function("Set Cyclic Read List", CONFIGURE),
    (MOTION_AXIS, 0x4F): Function("Run Motor Test", CONTROL),
    (MOTION_AXIS, 0x50): Function("Get Motor Test Data", READ),
    (MOTION_AXIS, 0x51): Function("Run Inertia Test", CONTROL),
    (MOTION_AXIS, 0x52): Function("Get Inertia Test Data", READ),
    (MOTION_AXIS, 0x53): Function("Run Hookup Test", CONTROL),
    (MOTION_AXIS, 0x54): Function("Get Hookup Test Data", READ),
    (0x44, 0x4B): Function("Read Discrete Inputs", READ),
    (0x44, 0x4C): Function("Read Coils", READ),
    (0x44, 0x4D): Function("Read Input Registers", READ),
    (0x44, 0x4E): Function("Read Holding Registers", READ),
    (0x44, 0x4F): Function("Write Coils", WRITE),
    (0x44, 0x50): Function("Write Holding Registers", WRITE),
    (0x44, 0x51): Function("Modbus Passthrough", WRITE),
    (0x67, 0x4B): Function("Execute PCCC", SESSION),
    (PROGRAM, 0x08): Function("Create Program", DOWNLOAD, "T0889"),
    (PROGRAM, 0x09): Function("Delete Program", DOWNLOAD, "T0889"),
    (PROGRAM, 0x4D): Function("Force (private service 0x4d)", CONTROL),
    (PROGRAM, 0x4E): Function("Force (private service 0x4e)", CONTROL),
    (0x69, 0x08): Function("Create I/O Module", DOWNLOAD),
    (0x69, 0x09): Function("Delete I/O Module", DOWNLOAD),
    (0x69, 0x4D): Function("Force (private service 0x4d)", CONTROL),
    (0x69, 0x4E): Function("Force (private service 0x4e)", CONTROL),
    (0x6A, 0x08): Function("Create Tag Memory", DOWNLOAD),
    (0x6A, 0x09): Function("Delete Tag Memory", DOWNLOAD),
    (0x6A, 0x4C): Function("Read Tag Memory", READ),
    (0x6A, 0x50): Function("Initialise Tag Memory", DOWNLOAD, "T0843"),
    (0x6A, 0x51): Function("Write Tag Memory", WRITE, "T0836"),
    (SYMBOL, 0x08): Function("Create Tag", DOWNLOAD),
    (SYMBOL, 0x09): Function("Delete Tag", DOWNLOAD),
    (SYMBOL, 0x4C): Function("Read Tag", READ),
    (SYMBOL, 0x4D): Function("Write Tag", WRITE),
    (SYMBOL, 0x4E): Function("Read Modify Write Tag", WRITE),
    (SYMBOL, 0x52): Function("Read Tag Fragmented", READ),
    (SYMBOL, 0x53): Function("Write Tag Fragmented", WRITE),
    (SYMBOL, 0x55): Function("Get Instance Attribute List", Intent.DISCOVER, "T0861"),
    (TEMPLATE, 0x03): Function("Get Attribute List", Intent.DISCOVER, "T0861"),
    (TEMPLATE, 0x4C): Function("Read Template", Intent.DISCOVER, "T0861"),
    (ROUTINE, 0x08): Function("Create Routine", DOWNLOAD, "T0889"),
    (ROUTINE, 0x09): Function("Delete Routine", DOWNLOAD, "T0889"),
    (TASK, 0x08): Function("Create Task", DOWNLOAD, "T0821"),
    (TASK, 0x09): Function("Delete Task", DOWNLOAD, "T0821"),
    (0x72, 0x4C): Function("Read Data Table (private service 0x4c)", READ),
    (CONTROLLER_MODE, 0x06): Function("Start: go to run mode", CONTROL, "T0858"),
    (CONTROLLER_MODE, 0x07): Function("Stop: go to program mode", CONTROL, "T0858"),
    (CONTROLLER_MODE, 0x5C): Function("Handshake (private service 0x5c)", SESSION),
    (FIRMWARE, 0x4B): Function("Begin Firmware Update", DOWNLOAD, "T0857"),
    (FIRMWARE, 0x4D): Function("Transfer Firmware", DOWNLOAD, "T0857"),
    (0xA6, 0x4C): Function("Execute PCCC over DH+", SESSION),
    (CONTROLLER_CHANGES, 0x08): Function("Create: program download", DOWNLOAD, "T0843"),
    (TCP_IP, 0x04): Function("Set Attribute List", CONFIGURE, "T0836"),
    (TCP_IP, 0x10): Function("Set Attribute Single", CONFIGURE, "T0836"),
    (0xF6, 0x4C): Function("Get and Clear", DIAGNOSE),
}
"""(class, service), where that differs from the common meaning."""

PROCESS_CLASSES = frozenset({0x04, 0x07, 0x08, 0x09, 0x0A, 0x0B})
"""Assembly, register, input and output points: to set their attributes is to write values of the process."""

RESET_KINDS: dict[int, str] = {1: "to factory defaults", 2: "to factory defaults but communication"}

STATUSES: dict[int, str] = {
    0x00: "success",
    0x01: "connection failure",
    0x02: "resource unavailable",
    0x03: "invalid parameter value",
    0x04: "path segment error",
    0x05: "path destination unknown",
    0x06: "partial transfer",
    0x07: "connection lost",
    0x08: "service not supported",
    0x09: "invalid attribute value",
    0x0A: "attribute list error",
    0x0B: "already in requested mode or state",
    0x0C: "object state conflict",
    0x0D: "object already exists",
    0x0E: "attribute not settable",
    0x0F: "privilege violation",
    0x10: "device state conflict",
    0x11: "reply data too large",
    0x12: "fragmentation of a primitive value",
    0x13: "not enough data",
    0x14: "attribute not supported",
    0x15: "too much data",
    0x16: "object does not exist",
    0x17: "service fragmentation sequence not in progress",
    0x18: "no stored attribute data",
    0x19: "store operation failure",
    0x1A: "routing failure, request packet too large",
    0x1B: "routing failure, response packet too large",
    0x1C: "missing attribute list entry data",
    0x1D: "invalid attribute value list",
    0x1E: "embedded service error",
    0x1F: "vendor specific error",
    0x20: "invalid parameter",
    0x21: "write-once value or medium already written",
    0x22: "invalid reply received",
    0x23: "buffer overflow",
    0x24: "invalid message format",
    0x25: "key failure in path",
    0x26: "path size invalid",
    0x27: "unexpected attribute in list",
    0x28: "invalid member id",
    0x29: "member not settable",
    0x2A: "group 2 only server general failure",
    0x2B: "unknown Modbus error",
    0x2C: "attribute not gettable",
}
"""General status (CIP Volume 1, appendix B)."""

CONNECTION_STATUSES: dict[int, str] = {
    0x0100: "connection in use or duplicate Forward Open",
    0x0103: "transport class and trigger not supported",
    0x0106: "ownership conflict",
    0x0107: "target connection not found",
    0x0108: "invalid network connection parameter",
    0x0109: "invalid connection size",
    0x0110: "target for connection not configured",
    0x0111: "requested packet interval not supported",
    0x0113: "out of connections",
    0x0114: "vendor id or product code mismatch",
    0x0115: "device type mismatch",
    0x0116: "revision mismatch",
    0x0117: "invalid produced or consumed application path",
    0x0118: "invalid configuration application path",
    0x0119: "non-listen only connection not opened",
    0x011A: "target object out of connections",
    0x0127: "invalid O->T size",
    0x0128: "invalid T->O size",
    0x0203: "connection timed out",
    0x0204: "unconnected request timed out",
    0x0205: "parameter error in unconnected request",
    0x0206: "message too large for Unconnected Send",
    0x0301: "no buffer memory available",
    0x0302: "network bandwidth not available",
    0x0311: "port not available",
    0x0312: "link address not valid",
    0x0315: "invalid segment in connection path",
    0x0316: "Forward Close connection path mismatch",
    0x0318: "link address to self invalid",
}
"""Extended status of a connection failure (CIP Volume 1, table 3-5.29)."""


def service(code: int, sub: int | None) -> Function:
    """The meaning of a service, asked of the class in the lower half of `sub`; the upper half is the kind of a reset."""
    if sub is None:
        return without_class(code)
    of, kind = sub & 0xFFFF, sub >> 16
    known = BY_CLASS.get((of, code)) or COMMON.get(code)
    if known is None:
        return Function(f"unknown service 0x{code:02x} of class 0x{of:02x}", CONFIGURE)
    if of in PROCESS_CLASSES and known.intent is CONFIGURE:
        return Function(known.name, WRITE, known.technique)
    if kind in RESET_KINDS:
        return Function(f"{known.name} {RESET_KINDS[kind]}", known.intent, known.technique)
    return known


def without_class(code: int) -> Function:
    """A response whose request was not seen: the service alone is known, and may be that of a tag or of a connection."""
    likely = [BY_CLASS[key] for key in ((CONNECTION_MANAGER, code), (SYMBOL, code)) if key in BY_CLASS]
    if code in COMMON or not likely:
        return COMMON.get(code) or Function(f"unknown service 0x{code:02x}", CONFIGURE)
    return Function(" or ".join(function.name for function in likely), likely[0].intent)


def class_text(_code: int, sub: int | None) -> str | None:
    """The class, and the kind of a reset: "0x6b", "0x01.1"."""
    if sub is None or sub <= 0xFFFF:
        return None if sub is None else f"0x{sub:02x}"
    return f"0x{sub & 0xFFFF:02x}.{sub >> 16}"


def status(code: int) -> str:
    """The general status in the low octet, the extended status above it."""
    general, extended = code & 0xFF, code >> 8
    name = STATUSES.get(general, f"general status 0x{general:02x}")
    if not extended:
        return name
    meaning = CONNECTION_STATUSES.get(extended) if general == 1 else None
    return f"{name}: {meaning or f'extended status 0x{extended:04x}'}"


ROWS: tuple[Protocol, ...] = (
    Protocol(name="cip", title="CIP", function=service, code=lambda code: f"0x{code:02x}", subfunction=class_text, status=status),
    PCCC,
)
