"""What is kept of what was concluded: for each kind of thing its rows, and what two runs that saw the same thing say together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Table

from sensor.capture import Anomaly, Conversation, Operation
from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Incident, Severity
from sensor.findings import REASONS, alert_row, asset_row, incident_row, violation_row
from sensor.inventory.model import Asset
from sensor.inventory.resolve import Merge
from sensor.knowledge import Knowledge
from sensor.replay import anomaly_row, conversation_row, ends_of, operation_row
from sensor.store import merge, tables
from sensor.store.encoding import address_key, digest, key_of, natural_key
from sensor.store.merge import Body
from sensor.times import nanoseconds, timestamp

Told = tuple[str, Body]
"""A row's key, and its body."""


Source = tuple[object, object, Any]
"""Something that was concluded: what tells it from others of its kind while the process lives; a stamp that is equal as long as nothing
of it has changed; and what `Kind.tell` takes to make its row: of a hundred thousand most have not changed."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing.

    sources: all that a run says of it now, or what it says of the ids given. tell: the row of one. columns: what can be asked by, of a
    body. merge: one body of several, the latest last.
    observed: where it rests on one row of the engine, which is another object when it has changed, those rows by id.
    """

    table: Table
    sources: Callable[[Knowledge, Iterable[int] | None], Iterator[Source]]
    tell: Callable[[Any], Told]
    columns: Callable[[Body], Mapping[str, Any]]
    merge: Callable[[Sequence[Body]], Body]
    observed: Callable[[Knowledge], dict[int, Any]] | None = None

    @property
    def name(self) -> str:
        """That of its table."""
        return str(self.table.name)


def row_of(kind: Kind, key: str, body: Body, octets: bytes) -> dict[str, Any]:
    """What its table holds of a body, but for the run."""
    span = {"first": nanoseconds(body["first"]), "last": nanoseconds(body["last"])}
    return {"key": key, "digest": digest(octets), **span, **kind.columns(body), "body": octets}


def conversation_key(row: Conversation) -> str:
    """The same for the same two, however often they are seen."""
    client, server = (row.client_mac, row.client_ip), (row.server_mac, row.server_ip)
    return natural_key(*client, *server, row.transport, row.port, row.vlan, row.protocol)


def _conversations(known: Knowledge, ids: Iterable[int] | None) -> Iterator[Source]:
    for dialogue in known.dialogues.values() if ids is None else filter(None, map(known.dialogues.get, ids)):  # some are of nobody
        row, client, server = dialogue.row, dialogue.client.asset, dialogue.server.asset
        subject = (row, client and client.id, server and server.id)
        yield row.id, subject, subject


def _tell_conversation(subject: tuple[Conversation, str | None, str | None]) -> Told:
    row, client, server = subject
    key = conversation_key(row)
    return key, {"id": key, **conversation_row(row), "client_asset": client, "server_asset": server}


def _conversation_columns(body: Body) -> dict[str, Any]:
    ends = (body[end]["ip"] or body[end]["mac"] for end in ("client", "server"))
    packets, octets = sum(body["packets"]), sum(body["octets"])
    return {
        **_ends("client", "server", body["client_asset"], body["server_asset"], *ends),
        **{name: body[name] for name in ("protocol", "port")},
        "packets": packets,
        "octets": octets,
    }


def _ends(one: str, other: str, *values: str | None) -> dict[str, Any]:
    first_asset, second_asset, first, second = values
    assets = {f"{one}_asset": first_asset and key_of(first_asset), f"{other}_asset": second_asset and key_of(second_asset)}
    return {**assets, f"{one}_key": address_key(first), f"{other}_key": address_key(second)}


def _operations(known: Knowledge, ids: Iterable[int] | None) -> Iterator[Source]:
    rows = known.observations.operations
    for row in rows.values() if ids is None else map(rows.__getitem__, ids):
        # A full table has dropped the conversation of some before it could be told.
        if (dialogue := known.dialogues.get(row.conversation)) is not None:
            subject = (row, dialogue.row)
            yield row.id, subject, subject


def _tell_operation(subject: tuple[Operation, Conversation]) -> Told:
    row, conversation = subject
    home = conversation_key(conversation)
    key = natural_key(home, row.protocol, row.unit, row.function, row.subfunction, row.object)
    return key, {**operation_row(row, ends_of(conversation)), "conversation": home}


def _operation_columns(body: Body) -> dict[str, Any]:
    return {name: body[name] for name in ("conversation", "protocol", "intent", "requests", "errors")}


def _anomalies(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    for breach in known.breaches:
        subject = (breach.row, breach.dialogue.row if breach.dialogue else None)
        yield breach.row.id, subject, subject


def _tell_anomaly(subject: tuple[Anomaly, Conversation | None]) -> Told:
    row, conversation = subject
    home = conversation_key(conversation) if conversation else None
    key = natural_key(home, row.protocol, row.kind, row.detail)
    return key, {**anomaly_row(row, ends_of(conversation)), "conversation": home}


def _assets(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    for asset in known.assets.values():
        yield asset.id, _asset_stamp(asset), asset


_BECAUSE = attrgetter("because")
_FIELD_STAMP = attrgetter("value", "confidence", "queried")


def _asset_stamp(asset: Asset) -> int:
    """Of its evidence what its row shows, and what follows from the rest: a large plant has hundreds of thousands of reasons."""
    kind, level = asset.kind, asset.level
    told = (asset.name, asset.parent, len(asset.addresses), asset.zone, asset.outside, asset.first, asset.last)
    lives = (level.value, level.confidence, level.settled, level.pinned, len(level.evidence), len(level.against))
    does = (asset.roles, asset.services, asset.clients_of, kind.value, kind.confidence, asset.criticality, asset.tags)
    reasons = map(_BECAUSE, (*level.evidence[:REASONS], *level.against[:REASONS]))
    return hash((told, lives, does, *map(_FIELD_STAMP, asset.fields.values()), *reasons))


def _tell_asset(asset: Asset) -> Told:
    fields = {name: field for name, field in asset.fields.items() if field.evidence}
    explained = {**fields, "type": asset.kind, "level": asset.level}
    return key_of(asset.id), {**asset_row(asset), "addresses": asset.addresses, "evidence": explained}


def _asset_columns(body: Body) -> dict[str, Any]:
    address = next(iter((*body["ips"], *body["macs"])), None)
    return {
        **{name: body[name] for name in ("name", "type", "level", "zone", "vendor", "hostname")},
        "parent": body["parent"] and key_of(body["parent"]),
        "protocols": sorted({*body["services"], *body["clients_of"]}),
        "address_key": address_key(address),
    }


def _merges(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    span = (known.statistics.first or 0, known.statistics.last or 0) if known.statistics else (0, 0)
    for number, entry in enumerate(known.resolution.log):
        yield number, entry, (entry, span)


def _tell_merge(subject: tuple[Merge, tuple[int, int]]) -> Told:
    entry, span = subject
    said = {"asset": entry.asset, "what": entry.what, "because": entry.because}
    return natural_key(*said.values()), {**said, "first": timestamp(span[0]), "last": timestamp(span[1])}


def _violations(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    for row in known.violations:
        yield row.id, hash(row), row


def _tell_violation(row: Violation) -> Told:
    return key_of(row.id), {**violation_row(row)}


def _alerts(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    for row in known.alerts:
        yield row.id, hash(row), row


def _tell_alert(row: Alert) -> Told:
    return key_of(row.id), {**alert_row(row)}


def _finding_columns(body: Body, *names: str) -> dict[str, Any]:
    return {
        **_ends("source", "target", body["source"], body["target"], body["source_ip"], body["target_ip"]),
        **{name: body[name] for name in ("rule", "protocol", "count", *names)},
        "severity": Severity[body["severity"].upper()].value,
    }


def _incidents(known: Knowledge, _ids: Iterable[int] | None) -> Iterator[Source]:
    for row in known.incidents:
        yield row.id, hash(row), row


def _tell_incident(row: Incident) -> Told:
    return key_of(row.id), {**incident_row(row)}


def _incident_columns(body: Body) -> dict[str, Any]:
    actor = body["actor"]
    return {
        "severity": Severity[body["severity"].upper()].value,
        "actor": actor and key_of(actor),
        "alerts": [key_of(alert) for alert in body["alerts"]],
    }


ASSETS = Kind(tables.assets, _assets, _tell_asset, _asset_columns, merge.assets)
CONVERSATIONS = Kind(
    tables.conversations,
    _conversations,
    _tell_conversation,
    _conversation_columns,
    merge.conversations,
    observed=lambda known: known.observations.conversations,
)
OPERATIONS = Kind(
    tables.operations,
    _operations,
    _tell_operation,
    _operation_columns,
    merge.operations,
    observed=lambda known: known.observations.operations,
)
ANOMALIES = Kind(
    tables.anomalies,
    _anomalies,
    _tell_anomaly,
    lambda body: {name: body[name] for name in ("conversation", "protocol", "count")},
    merge.newest,
)
VIOLATIONS = Kind(tables.violations, _violations, _tell_violation, lambda body: _finding_columns(body, "intent"), merge.newest)
ALERTS = Kind(tables.alerts, _alerts, _tell_alert, lambda body: {**_finding_columns(body), "thing": body.get("thing", "")}, merge.newest)
INCIDENTS = Kind(tables.incidents, _incidents, _tell_incident, _incident_columns, merge.incidents)
MERGES = Kind(tables.merges, _merges, _tell_merge, lambda body: {"asset": key_of(body["asset"])}, lambda bodies: merge.newest(bodies, ()))

KINDS = (ASSETS, MERGES, CONVERSATIONS, OPERATIONS, ANOMALIES, VIOLATIONS, ALERTS, INCIDENTS)
"""All kinds, in the order in which they are written."""
