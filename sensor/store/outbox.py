"""The outbox: events wait in it until every destination has them. What is put in is put in by the transaction that writes what it tells.

It is bounded. Where a destination is away for longer than there is room, the oldest of the least severe events go first: that is counted,
and it is an alert. Their age is told by a clock of the outbox's own, which a step of the wall clock does not move.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from sensor.detections.model import Alert, Engine, Severity
from sensor.events import Change, Event, Kind, encode
from sensor.findings import alert_row
from sensor.store import encoding
from sensor.store.save import upsert
from sensor.store.tables import alerts, destinations, meta, outbox, runs
from sensor.telling import alert_event

_DAY = 86_400
_ROOM = 0.9
"""Where it is full it is emptied to this share of what it may hold, so that not every event drops another."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_OWN_RUN = "otoscope itself"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait: megabytes of events, and for how many days."""

    megabytes: float = 256
    days: float = 30


def is_wanted(connection: Connection) -> bool:
    """Does anybody want to be told?"""
    return connection.execute(select(destinations.c.name).limit(1)).scalar() is not None


def put(connection: Connection, events: Sequence[Event]) -> None:
    """Let events wait, in this order."""
    if not events:
        return
    clock = read_clock(connection)
    for start in range(0, len(events), 1000):
        rows = [_row(event, clock) for event in events[start : start + 1000]]
        connection.execute(insert(outbox), rows)
        _weigh(connection, sum(row["octets"] for row in rows))
    keep_within_bounds(connection, clock)


def _row(event: Event, clock: int) -> dict[str, Any]:
    body = encode(event)
    return {"clock": clock, "kind": str(event.kind), "severity": int(event.severity), "octets": len(body), "body": body}


def wanted_by(kinds: Sequence[str], least: int) -> ColumnElement[bool]:
    """The rows that a destination gets."""
    found = [str(Kind.ALERT), str(Kind.INCIDENT)]
    other = outbox.c.kind.in_([kind for kind in kinds if kind not in found])
    return or_(other, and_(outbox.c.kind.in_([kind for kind in kinds if kind in found]), outbox.c.severity >= least))


def forget_delivered(connection: Connection) -> None:
    """Drop what every destination has."""
    everywhere = connection.execute(select(func.min(destinations.c.cursor))).scalar()
    if everywhere is not None:
        _drop(connection, outbox.c.id <= everywhere)


def set_bounds(connection: Connection, bounds: Bounds) -> None:
    """What holds from now on."""
    if _read(connection, "outbox_bounds") != asdict(bounds):
        _write(connection, "outbox_bounds", asdict(bounds))


def size(connection: Connection) -> int:
    """Octets of what waits."""
    return int(_read(connection, "outbox_octets").get("octets", 0))


def keep_within_bounds(connection: Connection, clock: int) -> None:
    """Drop what is too old, then the oldest of the least severe until there is room again; counted, and told as an alert."""
    bounds = Bounds(**_read(connection, "outbox_bounds"))
    oldest = connection.execute(select(outbox.c.clock).order_by(outbox.c.id).limit(1)).scalar()
    old = clock - round(bounds.days * _DAY)
    dropped = _give_up(connection, outbox.c.clock < old) if oldest is not None and oldest < old else 0
    most = bounds.megabytes * 1_000_000
    if size(connection) > most:
        while (excess := size(connection) - most * _ROOM) > 0:
            dropped += _give_up(connection, outbox.c.id.in_(_least(connection, excess)))
    if dropped:
        _raise_own(connection, dropped)


def _least(connection: Connection, excess: float) -> list[int]:
    """The oldest of the least severe, until they make that many octets."""
    chosen = []
    for row in connection.execute(select(outbox.c.id, outbox.c.octets).order_by(outbox.c.severity, outbox.c.id).limit(500)).all():
        if excess <= 0:
            break
        chosen.append(row.id)
        excess -= row.octets
    return chosen


def _give_up(connection: Connection, which: ColumnElement[bool]) -> int:
    """Drop events that somebody still waits for; how many were."""
    lost = 0
    for row in connection.execute(select(destinations)).all():
        waiting = and_(which, outbox.c.id > row.cursor, wanted_by(row.kinds, row.least))
        if number := connection.execute(select(func.count()).select_from(outbox).where(waiting)).scalar_one():
            connection.execute(update(destinations).where(destinations.c.name == row.name).values(dropped=destinations.c.dropped + number))
            lost = max(lost, number)
    _drop(connection, which)
    return lost


def _drop(connection: Connection, which: ColumnElement[bool]) -> None:
    octets = connection.execute(select(func.sum(outbox.c.octets)).where(which)).scalar()
    if octets is not None:
        connection.execute(delete(outbox).where(which))
        _weigh(connection, -int(octets))


def _raise_own(connection: Connection, dropped: int) -> None:
    """The alert about ourselves; one a day, counted. It is told like others, after what had to give way for it."""
    now = time.time_ns()
    today = now // (_DAY * 1_000_000_000) * _DAY * 1_000_000_000
    alert = Alert(
        id=encoding.natural_key("ot.sensor.export_dropped", today),
        rule="ot.sensor.export_dropped",
        title="Events for Other Systems Dropped",
        engine=Engine.OPERATIONAL,
        severity=Severity.HIGH,
        message="",
        first=now,
        last=now,
        count=dropped,
    )
    old = connection.execute(select(alerts.c.body).where(alerts.c.key == alert.id)).scalar()
    row: dict[str, Any] = {**alert_row(alert)}
    if old is not None:
        before = encoding.decode(old)
        row |= {"first": before["first"], "count": before["count"] + dropped}
    text = f"{row['count']:,} events were dropped, as a destination did not take them for too long: see otoscope exports"
    row["message"] = text
    _keep_own(connection, alert, row)
    change = Change.RAISED if old is None else Change.COUNTED
    rows = [_row(alert_event(row, {}, change, now), read_clock(connection))]
    connection.execute(insert(outbox), rows)
    _weigh(connection, rows[0]["octets"])


def _keep_own(connection: Connection, alert: Alert, row: dict[str, Any]) -> None:
    run = connection.execute(select(runs.c.id).where(runs.c.name == _OWN_RUN)).scalar()
    if run is None:
        made = runs.insert().values(name=_OWN_RUN, parts=[], body=b"{}").returning(runs.c.id)
        run = connection.execute(made).scalar_one()
    body = encoding.encode(row)
    upsert(
        connection,
        alerts,
        [
            {
                "key": alert.id,
                "run": run,
                "shared": False,
                "digest": encoding.digest(body),
                "first": alert.first,
                "last": alert.last,
                "source_key": b"",
                "target_key": b"",
                "rule": alert.rule,
                "severity": int(alert.severity),
                "count": row["count"],
                "body": body,
            }
        ],
    )


def read_clock(connection: Connection, *, keep: bool = True) -> int:
    """Seconds that have passed for the outbox, and none for a step of the wall clock; of a restart of the machine a day at the most.

    keep: note it, as who puts something in has to.
    """
    known = _read(connection, "outbox_clock")
    boot, uptime, wall = _boot(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    passed = 0.0
    if known:
        passed = uptime - known["uptime"] if known["boot"] == boot else min(wall - known["wall"], _DAY)
    seconds = float(known.get("seconds", 0)) + max(passed, 0)
    if keep:
        _write(connection, "outbox_clock", {"boot": boot, "uptime": uptime, "wall": wall, "seconds": seconds})
    return int(seconds)


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _weigh(connection: Connection, octets: int) -> None:
    _write(connection, "outbox_octets", {"octets": max(0, size(connection) + octets)})


def _read(connection: Connection, name: str) -> dict[str, Any]:
    value = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    return encoding.decode(value.encode()) if value else {}


def _write(connection: Connection, name: str, value: dict[str, Any]) -> None:
    upsert(connection, meta, [{"name": name, "value": encoding.encode(value).decode()}])
