"""Where the transaction log lies: a folder for each protocol and day, in it the parts of each hour.

    FOLDER/modbus/2026-11-24/14-0000.parquet

A part is written whole under another name and then given its own, so that it is there with all its rows or not at all. While it is
small it is written anew with the rows that come later; it is never written to.
"""

import calendar
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types

from sensor.transactions.columns import SCHEMA

MOST_ROWS = 250_000
"""Rows of a part."""

SCATTERED = "scattered"
"""In place of the day, for the rest of a capture whose times lie in more hours than anybody wants files of."""

_TIMES = ("ts", "response_ts")
_FORM: dict[str, Any] = {
    "compression": "zstd",
    "row_group_size": 32_768,  # whoever reads has that much of a part in memory
    # Times differ little from each other, and hardly ever come again: three quarters of the size, and quicker.
    "column_encoding": dict.fromkeys(_TIMES, "DELTA_BINARY_PACKED"),
    "use_dictionary": [name for name in SCHEMA.names if name not in (*_TIMES, "response_ms")],
    # What pyarrow would add of its own types is of no use to others, who find texts in place of dictionaries.
    "store_schema": False,
}

_HOUR = 3_600_000_000_000
_NAME = re.compile(r"(\d\d)-(\d{4,})\.parquet")
_UNFINISHED = ".new"


class Place(NamedTuple):
    """One hour of one protocol; sorted, the hours follow each other. `day` is a date, or SCATTERED."""

    day: str
    hour: str
    protocol: str


class Part(NamedTuple):
    """A file of the log."""

    place: Place
    number: int
    path: Path


def place_of(protocol: str, nanoseconds: int) -> Place:
    """The hour that a time lies in."""
    moment = time.gmtime(nanoseconds // _HOUR * 3600)
    return Place(time.strftime("%Y-%m-%d", moment), f"{moment.tm_hour:02}", protocol)


def parts(folder: Path) -> list[Part]:
    """All that is there, hour by hour."""
    return sorted(_found(folder.glob("*/*/*.parquet")))


def _found(paths: Iterable[Path]) -> Iterator[Part]:
    for path in paths:
        if name := _NAME.fullmatch(path.name):
            yield Part(Place(path.parent.name, name[1], path.parent.parent.name), int(name[2]), path)


def append(folder: Path, place: Place, rows: pa.Table) -> None:
    """Write rows of one hour; they are on the disk when this returns. Raises OSError and pyarrow's ArrowException."""
    within = folder / place.protocol / place.day
    within.mkdir(parents=True, exist_ok=True)
    last = max((part.number for part in _found(within.glob(f"{place.hour}-*.parquet"))), default=-1)
    if last >= 0:
        known = _small(_path(within, place, last), MOST_ROWS - rows.num_rows)
        if known is not None:
            rows, last = pa.concat_tables([known.cast(rows.schema), rows]), last - 1
    rows = rows.sort_by("ts")
    for number, start in enumerate(range(0, rows.num_rows, MOST_ROWS), start=last + 1):
        _write(_path(within, place, number), rows.slice(start, MOST_ROWS))


def _path(within: Path, place: Place, number: int) -> Path:
    return within / f"{place.hour}-{number:04}.parquet"


def _small(path: Path, most: int) -> pa.Table | None:
    """The rows of a part that has no more than so many; one that is damaged is left as it is."""
    with suppress(pa.ArrowException):
        if pq.read_metadata(path).num_rows <= most:
            return pq.read_table(path, partitioning=None)
    return None


def _write(path: Path, rows: pa.Table) -> None:
    temporary = path.with_name(path.name + _UNFINISHED)
    try:
        with temporary.open("wb") as file:
            pq.write_table(rows.unify_dictionaries(), file, **_FORM)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def tidy(folder: Path) -> None:
    """Remove what was not finished when a process was killed."""
    for path in folder.glob(f"*/*/*.parquet{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def retain(folder: Path, *, days: float, megabytes: float, now: float) -> int:
    """Drop the hours that are older, counted from the newest, and then the oldest until the rest is no larger; how many files went.

    now: seconds since the epoch; what claims to be of a later time makes nothing old.
    """
    all_parts = parts(folder)
    today = place_of("", int(now * 1e9))
    newest = max((part.place[:2] for part in all_parts if part.place[:2] <= today[:2]), default=today[:2])
    seconds = calendar.timegm(time.strptime(" ".join(newest), "%Y-%m-%d %H")) - days * 86_400
    oldest = place_of("", int(seconds * 1e9))[:2]
    sizes = {part.path: part.path.stat().st_size for part in all_parts}
    room, gone = megabytes * 1_000_000 - sum(sizes.values()), 0
    for part in all_parts:
        if room >= 0 and part.place[:2] >= oldest:
            break
        part.path.unlink(missing_ok=True)
        room, gone = room + sizes[part.path], gone + 1
        with suppress(OSError):  # others of the day are there still
            part.path.parent.rmdir()
    return gone
