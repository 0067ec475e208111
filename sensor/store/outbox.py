"""The outbox: events wait in it until every destination has them. What is put in is put in by the transaction that writes what it tells.

It is bounded. Where a destination is away for longer than there is room, the oldest of the least severe events go first: that is counted,
and it is an alert. Their age is told by a clock of the outbox's own, which a step of the wall clock does not move.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, true, update

from sensor.errors import StoreError
from sensor.events import Event, Kind, encode
from sensor.store import encoding
from sensor.store.save import upsert
from sensor.store.tables import destinations, meta, outbox

_DAY = 86_400
_ROOM = 0.9
"""Where it is full it is emptied to this share of what it may hold, so that not every event drops another."""
_SLACK = 3600
"""Seconds: where something is too old, so much younger ones go with it at the most, for the same reason."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOST_BOOTS = 16
_LATEST = 2**53

_Value = TypeVar("_Value")
_Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait: megabytes of events, and for how many days."""

    megabytes: Annotated[float, Field(gt=0, le=100_000)] = 256
    days: Annotated[float, Field(gt=0, le=3650)] = 30


@dataclass(frozen=True, slots=True)
class _Clock:
    """What the outbox's clock showed when a machine, since it was started, put something in last; and what its own clocks did."""

    seconds: Annotated[float, Field(ge=0, le=_LATEST)]
    uptime: _Finite
    wall: _Finite


_BOUNDS = TypeAdapter(Bounds)
_CLOCKS = TypeAdapter(dict[str, _Clock])
_OCTETS = TypeAdapter(dict[str, Annotated[int, Field(ge=0)]])


def is_wanted(connection: Connection) -> bool:
    """Does anybody want to be told?"""
    return connection.execute(select(destinations.c.name).limit(1)).scalar() is not None


def put(connection: Connection, events: Sequence[Event]) -> int:
    """Let events wait, in this order; how many had to give way for them that somebody waited for."""
    return _keep_within_bounds(connection, append(connection, events)) if events else 0


def append(connection: Connection, events: Sequence[Event]) -> int:
    """The same, also where there is no room for them; what the clock shows."""
    clock = read_clock(connection)
    for start in range(0, len(events), 1000):
        rows = [_row(event, clock) for event in events[start : start + 1000]]
        connection.execute(insert(outbox), rows)
        _weigh(connection, sum(row["octets"] for row in rows))
    return clock


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
    _write(connection, "outbox_bounds", asdict(bounds))


def size(connection: Connection) -> int:
    """Octets of what waits."""
    return _read(connection, "outbox_octets", _OCTETS).get("octets", 0)


def take_stock(connection: Connection) -> None:
    """Weigh what has come from elsewhere. Raises StoreError where its bounds or clocks are none: every save would fail."""
    _read(connection, "outbox_bounds", _BOUNDS)
    _read(connection, "outbox_clocks", _CLOCKS)
    connection.execute(update(outbox).values(octets=func.length(outbox.c.body)))
    _count_octets(connection)


def _count_octets(connection: Connection) -> None:
    octets = connection.execute(select(func.coalesce(func.sum(outbox.c.octets), 0))).scalar_one()
    _write(connection, "outbox_octets", {"octets": max(0, int(octets))})


def _keep_within_bounds(connection: Connection, clock: int) -> int:
    """Drop what is too old, then the oldest of the least severe until there is room again; how many were that somebody waited for."""
    bounds = _read(connection, "outbox_bounds", _BOUNDS)
    dropped = _drop_old(connection, clock, bounds.days * _DAY)
    most = bounds.megabytes * 1_000_000
    if size(connection) > most:
        while (excess := size(connection) - most * _ROOM) > 0:
            if not (chosen := _least(connection, excess)):
                _count_octets(connection)
                break
            dropped += _give_up(connection, outbox.c.id.in_(chosen))
    return dropped


def _drop_old(connection: Connection, clock: int, age: float) -> int:
    """Numbers and times go up together: what is not old need not be looked at."""
    oldest = connection.execute(select(outbox.c.clock).order_by(outbox.c.id).limit(1)).scalar()
    if oldest is None or oldest >= clock - age:
        return 0
    kept = outbox.c.clock >= round(clock - age + min(_SLACK, age * (1 - _ROOM)))
    first = connection.execute(select(outbox.c.id).where(kept).order_by(outbox.c.id).limit(1)).scalar()
    return _give_up(connection, true() if first is None else outbox.c.id < first)


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


def read_clock(connection: Connection, *, keep: bool = True) -> int:
    """Seconds that have passed for the outbox, and none for a step of the wall clock; of a restart of a machine a day at the most.

    Several machines may put events in, whose clocks differ: each is held against what its own clocks showed before.
    keep: note it, as who puts something in has to.
    """
    known = _read(connection, "outbox_clocks", _CLOCKS)
    boot, uptime, wall = _boot(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    seconds = max(clock.seconds for clock in known.values()) if known else float(_newest(connection))
    own = known.get(boot)
    if own is not None and own.uptime <= uptime:
        seconds = max(seconds, own.seconds + uptime - own.uptime)
    elif known:
        passed = wall - max(clock.wall for clock in known.values())
        seconds += min(max(passed, 0), _DAY)
    seconds = min(seconds, _LATEST)
    if keep:
        others = [(name, asdict(clock)) for name, clock in known.items() if name != boot][1 - _MOST_BOOTS :]
        _write(connection, "outbox_clocks", dict([*others, (boot, asdict(_Clock(seconds, uptime, wall)))]))
    return int(seconds)


def _newest(connection: Connection) -> int:
    return connection.execute(select(outbox.c.clock).order_by(outbox.c.id.desc()).limit(1)).scalar() or 0


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _weigh(connection: Connection, octets: int) -> None:
    _write(connection, "outbox_octets", {"octets": max(0, size(connection) + octets)})


def _read(connection: Connection, name: str, kind: TypeAdapter[_Value]) -> _Value:
    """What is noted, whoever wrote it; what there is by default where nothing is."""
    value = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    try:
        return kind.validate_json(value or "{}")
    except ValidationError as error:
        raise StoreError(f"damaged: {name} of the table meta: {error.errors()[0]['msg']}") from error


def _write(connection: Connection, name: str, value: dict[str, Any]) -> None:
    upsert(connection, meta, [{"name": name, "value": encoding.encode(value).decode()}])
