"""Times as text."""

import time
from functools import lru_cache

_NANOSECONDS = 1_000_000_000


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, to the nanosecond."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
