"""All detectors over all that is known: findings, grouped into alerts, grouped into incidents."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sensor.detections.alerts import MOST_ALERTS, QUIET, Ledger, Order
from sensor.detections.attention import ASSET, BREACH, CHANGE, DIALOGUE, Curiosity, Grouping
from sensor.detections.incidents import incidents_of
from sensor.detections.model import Alert, Detector, Finding, Incident, View
from sensor.detections.scene import placed

if TYPE_CHECKING:
    from sensor.baseline.compare import Change
    from sensor.conduits.model import Site, Violation
    from sensor.knowledge import Breach, Deed, Dialogue, Knowledge

__all__ = ["MOST_ALERTS", "QUIET", "Detections", "News", "all_detectors", "detect", "detect_with"]

Found = Iterator[tuple[str, Iterable[Finding]]]
"""By detector."""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed of all that is known, by ids; what is gone counts as changed.

    dialogues: also those of assets that rules see in another way. profiles: assets that have done something. outlined: assets that rules
    see in another way. changes: what differs from the baseline, by subject, and its order.
    """

    dialogues: Collection[int]
    anomalies: Collection[int]
    assets: Collection[str]
    profiles: Collection[str]
    outlined: Collection[str]
    violations: Collection[str]
    changes: "Mapping[Hashable, tuple[Order, Sequence[Change]]]"
    places: Mapping[int, int]
    """Of dialogues: their order."""
    order: Mapping[int, int]
    """Of anomalies."""


def all_detectors(site: "Site") -> tuple[Detector, ...]:
    """Those of the registry, and the site's own rules."""
    from sensor.detections.custom import detectors_of  # noqa: PLC0415 - they use what is known, which uses this
    from sensor.detections.registry import DETECTORS  # noqa: PLC0415 - they use what is known, which uses this

    return (*DETECTORS, *detectors_of(site.rules))


def detect(known: "Knowledge") -> tuple[tuple[Alert, ...], tuple[Incident, ...]]:
    """Alerts and incidents, in the order of their first time, then of their ids."""
    return detect_with(all_detectors(known.site), known)


def detect_with(detectors: Iterable[Detector], known: "Knowledge") -> tuple[tuple[Alert, ...], tuple[Incident, ...]]:
    """What these detectors find."""
    detections = Detections(detectors, known.site)
    anomalies = known.observations.anomalies
    changes: dict[Hashable, tuple[Order, Sequence[Change]]]
    changes = {("change", place): ((place,), (change,)) for place, change in enumerate(known.changes)}
    places, order = ({number: place for place, number in enumerate(rows)} for rows in (known.dialogues, anomalies))
    violations = {row.id: row for row in known.violations}
    everything = News(known.dialogues, anomalies, known.assets, known.profiles, known.assets, violations, changes, places, order)
    detections.update(known, everything)
    return detections.alerts, detections.incidents


class Detections:
    """What detectors find, kept up to date: each is asked again only where what it looked at has changed."""

    def __init__(self, detectors: Iterable[Detector], site: "Site") -> None:
        self.alerts: tuple[Alert, ...] = ()
        self.incidents: tuple[Incident, ...] = ()
        self._detectors = [detector for detector in detectors if detector.enabled and detector.id not in site.disabled]
        self._ledgers = {detector.id: Ledger(detector) for detector in self._detectors}
        self._thresholds = {detector.id: _thresholds(detector, site) for detector in self._detectors}
        self._by_function, self._of_all, self._of_rejected = _dispatch(self._detectors)
        self._on_dialogue = [detector for detector in self._detectors if detector.on_dialogue is not None]
        self._views: dict[str, View] = {}
        self._grouping = Grouping(self._detectors)
        self._curiosity = Curiosity()
        self._changes: dict[Hashable, tuple[Order, Sequence[Change]]] = {}
        self._having: dict[tuple[str, Hashable], Collection[str]] = {}

    def update(self, known: "Knowledge", news: News) -> None:
        """Look at what has changed."""
        shared = self._curiosity.take_over(known)
        self._views = {name: replace(shared, thresholds=thresholds) for name, thresholds in self._thresholds.items()}
        again = self._curiosity.again(shared, news.dialogues, news.assets, news.profiles, news.outlined)
        for number in {*news.dialogues, *again.get(DIALOGUE, ())}:
            dialogue = known.dialogues.get(number)
            self._ask((DIALOGUE, number), (news.places.get(number, 0),), self._of_dialogue(dialogue) if dialogue is not None else ())
        for (name, key), place, deeds in self._grouping.update(known.dialogues, news.dialogues, news.places):
            self._ask(("group", (name, key)), place, self._of_group(name, deeds) if deeds else ())
        for number in {*news.anomalies, *again.get(BREACH, ())}:
            breach = known.breach(number)
            self._ask((BREACH, number), (news.order.get(number, 0),), self._of_breach(breach) if breach is not None else ())
        for asset in {*news.assets, *again.get(ASSET, ())}:
            self._ask((ASSET, asset), (), self._of_asset(asset) if asset in known.assets else ())
        violations = {row.id: row for row in known.violations} if news.violations else {}
        for name in news.violations:
            violation = violations.get(name)
            order: Order = (violation.first, name) if violation else ()
            self._ask(("violation", name), order, self._of_violation(violation) if violation else ())
        for subject in {*news.changes, *again.get(CHANGE, ())}:
            order, changes = news.changes.get(subject) or self._changes[subject]
            self._changes[subject] = order, changes
            self._ask((CHANGE, subject), order, self._of_changes(changes))
            if not changes:
                del self._changes[subject]
        for detector in self._detectors:
            if detector.on_capture is not None:
                self._ask(("capture", detector.id), (), [(detector.id, detector.on_capture(self._views[detector.id]))])
        self._settle(known, news)

    def _settle(self, known: "Knowledge", news: News) -> None:
        differ = [ledger.settle() for ledger in self._ledgers.values()]
        if any(differ):
            alerts = [alert for ledger in self._ledgers.values() for alert in ledger.alerts]
            self.alerts = tuple(sorted(alerts, key=lambda alert: (alert.first, alert.id)))
        if any(differ) or news.outlined:
            self.incidents = incidents_of(self.alerts, known.assets)

    def _ask(self, subject: tuple[str, Hashable], order: Order, found: Iterable[tuple[str, Iterable[Finding]]]) -> None:
        """Enter what detectors find in a subject, in place of what they found before, and note what else they looked at."""
        self._curiosity.begin()
        told: dict[str, list[Finding]] = {}
        for name, findings in found:
            if listed := list(findings):
                told.setdefault(name, []).extend(listed)
        self._curiosity.end(subject)
        before = self._having.pop(subject, ())
        for name in {*before, *told} if before else told:
            self._ledgers[name].enter(subject, order, told.get(name, ()))
        if told:
            self._having[subject] = tuple(told)

    def _of_dialogue(self, dialogue: "Dialogue") -> Found:
        views = self._views
        for deed in dialogue.deeds:
            wanting = self._by_function.get((deed.row.protocol, deed.row.function), self._of_all)
            for detector in (*wanting, *self._of_rejected) if deed.row.errors else wanting:
                if detector.on_deed is not None and (findings := list(detector.on_deed(deed, views[detector.id]))):
                    yield detector.id, placed(findings, dialogue, deed)
        for detector in self._on_dialogue:
            if detector.on_dialogue is not None and (findings := list(detector.on_dialogue(dialogue, views[detector.id]))):
                yield detector.id, placed(findings, dialogue)

    def _of_group(self, name: str, deeds: Sequence["Deed"]) -> Found:
        detector = self._ledgers[name].detector
        if detector.on_group is not None:
            yield name, detector.on_group(deeds, self._views[name])

    def _of_breach(self, breach: "Breach") -> Found:
        for detector in self._detectors:
            if detector.on_breach is not None and (detector.kinds is None or breach.row.kind in detector.kinds):
                yield detector.id, placed(detector.on_breach(breach, self._views[detector.id]), breach.dialogue)

    def _of_asset(self, asset: str) -> Found:
        return (
            (detector.id, detector.on_asset(asset, self._views[detector.id]))
            for detector in self._detectors
            if detector.on_asset is not None
        )

    def _of_violation(self, violation: "Violation") -> Found:
        for detector in self._detectors:
            if detector.on_violation is not None:
                yield detector.id, detector.on_violation(violation, self._views[detector.id])

    def _of_changes(self, changes: Sequence["Change"]) -> Found:
        for detector in self._detectors:
            if detector.on_change is not None:
                for change in changes:
                    yield detector.id, detector.on_change(change, self._views[detector.id])


def _thresholds(detector: Detector, site: "Site") -> dict[str, float]:
    set_by_site = site.thresholds.get(detector.id, {})
    return {name: set_by_site.get(name, threshold.default) for name, threshold in detector.thresholds.items()}


def _dispatch(detectors: Sequence[Detector]) -> tuple[dict[tuple[str, int], list[Detector]], list[Detector], list[Detector]]:
    """Each operation goes only to the detectors of its function: by function, of all functions, and of what was rejected."""
    everywhere = [detector for detector in detectors if detector.on_deed is not None and detector.functions is None]
    of_all = [detector for detector in everywhere if not detector.rejected_only]
    of_rejected = [detector for detector in everywhere if detector.rejected_only]
    by_function: dict[tuple[str, int], list[Detector]] = {}
    for detector in detectors:
        for function in (detector.functions or ()) if detector.on_deed is not None else ():
            by_function.setdefault(function, list(of_all)).append(detector)
    return by_function, of_all, of_rejected
