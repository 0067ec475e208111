"""Writing what has changed: one transaction, and no write for a row that says what it said."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from sensor.knowledge import Knowledge
from sensor.store.encoding import address_key, decode, digest, encode
from sensor.store.kinds import ALERTS, ASSETS, Body, Kind, row_of
from sensor.store.people import reopen
from sensor.store.tables import addresses, alerts, contributions, history

_CHUNK = 1000


@dataclass(slots=True)
class Memory:
    """What the database holds of one kind for this run, by digest; and the stamps of what this process has told it."""

    digests: dict[str, bytes] = field(default_factory=dict)
    told: dict[object, tuple[object, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """What a save has to do for one kind, and what is to be remembered once it is done."""

    kind: Kind
    rows: dict[str, tuple[Body, bytes]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    digests: dict[str, bytes] = field(default_factory=dict)
    told: dict[object, tuple[object, str]] = field(default_factory=dict)
    forgotten: list[object] = field(default_factory=list)

    def remember(self, memory: Memory) -> None:
        """The transaction is done."""
        for key in self.gone:
            memory.digests.pop(key, None)
        for name in self.forgotten:
            memory.told.pop(name, None)
        memory.digests |= self.digests
        memory.told |= self.told


def load(connection: Connection, kind: Kind, run: int) -> Memory:
    """What the database holds for this run."""
    table = kind.table
    own = select(table.c.key, table.c.digest).where(table.c.run == run, table.c.shared.is_(False))
    other = select(contributions.c.key, contributions.c.digest).where(contributions.c.kind == kind.name, contributions.c.run == run)
    return Memory({key: value for query in (own, other) for key, value in connection.execute(query)})


def changes(kind: Kind, known: Knowledge, memory: Memory, *, complete: bool) -> Change:
    """What has changed since the last save. complete: what is not there any more is not true any more."""
    change = Change(kind)
    told, digests = memory.told, memory.digests
    number = 0
    for number, (name, stamp, subject) in enumerate(kind.sources(known), start=1):  # noqa: B007  counted for below
        before = told.get(name)
        if before is not None and before[0] == stamp:
            continue
        key, body = kind.tell(subject)
        octets = encode(body)
        if before is not None and before[1] != key:
            change.gone.add(before[1])
        change.told[name] = (stamp, key)
        value = digest(octets)
        if digests.get(key) != value:
            change.rows[key] = (body, octets)
            change.digests[key] = value
    new = sum(name not in told for name in change.told)
    if complete and (not told or number != len(told) + new):
        _find_gone(change, kind, known, memory)
    change.gone -= change.rows.keys()
    return change


def _find_gone(change: Change, kind: Kind, known: Knowledge, memory: Memory) -> None:
    """What this run once said and says no more."""
    told = memory.told | change.told
    present = {name for name, _, _ in kind.sources(known)}
    change.forgotten = [name for name in memory.told if name not in present]
    change.gone |= memory.digests.keys() - {told[name][1] for name in present}


def write(connection: Connection, change: Change, run: int) -> None:
    """Write the rows that have changed, and take back what is gone."""
    kind = change.kind
    for keys in _chunks(change.rows):
        stored = _stored(connection, kind.table, keys)
        own = [key for key in keys if key not in stored or (stored[key].run == run and not stored[key].shared)]
        rows = [row_of(kind, key, *change.rows[key]) | {"run": run, "shared": False} for key in own]
        if shared := [key for key in keys if key not in set(own)]:
            _contribute(connection, kind, run, {key: change.rows[key][1] for key in shared}, stored)
            rows += _merged(connection, kind, shared, run)
        _put(connection, kind, rows, stored)
    for keys in _chunks(change.gone):
        _take_back(connection, kind, keys, run)


def _contribute(connection: Connection, kind: Kind, run: int, told: Mapping[str, bytes], stored: Mapping[str, Row[Any]]) -> None:
    """Keep what this run says of things that other runs saw too; what the only one of them said is in the row until now."""
    others = [row for row in (stored[key] for key in told) if not row.shared]
    rows = [{"kind": kind.name, "key": row.key, "run": row.run, "digest": row.digest, "body": row.body} for row in others]
    rows += [{"kind": kind.name, "key": key, "run": run, "digest": digest(body), "body": body} for key, body in told.items()]
    upsert(connection, contributions, rows)


def _merged(connection: Connection, kind: Kind, keys: Sequence[str], run: int) -> list[dict[str, Any]]:
    """The rows of things that several runs saw."""
    said: dict[str, list[Body]] = {}
    query = select(contributions.c.key, contributions.c.body).where(contributions.c.kind == kind.name, contributions.c.key.in_(keys))
    for key, octets in connection.execute(query.order_by(contributions.c.run)):
        said.setdefault(key, []).append(decode(octets))
    rows = []
    for key, bodies in said.items():
        body = kind.merge(sorted(bodies, key=lambda body: str(body["last"])))
        rows.append(row_of(kind, key, body, encode(body)) | {"run": run, "shared": True})
    return rows


def _put(connection: Connection, kind: Kind, rows: list[dict[str, Any]], stored: Mapping[str, Row[Any]]) -> None:
    upsert(connection, kind.table, rows)
    if kind is ASSETS:
        _keep_addresses(connection, rows, stored)
        _keep_history(connection, rows, stored)
    elif kind is ALERTS:
        again = [row["key"] for row in rows if (old := stored.get(row["key"])) and old.status == "closed" and row["last"] > old.closed_last]
        reopen(connection, again)


def _take_back(connection: Connection, kind: Kind, keys: Sequence[str], run: int) -> None:
    """This run does not say it any more. What other runs say stays, and so does an alert that people have dealt with."""
    connection.execute(
        delete(contributions).where(contributions.c.kind == kind.name, contributions.c.run == run, contributions.c.key.in_(keys))
    )
    table = kind.table
    only = delete(table).where(table.c.key.in_(keys), table.c.run == run, table.c.shared.is_(False))
    connection.execute(only.where(alerts.c.touched.is_(False)) if kind is ALERTS else only)
    stored = {key: row for key, row in _stored(connection, table, keys).items() if row.shared}
    rows = _merged(connection, kind, list(stored), run) if stored else []
    _put(connection, kind, rows, stored)
    if unsaid := sorted(stored.keys() - {row["key"] for row in rows}):
        connection.execute(delete(table).where(table.c.key.in_(unsaid)))


def _stored(connection: Connection, table: Table, keys: Sequence[str]) -> dict[str, Row[Any]]:
    return {row.key: row for row in connection.execute(select(table).where(table.c.key.in_(keys)))}


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


_NO_HISTORY = frozenset(
    {"type_confidence", "level_confidence", "level_settled", "level_because", "level_against", "never_queried"}
    | {"id", "first", "last", "addresses", "evidence"}
)


def _keep_history(connection: Connection, rows: Sequence[Mapping[str, Any]], stored: Mapping[str, Row[Any]]) -> None:
    """What of an asset changed, when, and why."""
    found = []
    for row in rows:
        if (old := stored.get(row["key"])) is None:
            continue
        before, after = decode(old.body), decode(row["body"])
        changed = [what for what in after.keys() - _NO_HISTORY if before.get(what) != after[what]]
        found += [_changed(row, what, before.get(what), after) for what in changed]
    if found:
        connection.execute(insert(history), sorted(found, key=lambda row: (row["asset"], row["what"])))


def _changed(row: Mapping[str, Any], what: str, old: object, after: Body) -> dict[str, Any]:
    evidence = (after["evidence"].get("level" if what == "zone" else what) or {}).get("evidence") or [{}]
    because = evidence[0].get("because")
    return {"asset": row["key"], "at": row["last"], "what": what, "old": _text(old), "new": _text(after[what]), "because": because}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those that are there; columns that the rows do not have stay as they are."""
    if not rows:
        return
    make: Callable[[Table], Any] = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
