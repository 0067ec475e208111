"""Rows of the transaction log wait until there are many or some minutes are over; then they become a part of their hour."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.compute as pc  # type: ignore[import-untyped] # it has no types

from sensor.transactions.parts import MOST_ROWS, SCATTERED, Place, append, place_of, retain

_MOST_WAITING = 2 * MOST_ROWS
"""Rows in memory, all hours together: some fifty megabytes."""
_MOST_PLACES = 64
"""Hours of protocols in memory."""
_MOST_AT_ONCE = 1000
"""Hours of protocols that rows which come together are sorted into; more have only captures that lie about their times."""
_HOURLY = 3600.0


class Waiting:
    """Rows in memory, by hour and protocol. What cannot be written is counted."""

    def __init__(
        self, folder: Path, minutes: float, retain_days: float | None, retain_megabytes: float | None, say: Callable[[str], None]
    ) -> None:
        self.written = 0
        """Rows that are on the disk."""
        self.lost = 0
        """Rows that could not be written."""
        self._folder = folder
        self._period = minutes * 60
        self._kept = (retain_days, retain_megabytes)
        self._say = say
        self._waiting: dict[Place, tuple[float, list[pa.Table]]] = {}
        self._failing = False
        self._retained = float("-inf")

    def add(self, rows: pa.Table) -> None:
        """Take rows in, and write what there are too many of."""
        now = time.monotonic()
        for place, some in _by_place(rows):
            self._waiting.setdefault(place, (now, []))[1].append(some)
        for place in [place for place in self._waiting if self._rows(place) >= MOST_ROWS]:
            self._write(place)
        while len(self._waiting) > _MOST_PLACES or sum(map(self._rows, self._waiting)) > _MOST_WAITING:
            self._write(max(self._waiting, key=self._rows), last_chance=True)

    def look(self) -> None:
        """Write what has waited long enough, and drop what is old."""
        now = time.monotonic()
        for place in [place for place, (began, _) in self._waiting.items() if now - began >= self._period]:
            self._write(place)
        self._retain(now)

    def end(self) -> None:
        """Write all that waits."""
        for place in list(self._waiting):
            self._write(place, last_chance=True)
        self._retain(float("inf"))

    def _rows(self, place: Place) -> int:
        return sum(rows.num_rows for rows in self._waiting[place][1])

    def _write(self, place: Place, *, last_chance: bool = False) -> None:
        """Write what waits for a place. Where that fails it waits on, unless there is no room for it."""
        count, (_, rows) = self._rows(place), self._waiting.pop(place)
        try:
            append(self._folder, place, pa.concat_tables(rows))
        except (OSError, pa.ArrowException) as error:
            if not self._failing:
                self._failing = True
                self._say(f"the transaction log cannot be written: {error}")
            if last_chance:
                self.lost += count
            else:
                self._waiting[place] = (time.monotonic(), rows)
        else:
            self.written += count
            if self._failing:
                self._failing = False
                self._say(f"the transaction log is written again; {self.lost:,} rows are missing")

    def _retain(self, now: float) -> None:
        """Once an hour, drop what is old."""
        days, megabytes = self._kept
        if now - self._retained < _HOURLY or (days is None and megabytes is None):
            return
        self._retained = now
        forever = float("inf")
        try:
            retain(self._folder, days=days or forever, megabytes=megabytes or forever, now=time.time())
        except OSError as error:
            self._say(f"what is old cannot be dropped from the transaction log: {error}")


def _by_place(rows: pa.Table) -> Iterator[tuple[Place, pa.Table]]:
    """The rows of each hour and protocol; they come in the order of both."""
    if not rows.num_rows:
        return
    services = rows["service"].combine_chunks()
    hours = pc.floor_temporal(rows["ts"].cast(pa.timestamp("ns")), unit="hour").cast(pa.int64()).combine_chunks()
    # An hour is far longer than there are protocols: their sum tells both.
    runs, start = pc.run_end_encode(pc.add(hours, services.indices.cast(pa.int64()))), 0
    for number, end in enumerate(runs.run_ends.to_pylist()):
        if number >= _MOST_AT_ONCE:
            yield from _scattered(rows.slice(start))
            return
        first = rows.slice(start, 1)
        yield place_of(first["service"][0].as_py(), first["ts"].cast(pa.int64())[0].as_py()), rows.slice(start, end - start)
        start = end


def _scattered(rows: pa.Table) -> Iterator[tuple[Place, pa.Table]]:
    for protocol in pc.unique(rows["service"]).to_pylist():
        yield Place(SCATTERED, "00", protocol), rows.filter(pc.equal(rows["service"], protocol))
