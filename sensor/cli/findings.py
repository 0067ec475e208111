"""What was concluded, as tables: incidents, alerts, what crosses zones, assets by level."""

from sensor import words
from sensor.cli.page import Page
from sensor.finding_rows import AlertRow, AssetRow, IncidentRow, ViolationRow
from sensor.rows import Document, Rows

_STYLES = {"critical": "bold red", "high": "bold red", "medium": "bold yellow"}
_ORDER = ("critical", "high", "medium", "low", "info")


def incidents(page: Page, whole: Document) -> None:
    """Alerts that one actor caused: the story first."""
    if rows := whole["incidents"]:
        page.title("Incidents", "what one actor did, alert by alert", _STYLES.get(rows[0]["severity"], "bold"))
        page.table(("Severity", "What", "When", "#Alerts"), Rows(sorted(rows, key=_weight), _incident_cells))


def alerts(page: Page, whole: Document) -> None:
    """What is wrong, the worst first."""
    if rows := whole["alerts"]:
        page.title("Alerts", ", ".join(f"{number} {name}" for name, number in _counted(rows)), _STYLES.get(_worst(rows), "bold"))
        page.table(("Severity", "What happened", "Outcome", "#Times", "Technique"), Rows(sorted(rows, key=_weight), alert_cells))


def violations(page: Page, whole: Document) -> None:
    """What crosses zones as no conduit allows."""
    if rows := whole["violations"]:
        page.title("Crosses zones without a conduit", style=_STYLES.get(_worst(rows), "bold"))
        headings = ("Severity", "Rule", "From → to", "Zones", "Does", "Outcome", "#Times")
        page.table(headings, Rows(sorted(rows, key=_weight), violation_cells))


def assets(page: Page, whole: Document) -> None:
    """What there is, by level from the process up; what is unknown last."""
    if rows := whole["assets"]:
        ordered = sorted(rows, key=lambda row: (row["level"] is None, row["level"] or 0))
        page.title("Assets", words.count(sum(row["parent"] is None for row in rows), "device"))
        headings = ("#Level", "#Sure", "Name", "Type", "Address", "MAC", "Vendor, model", "Serves", "Asks with")
        page.table(headings, Rows(ordered, asset_cells))


def asset_cells(row: AssetRow) -> tuple[str, ...]:
    """A row of the table of assets."""
    told = " ".join(filter(None, (row["vendor"], row["model"] or row["order_number"])))
    serves, asks = ", ".join(row["services"]), ", ".join(row["clients_of"])
    kind = "" if row["type"] == "unknown" else row["type"].replace("_", " ")
    name = "" if row["name"] in row["ips"] or row["name"] in row["macs"] else row["name"]
    return (level(row["level"]), sure(row), name, kind, _some(row["ips"]), _some(row["macs"]), told, serves, asks)


def alert_cells(row: AlertRow) -> tuple[str | int, ...]:
    """A row of the table of alerts."""
    outcome = "" if row["outcome"] == "none" else row["outcome"]
    return (row["severity"], row["message"], outcome, row["count"], ", ".join(row["techniques"]))


def violation_cells(row: ViolationRow) -> tuple[str | int, ...]:
    """A row of the table of violations."""
    ends = f"{row['source_ip'] or '?'} → {row['target_ip'] or '?'}"
    zones = f"{row['source_zone'] or 'none'} → {row['target_zone'] or 'none'}"
    does = " ".join(filter(None, (row["protocol"], row["intent"])))
    return (row["severity"], row["rule"].replace("_", " "), ends, zones, does, row["outcome"], row["count"])


def level(value: float | None) -> str:
    """A level as people write it: "1", "3.5", "?"."""
    return "?" if value is None else f"{value:g}"


def sure(row: AssetRow) -> str:
    """How sure its level is."""
    if row["level"] is None:
        return ""
    return "pinned" if row["level_pinned"] else words.percent(round(row["level_confidence"] * 100), 100)


def _incident_cells(row: IncidentRow) -> tuple[str | int, ...]:
    return (row["severity"], row["title"], words.period(row["first"], row["last"]), len(row["alerts"]))


def _weight(row: AlertRow | ViolationRow | IncidentRow) -> tuple[int, str]:
    return (_ORDER.index(row["severity"]), row["first"])


def _worst(rows: Rows[AlertRow] | Rows[ViolationRow]) -> str:
    return min((row["severity"] for row in rows), key=_ORDER.index)


def _counted(rows: Rows[AlertRow]) -> list[tuple[str, int]]:
    found = [row["severity"] for row in rows]
    return [(name, found.count(name)) for name in _ORDER if name in found]


def _some(addresses: list[str]) -> str:
    return ", ".join(addresses[:2]) + (f" and {len(addresses) - 2} more" if len(addresses) > 2 else "")
