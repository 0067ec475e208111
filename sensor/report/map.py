"""The Purdue map: what is known as a picture, SVG text that needs nothing else."""

from math import log10
from urllib.parse import quote

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from sensor.protocols import Intent
from sensor.report.flows import Flow, weight
from sensor.report.layout import Line, draw
from sensor.report.picture import Picture
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
    # Names from the wire need not be whole Unicode.
    found.filters["urlencode"] = lambda text: quote(str(text), errors="replace")
    return found


def map_of(picture: Picture, *, console: bool = False) -> Markup:
    """The map as one `<svg>` element, light and dark, with its own style sheet; for the console, which has that, with links instead."""
    boxes, where = places(picture)
    lines, left_out = _lines(picture, where)
    drawing = draw(boxes, lines)
    used = {line.style for line in lines}
    return Markup(  # noqa: S704 - the template has escaped it
        environment()
        .get_template("map.svg")
        .render(
            drawing=drawing,
            described=_described(picture, len(lines)),
            legend={style: text for style, text in _LEGEND.items() if style in used},
            level_names=LEVEL_NAMES,
            left_out=left_out,
            alarmed=any(chip.alarm is not None for place in boxes for chip in place.chips),
            console=console,
        )
    )


def _lines(picture: Picture, where: dict[str, str]) -> tuple[list[Line], str]:
    """What is drawn, the least important first, and a word on what is not."""
    flows: dict[tuple[str, str], Flow] = {}
    for deal in picture.deals:
        source, target = where.get(deal.source), where.get(deal.target)
        if source and target and source != target and not deal.forbidden:
            flows.setdefault((source, target), Flow(source, target)).add(deal.protocol, deal.requests, deal.conversations)
    strongest: dict[frozenset[str], Flow] = {}
    for flow in sorted(flows.values(), key=lambda flow: (weight(flow.strongest), flow.conversations, flow.source)):
        strongest[frozenset((flow.source, flow.target))] = flow
    ordinary = sorted(strongest.values(), key=lambda flow: (weight(flow.strongest), flow.conversations, flow.source, flow.target))
    forbidden = _forbidden(picture, where)
    left_out = max(0, len(ordinary) - _MOST_LINES) + max(0, len(forbidden) - _MOST_VIOLATIONS)
    lines = [*map(_line, ordinary[-_MOST_LINES:]), *forbidden[:_MOST_VIOLATIONS][::-1]]
    return lines, f"{count(left_out, 'weaker line is', 'weaker lines are')} not drawn." if left_out else ""


def _line(flow: Flow) -> Line:
    protocols = ", ".join(name for name, _ in flow.protocols.most_common(4))
    spoken = count(flow.conversations, "conversation")
    title = f"{flow.source} to {flow.target}: {intent_title(flow.strongest)} is the strongest; {spoken} ({protocols})"
    return Line(flow.source, flow.target, _STYLE_OF[flow.strongest], title, 1.25 + 0.6 * min(3.0, log10(flow.conversations)))


def _forbidden(picture: Picture, where: dict[str, str]) -> list[Line]:
    """One red line for each pair of boxes, with the numbers of its violations."""
    pairs: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(picture.breaches, 1):
        source, target = where.get(row.source or ""), where.get(row.target or "")
        if source and target:
            pairs.setdefault((source, target), []).append(number)
    return [
        Line(source, target, "violation", f"{source} to {target}, not allowed: {_titles(picture, numbers)}", 2.25, _range(numbers))
        for (source, target), numbers in pairs.items()
    ]


def _titles(picture: Picture, numbers: list[int]) -> str:
    return "; ".join(dict.fromkeys(picture.breaches[number - 1].title for number in numbers[:4]))


def _range(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:2])) + ("…" if len(numbers) > 2 else "")


def _described(picture: Picture, lines: int) -> str:
    """The picture in words."""
    devices: dict[float | None, int] = {}
    for thing in picture.things:
        if thing.parent is None:
            devices[thing.level] = devices.get(thing.level, 0) + 1
    by_level = [
        f"{count(devices[level], 'device')} at {'an unknown level' if level is None else f'level {level:g} ({name})'}"
        for level, name in LEVEL_NAMES.items()
        if level in devices
    ]
    there = "; ".join(by_level) or "No devices"
    return f"{there}. {count(lines, 'line')} between zones, {count(len(picture.breaches), 'violation')} of the policy."
