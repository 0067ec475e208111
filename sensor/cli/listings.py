"""What each command that lists has: its filters, and the columns of its table and its CSV. One row each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensor import words

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One command that lists.

    name: of the command and of what the database calls it. help: what it says of itself. one: what it lists, in words.
    filters: options by their names, see `filters`. headings, cells: the table. columns: of the CSV, a path into the row each.
    inventory: it can be written as what other systems take in.
    """

    name: str
    help: str
    one: str
    filters: tuple[str, ...]
    headings: tuple[str, ...]
    cells: Callable[[Row], Sequence[str | int]]
    columns: tuple[str, ...]
    inventory: bool = False


def _assets(row: Row) -> Sequence[str | int]:
    from sensor.cli.findings import asset_cells

    return (*asset_cells(row), row["zone"] or "", row["id"])  # type: ignore[arg-type] # rows of a database have the keys of the document


def _conversations(row: Row) -> Sequence[str | int]:
    ends = " → ".join(row[end]["ip"] or row[end]["mac"] or "?" for end in ("client", "server"))
    doubt = "?" if row["protocol"] and row["protocol_by"] != "content" else ""
    port = "" if row["port"] is None else f" {row['port']}"
    vlan = "" if row["vlan"] is None else str(row["vlan"])
    amounts = (" / ".join(f"{number:,}" for number in row[name]) for name in ("packets", "octets"))
    return (ends, f"{row['protocol'] or ''}{doubt} {row['transport']}{port}".strip(), vlan, *amounts, _moment(row["last"]))


def _operations(row: Row) -> Sequence[str | int]:
    ends = f"{row['client'] or '?'} → {row['server'] or '?'}"
    name = f"{row['name']} {row['technique'] or ''}".strip()
    refused = ", ".join(f"{number:,} {status}" for status, number in row["results"].items())
    silent = f"{row['unanswered']:,} unanswered" if row["unanswered"] else ""
    outcome = "; ".join(filter(None, (refused, silent)))
    return (ends, row["protocol"], row["unit"], row["intent"], name, row["object"], row["requests"], outcome, _moment(row["last"]))


def _alerts(row: Row) -> Sequence[str | int]:
    from sensor.cli.findings import alert_cells

    return (*alert_cells(row), "" if row["status"] == "open" else row["status"], _moment(row["last"]), row["id"])  # type: ignore[arg-type] # rows of a database have the keys of the document


def _incidents(row: Row) -> Sequence[str | int]:
    return (row["severity"], row["title"], words.period(row["first"], row["last"]), len(row["alerts"]), row["id"])


def _moment(timestamp: str) -> str:
    """To the second, for people."""
    return timestamp[:19].replace("T", " ")


_OF_ASSETS = ("level", "zone", "type", "vendor", "ip")
_WHEN = ("since", "until")

LISTINGS = (
    Listing(
        "assets",
        "List what there is: every device, its Purdue level, type, addresses and identity.",
        "asset",
        (*_OF_ASSETS, "protocol", *_WHEN),
        ("#Level", "#Sure", "Name", "Type", "Address", "MAC", "Vendor, model", "Serves", "Asks with", "Zone", "Id"),
        _assets,
        (
            *(
                "id",
                "name",
                "type",
                "level",
                "level_confidence",
                "zone",
                "ips",
                "macs",
                "vlans",
                "vendor",
                "model",
                "order_number",
                "serial",
            ),
            *(
                "firmware",
                "hardware",
                "hostname",
                "operating_system",
                "mode",
                "roles",
                "services",
                "clients_of",
                "parent",
                "unit",
                "outside",
            ),
            *("criticality", "tags", "first", "last"),
        ),
        inventory=True,
    ),
    Listing(
        "conversations",
        "List who talks to whom, over which port, with what protocol.",
        "conversation",
        (*_OF_ASSETS, "protocol", "intent", *_WHEN),
        ("Client → server", "Protocol", "#VLAN", "#Packets", "#Octets", "Last"),
        _conversations,
        (
            *("id", "client.ip", "client.mac", "server.ip", "server.mac", "transport", "port", "vlan", "protocol", "protocol_by"),
            *("packets", "octets", "connections", "refused", "one_way", "lost_segments", "retransmissions", "round_trip_time_ms"),
            *("client_asset", "server_asset", "first", "last"),
        ),
    ),
    Listing(
        "operations",
        "List what clients asked servers to do: read, write, start, stop, program.",
        "operation",
        (*_OF_ASSETS, "protocol", "intent", *_WHEN),
        ("Client → server", "Protocol", "Unit", "Intent", "Operation", "On", "#Times", "Not done", "Last"),
        _operations,
        (
            *("client", "server", "port", "transport", "vlan", "protocol", "unit", "code", "subfunction", "name", "intent", "technique"),
            *("object", "requests", "responses", "errors", "unanswered", "first", "last", "conversation"),
        ),
    ),
    Listing(
        "alerts",
        "List what is wrong or dangerous, the worst first.",
        "alert",
        (*_OF_ASSETS, "protocol", "severity", "rule", "open", *_WHEN),
        ("Severity", "What happened", "Outcome", "#Times", "Technique", "Status", "Last", "Id"),
        _alerts,
        (
            *("id", "rule", "title", "severity", "engine", "status", "assignee", "source_ip", "target_ip", "source", "target", "protocol"),
            *("techniques", "outcome", "confidence", "count", "first", "last", "message"),
        ),
    ),
    Listing(
        "incidents",
        "List what one actor did, alert by alert.",
        "incident",
        (*_OF_ASSETS, "severity", *_WHEN),
        ("Severity", "What", "When", "#Alerts", "Id"),
        _incidents,
        ("id", "title", "severity", "actor", "alerts", "first", "last"),
    ),
)
"""All of them."""
