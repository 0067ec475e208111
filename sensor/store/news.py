"""What of a save is told to others: it goes to the outbox in the transaction that writes the rows.

What is new is told at once; what goes on or changes again and again, when it is much worse or some time has passed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, or_, select, update

from sensor.events import Change, Event
from sensor.store import ourselves, outbox
from sensor.store.encoding import decode, encode, key_of
from sensor.store.merge import NO_HISTORY
from sensor.store.save import News, chunks, upsert
from sensor.store.tables import alerts, assets, incidents, told
from sensor.telling import alert_event, asset_event, incident_event
from sensor.times import nanoseconds

Body = Mapping[str, Any]

_MINUTE = 60 * 1_000_000_000
_SILENT = frozenset({"learned", "muted"})
"""An alert that stands so is not told when it goes on."""
_NOT_NEW = _SILENT | {"closed"}
"""An alert that stands so is not told as a new one."""
_NOT_KEPT = frozenset({"evidence", "addresses", "level_because", "level_against", "never_queried"})
"""What of an asset is not told."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind of thing is told.

    first, again, gone: what happened to it when it is told first, when it differs, and when it does not hold any more.
    differs: does its row say something else than the one that was told? urgent: so much that it is told at once?
    wait: nanoseconds of capture time before it is told again else.
    event: of its row, what happened, the rows of assets, the time, and the row that was told before.
    """

    table: Table
    first: Change
    again: Change
    gone: Change
    differs: Callable[[Body, Body], bool]
    urgent: Callable[[Body, Body], bool]
    wait: int
    event: Callable[[Body, Change, Mapping[str, Body], int, Body | None], Event]


def _alert(row: Body, change: Change, ends: Mapping[str, Body], at: int, _before: Body | None) -> Event:
    status = "closed" if change is Change.CLOSED else row["status"]
    reason = "what it rested on does not hold any more" if change is Change.CLOSED else ""
    return alert_event(row, ends, change, at, status=status, reason=reason)


def _incident(row: Body, change: Change, ends: Mapping[str, Body], at: int, _before: Body | None) -> Event:
    return incident_event(row, ends, change, at)


def _asset(row: Body, change: Change, _ends: Mapping[str, Body], at: int, before: Body | None) -> Event:
    return asset_event(row, change, at, _changes(before, row) if before and change is Change.CHANGED else None)


def _changes(before: Body, row: Body) -> dict[str, list[Any]]:
    return {name: [before.get(name), row[name]] for name in sorted(row.keys() - NO_HISTORY) if before.get(name) != row[name]}


def _is_worse(before: Body, row: Body) -> bool:
    return any(before[name] != row[name] for name in ("severity", "outcome", "status")) or row["count"] >= 2 * before["count"]


_ALERTS = Telling(
    alerts,
    Change.RAISED,
    Change.COUNTED,
    Change.CLOSED,
    lambda before, row: row["status"] not in _SILENT and (_is_worse(before, row) or row["count"] != before["count"]),
    _is_worse,
    60 * _MINUTE,
    _alert,
)
TELLINGS = (
    Telling(
        assets, Change.NEW, Change.CHANGED, Change.GONE, lambda *rows: bool(_changes(*rows)), lambda *_rows: False, 5 * _MINUTE, _asset
    ),
    _ALERTS,
    Telling(
        incidents,
        Change.RAISED,
        Change.COUNTED,
        Change.CLOSED,
        lambda before, row: (before["severity"], before["alerts"]) != (row["severity"], row["alerts"]),
        lambda before, row: before["severity"] != row["severity"],
        5 * _MINUTE,
        _incident,
    ),
)


def tell(connection: Connection, news: Mapping[str, News], now: int) -> None:
    """Put what a save has done into the outbox. now: the last that was captured, nanoseconds."""
    if outbox.is_wanted(connection):
        for telling in TELLINGS:
            _tell(connection, telling, news.get(telling.table.name, {}), now)


def tell_judged(connection: Connection, key: str, reason: str) -> None:
    """Put what a person has said of an alert into the outbox."""
    if not outbox.is_wanted(connection):
        return
    row = _rows(connection, alerts, [key])[key]
    change = Change.RAISED if row["status"] == "open" else Change.CLOSED
    event = alert_event(row, _ends(connection, [row]), change, time.time_ns(), status=row["status"], reason=reason)
    _remember(connection, alerts.name, {key: row})
    put(connection, [event])


def put(connection: Connection, events: Sequence[Event]) -> None:
    """Let events wait; where others have to give way for them, that is told too."""
    if dropped := outbox.put(connection, events):
        tell_loss(connection, ourselves.EVENTS, dropped)


def tell_loss(connection: Connection, loss: ourselves.Loss, number: int) -> None:
    """Count what is lost, and tell it as any alert that goes on; also where there is no room for it in the outbox."""
    news = ourselves.count(connection, loss, number)
    if outbox.is_wanted(connection):
        outbox.append(connection, _events(connection, _ALERTS, news, [], time.time_ns()))


def _tell(connection: Connection, telling: Telling, news: News, now: int) -> None:
    # Where a clock was ahead, some were to wait for a time that is far away now.
    late = or_(told.c.due <= now, told.c.due > now + telling.wait)
    due = connection.execute(select(told.c.key).where(told.c.kind == telling.table.name, late)).scalars().all()
    put(connection, _events(connection, telling, news, due, now))


def _events(connection: Connection, telling: Telling, news: News, due: Sequence[str], now: int) -> list[Event]:
    """What is told now of what a save did, and of what waited to be told; it is remembered as told."""
    name, at = telling.table.name, time.time_ns()
    rows = _rows(connection, telling.table, [*(key for key, body in news.items() if body is not None), *due])
    before = _told(connection, name, [*news, *due])
    found = {key: row for key, row in rows.items() if key not in before and row.get("status") not in _NOT_NEW}
    again = {key: _again(telling, before[key], row, now) for key, row in rows.items() if key in before}
    found |= {key: rows[key] for key, then in again.items() if then is not None and then <= now}
    gone = {key: old for key in news if (old := before.get(key)) and key not in rows}
    ends = _ends(connection, [*found.values(), *(old.row for old in gone.values())])
    events = [telling.event(old.row, telling.gone, ends, at, None) for old in gone.values()]
    for key, row in found.items():
        known = before.get(key)
        change = telling.first if known is None else telling.again
        events.append(telling.event(row, change, ends, at, known.row if known else None))
    _remember(connection, name, found)
    _put_off(connection, name, {key: then for key, then in again.items() if key not in found and then != before[key].due})
    for portion in chunks(gone):
        connection.execute(delete(told).where(told.c.kind == name, told.c.key.in_(portion)))
    return sorted(events, key=lambda event: (event.first, event.id))


@dataclass(frozen=True, slots=True)
class _Told:
    """What was told: when (in capture time), of which row, and when it is told again because it differs."""

    key: str
    at: int
    due: int | None
    row: dict[str, Any]


def _told(connection: Connection, name: str, keys: Iterable[str]) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for portion in chunks(keys):
        rows = connection.execute(select(told).where(told.c.kind == name, told.c.key.in_(portion)))
        found |= {row.key: _Told(row.key, row.at, row.due, decode(row.body)) for row in rows}
    return found


def _again(telling: Telling, old: _Told, row: Body, now: int) -> int | None:
    """When it is told again; None where it says what was told."""
    if not telling.differs(old.row, row):
        return None
    if telling.urgent(old.row, row):
        return now
    due = min(old.at, now) + telling.wait  # a clock that was ahead delays nothing
    return due if old.due is None else min(due, old.due)


def _put_off(connection: Connection, name: str, dues: Mapping[str, int | None]) -> None:
    """Note when they are told."""
    if dues:
        which = told.c.kind == name, told.c.key == bindparam("which")
        connection.execute(update(told).where(*which).values(due=bindparam("then")), [{"which": key, "then": dues[key]} for key in dues])


def _remember(connection: Connection, name: str, rows: Mapping[str, Body]) -> None:
    left_out = _NOT_KEPT if name == assets.name else frozenset()
    kept = {key: {field: value for field, value in row.items() if field not in left_out} for key, row in rows.items()}
    made = [{"kind": name, "key": key, "at": nanoseconds(row["last"]), "due": None, "body": encode(row)} for key, row in kept.items()]
    upsert(connection, told, made)


def _rows(connection: Connection, table: Table, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Rows as they are now, those of alerts with how they stand."""
    columns = [table.c.key, table.c.body, *([alerts.c.status] if table is alerts else [])]
    found: dict[str, dict[str, Any]] = {}
    for portion in chunks(keys):
        for row in connection.execute(select(*columns).where(table.c.key.in_(portion))):
            found[row.key] = {**decode(row.body), **({"status": row.status} if table is alerts else {})}
    return found


def _ends(connection: Connection, rows: Iterable[Body]) -> dict[str, Body]:
    """The rows of assets that others name, by their ids."""
    names = [name for row in rows for end in ("source", "target", "actor") if (name := row.get(end))]
    bodies = _rows(connection, assets, dict.fromkeys(map(key_of, names)))
    return {row["id"]: row for row in bodies.values()}
