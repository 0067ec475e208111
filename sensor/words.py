"""Numbers and times in words."""

from datetime import UTC, datetime

_UNITS = ("octets", "kB", "MB", "GB", "TB", "PB", "EB")


def count(number: int, one: str, many: str | None = None) -> str:
    """`count(1, "packet")` is "1 packet", `count(1200, "packet")` "1,200 packets"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """A file's name or the like without what a terminal would obey: such characters are shown escaped."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def octets(number: int) -> str:
    """An amount of data: "98.2 MB", thousands to the step."""
    amount = float(number)
    for unit in _UNITS:
        if amount < 999.5 or unit == _UNITS[-1]:
            break
        amount /= 1000
    if number == 1:
        return "1 octet"
    return f"{number} octets" if unit == "octets" else f"{amount:.3g} {unit}"


def percent(part: int, whole: int) -> str:
    """A share: "12 %", "0.4 %", "under 0.1 %"."""
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 0.1:
        return "under 0.1 %"
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"


def duration(seconds: float) -> str:
    """A length of time by its two largest units: "2 h 5 min", "12.3 s", "4.1 ms"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount)


def period(first: str | None, last: str | None) -> str:
    """From when to when, for a headline; RFC 3339 in, UTC out."""
    if first is None or last is None:
        return "no packet with a time"
    start, end = _moment(first), _moment(last)
    length = duration(max((end - start).total_seconds(), 0.0))
    same_day = start.date() == end.date()
    until = f"{end:%H:%M:%S}" if same_day else f"{end:%Y-%m-%d %H:%M:%S}"
    return f"{length}, {start:%Y-%m-%d %H:%M:%S} to {until} UTC"


def _moment(timestamp: str) -> datetime:
    """To the microsecond, which is as fine as a datetime is."""
    return datetime.strptime(timestamp[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)
