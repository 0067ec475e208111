"""Rows of tables in a Log Analytics workspace, as JSON that fits."""

from typing import Any

import orjson

from sensor.exports.forms._text import clean, moment
from sensor.times import timestamp

FIELD = 60_000
"""Octets of one value in JSON; the service cuts at 64 KB, wherever that is in a character."""

Row = dict[str, Any]


def instant(nanoseconds: int) -> str:
    """A `datetime` as the service keeps it: to the tenth of a microsecond."""
    return timestamp(moment(nanoseconds))[:27] + "Z"


def harmless(value: object) -> object:
    """The same with every text in it on one line, without what controls or hides; what JSON does not know is text."""
    if isinstance(value, dict):
        return {clean(str(name)): harmless(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(inner) for inner in value]
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    return clean(str(value))


def fit(row: Row, limit: int) -> dict[str, int]:
    """Shorten what is too long, in place; how many characters, items or entries that cost, by column."""
    lost: dict[str, int] = {}
    for name in row:
        _shorten(row, name, FIELD, lost)
    while (excess := _size(row) - limit) > 0:
        longest = max(row, key=lambda name: _size(row[name]))
        before = _size(row[longest])
        _shorten(row, longest, max(before - excess, before // 2), lost)
        if _size(row[longest]) == before:  # nothing is left that could be shortened
            break
    return lost


def _shorten(row: Row, name: str, limit: int, lost: dict[str, int]) -> None:
    """Keep what fits: the beginning of a text or list, the small entries of an object."""
    value = row[name]
    if not isinstance(value, str | list | dict) or _size(value) <= limit:
        return
    kept: Any = sorted(value.items(), key=_size) if isinstance(value, dict) else value
    while kept and (size := _size(kept)) > limit:
        kept = kept[: len(kept) * limit // size]
    lost[name] = lost.get(name, 0) + len(value) - len(kept)
    row[name] = dict(kept) if isinstance(value, dict) else kept


def _size(value: object) -> int:
    return len(orjson.dumps(value))
