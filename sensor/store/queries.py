"""What can be asked of a database, answered in SQL: filters, order and paging."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, false, func, or_, select, type_coerce

from sensor.detections.model import Severity
from sensor.store.encoding import address_range, decode, key_of
from sensor.store.kinds import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, Kind
from sensor.store.merge import Body
from sensor.store.paging import Order
from sensor.store.save import chunks
from sensor.store.tables import Wire, addresses, assets, audit, conversations, history, operations

_LONGEST = 1000
"""Of a text that is looked for so much is enough; SQLite refuses patterns of 50,000 octets."""
_CHANGES = 1000
_TOGETHER = 500
"""So many rows are fetched at a time."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. Several values of one filter are alternatives; several filters hold all at once.

    text: in the name, host name or vendor of an asset, or its address. levels: "1", "3.5", "unknown". ip: an address, a subnet, a MAC or
    its beginning. severity: at least. since, until: seen in that time. statuses: of alerts. ids: of rows. sort: a column; with "-" before
    it the largest first. limit: at most so many rows; None is all. after: the cursor of the answer before.
    """

    ids: tuple[str, ...] = ()
    text: str | None = None
    levels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    vendor: str | None = None
    ip: str | None = None
    protocols: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    severity: str | None = None
    rules: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    sort: str | None = None
    limit: int | None = None
    offset: int = 0
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as the JSON outputs have them, and how many there are without the limit. cursor: where more of them begin, None at the end."""

    rows: list[Body]
    total: int
    cursor: str | None = None


def find(connection: Connection, kind: Kind, query: Query) -> Answer:
    """The rows of one kind that a query asks for."""
    wanted = conditions(kind, query)
    total: int = connection.execute(select(func.count()).select_from(kind.table).where(*wanted)).scalar_one()
    order = Order(kind, query.sort)
    rows, place = [], ""
    for row, values in _each(connection, kind, query, order):
        rows.append(row)
        place = order.cursor(values)
    return Answer(rows, total, place if len(rows) == query.limit else None)


def each(connection: Connection, kind: Kind, query: Query) -> Iterator[Body]:
    """The same rows one by one, of which few are in memory at a time."""
    return (row for row, _ in _each(connection, kind, query, Order(kind, query.sort)))


def _each(connection: Connection, kind: Kind, query: Query, order: Order) -> Iterator[tuple[Body, Sequence[Any]]]:
    """Rows, and their place in the order."""
    table = kind.table
    people = [table.c.status, table.c.assignee] if kind is ALERTS else []
    wanted = [*conditions(kind, query), *([order.after(query.after)] if query.after else [])]
    rows = select(table.c.body, *people, *order.columns).order_by(*order.clauses)
    if query.limit is None:
        rows = rows.where(*wanted).offset(query.offset)
    else:
        # Sorted by their keys: bodies, which are large, are fetched of one page only.
        page = select(table.c.key).where(*wanted).order_by(*order.clauses).limit(query.limit).offset(query.offset).subquery()
        rows = rows.join(page, page.c.key == table.c.key)
    for body, *more in connection.execute(rows, execution_options={"yield_per": _TOGETHER}):
        said = dict(zip(("status", "assignee"), more[: len(people)], strict=False))
        yield decode(body) | said, more[len(people) :]


Condition = ColumnElement[bool]


def conditions(kind: Kind, query: Query) -> list[Condition]:
    """What its rows have to fulfil."""
    table = kind.table
    wanted: list[Condition] = []
    if query.ids:
        wanted.append(table.c.key.in_([key_of(name) for name in query.ids]))
    if query.since is not None:
        wanted.append(table.c.last >= query.since)
    if query.until is not None:
        wanted.append(table.c.first <= query.until)
    if query.severity is not None:
        wanted.append(table.c.severity >= Severity[query.severity.upper()].value)
    for values, name in ((query.rules, "rule"), (query.statuses, "status")):
        if values:
            wanted.append(table.c[name].in_(values))
    return wanted + _of_place(kind, query) + _of_speech(kind, query)


def _of_speech(kind: Kind, query: Query) -> list[Condition]:
    """Protocols and intents."""
    wanted: list[Condition] = []
    if query.protocols:
        if kind is ASSETS:
            spoken = type_coerce(assets.c.protocols, Wire)
            wanted.append(or_(*(spoken.contains(f" {name} ", autoescape=True) for name in query.protocols)))
        else:
            wanted.append(kind.table.c.protocol.in_(query.protocols))
    if query.intents and kind is CONVERSATIONS:
        done = select(operations.c.conversation).where(operations.c.intent.in_(query.intents))
        wanted.append(conversations.c.key.in_(done))
    elif query.intents:
        wanted.append(kind.table.c.intent.in_(query.intents))
    return wanted


def _of_place(kind: Kind, query: Query) -> list[Condition]:
    """What holds of an asset; of what two assets do, of one of them."""
    of_asset = _of_asset(query)
    at = address_range(query.ip) if query.ip is not None else None
    if kind is ASSETS:
        if at:
            of_asset.append(assets.c.key.in_(select(addresses.c.asset).where(addresses.c.address_key.between(*at))))
        return of_asset
    if kind is OPERATIONS:
        inner = _of_place(CONVERSATIONS, query)
        return [operations.c.conversation.in_(select(conversations.c.key).where(*inner))] if inner else []
    if kind is INCIDENTS:
        return [kind.table.c.actor.in_(select(assets.c.key).where(*_of_place(ASSETS, query)))] if of_asset or at else []
    one, other = ("client", "server") if kind is CONVERSATIONS else ("source", "target")
    wanted: list[Condition] = []
    if of_asset:
        meant = select(assets.c.key).where(*of_asset)
        wanted.append(or_(kind.table.c[f"{one}_asset"].in_(meant), kind.table.c[f"{other}_asset"].in_(meant)))
    if at:
        wanted.append(or_(kind.table.c[f"{one}_key"].between(*at), kind.table.c[f"{other}_key"].between(*at)))
    return wanted


def _of_asset(query: Query) -> list[Condition]:
    wanted: list[Condition] = []
    if query.levels:
        known = [float(level) for level in query.levels if level != "unknown"]
        unknown = assets.c.level.is_(None) if "unknown" in query.levels else false()
        wanted.append(or_(assets.c.level.in_(known), unknown))
    if query.zones:
        wanted.append(assets.c.zone.in_(query.zones))
    if query.types:
        wanted.append(assets.c.type.in_(query.types))
    if query.text is not None:
        there = select(addresses.c.asset).where(addresses.c.address_key.between(*address_range(query.text)))
        told = (holds(column, query.text) for column in (assets.c.name, assets.c.hostname, assets.c.vendor))
        wanted.append(or_(*told, assets.c.key.in_(there)))
    if query.vendor is not None:
        wanted.append(holds(assets.c.vendor, query.vendor))
    return wanted


def is_text(column: ColumnElement[str | None], text: str) -> Condition:
    """It is this text, in whatever case."""
    return func.lower(column, type_=Wire()) == text.lower()


def holds(column: ColumnElement[str | None], text: str) -> Condition:
    """The text is part of it, in whatever case."""
    return func.lower(column, type_=Wire()).contains(text[:_LONGEST].lower(), autoescape=True)


def names(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """What assets are called, by id."""
    found: dict[str, str] = {}
    for portion in chunks({key_of(name): name for name in ids}):
        rows = connection.execute(select(assets.c.key, assets.c.name).where(assets.c.key.in_(portion)))
        found |= {key: name for key, name in rows}  # noqa: C416  rows are no pairs to mypy
    return found


def history_of(connection: Connection, asset: str) -> list[Body]:
    """What of an asset changed, the last thousand times; the latest last."""
    query = select(history).where(history.c.asset == key_of(asset)).order_by(history.c.at.desc(), history.c.id.desc()).limit(_CHANGES)
    rows = connection.execute(query).mappings().all()
    return [{name: row[name] for name in ("at", "what", "old", "new", "because")} for row in reversed(rows)]


def audit_log(connection: Connection, subject: str | None, limit: int | None = None) -> list[Body]:
    """Who did what; the latest last, of which at most so many."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == key_of(subject))
    rows = connection.execute(query).mappings().all()
    return [{name: row[name] for name in ("at", "who", "what", "subject", "comment")} for row in reversed(rows)]
