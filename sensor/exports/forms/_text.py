"""Texts from the wire, made harmless: what every form does with a value before it writes it in its own way."""

import ipaddress
import re

from sensor.detections.model import Severity

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_LATEST = 2**63 - 1
_MORE = "..."

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
    """The same by octets of UTF-8, cut between characters and never between a backslash and what it escapes.

    Nothing where there is no room for more than the dots.
    """
    if len(text.encode()) <= octets:
        return text
    kept = text.encode()[: max(octets - len(_MORE), 0)].decode(errors="ignore")
    if (len(kept) - len(kept.rstrip("\\"))) % 2:
        kept = kept[:-1]
    kept = kept.rstrip(" ")
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
