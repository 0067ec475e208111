"""The columns of the transaction log: one schema for all protocols, by Zeek's names where Zeek has the field."""

from typing import NamedTuple

import pyarrow as pa  # type: ignore[import-untyped] # it has no types

_TIME = pa.timestamp("ns", tz="UTC")
_TEXT = pa.string()


class Column(NamedTuple):
    """One column.

    name: Zeek's, where it has one.
    type: how it is kept.
    meaning: what it says; docs/log.md shows it.
    zeek: where Zeek, or an ICSNPP parser, has the same; empty where none does.
    """

    name: str
    type: pa.DataType
    meaning: str
    zeek: str = ""


COLUMNS: tuple[Column, ...] = (
    Column("ts", _TIME, "When it was asked for; when it was answered, where no request was seen.", "`ts`"),
    Column(
        "uid",
        _TEXT,
        "The connection, or pair of ports: the same in every row of it, and whenever it is read again.",
        "`uid` (other values)",
    ),
    Column(
        "community_id", _TEXT, "The Community ID of addresses, ports and transport; none without IP.", "`community_id` (the same values)"
    ),
    Column("id.orig_h", _TEXT, "IP address of the client, who asks; none without IP.", "`id.orig_h`"),
    Column("id.orig_p", pa.uint16(), "Its port.", "`id.orig_p`"),
    Column("id.resp_h", _TEXT, "IP address of the server, who is asked.", "`id.resp_h`"),
    Column("id.resp_p", pa.uint16(), "Its port; the EtherType without IP.", "`id.resp_p`"),
    Column(
        "orig_l2_addr",
        _TEXT,
        "MAC address that the client's frames come from, a router's where one lies between.",
        "`orig_l2_addr` of conn",
    ),
    Column("resp_l2_addr", _TEXT, "The same of the server.", "`resp_l2_addr` of conn"),
    Column("vlan", pa.uint16(), "VLAN identifier; none where there is no tag.", "`vlan` of conn"),
    Column("proto", _TEXT, "How it is carried: `tcp`, `udp`, `ethernet`.", "`proto`"),
    Column("service", _TEXT, "The protocol: `modbus`, `s7comm`, `cip`, `dnp3` …, as everywhere in Otoscope.", "`service` of conn"),
    Column("unit", _TEXT, "Address inside the server: unit, rack and slot, route, link addresses.", "`unit` of modbus_detailed"),
    Column(
        "code",
        _TEXT,
        "The function's code as the protocol writes it.",
        "`function_code` of s7comm, `cip_service_code` of cip, `enip_command_code` of enip",
    ),
    Column("subfunction", _TEXT, "Its sub-function, where that changes the meaning.", "`request_subfunction_code` of modbus_detailed"),
    Column(
        "func",
        _TEXT,
        "The function's name in the specification.",
        "`func` of modbus, `fc_request` of dnp3, `cip_service` of cip, `function_name` of s7comm",
    ),
    Column("intent", _TEXT, "What the client wants: `read`, `write`, `control`, `program` …"),
    Column("technique", _TEXT, "MITRE ATT&CK for ICS technique that the function by itself is."),
    Column(
        "object",
        _TEXT,
        "What is touched, in the words of the field: `HR 40001-40010`, `DB1.DBX0.0`.",
        "`address`, `quantity` of modbus_detailed; `class_id`, `instance_id`, `attribute_id` of cip",
    ),
    Column("outcome", _TEXT, "`accepted`, `rejected`, `unanswered`, `unasked`, `one_way` or `unknown`: see below."),
    Column(
        "status", pa.int64(), "Code of a rejection.", "`error_code` of modbus_detailed and s7comm, `cip_status_code` of cip, `iin` of dnp3"
    ),
    Column("exception", _TEXT, "Its name.", "`exception` of modbus, `cip_status` of cip"),
    Column("response_ts", _TIME, "When it was answered, for the first time where an answer came in parts."),
    Column("response_ms", pa.float64(), "Milliseconds from the request to that answer."),
    Column("request_octets", pa.uint32(), "Length of the message that asked; one message may carry several requests."),
    Column("response_octets", pa.uint32(), "Length of the messages that answered."),
    Column("source", _TEXT, "Name of the capture, or of the interface."),
)

SCHEMA = pa.schema([(column.name, column.type) for column in COLUMNS])
"""What every file holds."""
