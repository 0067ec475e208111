"""The shape of policy: the site file's content, and the violations of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class Site:
    """What the operator says of the plant; all of it may be missing.

    home: subnets that belong to the plant or its company although they are public. outside: private ones that do not.
    thresholds: of detectors, by id, then name. disabled: ids of detectors.
    """

    home: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
