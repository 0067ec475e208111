"""A database: what is kept of all runs."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, select

from sensor.knowledge import Knowledge
from sensor.observations import Observations
from sensor.store import overview, people, queries, traffic
from sensor.store.accounts import Accounts
from sensor.store.connect import connect, errors, name_of, writing
from sensor.store.continued import continued
from sensor.store.deliveries import Outbox
from sensor.store.explanation import Explanation, explain
from sensor.store.fold import fold_over
from sensor.store.generation import generation, next_generation
from sensor.store.kinds import KINDS, Kind
from sensor.store.merge import Body
from sensor.store.news import tell, tell_judged
from sensor.store.queries import Answer, Query
from sensor.store.retain import Retained, retain, size
from sensor.store.run import Run, number_of, row_of, run_of
from sensor.store.save import Change, Memory, changes, forget_dropped, load, upsert, write
from sensor.store.tables import baseline, runs
from sensor.store.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save wrote: rows by table, and rows that were taken back."""

    written: dict[str, int]
    removed: dict[str, int]


class Store:
    """An open database. Several processes may use the same one; of one process only one thread may save, while any may ask and judge.

    with Store.open("plant.db") as store:
        store.save(known, run_of(["monday.pcap"], known.statistics))
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where
        self._run: tuple[Run, int] | None = None
        self._generation = 0
        self._observations: Observations | None = None  # ids of rows are good within one
        self._memory: dict[str, Memory] = {}
        self._addresses: Mapping[Any, str] = {}
        self._same: dict[str, str] = {}

    @classmethod
    def open(cls, where: str | os.PathLike[str], *, create: bool = True, timeout: float = 30) -> Self:
        """Open a database by its path or URL ("postgresql://…"); ":memory:" is one that ends with the process.

        create: make it where it is not there. timeout: seconds to wait for another process that writes.
        Raises StoreError where it is no database, one of another program, or one of a newer Otoscope.
        """
        engine = connect(where, create=create, timeout=timeout)
        return cls(engine, name_of(engine))

    @classmethod
    def look(cls, where: str | os.PathLike[str], *, timeout: float = 30) -> Self:
        """Open a database to look at it: it is neither made nor brought up to date.

        Raises UnreadyStoreError where that would be necessary, and StoreError as `open` does.
        """
        engine = connect(where, create=False, timeout=timeout, update=False)
        return cls(engine, name_of(engine))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close it; what was saved is saved."""
        with errors(self._where):
            self._engine.dispose()

    @property
    def outbox(self) -> Outbox:
        """What is told to others."""
        return Outbox(self._engine, self._where)

    @property
    def accounts(self) -> Accounts:
        """Who may use the console."""
        return Accounts(self._engine, self._where)

    def overview(self) -> overview.Overview:
        """It in a few figures."""
        with self._reading() as connection:
            return overview.overview(connection)

    def stamp(self) -> str:
        """A text that is another one when something was saved or said."""
        with self._reading() as connection:
            return overview.stamp(connection)

    def begin(self, run: Run) -> None:
        """Look up what is known of a run, so that its first save need not."""
        with self._reading() as connection:
            self._generation = generation(connection)
            number = connection.execute(select(runs.c.id).where(runs.c.name == run.name)).scalar()
            if number is not None:
                self._recall(connection, run, number)

    def save(self, known: Knowledge, run: Run | None = None) -> Saved:
        """Keep what is known now, in one transaction: rows that have changed since the last save of this run are written, no others.

        run: which recording it was concluded from; the default tells it by its times and counts.
        Raises StoreError; then nothing of it is kept, and the next save tries again.
        """
        run = run or run_of((), known.statistics)
        try:
            with errors(self._where), writing(self._engine) as connection:
                number = self._enter(connection, known, run)
                known = continued(connection, known, number, self._same)
                found = self._changes(known)
                news = {change.kind.name: write(connection, change, self._memory[change.kind.name], number) for change in found}
                tell(connection, news, (known.statistics.last if known.statistics else None) or 0)
                done = next_generation(connection) if any(change.rows or change.gone for change in found) else self._generation
        except BaseException:
            self._run = None
            raise
        self._generation = done
        self._addresses = known.resolution.by_address
        for change in found:
            change.remember(self._memory[change.kind.name])
        return _saved(found)

    @property
    def alert_ids(self) -> Mapping[str, str]:
        """Under which id each alert of the last save is kept: where it goes on with one of an earlier run, that one's."""
        return self._same

    def find(self, kind: Kind, query: Query) -> Answer:
        """Rows that a query asks for."""
        with self._reading() as connection:
            return queries.find(connection, kind, query)

    def each(self, kind: Kind, query: Query) -> Generator[Body, None, None]:
        """The same rows one by one, for what has no room for all of them; all from one moment. To be closed before the database is."""
        with self._reading() as connection:
            yield from queries.each(connection, kind, query)

    def traffic(self, query: Query) -> Traffic:
        """Who asks whom for what, in the conversations that a query asks for; and all assets."""
        with self._reading() as connection:
            return traffic.traffic(connection, query)

    def names(self, ids: Iterable[str | None]) -> dict[str, str]:
        """What assets are called, by id."""
        with self._reading() as connection:
            return queries.names(connection, {name for name in ids if name})

    def open_alerts(self) -> set[str]:
        """Ids of alerts that nobody has dealt with."""
        with self._reading() as connection:
            return people.open_alerts(connection)

    def alert_id(self, beginning: str) -> str:
        """The id of the one alert whose id begins so."""
        with self._reading() as connection:
            return people.named(connection, beginning)[0]

    def judge(self, alert: str, action: str, comment: str = "", who: str | None = None) -> dict[str, Any]:
        """Learn, mute, close, open or comment an alert, by its id or the beginning of it; logged with the name of who did it."""
        with errors(self._where), writing(self._engine) as connection:
            judged = people.judge(connection, alert, action, comment, who)
            if judged["was"] != judged["is"]:
                tell_judged(connection, judged["id"], f"{judged['is']} by {who or people.user()}{f': {comment}' if comment else ''}")
            return judged

    def assign(self, alert: str, assignee: str | None, who: str | None = None) -> None:
        """Say who deals with an alert; logged."""
        with errors(self._where), writing(self._engine) as connection:
            people.assign(connection, alert, assignee, who)

    def audit(self, subject: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Who did what to what, and when; the latest last, of which at most so many."""
        with self._reading() as connection:
            return queries.audit_log(connection, subject, limit)

    def history(self, asset: str) -> list[dict[str, Any]]:
        """What of an asset changed, when, and why; the latest last."""
        with self._reading() as connection:
            return queries.history_of(connection, asset)

    def explain(self, text: str, *, nearest: bool = False) -> Explanation:
        """Everything that is known of an asset, by id, address or name."""
        with self._reading() as connection:
            return explain(connection, text, nearest=nearest)

    def baseline(self) -> bytes | None:
        """The baseline as it was accepted last."""
        with self._reading() as connection:
            return connection.execute(select(baseline.c.body).where(baseline.c.name == "accepted")).scalar()

    def accept_baseline(self, content: bytes, comment: str = "", who: str | None = None) -> None:
        """Keep a baseline; logged."""
        with errors(self._where), writing(self._engine) as connection:
            upsert(connection, baseline, [{"name": "accepted", "body": content}])
            people.log(connection, "accept", "baseline", comment, who)

    def retain(
        self,
        *,
        days: float | None = None,
        megabytes: float | None = None,
        now: int | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Retained:
        """Drop what is older than `days` before the latest that was seen, then the oldest until the database is no larger than that.

        now: in nanoseconds; what seems to be later was seen by a clock that was ahead. The default is what the clock says.
        An alert that is open stays, and so does an asset, up to 100,000 of each, and while there is anything else to be dropped.
        meanwhile: called after each portion, of which there may be many.
        """
        with errors(self._where):
            if self._run is not None and self._run[0].series:
                fold_over(self._engine, self._run[0].series, self._run[1])
            now = time.time_ns() if now is None else now
            done = retain(self._engine, days=days, megabytes=megabytes, now=now, meanwhile=meanwhile)
        if self._run is not None:
            with self._reading() as connection:
                for kind in KINDS:
                    if kind.name in done.dropped:
                        forget_dropped(connection, kind, self._memory[kind.name], self._run[1])
        return done

    def octets(self) -> int:
        """How much it takes."""
        with errors(self._where):
            return size(self._engine)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with errors(self._where), self._engine.connect() as connection:
            yield connection

    def _enter(self, connection: Connection, known: Knowledge, run: Run) -> int:
        """The number of the run, whose digests are in memory then."""
        now = generation(connection)
        same = self._run is not None and self._run[0].name == run.name and self._observations is known.observations
        if not same or self._generation != now:
            self._recall(connection, run, number_of(connection, run))
            self._observations = known.observations
        assert self._run is not None  # noqa: S101  just recalled
        self._generation = now
        row = row_of(run, known)
        stored = connection.execute(select(runs).where(runs.c.id == self._run[1])).one()
        if any(getattr(stored, name) != value for name, value in row.items()):
            connection.execute(runs.update().where(runs.c.id == stored.id).values(row))
        return self._run[1]

    def _changes(self, known: Knowledge) -> list[Change]:
        """What has changed of every kind since the last save."""
        complete = not _evicted(known)
        # An address may belong to another asset than before although nothing was heard from it.
        closely = known.resolution.by_address != self._addresses
        found: list[Change] = []
        for kind in KINDS:
            found.append(changes(kind, known, self._memory[kind.name], complete=complete, closely=closely))
            closely = closely or found[-1].renamed
        return found

    def _recall(self, connection: Connection, run: Run, number: int) -> None:
        self._same = {}
        self._memory = {kind.name: load(connection, kind, number) for kind in KINDS}
        self._run = (run, number)


def _evicted(known: Knowledge) -> bool:
    """Did a full table drop rows? Then what is not there any more may still be true."""
    counters = known.statistics.counters if known.statistics else {}
    return any(number for name, number in counters.items() if name.startswith("evicted_"))


def _saved(found: Iterable[Change]) -> Saved:
    written = {change.kind.name: len(change.rows) for change in found if change.rows}
    return Saved(written, {change.kind.name: len(change.gone) for change in found if change.gone})
