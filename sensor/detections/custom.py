"""Rules that the operator writes in the site file: conditions on what was done, by whom, to what, when and how often."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from sensor.detections.model import Detector, Engine, Finding, Outcome, Severity, View
from sensor.inventory.model import Kind, Role
from sensor.knowledge import Deed, Party
from sensor.objects import within
from sensor.protocols import Intent

_SECOND = 1_000_000_000
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class When:
    """What must hold for a rule to match; what is not given may be anything. Of several values one suffices.

    functions: numbers, or names with * and ?. objects: texts with * and ?, or ranges that the touched object lies in. levels: as numbers.
    hours: "22:00-06:00" in the rule's time zone. days: "monday" and so on. at_least: requests in all; in_a_minute: in any one minute.
    """

    protocols: tuple[str, ...] = ()
    functions: tuple[int | str, ...] = ()
    intents: tuple[Intent, ...] = ()
    objects: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    from_zones: tuple[str, ...] = ()
    to_zones: tuple[str, ...] = ()
    from_levels: tuple[float, ...] = ()
    to_levels: tuple[float, ...] = ()
    from_roles: tuple[Role, ...] = ()
    to_roles: tuple[Role, ...] = ()
    from_types: tuple[Kind, ...] = ()
    to_types: tuple[Kind, ...] = ()
    hours: str = ""
    days: tuple[str, ...] = ()
    at_least: int = 1
    in_a_minute: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the site file. Its alerts have the id `site.` and its name."""

    name: str
    title: str = ""
    severity: str = "medium"
    techniques: tuple[str, ...] = ()
    timezone: str = "UTC"
    when: When = field(default=When())


def detectors_of(rules: Iterable[Rule]) -> tuple[Detector, ...]:
    """The site's rules as detectors."""
    return tuple(_detector(rule) for rule in rules)


def problem(rule: Rule) -> str | None:
    """What is wrong with a rule that has the right types; None where nothing is."""
    if rule.severity.upper() not in Severity.__members__:
        return f"severity {rule.severity!r} is none of {', '.join(map(str, Severity))}"
    if wrong := sorted(set(rule.when.days) - set(_DAYS)):
        return f"day {wrong[0]!r} is none of {', '.join(_DAYS)}"
    try:
        _hours(rule.when.hours)
        ZoneInfo(rule.timezone)
    except (ValueError, KeyError, OSError) as error:
        return f"{error}: hours are written 22:00-06:00, time zones Europe/Vienna"
    return None


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
        and any(_is_then(rule, moment) for first, last, *_ in deed.row.episodes for moment in (first, last))
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


def _is_then(rule: Rule, nanoseconds: int) -> bool:
    """Does a moment lie in the hours and days? The hours after midnight belong to the day before."""
    if not rule.when.hours and not rule.when.days:
        return True
    moment = datetime.fromtimestamp(nanoseconds // _SECOND, UTC).astimezone(ZoneInfo(rule.timezone))
    start, end = _hours(rule.when.hours)
    day = moment.weekday()
    if start < end:
        inside = start <= moment.time() < end
    else:
        inside = moment.time() >= start or moment.time() < end
        day = (day - 1) % 7 if moment.time() < end and start != end else day
    return inside and _is_one(_DAYS[day], rule.when.days)


def _hours(text: str) -> tuple[time, time]:
    """From and to; the whole day where nothing is said. Raises ValueError."""
    if not text:
        return time(), time()
    start, _, end = text.partition("-")
    return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())


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
