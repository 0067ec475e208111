"""What outlives a reset and a restore: who is told, within which bounds, and that no number is given to two events.

A service that runs meanwhile knows how far it has got, and registers nobody before it is started again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, text, update

from sensor.errors import StoreError
from sensor.store.save import upsert
from sensor.store.tables import destinations, meta, metadata, outbox, refused

_LARGEST = 2**63 - 1
KEPT = ("outbox_bounds", "outbox_clocks")
"""Of the table meta."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Who is told, within which bounds, and the last number that was given."""

    destinations: tuple[Mapping[str, Any], ...]
    bounds: str | None
    last: int


def registered(connection: Connection) -> Registered:
    """What holds now."""
    bounds = connection.execute(select(meta.c.value).where(meta.c.name == "outbox_bounds")).scalar()
    return Registered(tuple(map(dict, connection.execute(select(destinations)).mappings())), bounds, last_number(connection))


def last_number(connection: Connection) -> int:
    """The last that was given to an event: it may be delivered and gone, but it must not be given again, the cursors count on it."""
    known = [connection.execute(select(func.max(column))).scalar() or 0 for column in (outbox.c.id, destinations.c.cursor)]
    if connection.dialect.name == "sqlite":
        query = text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'outbox'")
    else:
        query = text("SELECT last_value FROM outbox_id_seq WHERE is_called")
    return max(*known, connection.execute(query).scalar() or 0)


def begin_anew(connection: Connection) -> None:
    """Nothing waits any more, and who is told gets what comes from now on."""
    counts = dict.fromkeys(("sent", "dropped", "failures"), 0)
    connection.execute(update(destinations).values(cursor=last_number(connection), error="", **counts))


def go_on(connection: Connection, before: Registered, numbered: int) -> None:
    """After a restore: what waits in the backup comes behind all that was ever told, and who was to be told still is.

    numbered: the last number that was given where the backup was made.
    """
    last = before.last + max(numbered, last_number(connection))
    if not before.last <= last < _LARGEST // 2:
        raise StoreError(f"damaged: events are numbered up to {last - before.last}")
    _renumber(connection, before.last)
    _number_from(connection, last)
    there = set(connection.execute(select(destinations.c.name)).scalars())
    for row in before.destinations:
        if row["name"] in there:
            wanted = {name: row[name] for name in ("url", "kinds", "least")}
            connection.execute(update(destinations).where(destinations.c.name == row["name"]).values(wanted))
        else:
            connection.execute(insert(destinations).values({**row, "cursor": last}))
    if before.bounds is not None:
        upsert(connection, meta, [{"name": "outbox_bounds", "value": before.bounds}])


def _renumber(connection: Connection, by: int) -> None:
    """In two steps, as no two may have the same number meanwhile."""
    if by:
        connection.execute(update(outbox).values(id=-(outbox.c.id + by)))
        connection.execute(update(outbox).values(id=-outbox.c.id))
        connection.execute(update(refused).values(number=-(refused.c.number + by)))
        connection.execute(update(refused).values(number=-refused.c.number))
        connection.execute(update(destinations).values(cursor=destinations.c.cursor + by))


def _number_from(connection: Connection, last: int) -> None:
    """What is put in from now on has numbers that none had before."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'outbox'"))
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :last)"), {"last": last})
        return
    for table in metadata.sorted_tables:
        column = next(iter(table.primary_key))
        sequence = connection.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name})
        if name := sequence.scalar():
            highest = last if table is outbox else connection.execute(select(func.max(column))).scalar() or 0
            connection.execute(text("SELECT setval(CAST(:name AS regclass), :next, false)"), {"name": name, "next": highest + 1})
