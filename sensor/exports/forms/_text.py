"""Texts from the wire, made harmless: what every form does with a value before it writes it in its own way."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar
from urllib.parse import quote

from sensor.detections.model import Severity
from sensor.events import End, Event, Kind, Sensor, to_json

Holder = TypeVar("Holder", Event, End, Sensor)

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_NOT_PLAIN = re.compile("[^ -~]")
_LATEST = 2**63 - 1
_MORE = "..."
_SHORT = 64
_PAGES = {Kind.ALERT: "alerts", Kind.INCIDENT: "incidents", Kind.ASSET: "assets"}

SYSLOG_SEVERITIES = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 5, Severity.INFO: 6}
OUTCOMES = {"accepted": "success", "rejected": "failure", "attempted": "no answer seen"}
"""As every form words what the device answered; nothing where nothing was asked."""


def clean(text: str) -> str:
    """One line of text that does nothing to a terminal or a parser of lines.

    What controls or hides (line ends, escape sequences, bidirectional overrides, zero-width characters, halves of surrogate pairs) is a
    space each; none at the ends.
    """
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return text.strip(" ")


def clip(text: str, characters: int) -> str:
    """The beginning, with dots where something is missing."""
    return text if len(text) <= characters else text[: characters - len(_MORE)].rstrip(" ") + _MORE


def clip_octets(text: str, octets: int) -> str:
    """The same by octets of UTF-8, cut between characters. Nothing where there is no room for more than the dots."""
    if len(text.encode()) <= octets:
        return text
    kept = text.encode()[: max(octets - len(_MORE), 0)].decode(errors="ignore").rstrip(" ")
    return kept + _MORE if kept else ""


def moment(nanoseconds: int) -> int:
    """A time as it can be written: not before 1970, not after 2262."""
    return min(max(nanoseconds, 0), _LATEST)


def milliseconds(nanoseconds: int) -> int:
    """A time since the epoch."""
    return moment(nanoseconds) // 1_000_000


def percent(share: float) -> int:
    """0 to 1 as 0 to 100."""
    return round(100 * min(max(0.0, share), 1.0))


def ip_version(text: str | None) -> int | None:
    """4 or 6; None where it is no address, or one with a scope: that can be any text."""
    try:
        return None if "%" in (text or "") else ipaddress.ip_address(text or "").version
    except ValueError:
        return None


def mac(text: str | None) -> str | None:
    """In upper case; None where it is none."""
    return text.upper() if text and _MAC.fullmatch(text) else None


def port(number: int | None) -> int | None:
    """None where it is none."""
    return number if number is not None and 0 <= number <= 65535 else None


def link(event: Event, sensor: Sensor) -> str | None:
    """Where the sensor's console shows what the event is about."""
    page = _PAGES.get(event.kind)
    id_ = event.source.asset if event.kind is Kind.ASSET else event.id
    return f"{sensor.console.rstrip('/')}/{page}/{quote(id_, safe='', errors='replace')}" if sensor.console and page and id_ else None


def as_json(event: Event, sensor: Sensor, limit: int, document: Callable[[Event, Sensor], Any]) -> str:
    """What `document` makes of them as one line. One that is too long loses its evidence, then its details, then the ends of its texts."""
    line = ""
    for less, teller in _smaller(event, sensor):
        line = _visible(to_json(document(less, teller)).decode())
        if len(line.encode()) <= limit:
            break
    return line


def _visible(line: str) -> str:
    """JSON with all that is not to be seen escaped: it says the same, and does nothing to a terminal.

    JSON itself has only printable characters, so that what is escaped is always part of a string.
    """
    return line if line.isprintable() else _NOT_PLAIN.sub(_escaped, line)


def _escaped(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _smaller(event: Event, sensor: Sensor) -> Iterator[tuple[Event, Sensor]]:
    """The event, then with less and less: at last so that as JSON it goes into any datagram."""
    yield event, sensor
    event = replace(event, evidence=())
    yield event, sensor
    event = replace(event, details={})
    yield event, sensor
    techniques = tuple(clip(name, 16) for name in event.techniques[:10])
    yield replace(_short(event), source=_short(event.source), target=_short(event.target), techniques=techniques), _short(sensor)


def _short(holder: Holder) -> Holder:
    values: dict[str, Any] = {item.name: getattr(holder, item.name) for item in fields(holder)}
    long: dict[str, Any] = {name: clip(value, _SHORT) for name, value in values.items() if isinstance(value, str) and len(value) > _SHORT}
    return replace(holder, **long)
