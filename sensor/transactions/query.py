"""Asks the transaction log: only files of the hours and protocols that are meant are opened, and little of them is in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.dataset as ds  # type: ignore[import-untyped]

from sensor.errors import TransactionsError
from sensor.times import timestamp
from sensor.transactions.columns import SCHEMA
from sensor.transactions.parts import SCATTERED, Part, Place, parts, place_of

_ROWS = 8192
"""Rows of a file in memory at a time."""
_TIMES = ("ts", "response_ts")

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
    """What holds for a row that is meant; pyarrow leaves out by it what a file's own figures rule out."""
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
        ends = ("id.orig_h", "id.resp_h", "orig_l2_addr", "resp_l2_addr")
        conditions.append(_any(pc.field(end).isin([address.lower() for address in question.addresses]) for end in ends))
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
            dataset = ds.dataset(part.path, schema=SCHEMA, format="parquet")
            for batch in dataset.to_batches(filter=condition, batch_size=_ROWS, batch_readahead=1, fragment_readahead=1):
                yield from _plain(batch).to_pylist()
        except FileNotFoundError:
            continue  # it was too old while we read
        except (OSError, pa.ArrowException) as error:
            raise TransactionsError(f"{part.path}: this part of the transaction log cannot be read: {error}") from error


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times as numbers: Python's own have no nanoseconds."""
    for name in _TIMES:
        batch = batch.set_column(batch.schema.get_field_index(name), name, batch[name].cast(pa.int64()))
    return batch


def _shown(row: Row) -> Row:
    for name in _TIMES:
        if row[name] is not None:
            row[name] = timestamp(row[name])
    return row
