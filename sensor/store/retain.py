"""What is dropped once it is old, or the database is too large."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, delete, exists, func, select, text, true, type_coerce

from sensor.store.connect import writing
from sensor.store.tables import (
    Wire,
    alerts,
    anomalies,
    contributions,
    conversations,
    history,
    incidents,
    metadata,
    operations,
    told,
    violations,
)

_DAY = 86_400 * 1_000_000_000
_STEPS = 20
"""The age of what is dropped for want of room falls in so many steps from the oldest to the latest."""


@dataclass(frozen=True, slots=True)
class Retained:
    """How many rows were dropped, by table, and how large the database is now."""

    dropped: dict[str, int]
    megabytes: float


def retain(engine: Engine, *, days: float | None, megabytes: float | None) -> Retained:
    """Drop what is too old, then the oldest of what there is no room for: dealt with alerts first, then what was observed."""
    dropped: dict[str, int] = {}
    with engine.connect() as connection:
        oldest, latest = _span(connection)
    if days is not None:
        with writing(engine) as connection:
            for table, condition in _droppable():
                _drop(connection, table, condition, latest - round(days * _DAY), dropped)
    if megabytes is not None:
        _shrink(engine, (oldest, latest), megabytes, dropped)
    give_back(engine)
    return Retained(dropped, size(engine) / 1_000_000)


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


def _shrink(engine: Engine, span: tuple[int, int], megabytes: float, dropped: dict[str, int]) -> None:
    oldest, latest = span
    for table, condition in _droppable():
        for step in range(1, _STEPS + 1):
            if size(engine) <= megabytes * 1_000_000:
                return
            with writing(engine) as connection:
                _drop(connection, table, condition, oldest + (latest - oldest) * step // _STEPS + 1, dropped)


def _droppable() -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Tables in the order in which they give way, with what of them may be dropped."""
    yield alerts, alerts.c.status != "open"
    # An incident goes when none of its alerts is there any more.
    yield incidents, ~exists(alerts.c.key).where(type_coerce(incidents.c.alerts, Wire).like("% " + alerts.c.key + " %"))
    for table in (operations, anomalies, conversations, violations, history):
        yield table, true()


def _time(table: Table) -> Column[int]:
    return table.c.at if table is history else table.c.last


def _drop(connection: Connection, table: Table, condition: ColumnElement[bool], before: int, dropped: dict[str, int]) -> None:
    old = and_(_time(table) < before, condition)
    if table is not history:
        said = select(table.c.key).where(old)
        connection.execute(delete(contributions).where(contributions.c.kind == table.name, contributions.c.key.in_(said)))
        connection.execute(delete(told).where(told.c.kind == table.name, told.c.key.in_(said)))
    if number := connection.execute(delete(table).where(old)).rowcount:
        dropped[table.name] = dropped.get(table.name, 0) + number


def _span(connection: Connection) -> tuple[int, int]:
    """The oldest and the latest that was seen, in capture time."""
    tables = (conversations, operations, alerts)
    spans = [connection.execute(select(func.min(table.c.last), func.max(table.c.last))).one() for table in tables]
    known = [(first, last) for first, last in spans if first is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else (0, 0)


def give_back(engine: Engine) -> None:
    """Free pages go back to the disk; nothing is copied, as a whole vacuum would."""
    if engine.dialect.name == "sqlite":
        with writing(engine) as connection:
            # Each step gives back a page; of all that the driver has, only this takes every step.
            connection.connection.cursor().executescript("PRAGMA incremental_vacuum")
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
