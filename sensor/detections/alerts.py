"""Findings of one detector, grouped into alerts: what is found again, or no more, changes the alerts that it is part of."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from sensor.detections.model import Alert, Detector, Finding, Outcome, Scene, Severity
from sensor.detections.scene import common

QUIET = 3600 * 1_000_000_000
"""After so many nanoseconds without it, the same thing is another alert."""

MOST_ALERTS = 1000
"""Of one detector; those of the least severity are counted in one more where there are more."""

MOST_EVIDENCE = 8
"""Lines of evidence that an alert keeps."""

_SURENESS = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ATTEMPTED, Outcome.NONE)

Order = tuple[int | str, ...]
"""Where a subject stands among those of its kind."""

_Thing = tuple[str | None, ...]


@dataclass(slots=True)
class _Episode:
    """One time that a finding was made, before those of one thing are put together."""

    first: int
    last: int
    count: int
    finding: Finding


class Ledger:
    """What one detector found, by subject, and the alerts that it adds up to."""

    def __init__(self, detector: Detector) -> None:
        self.alerts: list[Alert] = []
        self.detector = detector
        self._things: dict[_Thing, dict[Hashable, tuple[Order, list[Finding]]]] = {}
        self._subjects: dict[Hashable, list[_Thing]] = {}
        self._alerts: dict[_Thing, list[Alert]] = {}
        self._stale: set[_Thing] = set()

    def enter(self, subject: Hashable, order: Order, findings: Sequence[Finding]) -> None:
        """What was found in a subject, in place of what was found in it before."""
        for thing in self._subjects.pop(subject, ()):
            self._things[thing].pop(subject, None)
            self._stale.add(thing)
        if not findings:
            return
        found: dict[_Thing, list[Finding]] = defaultdict(list)
        for finding in findings:
            thing = (finding.source or finding.source_ip, finding.target or finding.target_ip, finding.protocol, finding.key)
            found[thing].append(finding)
        for thing, told in found.items():
            self._things.setdefault(thing, {})[subject] = order, told
            self._stale.add(thing)
        self._subjects[subject] = list(found)

    def settle(self) -> bool:
        """Put the alerts right: are they others than before?"""
        if not self._stale:
            return False
        differ = False
        for thing in self._stale:
            told = sorted(self._things[thing].values(), key=lambda entry: entry[0])
            episodes = [_Episode(*time, finding) for _, findings in told for finding in findings for time in finding.times]
            alerts = [_alert(self.detector, cluster) for cluster in _clusters(episodes)]
            differ |= alerts != self._alerts.get(thing, [])
            if told:
                self._alerts[thing] = alerts
            else:
                del self._things[thing]
                self._alerts.pop(thing, None)
        self._stale.clear()
        if differ:
            self.alerts = _bounded(self.detector, [alert for alerts in self._alerts.values() for alert in alerts])
        return differ


def _clusters(episodes: list[_Episode]) -> Iterator[list[_Episode]]:
    """Stretches of time that are separated by quiet."""
    cluster: list[_Episode] = []
    last = 0
    for episode in sorted(episodes, key=lambda each: (each.first, each.last, each.finding.message)):
        if cluster and episode.first - last > QUIET:
            yield cluster
            cluster = []
        last = max(last, episode.last) if cluster else episode.last
        cluster.append(episode)
    if cluster:
        yield cluster


def _alert(detector: Detector, cluster: list[_Episode]) -> Alert:
    worst = max(_severity(detector, each.finding) for each in cluster)
    # The message is that of the worst, of those an accepted one, of those the first.
    told = min(
        (each.finding for each in cluster if _severity(detector, each.finding) == worst),
        key=lambda finding: _SURENESS.index(finding.outcome),
    )
    count, first, known_as = sum(each.count for each in cluster), cluster[0].first, _known_as(cluster[0].finding)
    outcomes = {each.finding.outcome for each in cluster}
    techniques = [
        name for each in cluster for name in (detector.techniques if each.finding.techniques is None else each.finding.techniques)
    ]
    evidence = tuple(dict.fromkeys(line for each in cluster for line in each.finding.evidence))
    return Alert(
        id=_identity(detector.id, known_as, first),
        rule=detector.id,
        title=detector.title,
        engine=detector.engine,
        severity=worst,
        message=told.message if count <= 1 else f"{told.message}, {count:,} times",
        first=first,
        last=max(each.last for each in cluster),
        count=count,
        source=told.source,
        target=told.target,
        source_ip=told.source_ip,
        target_ip=told.target_ip,
        protocol=told.protocol,
        techniques=tuple(dict.fromkeys(techniques)),
        outcome=next(outcome for outcome in _SURENESS if outcome in outcomes),
        confidence=max(each.finding.confidence for each in cluster),
        evidence=evidence[:MOST_EVIDENCE],
        scene=common([each.finding.scene for each in cluster]),
        thing=_identity(detector.id, known_as),
    )


def _severity(detector: Detector, finding: Finding) -> Severity:
    return detector.severity if finding.severity is None else finding.severity


def _known_as(finding: Finding) -> tuple[str | None, ...]:
    """Addresses and VLAN: whose they are may change while more is seen, as of a host behind a router that has not said anything yet."""
    vlan = None if finding.scene.vlan is None else f"vlan {finding.scene.vlan}"
    return finding.source_ip or finding.source, finding.target_ip or finding.target, finding.protocol, finding.key, vlan


def _identity(rule: str, key: tuple[str | None, ...], first: int | None = None) -> str:
    text = "\x1f".join((rule, *(part or "" for part in key), "" if first is None else str(first)))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _bounded(detector: Detector, alerts: list[Alert]) -> list[Alert]:
    if len(alerts) <= MOST_ALERTS:
        return alerts
    alerts.sort(key=lambda alert: (-alert.severity, alert.first, alert.id))
    kept, rest = alerts[:MOST_ALERTS], alerts[MOST_ALERTS:]
    more = replace(
        rest[0],
        id=_identity(detector.id, ("more",), min(alert.first for alert in rest)),
        message=f"{len(rest):,} more alerts of this detector are counted here and not listed",
        first=min(alert.first for alert in rest),
        last=max(alert.last for alert in rest),
        count=sum(alert.count for alert in rest),
        source=None,
        target=None,
        source_ip=None,
        target_ip=None,
        protocol=None,
        outcome=Outcome.NONE,
        evidence=(),
        scene=Scene(),
        thing=_identity(detector.id, ("more",)),
    )
    return [*kept, more]
