"""S7comm of SIMATIC controllers, and the COTP connections (ISO 8073) under it.

S7 is not published; numbers are as seen in use, names those of STEP 7. A userdata function is
`0x70000 | group << 8 | sub-function`, a program invocation service a sub-function of 0x28.
"""

from sensor.protocols._base import Function, Intent, Protocol
from sensor.protocols._s7comm_plus import ROW as PLUS
from sensor.protocols._s7comm_status import s7_status

READ, WRITE, CONTROL, SESSION, REPORT = Intent.READ, Intent.WRITE, Intent.CONTROL, Intent.SESSION, Intent.REPORT
CONFIGURE, DIAGNOSE, DISCOVER, UPLOAD, PROGRAM = Intent.CONFIGURE, Intent.DIAGNOSE, Intent.DISCOVER, Intent.UPLOAD, Intent.PROGRAM

PI_SERVICE, USERDATA, READ_SZL = 0x28, 0x70000, 0x70401

JOBS: dict[int, Function] = {
    0x00: Function("Answer without function", SESSION),
    0x04: Function("Read variable", READ),
    0x05: Function("Write variable", WRITE),
    0x1A: Function("Request download", PROGRAM, "T0843"),
    0x1B: Function("Download block", PROGRAM, "T0843"),
    0x1C: Function("Download ended", PROGRAM, "T0843"),
    0x1D: Function("Start upload", UPLOAD, "T0845"),
    0x1E: Function("Upload block", UPLOAD, "T0845"),
    0x1F: Function("End upload", UPLOAD, "T0845"),
    0x28: Function("Program invocation", CONTROL),
    0x29: Function("Stop", CONTROL, "T0858"),
    0xF0: Function("Setup communication", SESSION),
}

PI_SERVICES: dict[int, tuple[str, Function]] = {
    1: ("P_PROGRAM", Function("Start program", CONTROL, "T0858")),
    2: ("_DELE", Function("Delete blocks", PROGRAM, "T0809")),
    3: ("_GARB", Function("Compress memory", CONFIGURE)),
    4: ("_INS2", Function("Insert blocks", PROGRAM, "T0843")),
    5: ("_INSE", Function("Insert blocks", PROGRAM, "T0843")),
    6: ("_MODU", Function("Copy RAM to ROM", PROGRAM, "T0889")),
    7: ("_N_ASUP__", Function("Assign interrupt program", CONFIGURE)),
    8: ("_N_CANCEL", Function("Cancel alarms", CONTROL)),
    9: ("_N_CHEKDM", Function("Check uniqueness of tools", DIAGNOSE)),
    10: ("_N_CHKDNO", Function("Check tool edge numbers", DIAGNOSE)),
    11: ("_N_CONFIG", Function("Activate machine data", CONFIGURE)),
    12: ("_N_CRCEDN", Function("Create tool edge", CONFIGURE)),
    13: ("_N_CREACE", Function("Create cutting edge", CONFIGURE)),
    14: ("_N_CREATO", Function("Create tool", CONFIGURE)),
    15: ("_N_CRTOCE", Function("Create tool with edge", CONFIGURE)),
    16: ("_N_DASAVE", Function("Save data", PROGRAM)),
    17: ("_N_DELECE", Function("Delete cutting edge", CONFIGURE)),
    18: ("_N_DELETO", Function("Delete tool", CONFIGURE)),
    19: ("_N_DELVAR", Function("Delete data block", PROGRAM)),
    20: ("_N_DIGIOF", Function("Digitizing off", CONTROL)),
    21: ("_N_DIGION", Function("Digitizing on", CONTROL)),
    22: ("_N_DZERO_", Function("Invalidate edge numbers", CONFIGURE)),
    23: ("_N_ENDEXT", Function("End external program", CONTROL)),
    24: ("_N_EXTERN", Function("Select external program", CONTROL)),
    25: ("_N_EXTMOD", Function("Select external program", CONTROL)),
    26: ("_N_FINDBL", Function("Start block search", CONTROL)),
    27: ("_N_F_CLOS", Function("Close file", PROGRAM)),
    28: ("_N_F_COPY", Function("Copy file", PROGRAM)),
    29: ("_N_F_DELE", Function("Delete file", PROGRAM)),
    30: ("_N_F_DELR", Function("Delete file", PROGRAM)),
    31: ("_N_F_DMDA", Function("Delete manual input", PROGRAM)),
    32: ("_N_F_OPEN", Function("Open file", PROGRAM)),
    33: ("_N_F_OPER", Function("Open file to read", UPLOAD)),
    34: ("_N_F_PROR", Function("Set protection of file", CONFIGURE)),
    35: ("_N_F_PROT", Function("Set protection of file", CONFIGURE)),
    36: ("_N_F_RENA", Function("Rename file", PROGRAM)),
    37: ("_N_F_SEEK", Function("Position in file", UPLOAD)),
    38: ("_N_F_XFER", Function("Transfer file", UPLOAD)),
    39: ("_N_IBN_SS", Function("Set commissioning switch", CONFIGURE)),
    40: ("_N_LOCKE_", Function("Lock program for editing", PROGRAM)),
    41: ("_N_LOGIN_", Function("Log in", SESSION)),
    42: ("_N_LOGOUT", Function("Log out", SESSION)),
    43: ("_N_MMCSEM", Function("Take semaphore", SESSION)),
    44: ("_N_NCKMOD", Function("Set operating mode", CONTROL, "T0858")),
    45: ("_N_NEWPWD", Function("Set password", CONFIGURE)),
    46: ("_N_OST_OF", Function("Overstore off", CONTROL)),
    47: ("_N_OST_ON", Function("Overstore on", CONTROL)),
    48: ("_N_SCALE_", Function("Set unit of measurement", CONFIGURE)),
    49: ("_N_SELECT", Function("Select program", CONTROL)),
    50: ("_N_SEL_BL", Function("Select program block", CONTROL)),
    51: ("_N_SETTST", Function("Set tool status", CONFIGURE)),
    52: ("_N_SETUFR", Function("Activate user frame", CONTROL)),
    53: ("_N_SRTEXT", Function("Start external program", CONTROL)),
    54: ("_N_STRTLK", Function("Lock start", CONTROL)),
    55: ("_N_STRTUL", Function("Unlock start", CONTROL)),
    56: ("_N_TMAWCO", Function("Set active wear group", CONFIGURE)),
    57: ("_N_TMCRTC", Function("Create tool with edge", CONFIGURE)),
    58: ("_N_TMCRTO", Function("Create tool", CONFIGURE)),
    59: ("_N_TMFDPL", Function("Find empty place", READ)),
    60: ("_N_TMFPBP", Function("Find empty place", READ)),
    61: ("_N_TMGETT", Function("Get tool number", READ)),
    62: ("_N_TMMVTL", Function("Move tool", CONTROL)),
    63: ("_N_TMPCIT", Function("Count workpieces", CONFIGURE)),
    64: ("_N_TMPOSM", Function("Position magazine", CONTROL)),
    65: ("_N_TMRASS", Function("Reset tool status", CONFIGURE)),
    66: ("_N_TRESMO", Function("Reset tool monitoring", CONFIGURE)),
    67: ("_N_TSEARC", Function("Search tools", READ)),
}
"""Program invocation services by the number that `dissectors/src/protocols/s7comm/blocks.rs` gives their names."""

GROUPS: dict[int, tuple[str, Intent]] = {
    0: ("Mode transition", REPORT),
    1: ("Programmer command", DIAGNOSE),
    2: ("Cyclic service", READ),
    3: ("Block function", DISCOVER),
    4: ("CPU function", DIAGNOSE),
    5: ("Security function", SESSION),
    6: ("Block send and receive", WRITE),
    7: ("Time function", CONFIGURE),
    15: ("NC programming", PROGRAM),
}

MODES: dict[int, str] = {
    0: "STOP",
    1: "warm restart",
    2: "RUN",
    3: "hot restart",
    4: "HOLD",
    6: "cold restart",
    9: "RUN redundant",
    11: "LINK-UP",
    12: "UPDATE",
}

USERDATA_FUNCTIONS: dict[tuple[int, int], Function] = {
    (1, 1): Function("Block status", DIAGNOSE),
    (1, 2): Function("Variable status", READ),
    (1, 3): Function("Output interrupt stack", DIAGNOSE),
    (1, 4): Function("Output block stack", DIAGNOSE),
    (1, 5): Function("Output local data stack", DIAGNOSE),
    (1, 6): Function("Time measurement", DIAGNOSE),
    (1, 7): Function("Force selection", DIAGNOSE),
    (1, 8): Function("Modify variable", WRITE, "T0836"),
    (1, 9): Function("Force", CONTROL),
    (1, 10): Function("Breakpoint", CONTROL),
    (1, 11): Function("Exit HOLD", CONTROL),
    (1, 12): Function("Memory reset", CONTROL, "T0809"),
    (1, 13): Function("Disable job", DIAGNOSE),
    (1, 14): Function("Enable job", DIAGNOSE),
    (1, 15): Function("Delete job", DIAGNOSE),
    (1, 16): Function("Read job list", DIAGNOSE),
    (1, 17): Function("Read job", DIAGNOSE),
    (1, 18): Function("Replace job", DIAGNOSE),
    (1, 19): Function("Block status, second version", DIAGNOSE),
    (1, 22): Function("Flash LED", DIAGNOSE),
    (2, 1): Function("Cyclic transfer", READ),
    (2, 4): Function("End cyclic transfer", READ),
    (2, 5): Function("Transfer on change", READ),
    (2, 7): Function("Modify transfer on change", READ),
    (2, 8): Function("Read data record", READ),
    (3, 1): Function("List blocks", DISCOVER, "T0861"),
    (3, 2): Function("List blocks of type", DISCOVER, "T0861"),
    (3, 3): Function("Get block information", DISCOVER, "T0888"),
    (4, 1): Function("Read system status list", DIAGNOSE),
    (4, 2): Function("Message service", SESSION),
    (4, 3): Function("Diagnostic message", REPORT),
    (4, 5): Function("ALARM_8 indication", REPORT),
    (4, 6): Function("NOTIFY indication", REPORT),
    (4, 7): Function("Lock ALARM_8", CONTROL),
    (4, 8): Function("Unlock ALARM_8", CONTROL),
    (4, 9): Function("SCAN indication", REPORT),
    (4, 11): Function("Acknowledge alarm", CONTROL),
    (4, 12): Function("Alarm acknowledgement indication", REPORT),
    (4, 13): Function("Alarm lock indication", REPORT),
    (4, 14): Function("Alarm unlock indication", REPORT),
    (4, 17): Function("ALARM_SQ indication", REPORT),
    (4, 18): Function("ALARM_S indication", REPORT),
    (4, 19): Function("Query alarms", DIAGNOSE),
    (4, 22): Function("NOTIFY_8 indication", REPORT),
    (5, 1): Function("Password", SESSION),
    (6, 1): Function("Block send", WRITE),
    (7, 1): Function("Read clock", DIAGNOSE),
    (7, 2): Function("Set clock", CONFIGURE),
    (7, 3): Function("Read clock of follower", DIAGNOSE),
    (7, 4): Function("Set clock of follower", CONFIGURE),
    (15, 1): Function("Request download to NC", PROGRAM, "T0843"),
    (15, 2): Function("Download block to NC", PROGRAM, "T0843"),
    (15, 3): Function("Continue download to NC", PROGRAM, "T0843"),
    (15, 4): Function("Download to NC ended", PROGRAM, "T0843"),
    (15, 6): Function("Start upload from NC", UPLOAD, "T0845"),
    (15, 7): Function("Upload from NC", UPLOAD, "T0845"),
    (15, 8): Function("Continue upload from NC", UPLOAD, "T0845"),
}
"""By group and sub-function."""

STATUS_LISTS: dict[int, Function] = {
    0x11: Function("Read module identification", DISCOVER, "T0888"),
    0x1C: Function("Read component identification", DISCOVER, "T0888"),
    0x24: Function("Read operating mode", DIAGNOSE),
    0x32: Function("Read protection level", DIAGNOSE),
    0x74: Function("Read LED states", DIAGNOSE),
    0xA0: Function("Read diagnostic buffer", DIAGNOSE),
}
"""System status lists by number, where that changes what reading them means."""


def s7(code: int, sub: int | None) -> Function:
    """The meaning of a job or userdata function."""
    if code == PI_SERVICE and sub is not None:
        name, meaning = PI_SERVICES.get(sub, ("Unknown program invocation", JOBS[PI_SERVICE]))
        return Function(f"{meaning.name} ({name})" if sub in PI_SERVICES else name, meaning.intent, meaning.technique)
    if code == READ_SZL and sub in STATUS_LISTS:
        return STATUS_LISTS[sub]
    if code >> 16 == USERDATA >> 16:
        return userdata(code >> 8 & 0xFF, code & 0xFF, sub)
    return JOBS.get(code) or Function(f"unknown function 0x{code:02x}", CONTROL)


def userdata(group: int, sub: int, mode: int | None) -> Function:
    """The meaning of a userdata function; `mode` is what a mode transition leads to."""
    name, intent = GROUPS.get(group, (f"unknown userdata group {group}", CONTROL))
    if group == 0:
        return Function(name if mode is None else f"{name} to {MODES.get(mode, f'mode {mode}')}", intent)
    return USERDATA_FUNCTIONS.get((group, sub)) or Function(f"{name} {sub}", intent)


def s7_code(code: int) -> str:
    """0x04; "userdata 4.1", a mode transition having no sub-function."""
    if code >> 16 != USERDATA >> 16:
        return f"0x{code:02x}"
    group, sub = code >> 8 & 0xFF, code & 0xFF
    return f"userdata {group}.{sub if group else None}"


def s7_subfunction(code: int, sub: int | None) -> str | None:
    """The name of a program invocation service, the number of a mode or of a system status list."""
    if sub is None:
        return None
    if code == PI_SERVICE:
        return PI_SERVICES[sub][0] if sub in PI_SERVICES else "unknown"
    return f"0x{sub:02x}"


CONNECTION_REASONS: dict[int, str] = {
    0: "no reason given",
    1: "congestion at TSAP",
    2: "no session at TSAP",
    3: "TSAP unknown",
    128: "normal disconnect",
    129: "remote congestion",
    130: "negotiation failed",
    131: "duplicate reference",
    132: "mismatched references",
    133: "protocol error",
    135: "reference overflow",
    136: "request refused",
    138: "header or parameter length invalid",
}
"""ISO 8073, 13.5.3."""

CONNECTION_ERRORS: dict[int, str] = {
    0: "no reason given",
    1: "invalid parameter code",
    2: "invalid TPDU type",
    3: "invalid parameter value",
}
"""ISO 8073, 13.12.3; 0x100 is added to tell them from the reasons of a disconnect."""


def cotp(code: int, _sub: int | None) -> Function:
    """The meaning of a TPDU."""
    return Function("Connect" if code == 0xE0 else f"unknown TPDU 0x{code:02x}", SESSION)


def cotp_status(code: int) -> str:
    """Why a connection was refused."""
    if code >> 8 == 1:
        return CONNECTION_ERRORS.get(code & 0xFF, f"TPDU error {code & 0xFF}")
    return CONNECTION_REASONS.get(code, f"reason {code}")


ROWS: tuple[Protocol, ...] = (
    Protocol(name="cotp", title="COTP", function=cotp, code=lambda code: f"0x{code:02x}", status=cotp_status),
    Protocol(name="s7comm", title="S7comm", function=s7, code=s7_code, subfunction=s7_subfunction, status=s7_status),
    PLUS,
)
