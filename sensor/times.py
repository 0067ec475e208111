"""Times as text."""

import time
from datetime import UTC, datetime
from functools import lru_cache

_NANOSECONDS = 1_000_000_000


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, to the nanosecond."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def nanoseconds(timestamp: str) -> int:
    """The reverse: RFC 3339 in UTC, with a fraction of nine digits. Raises ValueError."""
    return _seconds(timestamp[:19]) * _NANOSECONDS + int(timestamp[20:29])


@lru_cache(maxsize=4096)
def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
