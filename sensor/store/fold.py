"""What many runs said of an asset long ago becomes what one said: assets stay, and each run that saw one would be kept for ever else."""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, delete, func, select

from sensor.store.connect import writing
from sensor.store.encoding import decode, encode
from sensor.store.kinds import ASSETS, MERGES, Kind
from sensor.store.merge import Body
from sensor.store.save import chunks, upsert
from sensor.store.tables import contributions, runs

_EARLIER = "earlier runs"
"""The run that says it; nobody can replay it."""


def fold(engine: Engine, before: int) -> None:
    """Put together what runs said that ended before a time, but for the latest of all."""
    with engine.connect() as connection:
        latest = select(func.max(runs.c.last)).scalar_subquery()
        query = select(runs.c.id).where(runs.c.last < before, runs.c.last < latest)
        old = connection.execute(query).scalars().all()
    for kind in (ASSETS, MERGES):
        for some in chunks(old):
            said = contributions.c.kind == kind.name, contributions.c.run.in_(some)
            with engine.connect() as connection:
                keys = connection.execute(select(contributions.c.key).where(*said).distinct()).scalars().all()
            for portion in chunks(keys):
                with writing(engine) as connection:
                    _fold(connection, kind, portion, some)


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


def _earlier(connection: Connection) -> int:
    number: int | None = connection.execute(select(runs.c.id).where(runs.c.name == _EARLIER)).scalar()
    if number is None:
        number = connection.execute(runs.insert().values(name=_EARLIER, parts=[], body=b"{}").returning(runs.c.id)).scalar_one()
    return number
