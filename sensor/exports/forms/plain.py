r"""Plain syslog text for people and for whatever reads key=value: first how bad and what, then the details.

A value of other characters than letters, digits and "._:/@+-" stands in quotation marks, in which `\` and `"` have a backslash. At most
8,000 octets, for rsyslog cuts at 8 KiB.
"""

import re
from collections.abc import Mapping

from sensor.events import Event, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._fit import fitted
from sensor.exports.forms._text import clean, moment
from sensor.exports.forms.cef import CUSTOM, header, texts
from sensor.times import timestamp

KEYS = {
    "cat": "category",
    "externalId": "id",
    "cnt": "count",
    "src": "source",
    "c6a2": "source",
    "spt": "source_port",
    "smac": "source_mac",
    "shost": "source_host",
    "dst": "target",
    "c6a3": "target",
    "dpt": "target_port",
    "dmac": "target_mac",
    "dhost": "target_host",
    "proto": "transport",
    "app": "protocol",
    "outcome": "outcome",
    "reason": "reason",
    "cs1": "site",
    "cs2": "source_zone",
    "cs3": "target_zone",
    "cs4": "operation",
    "cs5": "object",
    "cs6": "techniques",
    "cn1": "confidence",
    "cn2": "vlan",
    "cn3": "function",
    "dvchost": "sensor",
    "deviceExternalId": "sensor_id",
    "request": "link",
}
"""The keys, by those of CEF, which say the same; what else CEF says is not told, but for its own keys."""
_FIRST_SHORTENED = ("message", "object", "reason")
_BARE = re.compile(r"[A-Za-z0-9._:/@+-]+")


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line, at most `limit` octets."""
    said = texts(event, sensor)
    *_, type_, title, _severity = header(event, sensor)
    values = {"severity": str(event.severity), "title": title, "message": said.get("msg", ""), "type": type_}
    for key, text in said.items():
        if key in KEYS:
            values[KEYS[key]] = text
        elif key.startswith(CUSTOM):
            values.setdefault(_snake(key.removeprefix(CUSTOM)), text)
    for name, time in (("at", event.at), ("first", event.first), ("last", event.last)):
        values[name] = timestamp(moment(time))
    told = {key: clean(text) for key, text in values.items() if text}
    return fitted(told, _FIRST_SHORTENED, limit, _line)


def _snake(key: str) -> str:
    """SrcAssetId as source_asset_id."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return re.sub("^dst_", "target_", re.sub("^src_", "source_", words))


def _line(values: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value if _BARE.fullmatch(value) else _quoted(value)}" for key, value in values.items())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


FORM = Form("plain", "any syslog server: text for people, in key=value", write, "rfc5424", 8_000, tag="otoscope: ")
