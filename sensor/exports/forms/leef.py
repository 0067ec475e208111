r"""LEEF 2.0 (IBM's Log Event Extended Format) for QRadar: what CEF says, under the keys that QRadar knows.

Between the pairs stands "^", for rsyslog turns tabs into "#011"; in values it is a space. "=" in a value has a backslash, so that what
looks for `src=` anywhere in a line, as properties in QRadar do, finds no other. At most 4,096 octets, which is what QRadar takes by TCP
unless it is told otherwise.
"""

from collections.abc import Mapping
from functools import partial

from sensor.detections.model import Severity
from sensor.events import Event, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._fit import fitted
from sensor.exports.forms._text import clip, moment
from sensor.exports.forms.cef import LABELS, header, texts
from sensor.times import timestamp

DELIMITER = "^"
SEVERITIES = {Severity.INFO: 1, Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
_TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
KEYS = {
    **LABELS,
    "c6a1": "dvc",
    "c6a2": "src",
    "c6a3": "dst",
    "spt": "srcPort",
    "dpt": "dstPort",
    "smac": "srcMAC",
    "dmac": "dstMAC",
    "shost": "srcHostName",
    "dhost": "dstHostName",
    "request": "url",
}
"""LEEF's key for one of CEF, where it is another; for cs1 and the like it is their label."""
_NOT_TOLD = frozenset({"rt", "act"})
_FIRST_SHORTENED = ("msg", "object", "reason")


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line from `LEEF:2.0` on, at most `limit` octets."""
    vendor, product, version, type_, title, _ = (text.replace("|", " ").strip(" ") or "-" for text in header(event, sensor))
    values = {
        "devTime": timestamp(moment(event.at))[:23] + "+0000",
        "devTimeFormat": _TIME_FORMAT,
        "sev": str(SEVERITIES[event.severity]),
        "title": _value(title) or "-",
    }
    for key, text in texts(event, sensor).items():
        value = _value(text)
        if value and key not in _NOT_TOLD:
            values.setdefault(KEYS.get(key, key), value)
    head = "|".join(("LEEF:2.0", vendor, product, version, clip(type_, 255), DELIMITER, ""))
    return fitted(values, _FIRST_SHORTENED, limit, partial(_line, head))


def _value(text: str) -> str:
    return text.replace(DELIMITER, " ").strip(" ")


def _line(head: str, values: Mapping[str, str]) -> str:
    escaped = ((key, value.replace("=", "\\=")) for key, value in values.items())
    return head + DELIMITER.join(f"{key}={value}" for key, value in escaped)


FORM = Form("leef", "IBM QRadar", write, "rfc3164", 4_096)
