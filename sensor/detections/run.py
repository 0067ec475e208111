"""All detectors over all that is known: findings, grouped into alerts, grouped into incidents."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from sensor.detections.incidents import incidents_of
from sensor.detections.model import Alert, Detector, Finding, Incident, Outcome, Scene, Severity, View
from sensor.detections.scene import common, placed

if TYPE_CHECKING:
    from sensor.knowledge import Knowledge

QUIET = 3600 * 1_000_000_000
"""After so many nanoseconds without it, the same thing is another alert."""

MOST_ALERTS = 1000
"""Of one detector; those of the least severity are counted in one more where there are more."""

MOST_EVIDENCE = 8
"""Lines of evidence that an alert keeps."""

_SURENESS = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ATTEMPTED, Outcome.NONE)


@dataclass(slots=True)
class _Episode:
    """One time that a finding was made, before those of one thing are put together."""

    first: int
    last: int
    count: int
    finding: Finding


def detect(known: "Knowledge") -> tuple[tuple[Alert, ...], tuple[Incident, ...]]:
    """Alerts and incidents, in the order of their first time, then of their ids."""
    from sensor.detections.custom import detectors_of  # noqa: PLC0415 - they use what is known, which uses this
    from sensor.detections.registry import DETECTORS  # noqa: PLC0415 - they use what is known, which uses this

    return detect_with((*DETECTORS, *detectors_of(known.site.rules)), known)


def detect_with(detectors: Iterable[Detector], known: "Knowledge") -> tuple[tuple[Alert, ...], tuple[Incident, ...]]:
    """What these detectors find."""
    active = [detector for detector in detectors if detector.enabled and detector.id not in known.site.disabled]
    alerts = [alert for detector, findings in _findings(active, known) for alert in _alerts(detector, findings)]
    alerts.sort(key=lambda alert: (alert.first, alert.id))
    return tuple(alerts), incidents_of(alerts, known.assets)


def _findings(detectors: Sequence[Detector], known: "Knowledge") -> Iterator[tuple[Detector, list[Finding]]]:
    shared = View(known, {})
    views = {detector.id: replace(shared, thresholds=_thresholds(detector, known)) for detector in detectors}
    found: dict[str, list[Finding]] = {detector.id: [] for detector in detectors}
    _on_operations(detectors, views, found)
    for detector in detectors:
        view, findings = views[detector.id], found[detector.id]
        if detector.on_dialogue is not None:
            for dialogue in known.dialogues.values():
                findings.extend(placed(detector.on_dialogue(dialogue, view), dialogue))
        if detector.on_breach is not None:
            for breach in known.breaches:
                if detector.kinds is None or breach.row.kind in detector.kinds:
                    findings.extend(placed(detector.on_breach(breach, view), breach.dialogue))
        if detector.on_asset is not None:
            for asset in known.assets:
                findings.extend(detector.on_asset(asset, view))
        if detector.on_capture is not None:
            findings.extend(detector.on_capture(view))
        yield detector, findings


def _on_operations(detectors: Sequence[Detector], views: dict[str, View], found: dict[str, list[Finding]]) -> None:
    """Each operation goes only to the detectors of its function: there may be a hundred thousand of them."""
    everywhere = [detector for detector in detectors if detector.on_deed is not None and detector.functions is None]
    of_all = [detector for detector in everywhere if not detector.rejected_only]
    of_rejected = [detector for detector in everywhere if detector.rejected_only]
    by_function: dict[tuple[str, int], list[Detector]] = {}
    for detector in detectors:
        for function in (detector.functions or ()) if detector.on_deed is not None else ():
            by_function.setdefault(function, list(of_all)).append(detector)
    for detector in detectors[:1]:
        for deed in views[detector.id].knowledge.deeds:
            wanting = by_function.get((deed.row.protocol, deed.row.function), of_all)
            for wanted in (*wanting, *of_rejected) if deed.row.errors else wanting:
                if wanted.on_deed is not None:
                    found[wanted.id].extend(placed(wanted.on_deed(deed, views[wanted.id]), deed.dialogue, deed))


def _thresholds(detector: Detector, known: "Knowledge") -> dict[str, float]:
    set_by_site = known.site.thresholds.get(detector.id, {})
    return {name: set_by_site.get(name, threshold.default) for name, threshold in detector.thresholds.items()}


def _alerts(detector: Detector, findings: Iterable[Finding]) -> list[Alert]:
    things: dict[tuple[str | None, ...], list[_Episode]] = {}
    for finding in findings:
        key = (finding.source or finding.source_ip, finding.target or finding.target_ip, finding.protocol, finding.key)
        episodes = things.setdefault(key, [])
        episodes.extend(_Episode(first, last, count, finding) for first, last, count in finding.times)
    alerts = [_alert(detector, key, cluster) for key, episodes in things.items() for cluster in _clusters(episodes)]
    return _bounded(detector, alerts)


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


def _alert(detector: Detector, key: tuple[str | None, ...], cluster: list[_Episode]) -> Alert:
    worst = max(_severity(detector, each.finding) for each in cluster)
    # The message is that of the worst, of those an accepted one, of those the first.
    told = min(
        (each.finding for each in cluster if _severity(detector, each.finding) == worst),
        key=lambda finding: _SURENESS.index(finding.outcome),
    )
    count, first = sum(each.count for each in cluster), cluster[0].first
    outcomes = {each.finding.outcome for each in cluster}
    techniques = [
        name for each in cluster for name in (detector.techniques if each.finding.techniques is None else each.finding.techniques)
    ]
    evidence = tuple(dict.fromkeys(line for each in cluster for line in each.finding.evidence))
    return Alert(
        id=_identity(detector.id, key, first),
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
        thing=_identity(detector.id, key),
    )


def _severity(detector: Detector, finding: Finding) -> Severity:
    return detector.severity if finding.severity is None else finding.severity


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
