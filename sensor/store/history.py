"""What of an asset changed, when, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert

from sensor.store.encoding import decode
from sensor.store.merge import NO_HISTORY, Body
from sensor.store.tables import history


def keep_history(connection: Connection, rows: Sequence[Mapping[str, Any]], stored: Mapping[str, Row[Any]]) -> None:
    """Note what of assets is another than in the rows that were there."""
    found = []
    for row in rows:
        if (old := stored.get(row["key"])) is None:
            continue
        before, after = decode(old.body), decode(row["body"])
        changed = [what for what in after.keys() - NO_HISTORY if before.get(what) != after[what]]
        found += [_changed(row, what, before.get(what), after) for what in changed]
    if found:
        connection.execute(insert(history), sorted(found, key=lambda row: (row["asset"], row["what"])))


def _changed(row: Mapping[str, Any], what: str, old: object, after: Body) -> dict[str, Any]:
    evidence = (after["evidence"].get("level" if what == "zone" else what) or {}).get("evidence") or [{}]
    because = evidence[0].get("because")
    return {"asset": row["key"], "at": row["last"], "what": what, "old": _text(old), "new": _text(after[what]), "because": because}


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
