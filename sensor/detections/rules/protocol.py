"""Messages that break their protocol."""

from collections.abc import Callable, Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.windows import MINUTE
from sensor.detections.words import between, of_breach
from sensor.inventory.traits import title
from sensor.knowledge import Breach

ABOUT = (
    "Devices that keep to the standard never send this. A broken device or driver does, and so does somebody who "
    "looks for weaknesses, or a "
    "capture that lacks packets. See what the device did afterwards."
)
INDUSTRIAL = frozenset(
    {"modbus", "modbus_rtu", "dnp3", "dnp3_link", "cotp", "s7comm", "s7comm_plus", "enip", "cip", "pccc", "cip_io", "arp"}
)


def _told(text: str, *, by_server: bool = False) -> Callable[[Breach, View], Iterator[Finding]]:
    def on_breach(breach: Breach, view: View) -> Iterator[Finding]:
        del view
        message = f"{title(breach.row.protocol)} message {text}{between(breach)}: {breach.row.detail}"
        yield of_breach(breach, message, by_server=by_server or breach.row.detail.startswith("response"))

    return on_breach


def _malformed(breach: Breach, view: View) -> Iterator[Finding]:
    row = breach.row
    minutes = max((row.last - row.first) / MINUTE / view.thresholds["minutes"], 1.0)
    if row.protocol in INDUSTRIAL and row.count / minutes >= view.thresholds["messages"]:
        yield of_breach(breach, f"Malformed {title(row.protocol)} messages{between(breach)}: {row.detail}")


def _row(name: str, name_of: str, severity: Severity, kinds: tuple[str, ...], text: str, *covers: str, by_server: bool = False) -> Detector:
    return Detector(
        id=f"ot.protocol.{name}",
        title=name_of,
        severity=severity,
        engine=Engine.PROTOCOL,
        about=ABOUT,
        techniques=("T0856",) if name == "response_mismatch" else (),
        covers=covers or (name_of,),
        kinds=frozenset(kinds),
        on_breach=_told(text, by_server=by_server),
    )


ROWS = (
    Detector(
        id="ot.protocol.malformed",
        title="Excessive Malformed Packets In a Single Session",
        severity=Severity.MEDIUM,
        engine=Engine.PROTOCOL,
        about=ABOUT,
        techniques=("T0866",),
        covers=("Excessive Malformed Packets In a Single Session", "Usage of Improper Formatting by Outstation"),
        thresholds={
            "messages": Threshold(2, "messages", "of one conversation with the same fault"),
            "minutes": Threshold(10, "minutes", "within which they are counted"),
        },
        kinds=frozenset({"truncated", "malformed", "bad_crc"}),
        on_breach=_malformed,
    ),
    _row(
        "unexpected",
        "Unexpected Traffic for Standard Port",
        Severity.MEDIUM,
        ("unexpected_protocol",),
        "expected, something else seen",
        "Unexpected Traffic for Standard Port",
    ),
    _row(
        "function_zero",
        "Illegal MODBUS Operation (Function Code Zero)",
        Severity.MEDIUM,
        ("invalid_function",),
        "with a function that must not be used",
    ),
    _row(
        "reserved_function",
        "Usage of a Reserved Function Code",
        Severity.MEDIUM,
        ("reserved_function",),
        "with a function that does not exist",
    ),
    _row(
        "exception_by_master",
        "Illegal MODBUS Operation (Exception Raised by Master)",
        Severity.MEDIUM,
        ("response_in_request",),
        "of a client as only a server may send it",
    ),
    _row(
        "request_by_server",
        "Request Sent by a Server",
        Severity.MEDIUM,
        ("request_in_response",),
        "of a server as only a client may send it",
        "Illegal DNP3 Operation",
        by_server=True,
    ),
    _row(
        "reserved_field",
        "Illegal Protocol Version",
        Severity.LOW,
        ("reserved_field",),
        "that uses what is reserved",
        "Illegal Protocol Version",
    ),
    _row(
        "out_of_range",
        "Illegal Parameter",
        Severity.LOW,
        ("quantity_out_of_range", "address_out_of_range", "value_out_of_range"),
        "that asks for what is not allowed",
        "Slave Device Received Illegal Data Value Parameter",
        "Illegal DNP3 Operation",
    ),
    _row(
        "length",
        "Unexpected message length",
        Severity.LOW,
        ("length_mismatch", "byte_count_mismatch"),
        "with a length that its fields contradict",
        "Unexpected message length",
    ),
    _row(
        "response_mismatch",
        "Response Does Not Fit Its Request",
        Severity.LOW,
        ("response_mismatch",),
        "that answers something else than was asked",
        "Usage of Improper Formatting by Outstation",
        by_server=True,
    ),
    _row(
        "confirmation",
        "Master Requested an Application Layer Confirmation",
        Severity.LOW,
        ("confirmation_requested",),
        "of a master that asks for a confirmation",
    ),
    _row(
        "reserved_indication",
        "Usage of Reserved Status Flags (IIN)",
        Severity.LOW,
        ("reserved_indication",),
        "with reserved internal indications",
        "Usage of Reserved Status Flags (IIN)",
        "Unpermitted Usage of Internal Indication (IIN)",
        by_server=True,
    ),
)
