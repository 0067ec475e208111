"""What is dropped when it is old or the database is too large, so that it runs for years on a small card.

Rows go in portions, so that whoever saves meanwhile is not kept waiting. What age does not bound has a most number of rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Row, Table, delete, exists, func, literal, or_, select, text, true

from sensor.store.connect import writing
from sensor.store.fold import fold
from sensor.store.news import tell_loss
from sensor.store.ourselves import FINDINGS
from sensor.store.people import OURSELVES
from sensor.store.save import chunks
from sensor.store.tables import (
    alerts,
    anomalies,
    assets,
    audit,
    contributions,
    conversations,
    history,
    incidents,
    merges,
    metadata,
    operations,
    runs,
    told,
    violations,
)

_DAY = 86_400 * 1_000_000_000
_SETTLING = _DAY // 2
_LOOKED_AT = 50_000
"""So many rows are chosen at a time."""
_GIVEN_BACK = 5000
"""Pages."""
_ROW = 200
"""Octets of a row but for its body, about."""

Oldest = Sequence[Any]
"""The keys of rows that go, the oldest first."""


@dataclass(frozen=True, slots=True)
class Retained:
    """How many rows were dropped, by table, and how large the database is now."""

    dropped: dict[str, int]
    megabytes: float


@dataclass(frozen=True, slots=True)
class _Drop:
    """Rows of a table that may go: under which condition, by which column they are old, and what counts more than that."""

    table: Table
    condition: ColumnElement[bool]
    time: Column[int]
    first: tuple[Column[Any], ...] = ()

    @property
    def key(self) -> Column[Any]:
        return next(iter(self.table.primary_key))


def retain(
    engine: Engine, *, days: float | None, megabytes: float | None, now: int, meanwhile: Callable[[], None] = lambda: None
) -> Retained:
    """Drop what is too old, then the oldest of what there is no room for: dealt with alerts first, then what was observed.

    What is never too old gives way last, and where there is too much of it: that is an alert.
    meanwhile: called after each portion.
    """
    with engine.connect() as connection:
        latest = _latest(connection, now)
    dropped, lost = dict[str, int](), dict[str, int]()
    for bounded, most in _BOUNDED:
        counted = lost if bounded.table in (alerts, assets) else dropped
        while (excess := _count(engine, bounded) - most) > 0 and _drop_some(engine, bounded, true(), counted, rows=excess):
            meanwhile()
    if days is not None:
        before = latest - round(days * _DAY)
        for drop in _DROPPED:
            while _drop_some(engine, drop, drop.time < before, dropped):
                meanwhile()
        fold(engine, before)
        meanwhile()
    if megabytes is not None:
        _shrink(engine, round(megabytes * 1_000_000), latest - _SETTLING, dropped, lost, meanwhile)
    if lost:
        with writing(engine) as connection:
            tell_loss(connection, FINDINGS, sum(lost.values()))
    give_back(engine, meanwhile)
    together = {name: dropped.get(name, 0) + lost.get(name, 0) for name in (*dropped, *lost)}
    return Retained(together, size(engine) / 1_000_000)


def _shrink(engine: Engine, most: int, settled: int, dropped: dict[str, int], lost: dict[str, int], meanwhile: Callable[[], None]) -> None:
    for drops, counted in ((_DROPPED, dropped), (_LAST, lost)):
        for drop in drops:
            which = drop.time < settled if drop.table in (alerts, assets) else true()
            if drops is _DROPPED and drop.table is alerts:
                which &= _NEEDED_NO_MORE
            while (excess := size(engine) - most) > 0 and _drop_some(engine, drop, which, counted, octets=excess):
                meanwhile()


def size(engine: Engine) -> int:
    """Octets that the database takes; of PostgreSQL what its rows hold, as dropped rows go back to the disk later."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pages, free, octets = (
                connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * octets)
        sizes = [
            select(func.coalesce(func.sum(func.pg_column_size(text(name))), 0)).select_from(table)
            for name, table in metadata.tables.items()
        ]
        return sum(int(connection.execute(query).scalar_one()) for query in sizes)


_DROPPED = (
    _Drop(alerts, alerts.c.status != "open", alerts.c.last),
    _Drop(incidents, true(), incidents.c.last),  # those of whose alerts none is there any more
    *(_Drop(table, true(), table.c.last) for table in (operations, anomalies, conversations, violations)),
    _Drop(history, true(), history.c.at),
)
"""In the order in which they give way."""

_LATER = alerts.alias()
_NEEDED_NO_MORE = or_(
    alerts.c.status == "closed",
    alerts.c.thing == "",
    exists().where(_LATER.c.thing == alerts.c.thing, _LATER.c.last > alerts.c.last),
)
"""Of an alert that is learned or muted the next one of the same thing has to know that, while there is room."""

_LAST = (_Drop(alerts, true(), alerts.c.last, (alerts.c.severity,)), _Drop(assets, true(), assets.c.last))
"""What gives way when nothing else is left: a full card would take nothing new any more."""

_BOUNDED = (
    (_Drop(alerts, alerts.c.status == "open", alerts.c.last, (alerts.c.severity,)), 100_000),
    (_Drop(assets, true(), assets.c.last), 100_000),
    (_Drop(merges, true(), merges.c.last), 100_000),
    (_Drop(audit, audit.c.who == OURSELVES, audit.c.at), 10_000),
    (_Drop(audit, audit.c.who != OURSELVES, audit.c.at), 100_000),
)
"""What age does not take, and how many rows of it there may be: whoever can make such rows must not fill the disk."""


def _count(engine: Engine, drop: _Drop) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(drop.table).where(drop.condition)).scalar_one())


def _drop_some(
    engine: Engine, drop: _Drop, which: ColumnElement[bool], dropped: dict[str, int], *, rows: int = _LOOKED_AT, octets: int | None = None
) -> int:
    """Drop the oldest rows, until they make so many octets; how many were."""
    with engine.connect() as connection:
        keys = _oldest(connection, drop, which, min(rows, _LOOKED_AT), octets)
    number = 0
    for portion in chunks(keys):
        with writing(engine) as connection:
            number += _drop(connection, drop, portion)
    if number:
        dropped[drop.table.name] = dropped.get(drop.table.name, 0) + number
    return number


def _oldest(connection: Connection, drop: _Drop, which: ColumnElement[bool], rows: int, octets: int | None) -> Oldest:
    body = func.length(drop.table.c.body) if "body" in drop.table.c else literal(0)
    names = [incidents.c.alerts] if drop.table is incidents else []
    query = (
        select(drop.key, body.label("octets"), *names).where(drop.condition, which).order_by(*drop.first, drop.time, drop.key).limit(rows)
    )
    found: Sequence[Row[Any]] = connection.execute(query).all()
    if drop.table is incidents:
        found = _without_alerts(connection, found)
    return [row[0] for row in found] if octets is None else list(_until(found, octets))


def _until(found: Sequence[Row[Any]], octets: int) -> Iterator[Any]:
    """Those that are needed to make so many."""
    for row in found:
        if octets <= 0:
            return
        octets -= row.octets + _ROW
        yield row[0]


def _drop(connection: Connection, drop: _Drop, keys: Oldest) -> int:
    """Drop rows with what is kept of them elsewhere; not one that has come to another condition since it was chosen."""
    table = drop.table
    gone = connection.execute(delete(table).where(drop.key.in_(keys), drop.condition).returning(drop.key)).scalars().all()
    if table not in (history, audit):
        for other in (contributions, told):
            connection.execute(delete(other).where(other.c.kind == table.name, other.c.key.in_(gone)))
    if table is assets:
        for other in (history, merges):
            connection.execute(delete(other).where(other.c.asset.in_(gone)))
    return len(gone)


def _without_alerts(connection: Connection, found: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Incidents none of whose alerts is there any more."""
    there: set[str] = set()
    for portion in chunks({alert for row in found for alert in row.alerts}):
        there.update(connection.execute(select(alerts.c.key).where(alerts.c.key.in_(portion))).scalars())
    return [row for row in found if there.isdisjoint(row.alerts)]


def _latest(connection: Connection, now: int) -> int:
    """The latest that was captured, but never later than now: a clock that was ahead once makes nothing old.

    Not what an alert says: those about ourselves have the time of the wall clock.
    """
    return min(connection.execute(select(func.max(runs.c.last))).scalar() or 0, now)


def give_back(engine: Engine, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Free pages go back to the disk; nothing is copied, as a whole vacuum would."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
        return
    free, before = _freed(engine), None
    while free and free != before:
        meanwhile()
        before, free = free, _freed(engine)


def _freed(engine: Engine) -> int:
    """Give some free pages back; how many are left."""
    with writing(engine) as connection:
        # Each step gives back a page; of all that the driver has, only this takes every step.
        connection.connection.cursor().executescript(f"PRAGMA incremental_vacuum({_GIVEN_BACK})")
        return int(connection.execute(text("PRAGMA freelist_count")).scalar_one())
