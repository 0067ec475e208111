"""What people say of alerts, and the log of it."""

import getpass
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sensor.errors import StoreError
from sensor.store.encoding import key_of
from sensor.store.tables import alerts, audit

STATUSES = {"learn": "learned", "mute": "muted", "close": "closed", "open": "open"}
"""What can be done with an alert, and how it stands then. One that is learned or muted stays so when it happens again, also after a quiet
time, when it is another alert; one that is closed is opened again."""
_LASTING = {"learned": "learn", "muted": "mute"}

OURSELVES = "otoscope"
_BEGINNING = 4
"""So many characters of an id are enough, where they are those of one alert only."""


def judge(connection: Connection, alert: str, action: str, comment: str, who: str | None) -> dict[str, Any]:
    """Learn, mute, close, open or comment an alert; what it was and is. Raises StoreError where there is none, or several begin so."""
    key, before, last = named(connection, alert)
    status = STATUSES.get(action, before)
    values = {"status": status, "touched": True, "closed_last": last if status == "closed" else None}
    connection.execute(update(alerts).where(alerts.c.key == key).values(values))
    log(connection, action, key, comment, who)
    return {"id": key, "was": before, "is": status}


def named(connection: Connection, alert: str) -> tuple[str, str, int]:
    """Key, status and last time of the alert with that id or beginning of one. Raises StoreError where there is none, or several."""
    rows = select(alerts.c.key, alerts.c.status, alerts.c.last)
    found = connection.execute(rows.where(alerts.c.key == key_of(alert))).all()
    if not found and len(alert) >= _BEGINNING:
        found = connection.execute(rows.where(alerts.c.key.startswith(alert, autoescape=True)).limit(2)).all()
    if not found:
        raise StoreError(f"there is no alert {alert} (otoscope alerts lists them with their ids)")
    if len(found) > 1:
        raise StoreError(f"several alerts begin with {alert}: write more of its id")
    [(key, status, last)] = found
    return key, status, last


def open_alerts(connection: Connection) -> set[str]:
    """Ids of alerts that nobody has dealt with."""
    return set(connection.execute(select(alerts.c.key).where(alerts.c.status == "open")).scalars())


def assign(connection: Connection, alert: str, assignee: str | None, who: str | None) -> None:
    """Say who deals with an alert."""
    connection.execute(update(alerts).where(alerts.c.key == key_of(alert)).values(assignee=assignee, touched=True))
    log(connection, "assign", key_of(alert), assignee or "", who)


def reopen(connection: Connection, keys: Sequence[str]) -> None:
    """Closed alerts that have happened again are open again."""
    if keys:
        connection.execute(update(alerts).where(alerts.c.key.in_(keys)).values(status="open", closed_last=None))
    for key in keys:
        log(connection, "reopen", key, "it happened again", OURSELVES)


def stand_as_before(connection: Connection, new: Sequence[Mapping[str, Any]]) -> None:
    """Rows of alerts that were not there stand as they did, where they had to give way, or as the last of the same thing did."""
    known = _as_logged(connection, new)
    things = {row["key"]: row["thing"] for row in new if row["thing"] and row["key"] not in known}
    if not things:
        return
    before = select(alerts.c.thing, alerts.c.status).where(alerts.c.thing.in_(set(things.values())), alerts.c.key.not_in(list(things)))
    stood: dict[str, str] = {row.thing: row.status for row in connection.execute(before.order_by(alerts.c.last))}
    for key, thing in things.items():
        if (status := stood.get(thing, "")) in _LASTING:
            connection.execute(update(alerts).where(alerts.c.key == key).values(status=status))
            log(connection, _LASTING[status], key, "as before", OURSELVES)


def _as_logged(connection: Connection, new: Sequence[Mapping[str, Any]]) -> set[str]:
    """Keys of those of which the log says how they stood last."""
    said = select(audit.c.subject, audit.c.what, audit.c.at).where(
        audit.c.subject.in_([row["key"] for row in new]), audit.c.what.in_([*STATUSES, "reopen"])
    )
    last = {entry.subject: entry for entry in connection.execute(said.order_by(audit.c.id))}
    for row in new:
        entry = last.get(row["key"])
        status = STATUSES.get(entry.what, "open") if entry else "open"
        # One that was closed has happened again where it happened after that.
        if entry and status != "open" and not (status == "closed" and row["last"] > entry.at):
            values = {"status": status, "touched": True, "closed_last": row["last"] if status == "closed" else None}
            connection.execute(update(alerts).where(alerts.c.key == row["key"]).values(values))
    return set(last)


def log(connection: Connection, what: str, subject: str, comment: str, who: str | None) -> None:
    """Write down who did what. Without a name it is whoever runs this process."""
    row = {"at": time.time_ns(), "who": who or user(), "what": what, "subject": subject, "comment": comment}
    connection.execute(insert(audit), [row])


def user() -> str:
    """The name of whoever runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
