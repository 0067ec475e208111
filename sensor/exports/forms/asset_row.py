"""A row of the inventory's own table in a workspace, OtoscopeAssets_CL: what is new, changed or gone, as it is now.

Other events are not for this table; one that gets here anyway, to try the way out, is a row without an asset.
"""

import re

import orjson

from sensor.events import Event, Kind, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._rows import Row, fit, harmless, instant
from sensor.exports.forms._text import clean, percent

COLUMNS = {
    "TimeGenerated": "datetime",
    "AssetId": "string",
    "SensorId": "string",
    "Site": "string",
    "Zone": "string",
    "PurdueLevel": "real",  # the DMZ is 3.5
    "DeviceType": "string",
    "Vendor": "string",
    "Model": "string",
    "Firmware": "string",
    "SerialNumber": "string",
    "Hostname": "string",
    "IpAddresses": "dynamic",
    "MacAddresses": "dynamic",
    "Vlans": "dynamic",
    "Protocols": "dynamic",
    "Roles": "dynamic",
    "FirstSeen": "datetime",
    "LastSeen": "datetime",
    "Confidence": "int",
    "Criticality": "string",
    "Change": "string",
    "Attributes": "dynamic",
}
"""The columns of the table and their types: what the table and the data collection rule must have."""

_FROM = {
    "AssetId": "id",
    "Zone": "zone",
    "PurdueLevel": "level",
    "DeviceType": "type",
    "Vendor": "vendor",
    "Model": "model",
    "Firmware": "firmware",
    "SerialNumber": "serial",
    "Hostname": "hostname",
    "IpAddresses": "ips",
    "MacAddresses": "macs",
    "Vlans": "vlans",
    "Protocols": "services",
    "Roles": "roles",
    "Criticality": "criticality",
}
"""Columns that are a field of the asset's row as it is."""

_TIMES = {"FirstSeen": "first", "LastSeen": "last"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7})\d\dZ")

_MARK = 1_000
"""Octets kept free for the list of what was shortened."""


def row(event: Event, sensor: Sensor) -> Row:
    """One event, a value for each column that is known; what has no column of its own is in Attributes."""
    asset = event.details if event.kind is Kind.ASSET else {}
    values = {
        "TimeGenerated": instant(event.at),
        "SensorId": sensor.id,
        "Site": sensor.site,
        "Confidence": None if asset.get("level_confidence") is None else percent(asset["level_confidence"]),
        "Change": str(event.change),
        **{column: asset.get(name) for column, name in _FROM.items()},
        **{column: f"{found[1]}Z" for column, name in _TIMES.items() if (found := _TIME.fullmatch(str(asset.get(name))))},
    }
    if asset:
        used = {"level_confidence", *_FROM.values(), *_TIMES.values()}
        values["Attributes"] = {name: value for name, value in asset.items() if name not in used and value not in (None, [], "")}
    else:
        values["Attributes"] = {"type": event.type, "title": event.title, "message": event.message}
    return {column: value for column, type_ in COLUMNS.items() if (value := _typed(type_, values.get(column))) not in (None, "")}


def _typed(type_: str, value: object) -> object:
    """Made harmless, and such that the column takes it; None where it does not."""
    if type_ == "string":
        return None if value is None else clean(str(value))
    if type_ == "dynamic":
        return harmless(value) if isinstance(value, dict | list | tuple) else None
    if type_ == "real":
        return value if isinstance(value, int | float) else None
    return value


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """As one JSON document; a value that is too long for the table is shortened, and Attributes.shortened says by how much."""
    values = row(event, sensor)
    if lost := fit(values, limit - _MARK):
        values["Attributes"]["shortened"] = lost
    return orjson.dumps(values).decode()


FORM = Form("assets_table", "rows of OtoscopeAssets_CL, by the Logs Ingestion API", write)
