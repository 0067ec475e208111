"""Evidence of alerts that a running sensor raises: taken as soon as they are, and once more when what came after is there."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from sensor.detections.model import Alert
from sensor.errors import OtoscopeError
from sensor.evidence.folder import Folder
from sensor.evidence.wanted import bounded, wanted
from sensor.frames import Frame, Wanted
from sensor.settings.evidence import EvidenceSettings

_AT_ONCE = 32
"""Alerts whose frames are looked for together, once a second."""
_SECONDS = 0.2
"""Of each second, that writing may take; what is not written by then is looked for again in the next one."""
_WAITING = 1000
"""Alerts that wait at the most: after that many more what they are about has left the memory."""
_LAST_SECONDS = 5.0
"""That the end of the service may be delayed."""
_NEVER = 2**63
_LATE = 1_500_000_000
"""Nanoseconds that a frame may be on its way from the wire to the memory."""

RESULTS = ("kept", "not_found", "left_out", "failed")
"""What becomes of an alert's evidence: `not_found` where no frame of it is in memory any more."""


class FrameSource(Protocol):
    """Where frames are found."""

    def frames(self, wanted: Sequence[Wanted]) -> list[list[Frame]]:
        """Those of each that is wanted."""


class Taker:
    """Takes it: what may cost is bounded, and what goes wrong is said and counted, and harms nothing."""

    def __init__(self, settings: EvidenceSettings, folder: Folder, source: FrameSource, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._folder = folder
        self._source = source
        self._log = log
        self._seen: set[str] = set()
        self._waiting: list[tuple[str, Alert]] = []
        self._again: deque[tuple[int, str, Alert]] = deque()
        self._counted: Counter[str] = Counter()
        self._is_failing = False

    @property
    def counted(self) -> Mapping[str, int]:
        """How many alerts there were of each of RESULTS."""
        return {result: self._counted[result] for result in RESULTS}

    def note(self, alerts: Iterable[Alert], ids: Mapping[str, str]) -> None:
        """Alerts as they are now: of those that are new evidence is to be taken, of the most severe first.

        ids: under which they are kept, where that is another than their own.
        """
        now = {alert.id: alert for alert in alerts}
        new = [(ids.get(key, key), alert) for key, alert in now.items() if key not in self._seen]
        self._seen = set(now)
        if not new:
            return
        waiting = sorted(self._waiting + new, key=lambda entry: (-entry[1].severity, entry[1].first))
        self._waiting, too_many = waiting[:_WAITING], waiting[_WAITING:]
        if too_many:
            self._counted["left_out"] += len(too_many)
            self._log.warning("too many alerts at once: of some there is no evidence", alerts=len(too_many))

    def take(self) -> None:
        """What is due, a bounded part of it."""
        self._take(time.time_ns())

    def finish(self) -> None:
        """All of it, as far as it goes in a few seconds: nothing more comes after it."""
        until = time.monotonic() + _LAST_SECONDS
        while (self._waiting or self._again) and time.monotonic() < until:
            self._take(_NEVER)

    def _take(self, now: int) -> None:
        due = [self._again.popleft()[1:] for _ in range(_AT_ONCE) if self._again and self._again[0][0] <= now]
        room = _AT_ONCE - len(due)
        new, self._waiting = self._waiting[:room], self._waiting[room:]
        is_done = False
        with self._failing():
            new = [entry for entry in new if not self._folder.has(entry[0])]
            self._keep([*due, *new], len(due), now)
            is_done = True
        if not is_done:
            self._counted["failed"] += len(new)

    def tidy(self) -> None:
        """Remove what is too old or too much."""
        with self._failing():
            if removed := self._folder.tidy():
                self._log.info("removed old evidence", alerts=removed)

    def _keep(self, entries: Sequence[tuple[str, Alert]], known: int, now: int) -> None:
        """The first `known` of these for the second time."""
        asked = [wanted(alert, self._settings) for _, alert in entries]
        found = iter(self._source.frames([one for each in asked for one in each]) if any(asked) else ())
        until = time.monotonic() + _SECONDS
        for number, ((key, alert), each) in enumerate(zip(entries, asked, strict=True)):
            frames = [frame for _ in each for frame in next(found)]
            if number < known:
                with self._failing():
                    self._write(key, alert, frames)
                continue
            if time.monotonic() > until:
                self._waiting[:0] = entries[number:]
                return
            self._counted[self._first(key, alert, frames)] += 1
            after = alert.last + round(self._settings.seconds_after * 1e9) + _LATE
            if each and after > now and len(self._again) < _WAITING:
                self._again.append((after, key, alert))

    def _first(self, key: str, alert: Alert, frames: list[Frame]) -> str:
        """Take evidence for the first time; which of RESULTS that has."""
        if not frames:
            return "not_found"
        is_kept = False
        with self._failing():
            self._write(key, alert, frames)
            is_kept = True
        return "kept" if is_kept else "failed"

    def _write(self, key: str, alert: Alert, frames: list[Frame]) -> None:
        if frames:
            before = self._folder.read(key) if self._folder.has(key) else []
            self._folder.keep(key, bounded([*before, *frames], alert, self._settings))
            if self._is_failing:
                self._is_failing = False
                self._log.info("evidence can be kept again")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What goes wrong is said once, until it goes again."""
        try:
            yield
        except OtoscopeError as error:
            if not self._is_failing:
                self._is_failing = True
                self._log.error("evidence cannot be kept", reason=str(error))
