"""The shape of policy: the site file's content, and the violations of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sensor.conduits.rule import Rule
from sensor.conduits.schedule import Schedule
from sensor.detections.model import Outcome, Severity


@dataclass(frozen=True, slots=True)
class Violation:
    """A conversation that crosses zones as no conduit allows; one for each rule, source, target, protocol and intent.

    rule: "internet", "enterprise_skip", …: the reference rules' names, or that of the site file's rule.
    source, target: asset ids, None where that address never sent. Levels with their confidence as they were concluded.
    objects: what was touched, the first few. conversations: ids of the rows it rests on.
    """

    id: str
    rule: str
    title: str
    severity: Severity
    source: str | None
    target: str | None
    source_ip: str | None
    target_ip: str | None
    source_zone: str | None
    target_zone: str | None
    source_level: float | None
    target_level: float | None
    source_confidence: float
    target_confidence: float
    protocol: str
    intent: str | None
    objects: tuple[str, ...]
    outcome: Outcome
    confidence: float
    times: tuple[tuple[int, int, int], ...]
    conversations: tuple[int, ...] = ()
    message: str = ""

    @property
    def count(self) -> int:
        """How often."""
        return sum(count for _, _, count in self.times)

    @property
    def first(self) -> int:
        """When first."""
        return min(first for first, _, _ in self.times)

    @property
    def last(self) -> int:
        """When last."""
        return max(last for _, last, _ in self.times)


@dataclass(frozen=True, slots=True)
class Pin:
    """What the operator knows of an asset: certain.

    match: the asset's id, IP address, subnet, MAC, MAC prefix, VLAN ("vlan 20") or host name.
    """

    match: str
    level: float | None = None
    kind: str | None = None
    name: str | None = None
    zone: str | None = None
    criticality: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A group of assets with the same security requirements (IEC 62443-3-2).

    An asset belongs to the zone that names it most closely: by itself, by MAC, by the longest subnet, by VLAN, by tag, by level.
    macs: addresses or prefixes. safety: whatever writes into it is critical.
    """

    name: str
    subnets: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    macs: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    tags: tuple[str, ...] = ()
    safety: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Conduit:
    """What one zone may ask another for. What is not given may be anything.

    source, target: "from" and "to" in the file: zones, or "any". both: in either direction.
    objects: texts with * and ?, or ranges ("HR 40001-40100"). schedule: only then.
    """

    source: str
    target: str
    both: bool = False
    protocols: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    schedule: Schedule | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """An exception: what is allowed although the policy forbids it, why, and until when ("exception" in the file).

    source, target: as the match of a pin. expires: the last day, by the time of the traffic.
    """

    source: str
    target: str
    reason: str
    expires: date
    protocols: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A time in which work on controllers is expected.

    start, end: once ("from" and "to" in the file); schedule: every week. zones, assets: where; all where neither is given. actors: who
    works; anybody where none is given.
    """

    name: str = ""
    start: datetime | None = None
    end: datetime | None = None
    schedule: Schedule | None = None
    zones: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """What the operator says of the plant; all of it may be missing.

    home: subnets that belong to the plant or its company although they are public. outside: private ones that do not.
    thresholds: of detectors, by id, then name. disabled: ids of detectors.
    """

    name: str = ""
    home: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    zones: tuple[Zone, ...] = ()
    conduits: tuple[Conduit, ...] = ()
    pins: tuple[Pin, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    rules: tuple[Rule, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
