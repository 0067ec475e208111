"""What captures hold, as one document: the contract of `otoscope replay --format json` (docs/replay.md).

The same captures give the same document, however they were cut into batches.
"""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import orjson

from sensor.capture import Anomaly, Conversation, Endpoint, Fact, Operation, Statistics
from sensor.findings import alert_row, asset_row, incident_row, violation_row
from sensor.inventory.profile import meaning, protocol_of
from sensor.knowledge import Knowledge
from sensor.order import asset_order, conversation_order, endpoint_order, fact_order
from sensor.rows import (
    SCHEMA,
    AnomalyRow,
    CaptureRow,
    ConversationRow,
    Document,
    EndpointRow,
    Ends,
    EpisodeRow,
    FactRow,
    OperationRow,
    ResponseTime,
    Rows,
)
from sensor.times import timestamp
from sensor.traffic import is_one_way, traffic_row

_ROWS_IN_A_PIECE = 256


def document(known: Knowledge, files: Iterable[str], warnings: Iterable[tuple[str, str]] = ()) -> Document:
    """The document of what was observed in `files`, and what follows from it; its rows in an order that depends on nothing else."""
    observations = known.observations
    statistics = observations.statistics
    protocols = statistics.protocols if statistics else {}
    conversations = sorted(observations.conversations.values(), key=conversation_order)
    places = {row.id: place for place, row in enumerate(conversations)}
    nowhere = len(conversations)  # a full table has dropped the conversation before it could be told

    @lru_cache(maxsize=1024)
    def ends(at: int) -> Ends:
        return ends_of(conversations[at] if at < nowhere else None)

    def place(row: Operation | Anomaly) -> int:
        return places.get(row.conversation, nowhere)

    # Ids count up with the first time a row is seen.
    operations = sorted(observations.operations.values(), key=lambda row: (place(row), row.id))
    anomalies = sorted(observations.anomalies.values(), key=lambda row: (place(row), row.protocol, row.kind, row.detail))
    return {
        "schema": SCHEMA,
        "capture": _capture_row(statistics, files, warnings, known.left_out),
        "traffic": traffic_row(statistics, conversations),
        "protocols": {name: {"messages": messages, "malformed": malformed} for name, (messages, malformed) in sorted(protocols.items())},
        "endpoints": Rows(sorted(observations.endpoints.values(), key=endpoint_order), _endpoint_row),
        "conversations": Rows(conversations, conversation_row),
        "operations": Rows(operations, lambda row: operation_row(row, ends(place(row)))),
        "facts": Rows(sorted(observations.facts.values(), key=fact_order), _fact_row),
        "anomalies": Rows(anomalies, lambda row: anomaly_row(row, ends(place(row)))),
        "assets": Rows(sorted(known.assets.values(), key=asset_order), asset_row),
        "violations": Rows(known.violations, violation_row),
        "alerts": Rows(known.alerts, alert_row),
        "incidents": Rows(known.incidents, incident_row),
    }


def to_json(whole: Document) -> Iterator[bytes]:
    """The document as JSON in pieces, one row a line: small in memory, and readable by line tools."""
    encode = orjson.dumps  # ten times as fast as json, which was a third of the whole run
    separator = b"{"
    for key, value in whole.items():
        yield separator + encode(key) + b": "
        separator = b",\n"
        if isinstance(value, Rows):
            yield from _rows_as_json(value)
        else:
            yield encode(value)
    yield b"}\n"


def _rows_as_json(rows: Rows[object]) -> Iterator[bytes]:
    """An array of many rows, some hundred in a piece."""
    before = b"[\n"
    lines = map(orjson.dumps, rows)
    while piece := b",\n".join(islice(lines, _ROWS_IN_A_PIECE)):
        yield before + piece
        before = b",\n"
    yield b"\n]" if rows else b"[]"


def _timestamp_or_none(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else timestamp(nanoseconds)


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1_000_000


def _readable(file: str) -> str:
    """A file's name as Unicode, octets that are none escaped."""
    return os.fsencode(file).decode(errors="backslashreplace")


def _capture_row(statistics: Statistics | None, files: Iterable[str], warnings: Iterable[tuple[str, str]], left_out: int) -> CaptureRow:
    counted = statistics.counters if statistics else {}
    counters: dict[str, int] = dict(sorted({**counted, "evicted_assets": left_out}.items()))
    if not counters.get("kernel_dropped"):
        counters.pop("kernel_dropped", None)  # interfaces alone count it: a file and a wire say the same of the same frames
    return {
        "files": [_readable(file) for file in files],
        "packets": statistics.packets if statistics else 0,
        "octets": statistics.octets if statistics else 0,
        "first": _timestamp_or_none(statistics.first if statistics else None),
        "last": _timestamp_or_none(statistics.last if statistics else None),
        "duplicates": counters.pop("duplicates", 0),
        "truncated_records": counters.pop("truncated_frames", 0),
        "lost_segments": counters.pop("lost_segments", 0),
        "counters": counters,
        "skipped_link_types": dict(sorted(statistics.skipped_link_types.items())) if statistics else {},
        "warnings": [{"file": _readable(file), "text": text} for file, text in warnings],
    }


def _endpoint_row(row: Endpoint) -> EndpointRow:
    return {
        "mac": row.mac,
        "ip": row.ip,
        "vlan": row.vlan,
        "first": timestamp(row.first),
        "last": timestamp(row.last),
        "packets": row.packets,
        "octets": row.octets,
        "hops": row.hops,
    }


def conversation_row(row: Conversation) -> ConversationRow:
    """Who talks to whom."""
    return {
        "client": {"mac": row.client_mac, "ip": row.client_ip},
        "server": {"mac": row.server_mac, "ip": row.server_ip},
        "transport": row.transport,
        "port": row.port,
        "vlan": row.vlan,
        "protocol": row.protocol,
        "protocol_by": None if row.protocol is None else "port" if row.by_port else "content",
        "packets": list(row.packets),
        "octets": list(row.octets),
        "first": timestamp(row.first),
        "last": timestamp(row.last),
        "connections": row.connections,
        "refused": row.refused,
        "one_way": is_one_way(row.transport, row.packets, row.refused),
        "retransmissions": list(row.retransmissions),
        "out_of_order": list(row.out_of_order),
        "lost_segments": list(row.lost_segments),
        "lost_octets": list(row.lost_octets),
        "duplicates": list(row.duplicates),
        "round_trip_time_ms": None if row.round_trip_time is None else _milliseconds(row.round_trip_time),
        "most_in_a_minute": row.most_in_a_minute,
    }


def ends_of(conversation: Conversation | None) -> Ends:
    """Who talked with whom, as operations and anomalies repeat it."""
    if conversation is None:
        return {"client": None, "server": None, "port": None, "transport": None, "vlan": None}
    return {
        "client": conversation.client_ip or conversation.client_mac,
        "server": conversation.server_ip or conversation.server_mac,
        "port": conversation.port,
        "transport": conversation.transport,
        "vlan": conversation.vlan,
    }


@lru_cache(maxsize=4096)
def _words(name: str, function: int, subfunction: int | None) -> tuple[str, str | None, str, str, str | None]:
    """Code, sub-function, name, intent and technique of a function: a plant has thousands of operations, of few functions."""
    protocol = protocol_of(name)
    known = meaning(name, function, subfunction)
    return protocol.code(function), protocol.subfunction(function, subfunction), known.name, str(known.intent), known.technique


def operation_row(row: Operation, ends: Ends) -> OperationRow:
    """What a client asked a server to do."""
    code, subfunction, name, intent, technique = _words(row.protocol, row.function, row.subfunction)
    requests, errors = row.most_in_a_minute
    made: OperationRow = {
        "client": ends["client"],
        "server": ends["server"],
        "port": ends["port"],
        "transport": ends["transport"],
        "vlan": ends["vlan"],
        "protocol": row.protocol,
        "unit": row.unit,
        "code": code,
        "function": row.function,
        "subfunction": subfunction,
        "name": name,
        "intent": intent,
        "technique": technique,
        "object": row.object,
        "requests": row.requests,
        "responses": row.responses,
        "errors": row.errors,
        "unanswered": row.unanswered,
        "results": _results(row) if row.errors else {},
        "response_time_ms": _response_time(row.response_time),
        "first": timestamp(row.first),
        "last": timestamp(row.last),
        "most_in_a_minute": {"requests": requests, "errors": errors},
    }
    if len(episodes := row.episodes) > 1:
        made["episodes"] = [_episode_row(*episode) for episode in episodes]
    return made


def _episode_row(first: int, last: int, requests: int, errors: int) -> EpisodeRow:
    return {"first": timestamp(first), "last": timestamp(last), "requests": requests, "errors": errors}


def _results(row: Operation) -> dict[str, int]:
    """Rejections by the name of their status; those the engine kept no code of are "other"."""
    results: dict[str, int] = {}
    protocol = protocol_of(row.protocol)
    for status, count in row.statuses:
        name = protocol.status(status)
        results[name] = results.get(name, 0) + count
    if (other := row.errors - sum(results.values())) > 0:
        results["other"] = results.get("other", 0) + other
    return dict(sorted(results.items()))


def _response_time(nanoseconds: tuple[int, int, int] | None) -> ResponseTime | None:
    if nanoseconds is None:
        return None
    minimum, mean, maximum = map(_milliseconds, nanoseconds)
    return {"minimum": minimum, "mean": mean, "maximum": maximum}


def _fact_row(row: Fact) -> FactRow:
    return {
        "mac": row.mac,
        "ip": row.ip,
        "vlan": row.vlan,
        "unit": row.unit,
        "key": row.key,
        "value": row.value,
        "source": row.source,
        "first": timestamp(row.first),
        "last": timestamp(row.last),
        "count": row.count,
    }


def anomaly_row(row: Anomaly, ends: Ends) -> AnomalyRow:
    """A breach of a protocol."""
    return {
        **ends,
        "protocol": row.protocol,
        "kind": row.kind,
        "detail": row.detail,
        "count": row.count,
        "first": timestamp(row.first),
        "last": timestamp(row.last),
    }
