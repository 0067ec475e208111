"""Times as text."""

import time
from datetime import datetime
from functools import lru_cache

_NANOSECONDS = 1_000_000_000


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, to the nanosecond."""
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    return f"{_second(seconds)}.{rest:09d}Z"


def nanoseconds(text: str) -> int:
    """The reverse: RFC 3339 as nanoseconds since the epoch; ValueError where it is none."""
    second, _, rest = text.removesuffix("Z").partition(".")
    fraction = int(f"{rest:0<9}"[:9]) if rest else 0
    return int(datetime.fromisoformat(second + "+00:00").timestamp()) * _NANOSECONDS + fraction


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
