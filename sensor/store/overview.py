"""A database in a few figures: assets by level, alerts by severity, and when what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from sensor.detections.model import Severity
from sensor.store.encoding import decode
from sensor.store.generation import generation
from sensor.store.merge import Body
from sensor.store.people import STATUSES
from sensor.store.tables import alerts, assets, audit, conversations, incidents, runs, violations

_DEVICES = assets.c.parent.is_(None)
_JUDGEMENTS = (*STATUSES, "comment", "assign", "reopen", "accept")
_DAY = 86_400 * 1_000_000_000
BUCKETS = 48
"""Into so many equal parts the time is cut that a timeline shows."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the time that was seen; nanoseconds since 1970. alerts: by severity. assets: seen for the first time."""

    first: int
    last: int
    alerts: Mapping[Severity, int]
    assets: int


@dataclass(frozen=True, slots=True)
class Overview:
    """levels, types, zones: devices, without their parts. open: open alerts by severity. first, last: times of what was seen.

    unidentified: devices whose vendor was not told. silent: those not heard for a day before the last packet.
    run: what is kept of the recording that was written last: packets, octets, counters.
    """

    levels: Mapping[float | None, int]
    types: Mapping[str, int]
    zones: Mapping[str | None, int]
    open: Mapping[Severity, int]
    incidents: int
    violations: int
    conversations: int
    unidentified: int
    silent: int
    first: int | None
    last: int | None
    timeline: tuple[Span, ...]
    run: Body
    stamp: str


def overview(connection: Connection) -> Overview:
    """All of it, from one moment."""
    first, last = connection.execute(select(func.min(runs.c.first), func.max(runs.c.last))).one()
    latest = connection.execute(select(runs.c.body).where(runs.c.last.is_not(None)).order_by(runs.c.last.desc(), runs.c.id.desc()).limit(1))
    run = latest.scalar()
    return Overview(
        levels=_counted(connection, assets.c.level, _DEVICES),
        types=_counted(connection, assets.c.type, _DEVICES),
        zones=_counted(connection, assets.c.zone, _DEVICES),
        open={Severity(value): number for value, number in _counted(connection, alerts.c.severity, alerts.c.status == "open").items()},
        incidents=_number(connection, incidents),
        violations=_number(connection, violations),
        conversations=_number(connection, conversations),
        unidentified=_number(connection, assets, _DEVICES, assets.c.vendor.is_(None)),
        silent=_number(connection, assets, _DEVICES, assets.c.last < (last or 0) - _DAY),
        first=first,
        last=last,
        timeline=_timeline(connection, first, last),
        run=decode(run) if run else {},
        stamp=stamp(connection),
    )


def stamp(connection: Connection) -> str:
    """A text that is another one when something was saved, or said of an alert."""
    said = select(audit.c.id).where(audit.c.what.in_(_JUDGEMENTS)).order_by(audit.c.id.desc()).limit(1)
    return f"{generation(connection)}.{connection.execute(said).scalar() or 0}"


def _counted(connection: Connection, column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> dict[Any, int]:
    rows = connection.execute(select(column, func.count()).where(*conditions).group_by(column))
    return {value: number for value, number in sorted(rows, key=lambda row: -row[1])}  # noqa: C416  rows are no pairs to mypy


def _number(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _timeline(connection: Connection, first: int | None, last: int | None) -> tuple[Span, ...]:
    if first is None or last is None or last <= first:
        return ()
    width = (last - first) // BUCKETS + 1
    place = (alerts.c.first - first) // width
    raised: dict[int, dict[Severity, int]] = {}
    for at, severity, number in connection.execute(select(place, alerts.c.severity, func.count()).group_by(place, alerts.c.severity)):
        raised.setdefault(int(at), {})[Severity(severity)] = number
    seen = {int(at): number for at, number in _counted(connection, (assets.c.first - first) // width, _DEVICES).items()}
    return tuple(
        Span(first + at * width, min(last, first + (at + 1) * width - 1), raised.get(at, {}), seen.get(at, 0)) for at in range(BUCKETS)
    )
