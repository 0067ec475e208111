"""The plant in a few sentences for whoever decides: how many devices, what crosses zones, what happened, what nobody saw."""

from collections import Counter
from collections.abc import Iterable, Sequence

from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Incident, Outcome, Severity
from sensor.knowledge import Knowledge
from sensor.protocols import Intent
from sensor.report.coverage import gaps
from sensor.report.flows import weight
from sensor.report.picture import numbered
from sensor.report.text import LEVEL_NAMES, listed, moment, shown
from sensor.words import count, duration

_MOST_STEPS = 5
_MOST_TITLES = 3
_NAME = 60
"""Columns of a name within a sentence."""
_NANOSECONDS = 1e9

_AT_LEVEL = {
    5: "{} outside the plant",
    4: "{} at level 4 (enterprise)",
    3.5: "{} in the DMZ (level 3.5)",
    3: "{} at level 3 (site operations)",
    2: "{} at level 2 (supervision)",
    1: "{} at level 1 (control)",
    0: "{} at level 0 (process)",
    None: "{} whose level could not be told",
}
_DOES = {
    Intent.READ: "reads from",
    Intent.WRITE: "writes to",
    Intent.CONTROL: "operates",
    Intent.PROGRAM: "changes the program of",
    Intent.UPLOAD: "reads the program out of",
    Intent.CONFIGURE: "configures",
    Intent.DIAGNOSE: "runs diagnostics on",
    Intent.DISCOVER: "asks for the identity of",
}
_ANSWERED = {
    Outcome.ACCEPTED: ", and the device accepted it",
    Outcome.REJECTED: ", and the device refused it",
    Outcome.ATTEMPTED: ", and no answer was seen",
    Outcome.NONE: "",
}


def sentences(known: Knowledge) -> list[str]:
    """Three to six sentences."""
    return [text for text in (_devices(known), _crossing(known), _alerts(known.alerts, known), _story(known), _unseen(known)) if text]


def by_severity(alerts: Iterable[Alert]) -> list[Alert]:
    """The worst first, then in the order of time."""
    return sorted(alerts, key=lambda alert: (-alert.severity, alert.first, alert.id))


def name_of(known: Knowledge, asset: str | None, address: str | None) -> str:
    """What an asset is called; its address where nothing is known of it."""
    row = known.assets.get(asset or "")
    return shown(row.name if row else address or "several devices", _NAME)


def _devices(known: Knowledge) -> str:
    levels = Counter(asset.level.value for asset in known.assets.values() if asset.parent is None)
    statistics = known.statistics
    if statistics is None or statistics.first is None or statistics.last is None or not levels:
        return "The capture holds no packet from which a device could be told."
    length = duration((statistics.last - statistics.first) / _NANOSECONDS)
    parts = [_AT_LEVEL[level].format(f"{levels[level]:,}") for level in LEVEL_NAMES if levels[level]]
    return f"In {length} of traffic {count(sum(levels.values()), 'device was', 'devices were')} seen: {listed(parts)}."


def _crossing(known: Knowledge) -> str:
    if not known.violations:
        return "Nothing was seen that the policy for traffic between zones forbids."
    worst = max(numbered(known.violations), key=_weight)
    critical = sum(row.severity is Severity.CRITICAL for row in known.violations)
    how_bad = f", {critical} of them critical" if critical else ""
    kinds = count(len(known.violations), "kind of traffic crosses", "kinds of traffic cross")
    return f"{kinds} zones against the policy{how_bad}; the worst: {deed(known, worst)}."


def _weight(row: Violation) -> tuple[int, bool, int]:
    """How much a violation matters to who reads one only."""
    return row.severity, row.outcome is Outcome.ACCEPTED, weight(Intent(row.intent) if row.intent in set(Intent) else None)


def deed(known: Knowledge, row: Violation) -> str:
    """What a violation is in plain words: "OFFICE-PC (level 4) writes to PLC-1 (level 1), and the device accepted it"."""
    source = f"{name_of(known, row.source, row.source_ip)}{_level(row.source_level)}"
    target = f"{name_of(known, row.target, row.target_ip)}{_level(row.target_level)}"
    does = _DOES.get(Intent(row.intent), "talks to") if row.intent in set(Intent) else "talks to"
    return f"{source} {does} {target}{_ANSWERED[row.outcome]}"


def _level(level: float | None) -> str:
    return " (outside)" if level == 5 else "" if level is None else f" (level {level:g})"


def _alerts(alerts: Sequence[Alert], known: Knowledge) -> str:
    if not alerts:
        return "No alert was raised."
    levels = Counter(alert.severity for alert in alerts)
    grave = [f"{levels[severity]} {severity}" for severity in (Severity.CRITICAL, Severity.HIGH) if levels[severity]]
    worst: dict[str, dict[str, None]] = {}
    for alert in by_severity(alerts):
        if alert.severity >= Severity.HIGH and (alert.title in worst or len(worst) < _MOST_TITLES):
            at = name_of(known, alert.target or alert.source, alert.target_ip or alert.source_ip)
            worst.setdefault(alert.title, {})[at] = None
    if not worst:
        return f"{count(len(alerts), 'alert was', 'alerts were')} raised, none above {max(levels)} severity."
    named = [f"{shown(title, _NAME)} ({_few(list(names))})" for title, names in worst.items()]
    return f"{count(len(alerts), 'alert was', 'alerts were')} raised, {listed(grave)}; above all {listed(named)}."


def _few(names: Sequence[str]) -> str:
    return listed(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"


def _story(known: Knowledge) -> str:
    if not known.incidents:
        return ""
    worst = main_incident(known)
    alerts = {alert.id: alert for alert in known.alerts}
    steps = by_severity(alerts[key] for key in worst.alerts if key in alerts)
    chosen = sorted(steps[:_MOST_STEPS], key=lambda alert: (alert.first, alert.id))
    targets = {name_of(known, alert.target, alert.target_ip) for alert in chosen}
    at = f", all at {targets.pop()}" if len(targets) == 1 and len(chosen) > 1 else ""
    long = moment(worst.first)[:10] != moment(worst.last)[:10]
    told = [_step(known, alert, date=long, at=not at) for alert in chosen]
    more = f" and {count(len(steps) - len(chosen), 'lesser step')}" if len(steps) > len(chosen) else ""
    others = f" {count(len(known.incidents) - 1, 'more incident is', 'more incidents are')} told below." if len(known.incidents) > 1 else ""
    when = f"Between {moment(worst.first)} and {moment(worst.last, date=long)} UTC"
    return f"{when}: {shown(worst.title, 4 * _NAME)}. Step by step{at}: {', '.join(told)}{more}.{others}"


def main_incident(known: Knowledge) -> Incident:
    """The incident that is told first: the worst, then that in which devices did what they were told, then the longest."""
    obeyed = {alert.id for alert in known.alerts if alert.severity >= Severity.HIGH and alert.outcome is Outcome.ACCEPTED}
    return min(known.incidents, key=lambda row: (-row.severity, obeyed.isdisjoint(row.alerts), -len(row.alerts), row.first, row.id))


def _step(known: Knowledge, alert: Alert, *, date: bool, at: bool) -> str:
    target = f" at {name_of(known, alert.target, alert.target_ip)}" if at and (alert.target or alert.target_ip) else ""
    outcome = f", {alert.outcome}" if alert.outcome is not Outcome.NONE else ""
    return f"{shown(alert.title, _NAME)}{target} ({moment(alert.first, date=date)}{outcome})"


def _unseen(known: Knowledge) -> str:
    found = [gap.short for gap in gaps(known) if gap.short]
    return f"What this report cannot know: {listed(found)}." if found else ""
