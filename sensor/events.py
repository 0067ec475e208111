"""What is told to others: one event, whatever the form it is written in and the way it takes.

An alert is told when it is raised, when it is counted up and when it is closed, always with the id of the alert; an asset when it is
new, changed or gone; the sensor tells how it is. An event is kept in the outbox as JSON until every destination has it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

from sensor.detections.model import Severity
from sensor.times import nanoseconds, timestamp

SCHEMA = "otoscope.event/1"
_LATEST = 2**63 - 1
_TIMES = ("at", "first", "last")


class Kind(StrEnum):
    """What an event is about."""

    ALERT = "alert"
    INCIDENT = "incident"
    ASSET = "asset"
    HEALTH = "health"


class Change(StrEnum):
    """What happened to what it is about."""

    RAISED = "raised"  # alerts and incidents
    COUNTED = "counted"  # it goes on, or is worse than it was
    CLOSED = "closed"  # by a person, or because it does not hold any more: the reason says which
    NEW = "new"  # assets
    CHANGED = "changed"
    GONE = "gone"
    REPORTED = "reported"  # health


CATEGORIES = ("Policy Violation", "Protocol Violation", "Malware", "Anomaly", "Operational", "Incident", "Inventory", "Health")
"""The five of Defender for IoT, and three of our own."""


@dataclass(frozen=True, slots=True)
class End:
    """One end: its address in the packets, and what is known of the asset there.

    port: None where it has none or it changes from connection to connection. zone: of the site file. level: Purdue. type: of device.
    """

    ip: str | None = None
    mac: str | None = None
    port: int | None = None
    hostname: str | None = None
    asset: str | None = None
    name: str | None = None
    type: str | None = None
    zone: str | None = None
    level: float | None = None

    def __bool__(self) -> bool:
        return bool(self.ip or self.mac or self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. Texts may come from the wire and hold anything; who writes them out makes them harmless.

    id: at most 40 characters, stable: an event that is sent twice has it twice. Of an alert or incident it is the alert's or incident's.
    type: `ot.group.what`, one for each kind of event. title: what happened, without data. category: one of CATEGORIES.
    at: nanoseconds since the epoch when the sensor wrote it, by its own clock. first, last: in capture time.
    message: one sentence. reason: why, short. outcome: attempted, accepted, rejected or none.
    operation, object, function: what was asked, of what, and the protocol's code of it, where it is one. confidence: 0 to 1.
    status: open, learned, muted, closed.
    details: of an asset its row (`sensor.findings.asset_row`) and under "changes" {field: [before, after]}; of an incident "alerts" (ids)
    and "actor"; of health figures by name.
    """

    id: str
    kind: Kind
    type: str
    title: str
    severity: Severity
    category: str
    change: Change
    at: int
    first: int
    last: int
    count: int = 1
    message: str = ""
    reason: str = ""
    source: End = End()
    target: End = End()
    protocol: str | None = None
    transport: str | None = None
    vlan: int | None = None
    operation: str | None = None
    object: str | None = None
    function: int | None = None
    outcome: str = "none"
    status: str = "open"
    techniques: tuple[str, ...] = ()
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """Who tells it.

    id: stable, "sns-4b7e21". name: the host name that stands in headers, with or without a domain. site: "" where nobody named it.
    domain: of the host, where the name is without it. address: its own IPv4 address, interface: where it listens, console: the beginning
    of links to its console; None where unknown.
    """

    id: str
    name: str
    version: str
    site: str = ""
    domain: str = ""
    address: str | None = None
    interface: str | None = None
    console: str | None = None

    @property
    def full_name(self) -> str:
        """The host name with its domain, as far as that is known."""
        return f"{self.name}.{self.domain}" if self.domain else self.name


_FIELDS = tuple(item.name for item in fields(Event))
_PARTS = frozenset(item.name for item in fields(End))


def row(event: Event) -> dict[str, Any]:
    """As JSON has it: the event's fields, times in RFC 3339, of the ends what is known."""
    made: dict[str, Any] = {"schema": SCHEMA}
    for name in _FIELDS:
        made[name] = getattr(event, name)
    made["severity"] = str(event.severity)
    for name in _TIMES:
        made[name] = timestamp(min(max(made[name], 0), _LATEST))
    for name in ("source", "target"):
        made[name] = {key: value for key, value in asdict(made[name]).items() if value is not None}
    return made


def to_json(value: Any) -> bytes:  # noqa: ANN401  whatever JSON can say
    """One line of JSON. What UTF-8 cannot say (halves of surrogate pairs) is "?", what is no number (NaN, infinity) is null."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        plain = json.loads(json.dumps(value, default=list), parse_constant=lambda _name: None)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def encode(event: Event) -> bytes:
    """As the outbox keeps it: one JSON object."""
    return to_json(row(event))


def decode(octets: bytes) -> Event:
    """An event that any version has encoded: what it does not know is left out, what is missing or null is as usual.

    Raises ValueError where that is no event.
    """
    found = orjson.loads(octets)
    try:
        known = {name: found[name] for name in _FIELDS if found.get(name) is not None}
        known |= {name: nanoseconds(known[name]) for name in _TIMES}
        known |= {name: _end(known.get(name) or {}) for name in ("source", "target")}
        known |= {name: tuple(known.get(name) or ()) for name in ("techniques", "evidence")}
        known |= {"kind": Kind(known["kind"]), "change": Change(known["change"]), "severity": Severity[known["severity"].upper()]}
        return Event(**known)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no event: {error!r}") from error


def _end(row: Mapping[str, Any]) -> End:
    return End(**{name: value for name, value in row.items() if name in _PARTS})
