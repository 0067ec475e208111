"""Which recording something was seen in: the same captures again are the same run, and replace what they said before."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, select

from sensor.capture import Statistics
from sensor.errors import StoreError
from sensor.knowledge import Knowledge
from sensor.store.encoding import encode, natural_key
from sensor.store.tables import runs

_LOOKED_AT = 65_536
"""Octets of a capture's beginning and end that tell it from others, with its size."""


@dataclass(frozen=True, slots=True)
class Run:
    """A recording.

    name: tells it from others, and is the same whenever it is read. parts: fingerprints of its captures; a live one has none.
    files: for people. series: how the names of runs begin that come one after the other: those before are over when this one begins.
    """

    name: str
    parts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    series: str = ""


def run_of(files: Iterable[str | os.PathLike[str]], statistics: Statistics | None) -> Run:
    """The run of captures. What is told from their content alone: another name or place is no other capture."""
    names = tuple(os.fsencode(file).decode(errors="backslashreplace") for file in files)
    parts = tuple(sorted(part for file in files if (part := _fingerprint(Path(file)))))
    if not parts or len(parts) < len(names):
        # What came by a pipe can be told only by what was in it.
        span = (statistics.first, statistics.last, statistics.packets, statistics.octets) if statistics else ()
        return Run(natural_key(*parts, *span), parts, names)
    return Run(natural_key(*parts), parts, names)


def _fingerprint(file: Path) -> str | None:
    if not file.is_file():
        return None
    with file.open("rb") as capture:
        size = capture.seek(0, os.SEEK_END)
        capture.seek(0)
        head = capture.read(_LOOKED_AT)
        capture.seek(max(0, size - _LOOKED_AT))
        return blake2b(size.to_bytes(8, "big") + head + capture.read(), digest_size=10).hexdigest()


def row_of(run: Run, known: Knowledge) -> dict[str, object]:
    """What is kept of a run: its captures and their health."""
    statistics = known.statistics
    row: dict[str, object] = {"name": run.name, "parts": list(run.parts), "first": None, "last": None}
    body: dict[str, object] = {"files": run.files}
    if statistics is not None:
        row |= {"first": statistics.first, "last": statistics.last}
        body |= {"packets": statistics.packets, "octets": statistics.octets, "counters": dict(sorted(statistics.counters.items()))}
    return {**row, "body": encode(body)}


def number_of(connection: Connection, run: Run) -> int:
    """The number of a run, which is new or known; not one that overlaps another, whose packets would count twice."""
    number: int | None = connection.execute(select(runs.c.id).where(runs.c.name == run.name)).scalar()
    if number is not None:
        return number
    for row in connection.execute(select(runs)):
        if common := set(run.parts) & set(row.parts):
            raise StoreError(
                f"{len(common)} of these captures are in the database already, read together with others: they would count twice; "
                "replay the same captures together again, or use another database"
            )
    inserted = runs.insert().values(name=run.name, parts=list(run.parts), body=b"{}").returning(runs.c.id)
    made: int = connection.execute(inserted).scalar_one()
    return made
