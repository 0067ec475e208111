"""The shape of what was concluded, row by row: assets, violations, alerts, incidents, as docs/replay.md promises them."""

from typing_extensions import TypedDict


class AssetRow(TypedDict):
    """One thing in the plant, or a part of one (`parent` and `unit` say of which)."""

    id: str
    name: str
    type: str
    type_confidence: float
    roles: list[str]
    level: float | None
    level_confidence: float
    level_settled: bool
    level_pinned: bool
    level_because: list[str]
    level_against: list[str]
    zone: str | None
    ips: list[str]
    macs: list[str]
    vlans: list[int]
    vendor: str | None
    model: str | None
    order_number: str | None
    serial: str | None
    firmware: str | None
    hardware: str | None
    hostname: str | None
    operating_system: str | None
    mode: str | None
    never_queried: list[str]
    services: list[str]
    clients_of: list[str]
    parent: str | None
    unit: str | None
    outside: bool
    criticality: str | None
    tags: list[str]
    first: str
    last: str


class FindingRow(TypedDict):
    """What violations and alerts have in common: who did it to whom, and how that ended."""

    id: str
    rule: str
    title: str
    severity: str
    source: str | None
    target: str | None
    source_ip: str | None
    target_ip: str | None
    protocol: str | None
    outcome: str
    confidence: float
    count: int
    first: str
    last: str
    message: str


class ViolationRow(FindingRow):
    """A conversation that crosses zones as no conduit allows."""

    source_zone: str | None
    target_zone: str | None
    source_level: float | None
    target_level: float | None
    source_confidence: float
    target_confidence: float
    intent: str | None
    objects: list[str]


class AlertRow(FindingRow):
    """Something that is wrong: raised once, then counted."""

    thing: str
    engine: str
    techniques: list[str]
    evidence: list[str]
    transport: str | None
    source_port: int | None
    target_port: int | None
    vlan: int | None
    operation: str | None
    object: str | None
    function: int | None


class IncidentRow(TypedDict):
    """Alerts that one actor caused."""

    id: str
    title: str
    severity: str
    actor: str | None
    alerts: list[str]
    first: str
    last: str
