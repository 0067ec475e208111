"""What devices reject: one detector for each kind of rejection, and for bursts of them."""

from collections.abc import Callable, Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.windows import peak
from sensor.detections.words import of_dialogue, of_rejection
from sensor.knowledge import Deed, Dialogue

ABOUT = (
    "A device rejects what a client asks. Mostly the client is set up wrong; where it only began now, something has"
    " changed, or somebody tries things."
)
MODBUS = ("modbus", "modbus_rtu")


def _rejecting(protocols: tuple[str, ...], codes: Callable[[int], bool], what: str) -> Callable[[Deed, View], Iterator[Finding]]:
    def on_deed(deed: Deed, view: View) -> Iterator[Finding]:
        del view
        row = deed.row
        if not row.errors or row.protocol not in protocols:
            return
        count = sum(times for code, times in row.statuses if codes(code))
        if count:
            times = tuple((first, last, errors) for first, last, _, errors in row.episodes if errors) or ((row.first, row.last, count),)
            yield of_rejection(deed, what, times)

    return on_deed


def _burst(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    episodes: dict[int, list[tuple[int, int, int]]] = {}
    for row in dialogue.operations:
        for first, last, _, errors in row.episodes:
            if errors:
                episodes.setdefault(first // (3600 * 1_000_000_000), []).append((first, last, errors))
    # What failed within a minute failed within an hour, however long the same requests succeeded before and after.
    busy = peak(dialogue.operations, errors=True) if episodes else 0
    for found in episodes.values():
        errors = sum(count for *_, count in found)
        hours = max((max(last for _, last, _ in found) - min(first for first, *_ in found)) / (3600 * 1_000_000_000), 1.0)
        if errors >= view.thresholds["rejections"] and max(errors / hours, busy) >= view.thresholds["rejections"]:
            times = ((min(first for first, *_ in found), max(last for _, last, _ in found), errors),)
            yield of_dialogue(dialogue, f"{dialogue.server.name} rejected request after request of {dialogue.client.name}", times)


def _row(
    name: str, title: str, on_deed: Callable[[Deed, View], Iterator[Finding]], *covers: str, severity: Severity = Severity.LOW
) -> Detector:
    return Detector(
        id=f"ot.failure.{name}",
        title=title,
        severity=severity,
        engine=Engine.PROTOCOL,
        about=ABOUT,
        needs="answers of the device",
        covers=covers or (title,),
        rejected_only=True,
        on_deed=on_deed,
    )


def _is(*codes: int) -> Callable[[int], bool]:
    return lambda code: code in codes


ROWS = (
    _row(
        "illegal_function",
        "Slave Device Received Illegal Function Code",
        _rejecting(MODBUS, _is(1), "asked for a function that is unknown to"),
        "Slave Device Received Illegal Function Code",
        "Function Code Raised Unauthorized Exception",
    ),
    _row(
        "illegal_address",
        "Slave Device Received Illegal Data Address Parameter",
        _rejecting(MODBUS, _is(2), "asked for an address that is unknown to"),
    ),
    _row(
        "illegal_value",
        "Slave Device Received Illegal Data Value Parameter",
        _rejecting(MODBUS, _is(3), "sent a value that is not allowed to"),
    ),
    _row(
        "device_failure",
        "Slave Device Unrecoverable Failure",
        _rejecting(MODBUS, _is(4, 8), "made a request that failed in"),
    ),
    _row(
        "modbus_exception",
        "Modbus Exception",
        _rejecting(MODBUS, lambda code: code not in (1, 2, 3, 4, 5, 6, 8), "got an exception from"),
    ),
    _row(
        "busy",
        "Device Is Busy",
        _rejecting(MODBUS, _is(5, 6), "came too early for"),
        "Modbus Exception",
    ),
    _row(
        "cip",
        "EtherNet/IP CIP Service Request Failed",
        _rejecting(("cip", "pccc"), lambda code: code & 0xFF not in (0, 6), "asked for a service that failed in"),
    ),
    _row(
        "enip",
        "EtherNet/IP Encapsulation Protocol Command Failed",
        _rejecting(("enip",), lambda code: code != 0, "sent a command that failed in"),
    ),
    _row(
        "s7comm",
        "S7 Request Failed",
        _rejecting(("s7comm", "s7comm_plus", "cotp"), lambda _code: True, "made a request that was refused by"),
        "Unauthorized Access to Siemens S7 Data Block",
    ),
    _row(
        "dnp3_function",
        "Function Code Not Supported by Outstation",
        _rejecting(("dnp3",), lambda code: code >> 8 == 1 and bool(code & 0x01), "asked for a function that is unknown to"),
    ),
    _row(
        "dnp3_object",
        "Unknown Object Sent to Outstation",
        _rejecting(("dnp3",), lambda code: code >> 8 == 1 and bool(code & 0x02), "asked for objects that are unknown to"),
    ),
    _row(
        "dnp3_parameter",
        "Incorrect Parameter Sent to Outstation",
        _rejecting(("dnp3",), lambda code: code >> 8 == 1 and bool(code & 0x04), "sent parameters that are wrong to"),
    ),
    _row(
        "dnp3_control",
        "Control Rejected by Outstation",
        _rejecting(("dnp3",), lambda code: code >> 8 in (0, 2), "sent a control or file command that was refused by"),
        "Illegal DNP3 Operation",
    ),
    _row(
        "dnp3_authentication",
        "Master-Slave Authentication Error",
        _rejecting(("dnp3",), lambda code: code >> 8 == 3, "was not authenticated by"),
        severity=Severity.MEDIUM,
    ),
    Detector(
        id="ot.failure.burst",
        title="Abnormal Exception Pattern in Slave",
        severity=Severity.LOW,
        engine=Engine.ANOMALY,
        about=ABOUT,
        needs="answers of the device",
        covers=("Abnormal Exception Pattern in Slave",),
        thresholds={"rejections": Threshold(20, "rejections an hour", "of one client by one device")},
        on_dialogue=_burst,
    ),
)
