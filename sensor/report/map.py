"""The Purdue map: what is known as a picture, SVG text that needs nothing else."""

from math import log10

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from sensor.conduits.model import Violation
from sensor.knowledge import Knowledge
from sensor.protocols import Intent
from sensor.report.flows import Flow, between_assets, weight
from sensor.report.layout import Line, draw
from sensor.report.places import places
from sensor.report.text import LEVEL_NAMES, intent_title, shown
from sensor.words import count

STYLES: dict[str, tuple[Intent | None, ...]] = {
    "change": (Intent.PROGRAM, Intent.CONFIGURE),
    "operate": (Intent.CONTROL, Intent.WRITE),
    "read": (Intent.READ, Intent.REPORT, Intent.UPLOAD),
    "ask": (Intent.DISCOVER, Intent.DIAGNOSE, Intent.SESSION),
    "service": (None,),
}
"""How lines are drawn, by the strongest intent."""

_LEGEND = {
    "violation": "crosses zones against the policy (number: row of the table)",
    "change": "program, configure",
    "operate": "control, write",
    "read": "read, report, upload",
    "ask": "discover, diagnose",
    "service": "other services",
}
_STYLE_OF = {intent: style for style, intents in STYLES.items() for intent in intents}
_MOST_LINES = 40
_MOST_VIOLATIONS = 24


def environment() -> Environment:
    """Templates in which every text is escaped, and harmless to look at."""
    found = Environment(
        loader=PackageLoader("sensor.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: shown(value) if type(value) is str else "" if value is None else value,
    )
    found.filters["cut"] = lambda text, limit: escape(shown(str(text), limit))
    return found


def map_of(known: Knowledge) -> Markup:
    """The map as one `<svg>` element with its own style sheet, light and dark."""
    boxes, where = places(known)
    lines, left_out = _lines(known, where)
    drawing = draw(boxes, lines)
    used = {line.style for line in lines}
    return Markup(  # noqa: S704 - the template has escaped it
        environment()
        .get_template("map.svg")
        .render(
            drawing=drawing,
            described=_described(known, len(lines)),
            legend={style: text for style, text in _LEGEND.items() if style in used},
            level_names=LEVEL_NAMES,
            left_out=left_out,
            alarmed=any(chip.alarm is not None for place in boxes for chip in place.chips),
        )
    )


def numbered(violations: tuple[Violation, ...]) -> list[Violation]:
    """Violations in the order in which map and table number them: the worst first."""
    return sorted(violations, key=lambda row: (-row.severity, row.first, row.id))


def _lines(known: Knowledge, where: dict[str, str]) -> tuple[list[Line], str]:
    """What is drawn, the least important first, and a word on what is not."""
    broken = {conversation for violation in known.violations for conversation in violation.conversations}
    flows: dict[tuple[str, str], Flow] = {}
    for key, dialogue in between_assets(known):
        source, target = where.get(dialogue.client.id or ""), where.get(dialogue.server.id or "")
        if key not in broken and source and target and source != target:
            flows.setdefault((source, target), Flow(source, target)).add(dialogue)
    strongest: dict[frozenset[str], Flow] = {}
    for flow in sorted(flows.values(), key=lambda flow: (weight(flow.strongest), flow.conversations, flow.source)):
        strongest[frozenset((flow.source, flow.target))] = flow
    ordinary = sorted(strongest.values(), key=lambda flow: (weight(flow.strongest), flow.conversations, flow.source, flow.target))
    forbidden = _forbidden(known, where)
    left_out = max(0, len(ordinary) - _MOST_LINES) + max(0, len(forbidden) - _MOST_VIOLATIONS)
    lines = [*map(_line, ordinary[-_MOST_LINES:]), *forbidden[:_MOST_VIOLATIONS][::-1]]
    return lines, f"{count(left_out, 'weaker line is', 'weaker lines are')} not drawn." if left_out else ""


def _line(flow: Flow) -> Line:
    protocols = ", ".join(name for name, _ in flow.protocols.most_common(4))
    spoken = count(flow.conversations, "conversation")
    title = f"{flow.source} to {flow.target}: {intent_title(flow.strongest)} is the strongest; {spoken} ({protocols})"
    return Line(flow.source, flow.target, _STYLE_OF[flow.strongest], title, 1.25 + 0.6 * min(3.0, log10(flow.conversations)))


def _forbidden(known: Knowledge, where: dict[str, str]) -> list[Line]:
    """One red line for each pair of boxes, with the numbers of its violations."""
    pairs: dict[tuple[str, str], list[int]] = {}
    rows = numbered(known.violations)
    for number, row in enumerate(rows, 1):
        source, target = where.get(row.source or ""), where.get(row.target or "")
        if source and target:
            pairs.setdefault((source, target), []).append(number)
    return [
        Line(source, target, "violation", f"{source} to {target}, not allowed: {_titles(rows, numbers)}", 2.25, _range(numbers))
        for (source, target), numbers in pairs.items()
    ]


def _titles(rows: list[Violation], numbers: list[int]) -> str:
    return "; ".join(dict.fromkeys(rows[number - 1].title for number in numbers[:4]))


def _range(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:2])) + ("…" if len(numbers) > 2 else "")


def _described(known: Knowledge, lines: int) -> str:
    """The picture in words."""
    devices: dict[float | None, int] = {}
    for asset in known.assets.values():
        if asset.parent is None:
            devices[asset.level.value] = devices.get(asset.level.value, 0) + 1
    by_level = [
        f"{count(devices[level], 'device')} at {'an unknown level' if level is None else f'level {level:g} ({name})'}"
        for level, name in LEVEL_NAMES.items()
        if level in devices
    ]
    there = "; ".join(by_level) or "No devices"
    return f"{there}. {count(lines, 'line')} between zones, {count(len(known.violations), 'violation')} of the policy."
