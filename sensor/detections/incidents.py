"""Alerts that one actor caused, told as one story."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from sensor.detections.model import Alert, Incident, Outcome, Severity
from sensor.inventory.model import Asset

HOUR = 3600 * 1_000_000_000
PAUSE, LONGEST = 4 * HOUR, 24 * HOUR
"""An actor that pauses longer, or goes on longer, begins another incident."""

STORY: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ot.scan.",), "scanned the network"),
    (("ot.discovery.safety",), "engineered safety controllers"),
    (("ot.discovery.",), "identified devices"),
    (("ot.network.address_conflict",), "took the address of another"),
    (("ot.login.",), "tried passwords"),
    (("ot.plc.program_upload", "ot.dnp3.file_read"), "read programs back"),
    (("ot.plc.program_download", "ot.plc.delete", "ot.dnp3.file_"), "changed programs"),
    (("ot.plc.firmware",), "changed firmware"),
    (("ot.process.", "ot.dnp3.operate"), "wrote to the process"),
    (("ot.plc.configuration", "ot.plc.address", "ot.plc.clock", "ot.dnp3.activate", "ot.dnp3.save", "ot.dnp3.assign"), "changed settings"),
    (("ot.plc.alarms", "ot.dnp3.disable_unsolicited"), "suppressed alarms"),
    (("ot.plc.stop", "ot.dnp3.stop"), "stopped controllers"),
    (("ot.plc.reset", "ot.plc.memory_reset", "ot.dnp3.cold_restart", "ot.dnp3.warm_restart"), "restarted controllers"),
    (("ot.plc.", "ot.dnp3."), "commanded controllers"),
    (("ot.flood.",), "flooded the network"),
    (("ot.policy.",), "crossed zones"),
    (("ot.baseline.",), "did what is not usual"),
)
"""What alerts tell of their actor, in the order of a story; the first row that fits counts."""

VAIN = {
    "read programs back": "tried to read programs back",
    "changed programs": "tried to change programs",
    "changed firmware": "tried to change firmware",
    "wrote to the process": "tried to write to the process",
    "changed settings": "tried to change settings",
    "suppressed alarms": "tried to suppress alarms",
    "stopped controllers": "tried to stop controllers",
    "restarted controllers": "tried to restart controllers",
    "commanded controllers": "tried to command controllers",
}
"""The same where no device is known to have accepted anything of it."""

DISCOVERY = ("ot.scan.", "ot.discovery.")
IMPACT = ("ot.plc.", "ot.dnp3.", "ot.process.", "ot.flood.")
OPERATIONAL = ("ot.failure.", "ot.outage.", "ot.sensor.", "ot.state.")
"""What tells of a device's health, and not of what an actor does."""


def incidents_of(alerts: Iterable[Alert], assets: Mapping[str, Asset]) -> tuple[Incident, ...]:
    """What single actors did, where they did several things of which one matters."""
    by_actor: dict[str, list[Alert]] = {}
    for alert in sorted(alerts, key=lambda alert: (alert.first, alert.id)):
        actor = alert.source or alert.source_ip
        if actor is not None and not alert.rule.startswith(OPERATIONAL):
            by_actor.setdefault(actor, []).append(alert)
    found = [_incident(actor, story, assets) for actor, told in by_actor.items() for story in _stories(told) if _matters(story)]
    return tuple(sorted(found, key=lambda incident: (incident.first, incident.id)))


def _stories(alerts: Sequence[Alert]) -> Iterator[list[Alert]]:
    story: list[Alert] = []
    last = 0
    for alert in alerts:
        if story and (alert.first - last > PAUSE or alert.first - story[0].first > LONGEST):
            yield story
            story = []
        last = max(last, alert.last) if story else alert.last
        story.append(alert)
    if story:
        yield story


def _matters(story: Sequence[Alert]) -> bool:
    return len({alert.rule for alert in story}) > 1 and any(alert.severity >= Severity.MEDIUM for alert in story)


def _incident(actor: str, story: Sequence[Alert], assets: Mapping[str, Asset]) -> Incident:
    first = story[0].first
    known, address = assets.get(actor), story[0].source_ip
    name = f"{known.name} ({address})" if known and known.name and address and known.name != address else address or actor
    return Incident(
        id=blake2b(f"incident\x1f{actor}\x1f{first}".encode(), digest_size=8).hexdigest(),
        title=f"{name} {_sentence(_chapters(story))}",
        severity=_severity(story),
        alerts=tuple(alert.id for alert in story),
        actor=actor if actor in assets else None,
        first=first,
        last=max(alert.last for alert in story),
    )


def _chapters(story: Sequence[Alert]) -> list[str]:
    outcomes: dict[str, set[Outcome]] = {}
    for alert in story:
        text = next((text for prefixes, text in STORY if alert.rule.startswith(prefixes)), "broke protocols")
        outcomes.setdefault(text, set()).add(alert.outcome)
    order = [text for _, text in STORY]
    told = sorted(outcomes, key=lambda text: order.index(text) if text in order else len(order))
    return [text if outcomes[text] - {Outcome.REJECTED, Outcome.ATTEMPTED} else VAIN.get(text, text) for text in told]


def _sentence(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _severity(story: Sequence[Alert]) -> Severity:
    """The highest; two high ones that lead from looking around to touching are critical."""
    highest = max(alert.severity for alert in story)
    high = [alert for alert in story if alert.severity >= Severity.HIGH]
    looked = [alert.first for alert in story if alert.rule.startswith(DISCOVERY)]
    touched = [alert.last for alert in high if alert.rule.startswith(IMPACT)]
    if len(high) > 1 and looked and touched and min(looked) <= max(touched):
        return Severity.CRITICAL
    return highest
