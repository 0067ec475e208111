"""The log of the service: a line for each thing, for people or as JSON, and no line a thousand times."""

import logging
import sys
import time
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog

from sensor.words import plain

_BURST = 10
_PER = 60.0
"""So many lines of one kind in so many seconds; the others are counted, and told with the next one."""
_KINDS = 1000


def set_up(level: str, form: Literal["text", "json"]) -> structlog.typing.FilteringBoundLogger:
    """The log, on standard error, where systemd's journal takes it up."""
    show: structlog.typing.Processor = structlog.processors.JSONRenderer() if form == "json" else _as_text
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            Limited(),
            *([structlog.processors.TimeStamper(fmt="iso", utc=True)] if form == "json" else []),
            show,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


class _Unfailing:
    """A file to write to for which the sensor does not end: the journal may be gone, or its disk full."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Or not."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._file.write(text)

    def flush(self) -> None:
        """Or not."""
        with suppress(OSError, ValueError):
            self._file.flush()


class Limited:
    """Lets the first lines of a kind (its event and what it is about) through, then counts them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def __call__(self, _logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
        """Structlog's processor."""
        kind = (entry.get("event"), entry.get("destination"), entry.get("interface"))
        now = time.monotonic()
        began, number = self._seen.get(kind, (now, 0))
        if now - began > _PER:
            if number > _BURST:
                entry["left_out"] = number - _BURST
            began, number = now, 0
        if len(self._seen) >= _KINDS:
            self._seen.clear()
        self._seen[kind] = (began, number + 1)
        if number >= _BURST:
            raise structlog.DropEvent
        return entry


def _as_text(_logger: object, _method: str, entry: structlog.typing.EventDict) -> str:
    level, event = entry.pop("level"), entry.pop("event")
    more = " ".join(f"{name}={plain(str(value))}" for name, value in entry.items())
    return f"{level}: {event}{f' ({more})' if more else ''}"
