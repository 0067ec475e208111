"""Commands to controllers that stop, start, reset or force them."""

from sensor.detections.command import GRAVE, MINOR, NOTABLE, SERIOUS, Command, detector

ROWS = tuple(
    map(
        detector,
        (
            Command(
                id="ot.plc.stop",
                title="Controller Stop",
                verb="stopped",
                attempt="tried to stop",
                severities=GRAVE,
                functions={
                    "s7comm": [0x29],
                    "modbus": [(90, 0x41)],
                    "modbus_rtu": [(90, 0x41)],
                    "cip": [0x07],
                    "pccc": [(0x0F80, 0x01)],
                },
                about="A command to stop a controller: it no longer controls its process.",
                techniques=("T0858", "T0881"),
                covers=("Controller Stop", "An S7 Stop PLC Command was Sent"),
            ),
            Command(
                id="ot.plc.start",
                title="Controller Start",
                verb="started",
                attempt="tried to start",
                severities=SERIOUS,
                functions={
                    "s7comm": [(0x28, 1)],
                    "modbus": [(90, 0x40)],
                    "modbus_rtu": [(90, 0x40)],
                    "cip": [0x06],
                    "pccc": [0x0703, (0x0F80, 0x06)],
                },
                about="A command to start a controller, or to restart its program: outputs begin to move.",
                techniques=("T0858",),
            ),
            Command(
                id="ot.plc.reset",
                title="Controller Reset",
                verb="reset",
                attempt="tried to reset",
                severities=GRAVE,
                functions={
                    "modbus": [(8, 0x01), 19, (90, 0x42)],
                    "modbus_rtu": [(8, 0x01), 19, (90, 0x42)],
                    "cip": [0x05, (0x54, 0x39)],
                    "pccc": [0x0F07, 0x0F0A],
                },
                about=(
                    "A command to reset or shut down a device or its communication: it is away for seconds to minutes, some forget "
                    "their settings."
                ),
                techniques=("T0816",),
                covers=("Controller Reset",),
            ),
            Command(
                id="ot.plc.mode",
                title="PLC Operating Mode Changed",
                verb="changed the operating mode of",
                attempt="tried to change the operating mode of",
                severities=GRAVE,
                functions={
                    "s7comm": [(0x28, 44)],
                    "s7comm_plus": [(code, 52) for code in (0x04F2, 0x0542, 0x056B, 0x057C)],
                    "cip": [(0x53, 0x39)],
                    "pccc": [0x0F3A, (0x0F80, 0x07), (0x0F80, 0x08), (0x0F80, 0x09)],
                },
                about=(
                    "A command that changes a controller's operating mode: to run, stop, test or program. What it leads to is not "
                    "always visible."
                ),
                techniques=("T0858",),
                covers=("PLC Operating Mode Changed",),
            ),
            Command(
                id="ot.plc.force",
                title="Force of Inputs or Outputs",
                verb="forced inputs or outputs of",
                attempt="tried to force inputs or outputs of",
                severities=GRAVE,
                functions={"s7comm": [0x70109], "cip": [(0x4D, 0x68), (0x4E, 0x68), (0x4D, 0x69), (0x4E, 0x69)], "pccc": [0x0F41]},
                about="Forced values override what sensors say and what the program decides.",
                techniques=("T0835",),
            ),
            Command(
                id="ot.plc.outputs",
                title="Outputs Enabled or Disabled",
                verb="enabled or disabled the outputs of",
                attempt="tried to enable or disable the outputs of",
                severities=GRAVE,
                functions={"pccc": [0x0700, 0x0701]},
                about="All outputs of a controller are switched off or on at once.",
                techniques=("T0855", "T0858"),
            ),
            Command(
                id="ot.plc.memory_reset",
                title="Controller Memory Reset",
                verb="erased the memory of",
                attempt="tried to erase the memory of",
                severities=GRAVE,
                functions={"s7comm": [0x7010C], "pccc": [0x0F57]},
                about="The program and the data of a controller are erased.",
                techniques=("T0809",),
            ),
            Command(
                id="ot.plc.listen_only",
                title="Forced Listen Only Mode",
                verb="silenced",
                attempt="tried to silence",
                severities=GRAVE,
                functions={"modbus": [(8, 0x04)], "modbus_rtu": [(8, 0x04)]},
                about="The device answers nothing any more until it is restarted. It never confirms this command.",
                techniques=("T0814",),
            ),
            Command(
                id="ot.plc.debug",
                title="Program Halted for Debugging",
                verb="set breakpoints or stepped through the program of",
                attempt="tried to set breakpoints or step through the program of",
                severities=GRAVE,
                functions={"s7comm": [0x7010A, 0x7010B], "modbus": [(90, code) for code in (0x60, 0x61, 0x62, 0x63, 0x64, 0x66)]},
                about="A program that waits at a breakpoint controls nothing.",
                techniques=("T0858",),
            ),
            Command(
                id="ot.plc.blink",
                title="Device Asked to Blink",
                verb="let the lamps blink of",
                attempt="tried to let the lamps blink of",
                severities=MINOR,
                functions={"s7comm": [0x70116], "cip": [(0x4B, 0x01)]},
                about="Somebody looks for a device by its lamps: harmless by itself, and a sign that somebody looks for it.",
            ),
            Command(
                id="ot.plc.clear_counters",
                title="Diagnostic Counters Cleared",
                verb="cleared diagnostic counters of",
                attempt="tried to clear diagnostic counters of",
                severities=NOTABLE,
                functions={"modbus": [(8, 0x0A), (8, 0x14)], "modbus_rtu": [(8, 0x0A), (8, 0x14)], "pccc": [0x0607], "cip": [(0x4C, 0xF6)]},
                about="Counters that would show what happened on the line are set to zero.",
                techniques=("T0872",),
            ),
        ),
    )
)
