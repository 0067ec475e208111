"""Rows as the engine gives them, made by hand: what no capture of ours holds."""

from dataclasses import dataclass, field
from typing import Any

from sensor.conduits.model import Site
from sensor.detections.model import Severity
from sensor.knowledge import Knowledge
from sensor.observations import Observations
from sensor.pipeline import conclude

MINUTE = 60 * 1_000_000_000


@dataclass(frozen=True)
class Endpoint:
    id: int
    mac: str | None
    ip: str | None
    vlan: int | None = None
    first: int = 0
    last: int = 0
    packets: int = 1
    octets: int = 60
    hops: int | None = None


@dataclass(frozen=True)
class Conversation:
    id: int
    client_ip: str | None
    server_ip: str | None
    client_mac: str | None = None
    server_mac: str | None = None
    transport: str = "tcp"
    port: int | None = 502
    vlan: int | None = None
    protocol: str | None = None
    by_port: bool = False
    packets: tuple[int, int] = (10, 10)
    octets: tuple[int, int] = (1000, 1000)
    first: int = 0
    last: int = 0
    connections: int = 1
    refused: int = 0
    retransmissions: tuple[int, int] = (0, 0)
    out_of_order: tuple[int, int] = (0, 0)
    lost_segments: tuple[int, int] = (0, 0)
    lost_octets: tuple[int, int] = (0, 0)
    duplicates: tuple[int, int] = (0, 0)
    round_trip_time: int | None = None
    most_in_a_minute: int = 0


@dataclass(frozen=True)
class Operation:
    id: int
    conversation: int
    protocol: str
    function: int
    subfunction: int | None = None
    unit: str = ""
    object: str = ""
    requests: int = 1
    responses: int = 1
    errors: int = 0
    unanswered: int = 0
    statuses: tuple[tuple[int, int], ...] = ()
    response_time: tuple[int, int, int] | None = None
    first: int = 0
    last: int = 0
    most_in_a_minute: tuple[int, int] = (1, 0)

    @property
    def episodes(self) -> list[tuple[int, int, int, int]]:
        return [(self.first, self.last, self.requests, self.errors)]


@dataclass(frozen=True)
class Fact:
    id: int
    ip: str | None
    key: str
    value: str
    source: str
    mac: str | None = None
    vlan: int | None = None
    unit: str = ""
    first: int = 0
    last: int = 0
    count: int = 1


@dataclass(frozen=True)
class Anomaly:
    id: int
    conversation: int
    protocol: str
    kind: str
    detail: str = "something"
    count: int = 1
    first: int = 0
    last: int = 0


@dataclass
class Plant:
    """Hosts 10.0.0.N and what they do, row by row."""

    rows: Observations = field(default_factory=Observations)
    number: int = 0

    def _next(self) -> int:
        self.number += 1
        return self.number

    def host(self, address: int, **about: Any) -> "Plant":
        number = self._next()
        self.rows.endpoints[number] = Endpoint(number, f"02:00:00:00:00:{address:02x}", f"10.0.0.{address}", **about)
        return self

    def talk(self, client: int, server: int, **about: Any) -> int:
        number = self._next()
        row = Conversation(number, f"10.0.0.{client}", f"10.0.0.{server}", **about)
        self.rows.conversations[number] = row
        return number

    def asks(self, talk: int, protocol: str, function: int, subfunction: int | None = None, **about: Any) -> "Plant":
        number = self._next()
        self.rows.operations[number] = Operation(number, talk, protocol, function, subfunction, **about)
        return self

    def says(self, host: int, key: str, value: str, source: str, **about: Any) -> "Plant":
        number = self._next()
        self.rows.facts[number] = Fact(number, f"10.0.0.{host}", key, value, source, **about)
        return self

    def breaks(self, talk: int, protocol: str, kind: str, **about: Any) -> "Plant":
        number = self._next()
        self.rows.anomalies[number] = Anomaly(number, talk, protocol, kind, **about)
        return self

    def known(self, site: Site | None = None) -> Knowledge:
        return conclude(self.rows, site)

    def rules(self) -> set[str]:
        return {alert.rule for alert in self.known().alerts}

    def severity(self, rule: str) -> Severity:
        return max(alert.severity for alert in self.known().alerts if alert.rule == rule)
