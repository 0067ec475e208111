"""A row of CommonSecurityLog, as Microsoft Sentinel makes one of a line of CEF: queries see no difference between the two paths."""

from collections.abc import Iterator

import orjson

from sensor.events import Event, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._rows import Row, fit, instant
from sensor.exports.forms._text import clean, clip
from sensor.exports.forms.cef import LABELS, header, texts

_HEADER = ("Computer", "DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Activity", "LogSeverity")

_STRINGS = {
    "rt": "ReceiptTime",
    "act": "DeviceAction",
    "cat": "DeviceEventCategory",
    "externalId": "ExtID",
    "dvc": "DeviceAddress",
    "dvchost": "DeviceName",
    "deviceExternalId": "DeviceExternalID",
    "deviceInboundInterface": "DeviceInboundInterface",
    "src": "SourceIP",
    "smac": "SourceMACAddress",
    "shost": "SourceHostName",
    "dst": "DestinationIP",
    "dmac": "DestinationMACAddress",
    "dhost": "DestinationHostName",
    "proto": "Protocol",
    "app": "ApplicationProtocol",
    "outcome": "EventOutcome",
    "reason": "Reason",
    "request": "RequestURL",
    "msg": "Message",
    **{f"c6a{number}": f"DeviceCustomIPv6Address{number}" for number in (1, 2, 3)},
    **{f"cs{number}": f"DeviceCustomString{number}" for number in range(1, 7)},
}
_INTEGERS = {"cnt": "EventCount", "spt": "SourcePort", "dpt": "DestinationPort"}
_LONGS = {f"cn{number}": f"FieldDeviceCustomNumber{number}" for number in (1, 2, 3)}
_COLUMN = {**_STRINGS, **_INTEGERS, **_LONGS}
_LABEL = {key: f"{_COLUMN[key].removeprefix('Field')}Label" for key in LABELS}
_OTHERS = "AdditionalExtensions"

COLUMNS = {
    "TimeGenerated": "datetime",
    **dict.fromkeys((*_HEADER, *_STRINGS.values(), *_LABEL.values(), _OTHERS), "string"),
    **dict.fromkeys(_INTEGERS.values(), "int"),
    **dict.fromkeys(_LONGS.values(), "long"),
}
"""The columns of the table that are written, and their types: what the data collection rule must have."""


def row(event: Event, sensor: Sensor) -> Row:
    """One event, a value for each column that is known."""
    values = texts(event, sensor)
    computer = clip(clean(sensor.name), 255)
    others = ";".join(f"{key}={text}" for key, text in values.items() if key not in _COLUMN)
    return {
        "TimeGenerated": instant(event.at),
        **dict(zip(_HEADER, (computer, *header(event, sensor)), strict=True)),
        **dict(_columns(values)),
        _OTHERS: others,
    }


def _columns(values: dict[str, str]) -> Iterator[tuple[str, str | int]]:
    for key, text in values.items():
        if key in _COLUMN:
            yield _COLUMN[key], text if key in _STRINGS else int(text)
        if key in LABELS:
            yield _LABEL[key], LABELS[key]


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """As one JSON document."""
    values = row(event, sensor)
    fit(values, limit)
    return orjson.dumps(values).decode()


FORM = Form("commonsecuritylog", "rows of CommonSecurityLog, by the Logs Ingestion API", write)
