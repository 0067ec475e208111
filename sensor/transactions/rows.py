"""Operations as the engine hands them over, as a table: nothing is done here for each row, only for what recurs."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b, sha1
from ipaddress import ip_address
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.compute as pc  # type: ignore[import-untyped] # it has no types

from sensor import words
from sensor.capture import Transactions
from sensor.inventory.profile import meaning, protocol_of
from sensor.transactions.columns import SCHEMA

_OUTCOMES = Transactions.outcomes()
_ANSWERED = pa.array([name in {"accepted", "rejected", "unasked"} for name in _OUTCOMES])
_ASKED = pa.array([name != "unasked" for name in _OUTCOMES])
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "ip": 0}


def table(taken: Transactions, sources: Sequence[str]) -> pa.Table:
    """A row for each operation."""
    asked, answered, outcome = (
        _numbers(taken.asked, pa.int64()),
        _numbers(taken.answered, pa.int64()),
        _numbers(taken.outcome, pa.uint8()),
    )
    has_answer, has_request = _ANSWERED.take(outcome), _ASKED.take(outcome)
    took = pc.divide(pc.cast(pc.subtract(answered, asked), pa.float64()), 1_000_000.0)
    columns = {
        **_exchanges(taken.exchanges, _numbers(taken.exchange, pa.uint32())),
        **_operations(taken, _numbers(taken.operation, pa.uint32())),
        **_statuses(taken.statuses, _numbers(taken.status, pa.int32())),
        "ts": asked.cast(SCHEMA.field("ts").type),
        "response_ts": _where(has_answer, answered).cast(SCHEMA.field("response_ts").type),
        "response_ms": _where(pc.and_(has_answer, has_request), took),
        "request_octets": _where(has_request, _numbers(taken.request_octets, pa.uint32())),
        "response_octets": _where(has_answer, _numbers(taken.response_octets, pa.uint32())),
        "outcome": _texts(_OUTCOMES, outcome),
        "source": _texts([words.plain(name) for name in sources], _numbers(taken.source, pa.uint32())),
    }
    return pa.table([columns[name] for name in SCHEMA.names], names=SCHEMA.names)


def _numbers(octets: bytes, kind: pa.DataType) -> pa.Array:
    """A column of the engine, where it lies."""
    return pa.Array.from_buffers(kind, len(octets) * 8 // kind.bit_width, [None, pa.py_buffer(octets)])


def _where(mask: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(mask, values, pa.scalar(None, values.type))


def _texts(values: Iterable[str | None], places: pa.Array) -> pa.Array:
    """The text at each of those places; each text is kept once."""
    once = pa.array(values, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(once.indices.take(places), once.dictionary)


def _exchanges(exchanges: Sequence[tuple[Any, ...]], places: pa.Array) -> dict[str, pa.Array]:
    def each(of: Callable[[Any], Any]) -> list[Any]:
        return [of(one) for one in exchanges]

    return {
        "uid": _texts(map(_uid, exchanges), places),
        "community_id": _texts(map(_community_id, exchanges), places),
        "id.orig_h": _texts(each(lambda one: one[0]), places),
        "id.orig_p": pa.array(each(lambda one: one[1]), pa.uint16()).take(places),
        "id.resp_h": _texts(each(lambda one: one[2]), places),
        "id.resp_p": pa.array(each(lambda one: one[3]), pa.uint16()).take(places),
        "orig_l2_addr": _texts(each(lambda one: one[4]), places),
        "resp_l2_addr": _texts(each(lambda one: one[5]), places),
        "proto": _texts(each(lambda one: one[6]), places),
        "vlan": pa.array(each(lambda one: one[7]), pa.uint16()).take(places),
    }


@lru_cache(maxsize=65_536)
def _uid(exchange: tuple[Any, ...]) -> str:
    """Of what tells it from others, but for the MAC addresses, which may become known later."""
    client, client_port, server, server_port, client_mac, server_mac, transport, vlan, began = exchange
    ends = (client, client_port, server, server_port) if client else (client_mac, server_mac, server_port)
    return "C" + blake2b(repr((*ends, transport, vlan, began)).encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=65_536)
def _community_id(exchange: tuple[Any, ...]) -> str | None:
    """Version 1, seed 0: what Zeek and Suricata make of the same packets."""
    client, client_port, server, server_port, _, _, transport, _, _ = exchange
    number = _NUMBERS.get(transport)
    if not client or not server or number is None:
        return None
    ends = sorted([(ip_address(client).packed, client_port), (ip_address(server).packed, server_port)])
    packed = b"".join(address for address, _ in ends) + bytes([number, 0]) + b"".join(port.to_bytes(2) for _, port in ends)
    return "1:" + b64encode(sha1(b"\0\0" + packed, usedforsecurity=False).digest()).decode()


def _operations(taken: Transactions, places: pa.Array) -> dict[str, pa.Array]:
    functions = [_function(*function) for function in taken.functions]
    names = ("service", "code", "subfunction", "func", "intent", "technique")
    by_function = pa.array([operation[0] for operation in taken.operations], pa.uint32()).take(places)
    columns = {name: _texts([function[number] for function in functions], by_function) for number, name in enumerate(names)}
    columns["unit"] = _texts([unit for _, unit, _ in taken.operations], places)
    columns["object"] = _texts([touched for _, _, touched in taken.operations], places)
    return columns


@lru_cache(maxsize=4096)
def _function(name: str, function: int, subfunction: int | None) -> tuple[str | None, ...]:
    protocol, known = protocol_of(name), meaning(name, function, subfunction)
    return name, protocol.code(function), protocol.subfunction(function, subfunction), known.name, str(known.intent), known.technique


def _statuses(statuses: Sequence[tuple[str, int]], places: pa.Array) -> dict[str, pa.Array]:
    there = pc.greater_equal(places, 0)
    at = _where(there, places)
    return {
        "status": pa.array([status for _, status in statuses], pa.int64()).take(at),
        "exception": _texts([protocol_of(protocol).status(status) for protocol, status in statuses], at),
    }
