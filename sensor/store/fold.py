"""What many runs said long ago becomes what one said: each run would be kept for ever else, and be read with every save of what it saw."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from sensor.store.connect import writing
from sensor.store.encoding import decode, encode
from sensor.store.generation import next_generation
from sensor.store.kinds import KINDS, Kind
from sensor.store.merge import Body
from sensor.store.save import chunks, upsert
from sensor.store.tables import contributions, runs

_EARLIER = "earlier runs"
"""The run that says it; nobody can replay it."""


def fold(engine: Engine, before: int) -> bool:
    """Put together what runs said that ended before a time, but for the latest of all; were there any?"""
    latest = select(func.max(runs.c.last)).scalar_subquery()
    return _fold_runs(engine, select(runs).where(runs.c.last < before, runs.c.last < latest, runs.c.name != _EARLIER))


def fold_over(engine: Engine, series: str, but: int) -> bool:
    """The same of the runs of a series that are over, as another has begun; were there any?"""
    return _fold_runs(engine, select(runs).where(runs.c.name.startswith(series, autoescape=True), runs.c.id != but))


def _fold_runs(engine: Engine, query: Any) -> bool:  # noqa: ANN401  a query of runs
    """In portions, as others wait to write meanwhile. A run goes last: where this is killed it goes on with the next time."""
    with engine.connect() as connection:
        old = connection.execute(query).all()
    for some in chunks(old):
        for kind in KINDS:
            _fold_said(engine, kind, [run.id for run in some])
            _fold_rows(engine, kind, [run.id for run in some])
        with writing(engine) as connection:
            _forget_runs(connection, some)
    return bool(old)


def _fold_said(engine: Engine, kind: Kind, old: Sequence[int]) -> None:
    said = contributions.c.kind == kind.name, contributions.c.run.in_(old)
    with engine.connect() as connection:
        keys = connection.execute(select(contributions.c.key).where(*said).distinct()).scalars().all()
    for portion in chunks(keys):
        with writing(engine) as connection:
            _fold(connection, kind, portion, old)


def _fold(connection: Connection, kind: Kind, keys: Sequence[str], old: Sequence[int]) -> None:
    earlier = _earlier(connection)
    which = contributions.c.kind == kind.name, contributions.c.key.in_(keys), contributions.c.run.in_([*old, earlier])
    said: dict[str, list[Body]] = {}
    for key, body in connection.execute(select(contributions.c.key, contributions.c.body).where(*which)):
        said.setdefault(key, []).append(decode(body))
    connection.execute(delete(contributions).where(*which))
    merged = {key: kind.merge(sorted(bodies, key=lambda body: str(body["last"]))) for key, bodies in said.items()}
    rows = [{"kind": kind.name, "key": key, "run": earlier, "digest": b"", "body": encode(body)} for key, body in merged.items()]
    upsert(connection, contributions, rows)


def _fold_rows(engine: Engine, kind: Kind, old: Sequence[int]) -> None:
    """Rows that one of them wrote last."""
    table = kind.table
    with engine.connect() as connection:
        keys = connection.execute(select(table.c.key).where(table.c.run.in_(old))).scalars().all()
    for portion in chunks(keys):
        with writing(engine) as connection:
            connection.execute(update(table).where(table.c.key.in_(portion), table.c.run.in_(old)).values(run=_earlier(connection)))


def _forget_runs(connection: Connection, old: Sequence[Row[Any]]) -> None:
    """What they counted is kept."""
    number = _earlier(connection)
    earlier = connection.execute(select(runs).where(runs.c.id == number)).one()
    all_of_them = [earlier, *old]
    bodies = [decode(run.body) for run in all_of_them]
    counted = {name: sum(int(body.get(name, 0)) for body in bodies) for name in ("packets", "octets")}
    lost = sum(int(body.get("counters", {}).get("lost_segments", 0)) for body in bodies)
    body = {"files": [], **counted, "counters": {"lost_segments": lost}}
    span = {
        "first": min((run.first for run in all_of_them if run.first is not None), default=None),
        "last": max((run.last for run in all_of_them if run.last is not None), default=None),
    }
    connection.execute(update(runs).where(runs.c.id == number).values(**span, body=encode(body)))
    connection.execute(delete(runs).where(runs.c.id.in_([run.id for run in old])))
    next_generation(connection)


def _earlier(connection: Connection) -> int:
    number: int | None = connection.execute(select(runs.c.id).where(runs.c.name == _EARLIER)).scalar()
    if number is None:
        number = connection.execute(runs.insert().values(name=_EARLIER, parts=[], body=b"{}").returning(runs.c.id)).scalar_one()
    return number
