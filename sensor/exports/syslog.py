"""Syslog around what a form wrote: header, size and framing, so that the octets can go on the wire as they are."""

import re
import time

from sensor.events import Event, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.forms._text import SYSLOG_SEVERITIES, ip_version, milliseconds, moment

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME_LENGTH = 255
_DATAGRAM = 65_000
"""Octets: UDP carries no more."""


def message(event: Event, sensor: Sensor, destination: Destination) -> bytes:
    """The octets that tell this destination of an event: its form, its header, no longer than the form allows, its framing.

    A datagram needs no framing.
    """
    form = FORMS[destination.form]
    datagram = destination.scheme == "udp"
    kind = destination.header or form.header
    head = header(event, sensor, kind, destination.facility) + (form.tag if kind == "rfc3164" else "")
    limit = min(form.limit, _DATAGRAM) if datagram else form.limit
    line = (head + form.write(event, sensor, limit - len(head))).encode()
    if datagram:
        return line
    return b"%d %b" % (len(line), line) if destination.framing == "octet" else line + b"\n"


def header(event: Event, sensor: Sensor, kind: str, facility: int) -> str:
    """What stands before the event, up to and with the space; ASCII.

    rfc3164: without a tag, for then CEF comes out right behind rsyslog and syslog-ng. rfc5424: no structured data, for agents mix it
    up with the message. none: nothing.
    """
    if kind == "none":
        return ""
    priority = facility * 8 + SYSLOG_SEVERITIES[event.severity]
    host = host_name(sensor)
    now = time.gmtime(moment(event.at) // 1_000_000_000)
    if kind == "rfc3164":
        return f"<{priority}>{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {time.strftime('%H:%M:%S', now)} {host} "
    at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', now)}.{milliseconds(event.at) % 1000:03}Z"
    return f"<{priority}>1 {at} {host} otoscope - {event.kind} - "


def host_name(sensor: Sensor) -> str:
    """The sensor's name as a header can have it: never empty and never an IPv6 address, at which rsyslog stumbles."""
    for name in (sensor.name, sensor.id):
        legal = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_NAME_LENGTH].strip("-._")
        if legal and ip_version(name.strip("[] ")) != 6:
            return legal
    return "otoscope"
