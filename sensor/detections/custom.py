"""Rules that the operator writes in the site file: conditions on what was done, by whom, to what, when and how often."""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from sensor.conduits.rule import Rule, When
from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.inventory.model import Kind, Role
from sensor.knowledge import Deed, Party
from sensor.objects import within


def detectors_of(rules: Iterable[Rule]) -> tuple[Detector, ...]:
    """The site's rules as detectors."""
    return tuple(_detector(rule) for rule in rules)


def _detector(rule: Rule) -> Detector:
    return Detector(
        id=f"site.{rule.name}",
        title=rule.title or f"Rule {rule.name} of the site file",
        severity=Severity[rule.severity.upper()],
        engine=Engine.POLICY,
        about="A rule of the site file.",
        techniques=rule.techniques,
        covers=("Unauthorized Operation was detected by a User Defined Rule",),
        on_deed=_matcher(rule),
    )


def _matcher(rule: Rule) -> Callable[[Deed, View], Iterator[Finding]]:
    def on_deed(deed: Deed, view: View) -> Iterator[Finding]:
        del view
        if matches(rule, deed):
            yield _finding(rule, deed)

    return on_deed


def matches(rule: Rule, deed: Deed) -> bool:
    """Does an operation fulfil all conditions?"""
    when = rule.when
    return (
        _is_what(when, deed)
        and _is_who(deed.client, when.from_zones, when.from_levels, (when.from_roles, when.from_types))
        and _is_who(deed.server, when.to_zones, when.to_levels, (when.to_roles, when.to_types))
        and deed.row.requests >= when.at_least
        and deed.row.most_in_a_minute[0] >= when.in_a_minute
        and (when.schedule is None or any(when.schedule.holds(moment) for first, last, *_ in deed.row.episodes for moment in (first, last)))
    )


def _is_what(when: When, deed: Deed) -> bool:
    row = deed.row
    return (
        _is_one(row.protocol, when.protocols)
        and (not when.functions or any(_is_function(wanted, deed) for wanted in when.functions))
        and _is_one(deed.intent, when.intents)
        and (not when.objects or within(row.object, when.objects) or any(fnmatchcase(row.object, glob) for glob in when.objects))
        and _is_one(row.unit, when.units)
        and _is_one(deed.outcome, when.outcomes)
    )


def _is_function(wanted: int | str, deed: Deed) -> bool:
    return wanted == deed.row.function if isinstance(wanted, int) else fnmatchcase(deed.function.name.lower(), wanted.lower())


def _is_who(
    party: Party,
    zones: tuple[str, ...],
    levels: tuple[float, ...],
    is_a: tuple[tuple[Role, ...], tuple[Kind, ...]],
) -> bool:
    asset = party.asset
    roles, kinds = is_a
    if asset is None:
        return not (zones or levels or roles or kinds)
    return (
        _is_one(asset.zone, zones)
        and _is_one(asset.level.value, levels)
        and (not roles or bool({*roles} & {*asset.roles}))
        and _is_one(asset.kind.value, kinds)
    )


def _is_one(value: object, wanted: tuple[object, ...]) -> bool:
    return not wanted or value in wanted


def _finding(rule: Rule, deed: Deed) -> Finding:
    row = deed.row
    what = f"{deed.function.name} {row.object}".rstrip()
    return Finding(
        message=f"{deed.client.name} asked {deed.server.name} for {what}: {deed.outcome}; rule {rule.name} watches for that",
        times=tuple((first, last, requests) for first, last, requests, _ in row.episodes),
        source=deed.client.id,
        target=deed.server.id,
        source_ip=deed.client.address,
        target_ip=deed.server.address,
        protocol=row.protocol,
        outcome=deed.outcome,
        evidence=(f"{row.protocol} {what}, unit {row.unit or 'none'}: {row.requests} requests, {row.errors} rejected",),
    )
