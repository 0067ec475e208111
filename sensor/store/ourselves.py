"""Alerts about ourselves: what is lost for want of room. One of a kind a day, counted up; they are kept and dealt with as others are."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, select

from sensor.detections.model import Alert, Engine, Severity
from sensor.findings import alert_row
from sensor.store.encoding import decode, encode, natural_key
from sensor.store.kinds import ALERTS
from sensor.store.merge import Body
from sensor.store.save import Change, Memory, News, write
from sensor.store.tables import alerts, runs

_DAY = 86_400 * 1_000_000_000
_RUN = "otoscope itself"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that may be lost; the message has a place for how often it was."""

    rule: str
    title: str
    message: str


EVENTS = Loss(
    "ot.sensor.export_dropped",
    "Events for Other Systems Dropped",
    "{:,} events were dropped, as a destination did not take them for too long: see otoscope exports",
)
FINDINGS = Loss(
    "ot.sensor.no_room",
    "Open Alerts or Assets Dropped",
    "{:,} open alerts and assets were dropped, as there was no room for them: deal with alerts, or raise retain_megabytes",
)


def count(connection: Connection, loss: Loss, number: int) -> News:
    """So many more were lost."""
    now = time.time_ns()
    alert = Alert(
        id=natural_key(loss.rule, now // _DAY * _DAY),
        rule=loss.rule,
        title=loss.title,
        engine=Engine.OPERATIONAL,
        severity=Severity.HIGH,
        message="",
        first=now,
        last=now,
        count=number,
        thing=natural_key(loss.rule),
    )
    row: Body = {**alert_row(alert)}
    old = connection.execute(select(alerts.c.body).where(alerts.c.key == alert.id)).scalar()
    if old is not None:
        before = decode(old)
        row |= {"first": before["first"], "count": before["count"] + number}
    row["message"] = loss.message.format(row["count"])
    return write(connection, Change(ALERTS, {alert.id: (row, encode(row))}), Memory(), _run(connection))


def _run(connection: Connection) -> int:
    number: int | None = connection.execute(select(runs.c.id).where(runs.c.name == _RUN)).scalar()
    if number is None:
        number = connection.execute(runs.insert().values(name=_RUN, parts=[], body=b"{}").returning(runs.c.id)).scalar_one()
    return number
