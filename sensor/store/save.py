"""Writing what has changed: one transaction, and no write for a row that says what it said."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress, islice
from operator import is_not
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Dialect, Row, Table, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from sensor.knowledge import Knowledge
from sensor.store.encoding import address_key, decode, digest, encode, storable
from sensor.store.history import keep_history
from sensor.store.kinds import ALERTS, ASSETS, Kind, row_of
from sensor.store.merge import Body
from sensor.store.people import reopen, stand_as_before
from sensor.store.tables import addresses, alerts, contributions, words

_CHUNK = 1000
_REMEMBERED = 20_000
"""Of what other runs say of one kind of thing: some ten megabytes."""

Key = TypeVar("Key")


@dataclass(slots=True)
class Memory:
    """What the database holds of one kind for this run, by digest; and what this process has told it.

    shared: keys of what other runs saw too. others: what those say of some of them together. told: stamps and keys by name.
    observed: the engine's rows as they were.
    """

    digests: dict[str, bytes] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    others: dict[str, bytes] = field(default_factory=dict)
    told: dict[object, tuple[object, str]] = field(default_factory=dict)
    observed: dict[int, object] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What a save has to do for one kind, and what is to be remembered once it is done.

    renamed: a row has another key than before, as more is known of what tells it from others.
    """

    kind: Kind
    rows: dict[str, tuple[Body, bytes]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    renamed: bool = False
    digests: dict[str, bytes] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    told: dict[object, tuple[object, str]] = field(default_factory=dict)
    forgotten: list[object] = field(default_factory=list)
    observed: dict[int, object] = field(default_factory=dict)

    def remember(self, memory: Memory) -> None:
        """The transaction is done."""
        for key in self.gone:
            memory.digests.pop(key, None)
        for name in self.forgotten:
            memory.told.pop(name, None)
        memory.digests |= self.digests
        memory.shared |= self.shared
        memory.told |= self.told
        memory.observed = self.observed


def forget_dropped(connection: Connection, kind: Kind, memory: Memory, run: int) -> None:
    """What is neither in the database any more nor said by this process need not be remembered."""
    needed = load(connection, kind, run).digests.keys() | {key for _, key in memory.told.values()}
    memory.digests = {key: value for key, value in memory.digests.items() if key in needed}
    memory.shared &= memory.digests.keys()
    memory.others = {key: said for key, said in memory.others.items() if key in memory.digests}


def load(connection: Connection, kind: Kind, run: int) -> Memory:
    """What the database holds for this run."""
    table = kind.table
    own = select(table.c.key, table.c.digest).where(table.c.run == run, table.c.shared.is_(False))
    other = select(contributions.c.key, contributions.c.digest).where(contributions.c.kind == kind.name, contributions.c.run == run)
    shared = {row.key: row.digest for row in connection.execute(other)}
    return Memory({row.key: row.digest for row in connection.execute(own)} | shared, set(shared))


def changes(kind: Kind, known: Knowledge, memory: Memory, *, complete: bool, closely: bool) -> Change:
    """What has changed since the last save.

    complete: what is not there any more is not true any more. closely: look at everything, not only at rows that the engine changed.
    """
    change = Change(kind, observed=dict(kind.observed(known)) if kind.observed else {})
    told, digests = memory.told, memory.digests
    number = 0
    for name, stamp, subject in kind.sources(known, None if closely else _touched(change.observed, memory)):
        number += 1
        before = told.get(name)
        if before is not None and before[0] == stamp:
            continue
        key, body = kind.tell(subject)
        octets = encode(body)
        if before is not None and before[1] != key:
            change.gone.add(before[1])
            change.renamed = True
        change.told[name] = (stamp, key)
        value = digest(octets)
        if digests.get(key) != value:
            change.rows[key] = (body, octets)
            change.digests[key] = value
    if _is_less(change, memory, number):
        _find_gone(change, kind, known, memory, complete=complete)
    change.gone -= change.rows.keys()
    return change


def _touched(now: dict[int, object], memory: Memory) -> Iterator[int] | None:
    """Ids of rows that the engine has changed: of a hundred thousand, in the time that a loop takes for some thousand."""
    return compress(now, map(is_not, now.values(), map(memory.observed.get, now))) if memory.observed else None


def _is_less(change: Change, memory: Memory, number: int) -> bool:
    """Is something gone that was told before, by this process or another?"""
    if not memory.told:
        return True
    new = sum(name not in memory.told for name in change.told)
    if change.observed and memory.observed:
        return memory.observed.keys() - change.observed.keys() != set()
    return number != len(memory.told) + new


def _find_gone(change: Change, kind: Kind, known: Knowledge, memory: Memory, *, complete: bool) -> None:
    """What this run once said and says no more; where not all is known any more, that is no news, but need not be remembered."""
    told = memory.told | change.told
    present = {name for name, _, _ in kind.sources(known, None)}
    change.forgotten = [name for name in memory.told if name not in present]
    if complete:
        change.gone |= memory.digests.keys() - {told[name][1] for name in present}


News = dict[str, bytes | None]
"""What a save did to the rows of one kind, by key: the bodies that were written, None for what is gone."""


def write(connection: Connection, change: Change, memory: Memory, run: int) -> News:
    """Write the rows that have changed, and take back what is gone."""
    kind, news = change.kind, News()
    for keys in chunks(change.rows):
        # Of what only this run saw nothing needs to be looked up, but where the old row tells something.
        looked_up = [key for key in keys if key not in memory.digests or key in memory.shared]
        stored = _stored(connection, kind, keys if kind.name in _LOOKED_AT else looked_up)
        shared = [key for key in looked_up if key in stored and (stored[key].shared or stored[key].run != run)]
        change.shared.update(shared)
        rows = [row_of(kind, key, *change.rows[key]) | {"run": run, "shared": False} for key in keys if key not in change.shared]
        if shared:
            told = {key: change.rows[key][1] for key in shared}
            _contribute(connection, kind, run, told)
            rows += _with_others(connection, kind, told, run, memory)
        _put(connection, kind, rows, stored)
        news |= {row["key"]: row["body"] for row in rows}
    for keys in chunks(change.gone):
        news |= _take_back(connection, kind, keys, run)
    return news


def _contribute(connection: Connection, kind: Kind, run: int, told: Mapping[str, bytes]) -> None:
    """Keep what this run says of things that other runs saw too; what the only one of them said is in the row until now."""
    columns = [kind.table.c[name] for name in ("key", "run", "digest", "body")]
    others = select(*columns).where(kind.table.c.key.in_(told), kind.table.c.shared.is_(False))
    rows = [{"kind": kind.name, **row} for row in connection.execute(others).mappings()]
    rows += [{"kind": kind.name, "key": key, "run": run, "digest": digest(body), "body": body} for key, body in told.items()]
    upsert(connection, contributions, rows)


def _merged(connection: Connection, kind: Kind, keys: Sequence[str], run: int) -> list[dict[str, Any]]:
    """The rows of things that several runs saw."""
    said = _together(connection, kind, (contributions.c.kind == kind.name, contributions.c.key.in_(keys)))
    return [row_of(kind, key, body, encode(body)) | {"run": run, "shared": True} for key, body in said.items()]


def _together(connection: Connection, kind: Kind, which: Sequence[ColumnElement[bool]]) -> dict[str, Body]:
    """What contributions say together, by key."""
    said: dict[str, list[Body]] = {}
    query = select(contributions.c.key, contributions.c.body).where(*which)
    for key, octets in connection.execute(query.order_by(contributions.c.run)):
        said.setdefault(key, []).append(decode(octets))
    return {key: kind.merge(sorted(bodies, key=lambda body: str(body["last"]))) for key, bodies in said.items()}


def _with_others(connection: Connection, kind: Kind, told: Mapping[str, bytes], run: int, memory: Memory) -> list[dict[str, Any]]:
    """The same where this run saw them last, as a sensor does: what the others say is put together once, however many they are."""
    if unknown := [key for key in told if key not in memory.others]:
        others = contributions.c.kind == kind.name, contributions.c.key.in_(unknown), contributions.c.run != run
        said = _together(connection, kind, others)
        memory.others |= dict(islice(((key, encode(body)) for key, body in said.items()), max(0, _REMEMBERED - len(memory.others))))
    rows, left = [], []
    for key, octets in told.items():
        before, body = decode(memory.others[key]) if key in memory.others else None, decode(octets)
        if before is None or str(before["last"]) > str(body["last"]):
            left.append(key)
        else:
            merged = kind.merge((before, body))
            rows.append(row_of(kind, key, merged, encode(merged)) | {"run": run, "shared": True})
    return rows + (_merged(connection, kind, left, run) if left else [])


def _put(connection: Connection, kind: Kind, rows: list[dict[str, Any]], stored: Mapping[str, Row[Any]]) -> None:
    upsert(connection, kind.table, rows)
    if kind is ASSETS:
        _keep_addresses(connection, rows, stored)
        keep_history(connection, rows, stored)
    elif kind is ALERTS:
        again = [row["key"] for row in rows if (old := stored.get(row["key"])) and old.status == "closed" and row["last"] > old.closed_last]
        reopen(connection, again)
        stand_as_before(connection, [row for row in rows if row["key"] not in stored])


def _take_back(connection: Connection, kind: Kind, keys: Sequence[str], run: int) -> News:
    """This run does not say it any more. What other runs say stays, and so does an alert that people have dealt with."""
    connection.execute(
        delete(contributions).where(contributions.c.kind == kind.name, contributions.c.run == run, contributions.c.key.in_(keys))
    )
    table = kind.table
    only = delete(table).where(table.c.key.in_(keys), table.c.run == run, table.c.shared.is_(False))
    connection.execute(only.where(alerts.c.touched.is_(False)) if kind is ALERTS else only)
    stored = {key: row for key, row in _stored(connection, kind, keys).items() if row.shared}
    rows = _merged(connection, kind, list(stored), run) if stored else []
    _put(connection, kind, rows, stored)
    if unsaid := sorted(stored.keys() - {row["key"] for row in rows}):
        connection.execute(delete(table).where(table.c.key.in_(unsaid)))
    left = set(connection.execute(select(table.c.key).where(table.c.key.in_(keys))).scalars())
    return {row["key"]: row["body"] for row in rows} | {key: None for key in keys if key not in left}


_LOOKED_AT = {ASSETS.name: ("body",), ALERTS.name: ("status", "closed_last")}
"""What of the rows that are there is compared with the new ones."""


def _stored(connection: Connection, kind: Kind, keys: Sequence[str]) -> dict[str, Row[Any]]:
    columns = [kind.table.c[name] for name in ("key", "run", "shared", *_LOOKED_AT.get(kind.name, ()))]
    return {row.key: row for row in connection.execute(select(*columns).where(columns[0].in_(keys)))}


def _keep_addresses(connection: Connection, rows: Sequence[Mapping[str, Any]], stored: Mapping[str, Row[Any]]) -> None:
    """By which addresses an asset can be found."""
    found: list[dict[str, Any]] = []
    moved: list[str] = []
    for row in rows:
        key = row["key"]
        before = _addresses(stored[key].body) if key in stored else []
        if (after := _addresses(row["body"])) != before:
            moved += [key] if before else []
            found += [{"address_key": address, "asset": key} for address in after]
    if moved:
        connection.execute(delete(addresses).where(addresses.c.asset.in_(moved)))
    if found:
        connection.execute(insert(addresses), found)


def _addresses(octets: bytes) -> list[bytes]:
    body = decode(octets)
    return sorted({address_key(address) for address in (*body["ips"], *body["macs"])})


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those that are there; columns that the rows do not have stay as they are."""
    if rows:
        # Values are prepared here: SQLAlchemy takes longer for a row than the database does.
        statement = _upsert(connection.dialect, table, tuple(rows[0]))
        connection.exec_driver_sql(statement, [{name: _value(value) for name, value in row.items()} for row in rows])


@lru_cache(maxsize=64)
def _upsert(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    make: Callable[[Table], Any] = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in columns if name not in keys}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=values)
    return str(statement.compile(dialect=dialect, column_keys=columns))


def _value(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    return storable(words(value)) if isinstance(value, list) else value


def chunks(keys: Iterable[Key]) -> Iterator[list[Key]]:
    """Keys in portions that a statement takes."""
    left = iter(keys)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
