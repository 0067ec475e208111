"""Times of the week, in a time zone: when a conduit is open, when work is expected, when a rule watches."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hours of days of the week.

    days: "monday" and so on; every day where none is given. hours: "22:00-06:00", all day where it is empty; those after midnight belong
    to the day before. timezone: "Europe/Vienna".

    Raises ValueError where one of these is none.
    """

    days: tuple[str, ...] = ()
    hours: str = ""
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if wrong := sorted(set(self.days) - set(DAYS)):
            raise ValueError(f"{wrong[0]!r} is none of {', '.join(DAYS)}")
        try:
            _hours(self.hours)
        except ValueError as error:
            raise ValueError(f"{self.hours!r}: hours are written 22:00-06:00") from error
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"{self.timezone!r} is no time zone, as Europe/Vienna is") from error

    def holds(self, nanoseconds: int) -> bool:
        """Does a moment, nanoseconds since the epoch, lie in it?"""
        moment = datetime.fromtimestamp(nanoseconds // _SECOND, UTC).astimezone(ZoneInfo(self.timezone))
        start, end = _hours(self.hours)
        clock, day = moment.time(), moment.weekday()
        if start < end:
            inside = start <= clock < end
        else:
            inside = clock >= start or clock < end
            day = (day - 1) % 7 if clock < end and start != end else day
        return inside and (not self.days or DAYS[day] in self.days)


@lru_cache(maxsize=256)
def _hours(text: str) -> tuple[time, time]:
    if not text:
        return time(), time()
    start, _, end = text.partition("-")
    return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
