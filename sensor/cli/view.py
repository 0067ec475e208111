"""The replay document as tables for people."""

from collections.abc import Callable, Iterable
from typing import Any

from sensor import words
from sensor.cli import findings
from sensor.cli.operations import INTENTS, Deed, deeds
from sensor.cli.page import Page
from sensor.health import Weight, remarks
from sensor.inventory.profile import protocol_of
from sensor.protocols import PROTOCOLS, Intent
from sensor.rows import AnomalyRow, ConversationRow, Document, FactRow, Item, Row, Rows, Share

_SERVICES_NAMED = 12
_WHO = "Client → server"
_MARKS = {Weight.GOOD: ("✓", "green"), Weight.NOTE: ("·", "cyan"), Weight.LOSS: ("!", "bold yellow")}
_DANGEROUS = {Intent.PROGRAM: "bold red", Intent.CONTROL: "bold red", Intent.WRITE: "bold yellow", Intent.CONFIGURE: "bold yellow"}


def show(whole: Document, limit: int) -> None:
    """Print everything on standard output; `limit` rows of each table, all of them where it is 0."""
    page = Page(limit)
    _headline(page, whole)
    findings.incidents(page, whole)
    findings.alerts(page, whole)
    findings.violations(page, whole)
    findings.assets(page, whole)
    _health(page, whole)
    _traffic(page, whole)
    _conversations(page, whole)
    _operations(page, whole)
    _identities(page, whole)
    _anomalies(page, whole)


def _headline(page: Page, whole: Document) -> None:
    capture = whole["capture"]
    names = ["standard input" if file == "-" else words.plain(file.rpartition("/")[2]) for file in capture["files"]]
    title = ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]} ({words.count(len(names), 'capture')})"
    page.line(title, "bold")
    amount = f"{words.count(capture['packets'], 'packet')}, {words.octets(capture['octets'])}"
    page.line(f"{words.period(capture['first'], capture['last'])}; {amount}")
    spoken = []
    for name, row in sorted(whole["protocols"].items(), key=lambda item: -item[1]["messages"]):
        bad = f" ({row['malformed']:,} malformed)" if row["malformed"] else ""
        spoken.append(f"{protocol_of(name).title} {words.count(row['messages'], 'message')}{bad}")
    page.line("; ".join(spoken) or "No control protocol that Otoscope dissects was spoken.")
    families = [share["family"] for share in whole["traffic"]["families"]]
    if services := [protocol_of(family).title for family in families if family in PROTOCOLS and family not in whole["protocols"]]:
        more = f" and {len(services) - _SERVICES_NAMED} more" if len(services) > _SERVICES_NAMED else ""
        page.line(f"Also {', '.join(services[:_SERVICES_NAMED])}{more}")


def _health(page: Page, whole: Document) -> None:
    page.title("Health of the capture")
    for remark in remarks(whole):
        page.point(*_MARKS[remark.weight], remark.text)


def _traffic(page: Page, whole: Document) -> None:
    traffic = whole["traffic"]
    packets = sum(share["packets"] for share in traffic["vlans"])
    if not packets:
        return
    most = f"at most {words.count(traffic['most_packets_in_a_second'], 'packet')} a second"
    multicast, broadcast = (words.percent(number, packets) for number in (traffic["multicast_packets"], traffic["broadcast_packets"]))
    page.title("Traffic", f"{most}; {multicast} multicast, {broadcast} broadcast")

    def cells(share: Share) -> tuple[str, ...]:
        return (f"{share['packets']:,}", words.percent(share["packets"], packets), words.octets(share["octets"]))

    page.table(("Protocol", "#Packets", "#Share", "#Amount"), [(share["family"], *cells(share)) for share in traffic["families"]])
    if len(traffic["vlans"]) > 1:
        rows = [("untagged" if share["vlan"] is None else f"VLAN {share['vlan']}", *cells(share)) for share in traffic["vlans"]]
        page.table(("VLAN", "#Packets", "#Share", "#Amount"), rows)


def _ordered(rows: Rows[Row], key: Callable[[Row], object], cells: Callable[[Row], Item]) -> Rows[Item]:
    """The cells of rows in another order, made when they are looked at."""
    keys: list[Any] = [key(row) for row in rows]
    return Rows(sorted(range(len(keys)), key=keys.__getitem__), lambda place: cells(rows[place]))


def _conversations(page: Page, whole: Document) -> None:
    def most_telling(row: ConversationRow) -> tuple[bool, int]:
        return (row["protocol"] is None, -sum(row["packets"]))

    if rows := whole["conversations"]:
        page.title("Conversations", "packets and octets from the client / from the server")
        headings = (_WHO, "Protocol", "#VLAN", "#Packets", "#Octets", "Path")
        page.table(headings, _ordered(rows, most_telling, _conversation_cells))


def _conversation_cells(row: ConversationRow) -> tuple[str, ...]:
    client, server = (row[end]["ip"] or row[end]["mac"] or "?" for end in ("client", "server"))
    port = f" {row['port']}" if row["transport"] in ("tcp", "udp", "ip") else f" 0x{row['port']:04x}" if row["port"] else ""
    doubt = "?" if row["protocol_by"] != "content" else ""
    protocol = f"{row['protocol'] or ''}{doubt} {row['transport']}{port}"
    packets = " / ".join(f"{number:,}" for number in row["packets"])
    octets = " / ".join(f"{number:,}" for number in row["octets"])
    return (f"{client} → {server}", protocol, _vlan(row["vlan"]), packets, octets, ", ".join(_path(row)))


def _path(row: ConversationRow) -> Iterable[str]:
    """What is wrong with the way between the two."""
    if row["one_way"]:
        yield "one-way"
    for what in ("lost_segments", "retransmissions", "out_of_order", "duplicates"):
        if number := sum(row[what]):
            yield f"{number:,} {_PATH_WORDS[what]}"
    if row["refused"]:
        yield f"{row['refused']:,} refused"


_PATH_WORDS = {"lost_segments": "lost", "retransmissions": "resent", "out_of_order": "out of order", "duplicates": "duplicate"}


def _operations(page: Page, whole: Document) -> None:
    by_intent = deeds(whole["operations"])
    for intent, what in INTENTS.items():
        if intent in by_intent:
            page.title(f"Operations: {intent}", what, _DANGEROUS.get(intent, "bold"))
            headings = (_WHO, "Unit", "Operation", "On", "#Times", "Outcome")
            page.table(headings, Rows(by_intent[intent], _deed_cells), heads=2)


def _deed_cells(deed: Deed) -> tuple[str | int, ...]:
    name = f"{deed.protocol} {deed.name}" + (f" {deed.technique}" if deed.technique else "")
    return (f"{deed.client} → {deed.server}", deed.unit, name, deed.objects_text(), deed.times, deed.outcome())


def _identities(page: Page, whole: Document) -> None:
    if whole["facts"]:
        page.title("Identities", "what endpoints say of themselves")
        page.table(("Endpoint", "Unit", "What", "Says", "Source"), Rows(whole["facts"], _fact_cells), heads=2)


def _fact_cells(row: FactRow) -> tuple[str, ...]:
    return (row["ip"] or row["mac"] or "?", row["unit"], row["key"].replace("_", " "), row["value"], row["source"])


def _anomalies(page: Page, whole: Document) -> None:
    if rows := whole["anomalies"]:
        page.title("Anomalies", "breaches of the protocols", "bold yellow")
        page.table((_WHO, "Protocol", "What", "#Times"), _ordered(rows, lambda row: -row["count"], _anomaly_cells))


def _anomaly_cells(row: AnomalyRow) -> tuple[str | int, ...]:
    what = f"{row['kind'].replace('_', ' ')}: {row['detail']}"
    return (f"{row['client'] or '?'} → {row['server'] or '?'}", row["protocol"], what, row["count"])


def _vlan(number: int | None) -> str:
    return "" if number is None else str(number)
