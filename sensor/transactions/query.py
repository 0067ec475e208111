"""Asks the transaction log: only files of the hours and protocols that are meant are opened, and little of them is in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.compute as pc  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types

from sensor.errors import TransactionsError
from sensor.times import timestamp
from sensor.transactions.columns import SCHEMA
from sensor.transactions.parts import SCATTERED, Part, Place, parts, place_of

_ROWS = 1024
"""Rows of a file in memory at a time."""
_TIMES = ("ts", "response_ts")
_ENDS = ("id.orig_h", "id.resp_h", "orig_l2_addr", "resp_l2_addr")
_LOOKED_AT = ["ts", "intent", "outcome", "code", "func", *_ENDS]
"""Columns of conditions."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are meant: what is given holds all at once, several of one kind are alternatives.

    since, until: nanoseconds since the epoch.
    addresses: IP or MAC address of either end.
    functions: a function's code, or a piece of its name.
    """

    since: int | None = None
    until: int | None = None
    protocols: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()


def ask(folder: Path, question: Question) -> Iterator[Row]:
    """The rows, hour by hour and in each in the order of time; times as text. Raises TransactionsError."""
    wanted = [part for part in parts(folder) if _is_meant(part.place, question)]
    if not folder.is_dir():
        raise TransactionsError(f"{folder}: there is no transaction log")
    condition = _condition(question)
    for _, hour in groupby(wanted, key=lambda part: part.place[:2]):
        # Parts of one protocol follow each other, so that no more files are open than there are protocols.
        protocols = [list(group) for _, group in groupby(hour, key=lambda part: part.place.protocol)]
        yield from map(_shown, merge(*(_rows(group, condition) for group in protocols), key=itemgetter("ts")))


def _is_meant(place: Place, question: Question) -> bool:
    if question.protocols and place.protocol not in question.protocols:
        return False
    if place.day == SCATTERED:
        return True
    since, until = question.since, question.until
    return (since is None or place[:2] >= place_of("", since)[:2]) and (until is None or place[:2] <= place_of("", until)[:2])


def _condition(question: Question) -> pc.Expression | None:
    """What holds for a row that is meant."""
    time = SCHEMA.field("ts").type
    conditions = []
    if question.since is not None:
        conditions.append(pc.field("ts") >= pa.scalar(question.since, time))
    if question.until is not None:
        conditions.append(pc.field("ts") <= pa.scalar(question.until, time))
    for column, values in (("intent", question.intents), ("outcome", question.outcomes)):
        if values:
            conditions.append(pc.field(column).isin(values))
    if question.addresses:
        conditions.append(_any(pc.field(end).isin([address.lower() for address in question.addresses]) for end in _ENDS))
    if question.functions:
        conditions.append(_any(_is_function(text) for text in question.functions))
    whole = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


def _any(conditions: Iterator[pc.Expression]) -> pc.Expression:
    whole = next(conditions)
    for condition in conditions:
        whole = whole | condition
    return whole


def _is_function(text: str) -> pc.Expression:
    return (pc.field("code") == text) | pc.match_substring(pc.field("func"), text, ignore_case=True)


def _rows(group: list[Part], condition: pc.Expression | None) -> Iterator[Row]:
    for part in group:
        try:
            with pq.ParquetFile(part.path) as file:
                wanted = [number for number in range(file.num_row_groups) if _holds_some(file, number, condition)]
                for batch in file.iter_batches(_ROWS, row_groups=wanted):
                    yield from _plain(_meant(pa.Table.from_batches([batch]), condition)).to_pylist()
        except FileNotFoundError:
            continue  # it was too old while we read
        except (OSError, pa.ArrowException) as error:
            raise TransactionsError(f"{part.path}: this part of the transaction log cannot be read: {error}") from error


def _holds_some(file: pq.ParquetFile, row_group: int, condition: pc.Expression | None) -> bool:
    """Most have nothing of what is looked for, and a few columns tell."""
    return condition is None or _meant(file.read_row_group(row_group, columns=_LOOKED_AT), condition).num_rows > 0


def _meant(rows: pa.Table, condition: pc.Expression | None) -> pa.Table:
    return rows if condition is None else rows.filter(condition)


def _plain(rows: pa.Table) -> pa.Table:
    """Times as numbers: Python's own have no nanoseconds."""
    for name in _TIMES:
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].cast(pa.int64()))
    return rows


def _shown(row: Row) -> Row:
    for name in _TIMES:
        if row[name] is not None:
            row[name] = timestamp(row[name])
    return row
