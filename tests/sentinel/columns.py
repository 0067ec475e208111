"""Microsoft's table of which CEF key becomes which column of CommonSecurityLog, for a line as the agent gets it."""

import re

from tests.exports import cef
from tests.sentinel.kusto import known_tables

HEADER = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Activity", "LogSeverity")
KEYS = {
    "act": "DeviceAction",
    "app": "ApplicationProtocol",
    "cat": "DeviceEventCategory",
    "cnt": "EventCount",
    "deviceExternalId": "DeviceExternalID",
    "deviceInboundInterface": "DeviceInboundInterface",
    "dhost": "DestinationHostName",
    "dmac": "DestinationMACAddress",
    "dpt": "DestinationPort",
    "dst": "DestinationIP",
    "dvc": "DeviceAddress",
    "dvchost": "DeviceName",
    "externalId": "ExtID",
    "msg": "Message",
    "outcome": "EventOutcome",
    "proto": "Protocol",
    "reason": "Reason",
    "request": "RequestURL",
    "rt": "ReceiptTime",
    "shost": "SourceHostName",
    "smac": "SourceMACAddress",
    "spt": "SourcePort",
    "src": "SourceIP",
    **{f"c6a{number}": f"DeviceCustomIPv6Address{number}" for number in range(1, 5)},
    **{f"cs{number}": f"DeviceCustomString{number}" for number in range(1, 7)},
    **{f"cn{number}": f"FieldDeviceCustomNumber{number}" for number in range(1, 4)},
}
"""`start` and `end` are not among them: like every key that the table does not know they stay in AdditionalExtensions."""
SYSLOG = (re.compile(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (\S+) (CEF:.*)"), re.compile(r"<(\d+)>1 \S+ (\S+) \S+ - \S+ - (CEF:.*)"))


def schema():
    """Types of the table's columns."""
    return {column: kind for kind, columns in known_tables()["CommonSecurityLog"].items() for column in columns}


def row(line):
    """The row of a line with its syslog header; the time is that of the forwarder's clock and not of the line."""
    computer, text = next(found.group(2, 3) for pattern in SYSLOG if (found := pattern.fullmatch(line)))
    fields, extension = cef.read(text)
    found = {"Computer": computer, **dict(zip(HEADER, fields, strict=True))}
    rest = []
    types = schema()
    for key, value in extension.items():
        column = KEYS.get(key) or (f"{KEYS.get(key.removesuffix('Label'))}Label".removeprefix("Field") if key.endswith("Label") else None)
        if column is None:
            rest.append(f"{key}={value}")
            continue
        assert column in types, column
        found[column] = int(value) if types[column] in ("int", "long") else value
    return found | {"AdditionalExtensions": ";".join(rest)}
