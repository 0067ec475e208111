"""The shape of a form."""

from collections.abc import Callable
from dataclasses import dataclass

from sensor.events import Event, Sensor

Write = Callable[[Event, Sensor, int], str]
"""An event as one line without its end, no longer than so many octets of UTF-8."""


@dataclass(frozen=True, slots=True)
class Form:
    """How an event is written.

    name: in settings. about: for whom. header: the syslog header that is usual with it: "rfc3164", "rfc5424" or "none".
    limit: octets of a line with its header. tag: what stands between a header of RFC 3164 and the line; without one, receivers take the
    first word of the line for it.
    """

    name: str
    about: str
    write: Write
    header: str = "none"
    limit: int = 1_000_000
    tag: str = ""
