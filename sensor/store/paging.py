"""The order of rows, and where a page of them begins: after the last row of the page before, whatever has come or gone since."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sqlalchemy import Column, ColumnElement, Float, Integer, LargeBinary, and_, false, or_

from sensor.errors import AskedError, CursorError
from sensor.store.kinds import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, VIOLATIONS, Kind
from sensor.store.tables import Wire

SORTS: Mapping[str, tuple[str, ...]] = {
    ASSETS.name: ("level", "address", "name", "type", "vendor", "zone", "first", "last"),
    CONVERSATIONS.name: ("packets", "octets", "client", "server", "protocol", "first", "last"),
    OPERATIONS.name: ("requests", "errors", "protocol", "intent", "first", "last"),
    VIOLATIONS.name: ("severity", "count", "rule", "first", "last"),
    ALERTS.name: ("severity", "count", "rule", "first", "last"),
    INCIDENTS.name: ("severity", "first", "last"),
}
"""By what the rows of a kind can be sorted."""

_USUAL: Mapping[str, tuple[str, ...]] = {
    ASSETS.name: ("level", "address"),
    CONVERSATIONS.name: ("-packets",),
    OPERATIONS.name: ("-last",),
}
_LARGEST = 2**63
_COLUMNS = {"address": "address_key", "client": "client_key", "server": "server_key"}


@dataclass(frozen=True, slots=True)
class _Part:
    """One column that rows are sorted by."""

    column: Column[Any]
    falling: bool

    @property
    def order(self) -> ColumnElement[Any]:
        return (self.column.desc() if self.falling else self.column.asc()).nulls_last()

    def is_at(self, value: object) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value

    def is_after(self, value: object) -> ColumnElement[bool]:
        if value is None:
            return false()
        beyond = self.column < value if self.falling else self.column > value
        return or_(beyond, self.column.is_(None)) if self.column.nullable else beyond


class Order:
    """How the rows of a kind are sorted. Raises AskedError where it cannot be sorted so."""

    def __init__(self, kind: Kind, sort: str | None) -> None:
        wanted = (sort,) if sort else _USUAL.get(kind.name, ("-severity", "-last"))
        self._parts = (*(_part(kind, name) for name in wanted), _Part(kind.table.c.key, falling=False))

    @property
    def clauses(self) -> list[ColumnElement[Any]]:
        """For ORDER BY."""
        return [part.order for part in self._parts]

    @property
    def columns(self) -> list[Column[Any]]:
        """What a cursor is made of."""
        return [part.column for part in self._parts]

    def cursor(self, values: Sequence[Any]) -> str:
        """A text that stands for a row's place, from its values of `columns`."""
        told = [value.hex() if isinstance(value, bytes) else value for value in values]
        return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")

    def after(self, cursor: str) -> ColumnElement[bool]:
        """Rows behind that place. Raises CursorError where it is none."""
        values = self._read(cursor)
        before: list[ColumnElement[bool]] = []
        found: list[ColumnElement[bool]] = []
        for part, value in zip(self._parts, values, strict=True):
            found.append(and_(*before, part.is_after(value)))
            before.append(part.is_at(value))
        return or_(*found)

    def _read(self, cursor: str) -> list[Any]:
        try:
            told = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
            return [_value(part.column, value) for part, value in zip(self._parts, told, strict=True)]
        except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise CursorError("the cursor is none of an answer to the same question") from error


def _value(column: Column[Any], value: object) -> object:
    """What a cursor says of a column. Raises ValueError where that cannot be."""
    kind = column.type
    if value is None and column.nullable:
        return None
    if isinstance(kind, LargeBinary) and isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(kind, Float) and isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    if isinstance(kind, Integer) and type(value) is int and abs(value) < _LARGEST:
        return value
    if isinstance(kind, Wire) and isinstance(value, str):
        return value
    raise ValueError


def _part(kind: Kind, sort: str) -> _Part:
    name = sort.removeprefix("-")
    if name not in SORTS[kind.name]:
        raise AskedError(f"{kind.name} cannot be sorted by {name}; by {', '.join(SORTS[kind.name])} they can, with - for the largest first")
    return _Part(kind.table.c[_COLUMNS.get(name, name)], sort.startswith("-"))
