"""CEF (ArcSight's Common Event Format, version 0) as Microsoft Sentinel reads it; docs/forms.md has the table of fields and keys.

A line is at most 8,000 octets, so that no receiver cuts it. What is too long is shortened: first `msg`, then `cs5`, then `reason`,
then what is longer than 2,048 octets to that, 1,024, and so on to 64; at last what stands last is left out. Every key at most once, one
value per key, nothing empty.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sensor.detections.model import Severity
from sensor.events import End, Event, Kind, Sensor
from sensor.exports.forms._base import Form
from sensor.exports.forms._fit import fitted
from sensor.exports.forms._text import OUTCOMES, clean, clip, clip_octets, ip_version, link, mac, milliseconds, percent, port

Pair = tuple[str, str | int | None]

SEVERITIES = {Severity.INFO: 0, Severity.LOW: 1, Severity.MEDIUM: 4, Severity.HIGH: 8, Severity.CRITICAL: 10}
CUSTOM = "OtoscopeSensor"
"""The keys that the dictionary does not know begin with it."""
LIMITS = {
    **dict.fromkeys(("act", "outcome"), 63),
    **dict.fromkeys(("app", "proto"), 31),
    **dict.fromkeys(("cat", "dhost", "msg", "reason", "request", "shost"), 1023),
    **dict.fromkeys(("cs1", "cs2", "cs3", "cs4", "cs5", "cs6"), 4000),
    "deviceExternalId": 255,
    "deviceInboundInterface": 128,
    "dvchost": 100,
    "externalId": 40,
}
"""Characters of a text, as the dictionary of CEF has it."""
LABELS = {
    "c6a1": "Device IPv6 Address",
    "c6a2": "Source IPv6 Address",
    "c6a3": "Destination IPv6 Address",
    "cs1": "site",
    "cs2": "srcZone",
    "cs3": "dstZone",
    "cs4": "operation",
    "cs5": "object",
    "cs6": "attackTechniques",
    "cn1": "confidence",
    "cn2": "vlanId",
    "cn3": "functionCode",
}
MOST_ALERTS = 20
"""So many ids of its alerts stand in an incident."""
_CUSTOM_LIMIT = 1023
_FIRST_SHORTENED = ("msg", "cs5", "reason")
_MOST_COUNT = 2**31 - 1
_ASSET_TEXTS = {"vendor": "Vendor", "model": "Model", "firmware": "Firmware", "serial": "Serial", "roles": "Roles"}


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line from `CEF:0` on, at most `limit` octets (of 8,000, what the syslog header leaves)."""
    escaped = (text.replace("\\", "\\\\").replace("|", "\\|") for text in header(event, sensor))
    return fitted(texts(event, sensor), _FIRST_SHORTENED, limit, partial(_line, "|".join(("CEF:0", *escaped, ""))))


def header(event: Event, sensor: Sensor) -> list[str]:
    """Vendor, product, version, class id, name and severity, cleaned and no longer than allowed, not yet escaped."""
    fields = (
        ("Otoscope", 63),
        ("Sensor", 63),
        (clean(sensor.version) or "0", 31),
        (clean(event.type) or "ot.event", 1023),
        (clean(event.title) or clean(event.type) or "Event", 512),
        (str(SEVERITIES[event.severity]), 2),
    )
    # The length counts octets here: for the names of kinds of events, which are ASCII, that is the same, and a line always fits.
    return [clip_octets(text, limit) for text, limit in fields]


def texts(event: Event, sensor: Sensor) -> dict[str, str]:
    """What stands behind the header, by key: cleaned and no longer than allowed, not yet escaped; nothing empty."""
    values: dict[str, str] = {}
    for key, value in _pairs(event, sensor):
        text = _text(key, value)
        if text and key not in values:
            values[key] = text
    return values


def _text(key: str, value: str | int | None) -> str:
    """Cleaned, no longer than allowed; nothing where there is nothing to say."""
    if value is None:
        return ""
    text = clean(str(value))
    if key.startswith(CUSTOM):  # they share one column of Sentinel as key=value;key=value
        text = clean(text.replace(";", " ").replace("=", " "))
    return clip(text, LIMITS.get(key, _CUSTOM_LIMIT))


def _pairs(event: Event, sensor: Sensor) -> Iterator[Pair]:
    yield "rt", milliseconds(event.at)
    yield "start", milliseconds(event.first)
    yield "end", milliseconds(event.last)
    yield "act", "detected"
    yield "cat", event.category
    yield "cnt", min(max(event.count, 1), _MOST_COUNT)
    yield "externalId", event.id
    yield _address(sensor.address, "dvc", "c6a1")
    yield "dvchost", sensor.full_name
    yield "deviceExternalId", sensor.id
    yield "deviceInboundInterface", sensor.interface
    yield from _end(event.source, ("src", "c6a2", "spt", "smac", "shost"))
    yield from _end(event.target, ("dst", "c6a3", "dpt", "dmac", "dhost"))
    yield "proto", event.transport and event.transport.upper()
    yield "app", event.protocol and event.protocol.upper()
    yield "outcome", OUTCOMES.get(event.outcome)
    yield "reason", event.reason
    yield from _numbered(event, sensor)
    yield from ((CUSTOM + key, value) for key, value in _custom(event))
    url = link(event, sensor)
    yield "request", url if url and len(url) <= LIMITS["request"] else None  # shortened it would lead nowhere
    yield "msg", event.message


def _address(ip: str | None, four: str, six: str) -> Pair:
    """IPv4 and IPv6 have keys of their own."""
    version = ip_version(ip)
    return six if version == 6 else four, ip if version else None


def _end(end: End, keys: tuple[str, str, str, str, str]) -> Iterator[Pair]:
    four, six, port_key, mac_key, host = keys
    yield _address(end.ip, four, six)
    yield port_key, port(end.port)
    yield mac_key, mac(end.mac)
    yield host, end.hostname


def _numbered(event: Event, sensor: Sensor) -> Iterator[Pair]:
    """The fields that CEF leaves to the vendor; LABELS names them."""
    yield "cs1", sensor.site
    yield "cs2", event.source.zone
    yield "cs3", event.target.zone
    yield "cs4", event.operation
    yield "cs5", event.object
    yield "cs6", " ".join(event.techniques)
    yield "cn1", percent(event.confidence)
    yield "cn2", event.vlan
    yield "cn3", event.function


def _custom(event: Event) -> Iterator[Pair]:
    """What CEF has no key for."""
    yield "Change", event.change
    yield "Status", event.status
    for side, end in (("Src", event.source), ("Dst", event.target)):
        yield f"{side}AssetId", end.asset
        yield f"{side}Name", None if end.name == end.hostname else end.name
        yield f"{side}Level", None if end.level is None else f"{end.level:g}"
        yield f"{side}Type", end.type
    details = event.details
    if event.kind is Kind.ASSET:
        yield from _asset(details)
    elif event.kind is Kind.INCIDENT:
        alerts = details.get("alerts") or ()
        yield "AlertIds", _listed(alerts[:MOST_ALERTS])
        yield "AlertCount", len(alerts)
    elif event.kind is Kind.HEALTH:
        yield from ((_camel(name) or "Figure", _listed(figure)) for name, figure in details.items())


def _asset(details: Mapping[str, Any]) -> Iterator[Pair]:
    for name, key in _ASSET_TEXTS.items():
        yield key, _listed(details.get(name))
    confidence = details.get("level_confidence")
    yield "LevelConfidence", percent(confidence) if isinstance(confidence, int | float) else None
    yield "Protocols", _listed(details.get("services"))
    yield "Changed", _listed(details.get("changes"))


def _listed(value: object) -> str | None:
    """A value, or several with commas between them; their own commas are spaces then."""
    if value is None or isinstance(value, str | int | float):
        return None if value is None else str(value)
    items = value if isinstance(value, Iterable) else (value,)
    return ",".join(text for text in (clean(str(item).replace(",", " ")) for item in items) if text)


def _camel(name: str) -> str:
    """The name of a figure, lost_segments, as part of a key, LostSegments."""
    return "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))[:40]


def _line(header: str, values: Mapping[str, str]) -> str:
    escaped = ((key, value.replace("\\", "\\\\").replace("=", "\\=")) for key, value in values.items())
    labelled = ((key, f"{key}={value}") for key, value in escaped)
    return header + " ".join(f"{pair} {key}Label={LABELS[key]}" if key in LABELS else pair for key, pair in labelled)


FORM = Form("cef", "Microsoft Sentinel and other SIEMs that read ArcSight's CEF", write, "rfc3164", 8_000)
