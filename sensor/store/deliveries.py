"""The outbox as those see it who deliver from it: what waits for a destination, and how far each has got."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, true, update

from sensor.errors import StoreError
from sensor.events import Event, decode, encode
from sensor.exports.destination import Destination
from sensor.exports.queue import Portion
from sensor.store.connect import errors, writing
from sensor.store.encoding import decode as decode_body
from sensor.store.news import put
from sensor.store.outbox import Bounds, forget_delivered, is_wanted, read_clock, set_bounds, size, wanted_by
from sensor.store.save import chunks
from sensor.store.tables import alerts, assets, destinations, outbox, refused, runs

_MOST_REFUSED, _MOST_REFUSED_OCTETS = 10_000, 20_000_000
"""Of one destination; more are dropped, and counted."""
_REFUSED = (func.count().label("rows"), func.coalesce(func.sum(func.length(refused.c.body)), 0).label("octets"))


@dataclass(frozen=True, slots=True)
class ExportState:
    """How far a destination has got.

    waiting: events. lag_seconds: for how long the oldest of them has waited; 0 where none does. sent, dropped, failures: in all.
    refused: events that it will not take. connected: the last attempt went well. last_error: of the last that did not.
    """

    name: str
    url: str
    waiting: int
    lag_seconds: float
    sent: int
    dropped: int
    refused: int
    failures: int
    connected: bool
    last_error: str


class Outbox:
    """The outbox of a database. For use from any thread."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    def register(self, wanted: Sequence[Destination], bounds: Bounds) -> None:
        """Say who wants to be told what; a new one is told what happens from now on. Those that are there already stay."""
        with self._writing() as connection:
            newest = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
            there = {row.name: row for row in connection.execute(select(destinations))}
            for one in wanted:
                values = {"url": one.url, "kinds": sorted(one.kinds), "least": int(one.least)}
                if one.name not in there:
                    connection.execute(insert(destinations).values(name=one.name, cursor=newest, **values))
                elif any(getattr(there[one.name], name) != value for name, value in values.items()):
                    connection.execute(update(destinations).where(destinations.c.name == one.name).values(values))
            set_bounds(connection, bounds)

    def forget(self, name: str) -> None:
        """Give a destination up, and what waits for it."""
        with self._writing() as connection:
            self._row(connection, name)
            connection.execute(delete(refused).where(refused.c.destination == name))
            connection.execute(delete(destinations).where(destinations.c.name == name))
            forget_delivered(connection)

    def states(self) -> list[ExportState]:
        """How far each destination has got, by name."""
        with self._reading() as connection:
            rows = connection.execute(select(destinations).order_by(destinations.c.name)).all()
            clock = read_clock(connection, keep=False)
            return [_state(connection, row, clock) for row in rows]

    def octets(self) -> int:
        """Of what waits."""
        with self._reading() as connection:
            return size(connection)

    def cursor(self, name: str) -> int:
        """Up to which event a destination has everything."""
        with self._reading() as connection:
            return int(self._row(connection, name).cursor)

    def after(self, name: str, number: int, most: int) -> Portion:
        """The next events that a destination gets, after that one."""
        with self._reading() as connection:
            newest = max(number, connection.execute(select(func.max(outbox.c.id))).scalar() or 0)
            row = self._row(connection, name)
            query = select(outbox.c.id, outbox.c.body).where(outbox.c.id > number, outbox.c.id <= newest, wanted_by(row.kinds, row.least))
            rows = connection.execute(query.order_by(outbox.c.id).limit(most)).all()
        return Portion(_events(rows), rows[-1].id if len(rows) == most else newest)

    def advance(self, name: str, number: int, sent: int) -> None:
        """A destination has everything up to that event; so many of them were sent now."""
        with self._writing() as connection:
            values = {"cursor": number, "sent": destinations.c.sent + sent, "connected": True, "error": ""}
            connection.execute(update(destinations).where(destinations.c.name == name, destinations.c.cursor <= number).values(values))
            forget_delivered(connection)

    def fail(self, name: str, error: str) -> None:
        """An attempt failed."""
        with self._writing() as connection:
            values = {"failures": destinations.c.failures + 1, "connected": False, "error": error[:500]}
            connection.execute(update(destinations).where(destinations.c.name == name).values(values))

    def refuse(self, name: str, number: int, event: Event, why: str) -> None:
        """Put an event aside that a destination will not take, until somebody has put right why; once, though it may be sent again."""
        body = encode(event)
        row = {"severity": int(event.severity), "kind": str(event.kind), "why": why[:500], "body": body}
        with self._writing() as connection:
            there = connection.execute(select(*_REFUSED).where(refused.c.destination == name)).one()
            if connection.execute(select(refused.c.id).where(refused.c.destination == name, refused.c.number == number)).first():
                return
            if there.rows < _MOST_REFUSED and there.octets + len(body) <= _MOST_REFUSED_OCTETS:
                connection.execute(insert(refused).values(destination=name, number=number, **row))
            else:
                one_more = destinations.c.dropped + 1
                connection.execute(update(destinations).where(destinations.c.name == name).values(dropped=one_more))

    def refused(self, name: str) -> list[tuple[int, Event]]:
        """What was put aside, with a number each."""
        with self._reading() as connection:
            return _events(connection.execute(select(refused).where(refused.c.destination == name).order_by(refused.c.id)).all())

    def accept(self, numbers: Sequence[int]) -> None:
        """What had been put aside has been taken now."""
        with self._writing() as connection:
            for portion in chunks(numbers):
                connection.execute(delete(refused).where(refused.c.id.in_(portion)))

    def nudge(self, name: str) -> None:
        """Ask to try now, and once more what was refused."""
        with self._writing() as connection:
            self._row(connection, name)
            connection.execute(update(destinations).where(destinations.c.name == name).values(nudged=True))

    def take_nudge(self, name: str) -> bool:
        """Has somebody asked to try now? Once."""
        with self._reading() as connection:
            if not self._row(connection, name).nudged:
                return False
        with self._writing() as connection:
            connection.execute(update(destinations).where(destinations.c.name == name).values(nudged=False))
        return True

    def figures(self) -> dict[str, int]:
        """What a heartbeat tells of the database."""
        with self._reading() as connection:
            bodies = [decode_body(body) for body in connection.execute(select(runs.c.body)).scalars()]
            counted = (assets, true()), (alerts, alerts.c.status == "open"), (outbox, true())
            numbers = [connection.execute(select(func.count()).select_from(table).where(which)).scalar_one() for table, which in counted]
            dropped = connection.execute(select(func.coalesce(func.sum(destinations.c.dropped), 0))).scalar_one()
        seen = {name: sum(int(body.get(name, 0)) for body in bodies) for name in ("packets", "octets")}
        lost = sum(int(body.get("counters", {}).get("lost_segments", 0)) for body in bodies)
        waiting = dict(zip(("assets", "alerts_open", "waiting"), numbers, strict=True))
        return {**seen, "lost_segments": lost, **waiting, "dropped": int(dropped)}

    def tell(self, events: Sequence[Event]) -> None:
        """Let events wait that come from no save."""
        with self._writing() as connection:
            if is_wanted(connection):
                put(connection, events)

    @staticmethod
    def _row(connection: Connection, name: str) -> Row[Any]:
        row = connection.execute(select(destinations).where(destinations.c.name == name)).first()
        if row is None:
            raise StoreError(f"no destination {name} is known to the database (otoscope exports lists them)")
        return row

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with errors(self._where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with errors(self._where), writing(self._engine) as connection:
            yield connection


def _events(rows: Sequence[Any]) -> list[tuple[int, Event]]:
    """With their numbers; one that a damaged disk has made unreadable holds nobody up."""
    found = []
    for row in rows:
        with suppress(ValueError):
            found.append((row.id, decode(row.body)))
    return found


def _state(connection: Connection, row: Row[Any], clock: int) -> ExportState:
    waits = (outbox.c.id > row.cursor) & wanted_by(row.kinds, row.least)
    waiting, oldest = connection.execute(select(func.count(), func.min(outbox.c.clock)).select_from(outbox).where(waits)).one()
    put_aside = connection.execute(select(func.count()).select_from(refused).where(refused.c.destination == row.name)).scalar_one()
    return ExportState(
        name=row.name,
        url=row.url,
        waiting=waiting,
        lag_seconds=float(clock - oldest) if waiting else 0.0,
        sent=row.sent,
        dropped=row.dropped,
        refused=put_aside,
        failures=row.failures,
        connected=row.connected,
        last_error=row.error,
    )
