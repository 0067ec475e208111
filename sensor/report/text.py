"""Names, times and levels as they are shown. What came from the wire is shown as it is, made harmless."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sensor.inventory.model import Kind
from sensor.protocols import Intent

LEVELS: tuple[float | None, ...] = (5, 4, 3.5, 3, 2, 1, 0, None)
"""From the top of the map to its bottom."""

LEVEL_NAMES: dict[float | None, str] = {
    5: "Outside",
    4: "Enterprise",
    3.5: "DMZ",
    3: "Site operations",
    2: "Supervisory",
    1: "Control",
    0: "Process",
    None: "Unknown",
}

_KIND_TITLES = {
    Kind.PLC: "PLC",
    Kind.RTU: "RTU",
    Kind.IED: "IED",
    Kind.IO: "I/O",
    Kind.HMI: "HMI",
    Kind.SCADA_SERVER: "SCADA server",
    Kind.UNKNOWN: "unidentified",
}
STRENGTH: tuple[Intent | None, ...] = (
    Intent.PROGRAM,
    Intent.CONTROL,
    Intent.CONFIGURE,
    Intent.WRITE,
    Intent.UPLOAD,
    Intent.READ,
    Intent.REPORT,
    Intent.DIAGNOSE,
    Intent.DISCOVER,
    None,
    Intent.SESSION,
)
"""Intents, what weighs most first. None is a service that Otoscope names but does not take apart."""

_COMBINING = 2
"""So many marks on one letter are read by people; more are drawn over the lines above and below."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def shown(text: str, limit: int = 300) -> str:
    """A text with its control and direction characters escaped, cut to so many columns."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    pieces: list[str] = []
    columns = marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        piece = character if character.isprintable() and marks <= _COMBINING else _escaped(character)
        width = 2 if unicodedata.east_asian_width(character) in "WF" else len(piece)
        if columns + width > limit - 1 and len(text) > 1:
            rest = len(text) - len(pieces)
            return "".join(pieces) + ("…" if rest > 1 or columns + width > limit else piece)
        pieces.append(piece)
        columns += width
    return "".join(pieces)


def _escaped(character: str) -> str:
    """A character by its number in hexadecimal."""
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def kind_title(kind: str | None) -> str:
    """What type of device, for people."""
    return _KIND_TITLES.get(Kind(kind or "unknown"), (kind or "").replace("_", " "))


def level_title(level: float | None) -> str:
    """Name and number of a level: "Level 3.5, DMZ"."""
    name = LEVEL_NAMES.get(level, "Unknown")
    return "Level unknown" if level is None else f"Level {level:g}, {name}"


def moment(nanoseconds: int | None, *, date: bool = True) -> str:
    """A time, in UTC, to the second."""
    if nanoseconds is None:
        return "no time"
    at = _EPOCH + timedelta(seconds=max(0, min(nanoseconds // 1_000_000_000, _LAST_SECOND)))
    return f"{at:%Y-%m-%d %H:%M:%S}" if date else f"{at:%H:%M:%S}"


def intent_title(intent: str | None) -> str:
    """An intent; of services that are not dissected that they talk."""
    return intent or "talk"


def listed(texts: Sequence[str]) -> str:
    """Texts as a sentence lists them: "a, b and c"."""
    return " and ".join((", ".join(texts[:-1]), texts[-1])) if len(texts) > 1 else "".join(texts)
