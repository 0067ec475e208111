"""Alerts that go on from one run to the next: a sensor that was started again goes on with the alert that it had raised before."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, or_, select

from sensor.detections.model import Alert
from sensor.detections.run import QUIET
from sensor.knowledge import Knowledge
from sensor.store.encoding import key_of
from sensor.store.save import chunks
from sensor.store.tables import alerts


def continued(connection: Connection, known: Knowledge, run: int, same: dict[str, str]) -> Knowledge:
    """The knowledge with its alerts under the ids of those of other runs that they go on with.

    same: what was found until now, by the id that the run gives, which is added to.
    """
    for gone in same.keys() - {alert.id for alert in known.alerts}:
        del same[gone]
    unknown = [alert for alert in known.alerts if alert.id not in same]
    for portion in chunks(unknown):
        same |= _found(connection, portion, run)
    if all(same[alert.id] == alert.id for alert in known.alerts):
        return known
    told = tuple(replace(alert, id=same[alert.id]) for alert in known.alerts)
    incidents = tuple(replace(row, alerts=tuple(same.get(alert, alert) for alert in row.alerts)) for row in known.incidents)
    return replace(known, alerts=told, incidents=incidents)


def _found(connection: Connection, new: Iterable[Alert], run: int) -> dict[str, str]:
    """By id the id to go on with, its own where there is none."""
    things = {alert.thing for alert in new} - {""}
    keys = [key_of(alert.id) for alert in new]
    own = set(connection.execute(select(alerts.c.key).where(alerts.c.key.in_(keys))).scalars())
    columns = (alerts.c.key, alerts.c.thing, alerts.c.first, alerts.c.last)
    others = select(*columns).where(alerts.c.thing.in_(things), or_(alerts.c.run != run, alerts.c.shared)).order_by(alerts.c.last)
    rows = connection.execute(others).all()
    found = {}
    for alert in new:
        near = [row.key for row in rows if row.thing == alert.thing and row.first - QUIET <= alert.last and alert.first <= row.last + QUIET]
        found[alert.id] = near[-1] if near and key_of(alert.id) not in own else alert.id
    return found
