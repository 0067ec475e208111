"""The shape of the replay document, row by row: what docs/replay.md promises, for type checkers.

Times are RFC 3339 in UTC with nanoseconds. Pairs are [client to server, server to client]. Addresses are the IP, or
the MAC where there is no IP; None where neither was seen.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NotRequired, TypeVar, overload

from typing_extensions import TypedDict

from sensor.finding_rows import AlertRow, AssetRow, IncidentRow, ViolationRow

SCHEMA = "otoscope.replay/1"


Item = TypeVar("Item")
Row = TypeVar("Row")


class Rows(Sequence[Row], Generic[Row]):
    """Rows that are made when they are looked at: a capture may have a hundred thousand, and nobody needs all at once."""

    def __init__(self, items: Sequence[Item], make: Callable[[Item], Row]) -> None:
        self._items: Sequence[Any] = items
        self._make: Callable[[Any], Row] = make

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | Rows[Row]":
        if isinstance(index, slice):
            return Rows(self._items[index], self._make)
        return self._make(self._items[index])

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, self._items)


class WarningRow(TypedDict):
    """What was wrong with a capture that could be read."""

    file: str
    text: str


class CaptureRow(TypedDict):
    """The captures as a whole, and what they lack."""

    files: list[str]
    packets: int
    octets: int
    first: str | None
    last: str | None
    duplicates: int
    truncated_records: int
    lost_segments: int
    counters: dict[str, int]
    skipped_link_types: dict[str, int]
    warnings: list[WarningRow]


class Share(TypedDict):
    """Part of the traffic, packets that came twice left out."""

    packets: int
    octets: int


class VlanShare(Share):
    """The part of one VLAN; None is what has no tag."""

    vlan: int | None


class FamilyShare(Share):
    """The part of what one protocol speaks; of what is not recognised, what its transport carries."""

    family: str


class TrafficRow(TypedDict):
    """What the mirror shows: rates, shares, and whether it mirrors at all."""

    most_packets_in_a_second: int
    most_octets_in_a_second: int
    multicast_packets: int
    broadcast_packets: int
    unicast_between: str
    station: str | None
    one_way_conversations: int
    tunnels: dict[str, int]
    vlans: list[VlanShare]
    families: list[FamilyShare]


class ProtocolRow(TypedDict):
    """Messages of one protocol."""

    messages: int
    malformed: int


class Address(TypedDict):
    """One end of a conversation."""

    mac: str | None
    ip: str | None


class EndpointRow(TypedDict):
    """Something with an address that sent frames."""

    mac: str | None
    ip: str | None
    vlan: int | None
    first: str
    last: str
    packets: int
    octets: int
    hops: int | None


class ConversationRow(TypedDict):
    """Who talks to whom over which port, with what protocol, and how well the path carries it."""

    client: Address
    server: Address
    transport: str
    port: int | None
    vlan: int | None
    protocol: str | None
    protocol_by: str | None
    packets: list[int]
    octets: list[int]
    first: str
    last: str
    connections: int
    refused: int
    one_way: bool
    retransmissions: list[int]
    out_of_order: list[int]
    lost_segments: list[int]
    lost_octets: list[int]
    duplicates: list[int]
    round_trip_time_ms: float | None
    most_in_a_minute: int


class ResponseTime(TypedDict):
    """Milliseconds from a request to its response."""

    minimum: float
    mean: float
    maximum: float


class Ends(TypedDict):
    """Who talked with whom; all None where a full table had to drop the conversation."""

    client: str | None
    server: str | None
    port: int | None
    transport: str | None
    vlan: int | None


class EpisodeRow(TypedDict):
    """A stretch of time without a long silence."""

    first: str
    last: str
    requests: int
    errors: int


class Busiest(TypedDict):
    """The most in one minute, each for itself."""

    requests: int
    errors: int


class OperationRow(Ends):
    """What a client asked a server to do."""

    protocol: str
    unit: str
    code: str
    function: int
    subfunction: str | None
    name: str
    intent: str
    technique: str | None
    object: str
    requests: int
    responses: int
    errors: int
    unanswered: int
    results: dict[str, int]
    response_time_ms: ResponseTime | None
    first: str
    last: str
    most_in_a_minute: Busiest
    episodes: NotRequired[list[EpisodeRow]]


class FactRow(TypedDict):
    """A piece of identity that an endpoint says of itself."""

    mac: str | None
    ip: str | None
    vlan: int | None
    unit: str
    key: str
    value: str
    source: str
    first: str
    last: str
    count: int


class AnomalyRow(Ends):
    """A breach of a protocol or of good practice."""

    protocol: str
    kind: str
    detail: str
    count: int
    first: str
    last: str


class Document(TypedDict):
    """The whole."""

    schema: str
    capture: CaptureRow
    traffic: TrafficRow
    protocols: dict[str, ProtocolRow]
    endpoints: Rows[EndpointRow]
    conversations: Rows[ConversationRow]
    operations: Rows[OperationRow]
    facts: Rows[FactRow]
    anomalies: Rows[AnomalyRow]
    assets: Rows[AssetRow]
    violations: Rows[ViolationRow]
    alerts: Rows[AlertRow]
    incidents: Rows[IncidentRow]
