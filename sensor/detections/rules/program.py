"""Commands that read, load, change or delete programs, firmware and settings of controllers."""

from sensor.detections.command import GRAVE, MINOR, NONE, NOTABLE, SERIOUS, Command, Functions, detector

UMAS, PROGRAMMING = 90, (9, 13, 18, 40, 126)

_LOGIC_CLASSES = (0x64, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6F, 0x70, 0x72, 0x74, 0x7E, 0xAC)
"""Rockwell's program, routine, task, tag and module classes."""

_SETTABLE = (0x01, 0x02, 0x0F, 0x37, 0x39, 0x42, 0x48, 0x66, 0x67, 0x73, 0x77, 0x8E, 0xA2, 0xA3, 0xF3, 0xF4, 0xF6)
"""Identity, message router, parameter, file, safety supervisor, motion, quality of service, ports, links, …"""

_DOWNLOADS: Functions = {
    "s7comm": (0x1A, 0x1B, 0x1C, *((0x28, service) for service in (4, 5, 6, 16, 28, 32, 36)), 0x70F01, 0x70F02, 0x70F03, 0x70F04),
    "modbus": (*PROGRAMMING, *((UMAS, code) for code in (0x30, 0x31, 0x32, 0x36, 0x37))),
    "modbus_rtu": PROGRAMMING,
    "cip": (*((service, of) for of in _LOGIC_CLASSES for service in (0x08, 0x50)), (0x4C, 0x37), (0x4E, 0x37), (0x50, 0x37)),
    "pccc": (0x0704, 0x0705, 0x0F05, 0x0F08, 0x0F11, 0x0F12, 0x0F18, 0x0F50, 0x0F52),
}

ROWS = tuple(
    map(
        detector,
        (
            Command(
                id="ot.plc.program_download",
                title="Unauthorized PLC Programming",
                verb="loaded or changed the program of",
                attempt="tried to load or change the program of",
                severities=GRAVE,
                functions=_DOWNLOADS,
                about="Logic is loaded into a controller or changed in it: from now on it does something else.",
                techniques=("T0843", "T0889"),
                techniques_by_object={"OB ": "T0821", "_INSE OB ": "T0821", "class 0x70 ": "T0821"},
                covers=("Unauthorized PLC Programming", "Unauthorized Siemens S7 Plus Block Access"),
            ),
            Command(
                id="ot.plc.program_objects",
                title="Objects Created or Deleted in a Controller",
                verb="created or deleted objects in",
                attempt="tried to create or delete objects in",
                severities=SERIOUS,
                functions={"s7comm_plus": [(0x04CA, NONE), (0x04D4, NONE)]},
                about="Engineering tools load programs into S7-1200 and S7-1500 as objects.",
                techniques=("T0843",),
                covers=("Unauthorized Siemens S7 Plus Block Access", "Unauthorized Siemens S7 Plus Operation"),
            ),
            Command(
                id="ot.plc.program_upload",
                title="Unauthorized PLC Program Upload",
                verb="read the program out of",
                attempt="tried to read the program out of",
                severities=SERIOUS,
                functions={
                    "s7comm": [0x1D, 0x1E, 0x1F, (0x28, 33), (0x28, 38), 0x70F06, 0x70F07, 0x70F08],
                    "modbus": [(UMAS, 0x33), (UMAS, 0x34), (UMAS, 0x35)],
                    "cip": [(0x4B, 0x37), (0x4D, 0x37), (0x4F, 0x37)],
                    "pccc": [0x0706, 0x0F06, 0x0F09, 0x0F17, 0x0F53, 0x0F55],
                },
                about="Logic is read back from a controller: who has it knows how the process works, and can change it.",
                techniques=("T0845",),
                covers=("Unauthorized PLC Program Upload",),
            ),
            Command(
                id="ot.plc.delete",
                title="Program or Data Deleted",
                verb="deleted program or data of",
                attempt="tried to delete program or data of",
                severities=GRAVE,
                functions={
                    "s7comm": [(0x28, 2), (0x28, 19), (0x28, 29), (0x28, 30), (0x28, 31)],
                    "cip": [(0x09, of) for of in _LOGIC_CLASSES] + [(0x51, 0x37)],
                },
                about="Blocks, tags or files of a controller are deleted.",
                techniques=("T0809",),
            ),
            Command(
                id="ot.plc.firmware",
                title="Firmware Update",
                verb="updated the firmware of",
                attempt="tried to update the firmware of",
                severities=GRAVE,
                functions={"modbus": [125], "modbus_rtu": [125], "cip": [(0x4B, 0xA1), (0x4D, 0xA1), (0x51, 0xA1)]},
                about="Firmware is loaded into a device: a wrong one makes it useless, a bad one makes it lie.",
                techniques=("T0857", "T0839", "T0800"),
                covers=("Firmware Update",),
            ),
            Command(
                id="ot.plc.configuration_write",
                title="Unauthorized PLC Configuration Write",
                verb="changed settings of",
                attempt="tried to change settings of",
                severities=SERIOUS,
                functions={
                    "s7comm": [(0x28, 3), (0x28, 11), (0x28, 34), (0x28, 35), (0x28, 39)],
                    "modbus": [(8, 0x03), (43, 13)],
                    "cip": [(service, of) for of in _SETTABLE for service in (0x02, 0x04, 0x10, 0x15, 0x16)]
                    + [(0x4F, 0x39), (0x52, 0x39), (0x56, 0x39), (0x57, 0x39), (0x4C, 0x42)]
                    + [(0x04, of) for of in _LOGIC_CLASSES],
                    "pccc": [0x0602, 0x0604, 0x0605, 0x0606, 0x0608, 0x060A, 0x0F5E, 0x0F8F],
                },
                about="Settings of a controller or its modules are changed.",
                techniques=("T0836",),
                covers=("Unauthorized PLC Configuration Write", "Change of Device Configuration"),
            ),
            Command(
                id="ot.plc.address",
                title="Network Settings of a Device Changed",
                verb="changed network settings of",
                attempt="tried to change network settings of",
                severities=GRAVE,
                functions={"cip": [(service, 0xF5) for service in (0x02, 0x04, 0x10)]},
                about="A device that gets another IP address is lost to all that work with it.",
                techniques=("T0836",),
                covers=("Change of Device Configuration",),
            ),
            Command(
                id="ot.plc.clock",
                title="Clock of a Controller Set",
                verb="set the clock of",
                attempt="tried to set the clock of",
                severities=NOTABLE,
                functions={"s7comm": [0x70702, 0x70704], "cip": [(service, 0x8B) for service in (0x02, 0x04, 0x10)]},
                about="Times in alarms and logs are wrong from now on, and programs that act by the clock act at another time.",
                techniques=("T0836",),
            ),
            Command(
                id="ot.plc.credentials",
                title="Password of a Controller Changed",
                verb="changed a password of",
                attempt="tried to change a password of",
                severities=GRAVE,
                functions={"s7comm": [(0x28, 45)], "cip": [(0x51, 0x39), (0x55, 0x39)]},
                about="Whoever sets the password keeps the others out.",
                techniques=("T0892",),
            ),
            Command(
                id="ot.plc.password",
                title="Password Sent to a Controller",
                verb="unlocked with a password",
                attempt="tried a password at",
                severities=NOTABLE,
                functions={"s7comm": [0x70501, (0x28, 41)]},
                about="A password was sent that opens a protected controller. It is not recorded.",
                techniques=("T0859",),
            ),
            Command(
                id="ot.plc.reservation",
                title="Controller Reserved",
                verb="reserved",
                attempt="tried to reserve",
                severities=NOTABLE,
                functions={"modbus": [(UMAS, 0x10)]},
                about="Who reserves a Modicon controller is about to change it, and keeps others from doing so.",
            ),
            Command(
                id="ot.plc.modify_variable",
                title="Variable Modified by a Programming Device",
                verb="modified variables of",
                attempt="tried to modify variables of",
                severities=SERIOUS,
                functions={"s7comm": [0x70108]},
                about="Values are changed with an engineering tool, past the operator's station.",
                techniques=("T0836",),
            ),
            Command(
                id="ot.plc.alarms_locked",
                title="Alarms Locked",
                verb="locked alarms of",
                attempt="tried to lock alarms of",
                severities=SERIOUS,
                functions={"s7comm": [0x70407]},
                about="Operators no longer see what goes wrong.",
                techniques=("T0838", "T0878"),
            ),
            Command(
                id="ot.plc.alarms_acknowledged",
                title="Alarms Acknowledged",
                verb="acknowledged or unlocked alarms of",
                attempt="tried to acknowledge or unlock alarms of",
                severities=MINOR,
                functions={"s7comm": [0x70408, 0x7040B, (0x28, 8)]},
                about="Operators do that all day; a stranger that does it hides what it causes.",
                techniques=("T0878",),
            ),
        ),
    )
)
