"""The alert about ourselves: what other systems were never told. One a day, counted up; it is kept and dealt with as others are."""

import time

from sqlalchemy import Connection, select

from sensor.detections.model import Alert, Engine, Severity
from sensor.findings import alert_row
from sensor.store.encoding import decode, encode, natural_key
from sensor.store.kinds import ALERTS
from sensor.store.merge import Body
from sensor.store.save import Change, Memory, News, write
from sensor.store.tables import alerts, runs

_RULE = "ot.sensor.export_dropped"
_DAY = 86_400 * 1_000_000_000
_RUN = "otoscope itself"


def count_dropped(connection: Connection, number: int) -> News:
    """So many more events were dropped."""
    now = time.time_ns()
    alert = Alert(
        id=natural_key(_RULE, now // _DAY * _DAY),
        rule=_RULE,
        title="Events for Other Systems Dropped",
        engine=Engine.OPERATIONAL,
        severity=Severity.HIGH,
        message="",
        first=now,
        last=now,
        count=number,
        thing=natural_key(_RULE),
    )
    row: Body = {**alert_row(alert)}
    old = connection.execute(select(alerts.c.body).where(alerts.c.key == alert.id)).scalar()
    if old is not None:
        before = decode(old)
        row |= {"first": before["first"], "count": before["count"] + number}
    row["message"] = f"{row['count']:,} events were dropped, as a destination did not take them for too long: see otoscope exports"
    return write(connection, Change(ALERTS, {alert.id: (row, encode(row))}), Memory(), _run(connection))


def _run(connection: Connection) -> int:
    number: int | None = connection.execute(select(runs.c.id).where(runs.c.name == _RUN)).scalar()
    if number is None:
        number = connection.execute(runs.insert().values(name=_RUN, parts=[], body=b"{}").returning(runs.c.id)).scalar_one()
    return number
