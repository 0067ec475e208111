"""What has changed in observations since they were last looked at: the engine replaces a row that goes on, it never changes one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from operator import is_not
from typing import Generic, TypeVar

Row = TypeVar("Row")
Key = TypeVar("Key")


class Reordered(Exception):  # noqa: N818 - nothing is wrong, but what is known is of no use any more
    """Rows are in another order than before."""


@dataclass(frozen=True, slots=True)
class Changed(Generic[Row]):
    """Rows by their ids. now: those that are new or replaced. before: what was replaced, and what is gone."""

    now: Mapping[int, Row]
    before: Mapping[int, Row]

    def __bool__(self) -> bool:
        return bool(self.now or self.before)

    @property
    def gone(self) -> Iterable[int]:
        """Ids of rows that are there no more."""
        return self.before.keys() - self.now.keys()

    @property
    def comes_or_goes(self) -> bool:
        """Is it more than rows that go on?"""
        return self.now.keys() != self.before.keys()


class Watched(Generic[Row]):
    """Rows of one kind as they were when they were last looked at. places: their order, by id."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self._ids: list[int] = []
        self._rows: list[Row] = []
        self._next = 0

    def look(self, rows: Mapping[int, Row]) -> Changed[Row]:
        """What has changed. Raises Reordered where rows have changed their order, as the engine never does."""
        ids, values = list(rows), list(rows.values())
        before: dict[int, Row] = {}
        if ids[: len(self._ids)] != self._ids:
            before = {number: row for number, row in zip(self._ids, self._rows, strict=True) if number not in rows}
            stayed = [(number, row) for number, row in zip(self._ids, self._rows, strict=True) if number not in before]
            self._ids, self._rows = [number for number, _ in stayed], [row for _, row in stayed]
            if ids[: len(self._ids)] != self._ids:
                raise Reordered
        known = len(self._ids)
        replaced = list(compress(range(known), map(is_not, values, self._rows)))
        now = {ids[place]: values[place] for place in replaced}
        before |= {ids[place]: self._rows[place] for place in replaced}
        for number in ids[known:]:
            self.places[number] = self._next
            self._next += 1
        for number in before.keys() - now.keys():
            del self.places[number]
        now.update(zip(ids[known:], values[known:], strict=True))
        self._ids, self._rows = ids, values
        return Changed(now, before)


class Groups(Generic[Key, Row]):
    """Things that belong together, each group in the order of their places."""

    def __init__(self) -> None:
        self._groups: dict[Key, dict[int, Row]] = {}

    def put(self, key: Key, place: int, row: Row) -> None:
        """Add a thing, or replace what was at its place."""
        group = self._groups.setdefault(key, {})
        if place not in group and group and next(reversed(group)) > place:
            group[place] = row
            self._groups[key] = dict(sorted(group.items()))
        else:
            group[place] = row

    def drop(self, key: Key, place: int) -> None:
        """Take a thing away, where it is there."""
        group = self._groups.get(key)
        if group is not None:
            group.pop(place, None)
            if not group:
                del self._groups[key]

    def of(self, key: Key) -> tuple[Row, ...]:
        """The things of a group, in order."""
        group = self._groups.get(key)
        return tuple(group.values()) if group else ()
