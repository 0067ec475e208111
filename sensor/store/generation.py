"""A number that counts what is written, by which another process learns that what it remembers does not hold any more."""

import re

from sqlalchemy import Connection, select

from sensor.store.save import upsert
from sensor.store.tables import meta


def generation(connection: Connection) -> int:
    """What it is now, whoever wrote it."""
    value = connection.execute(select(meta.c.value).where(meta.c.name == "generation")).scalar() or ""
    return int(value) if re.fullmatch("[0-9]{1,18}", value) else 0


def next_generation(connection: Connection, before: int = 0) -> int:
    """Count on, from no less than it was before."""
    number = max(before, generation(connection)) + 1
    upsert(connection, meta, [{"name": "generation", "value": str(number)}])
    return number
