"""The overview's timeline: bars of alerts, stacked by severity."""

from collections.abc import Sequence
from dataclasses import dataclass

from sensor.detections.model import Severity
from sensor.report.text import moment
from sensor.store import Span

WIDTH, HEIGHT = 960.0, 120.0
_GAP = 2.0


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a bar, in the picture's units."""

    x: float
    y: float
    width: float
    height: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class Bar:
    """What began in one span of time. title: the same in words. newcomers: assets that were seen for the first time."""

    x: float
    width: float
    title: str
    blocks: tuple[Block, ...]
    newcomers: int
    first: int
    last: int


def timeline(spans: Sequence[Span]) -> tuple[Bar, ...]:
    """Bars from the left to the right; the highest takes the whole height."""
    most = max((sum(span.alerts.values()) for span in spans), default=0)
    step = WIDTH / max(1, len(spans))
    return tuple(_bar(span, place * step, step - _GAP, HEIGHT / max(1, most)) for place, span in enumerate(spans))


def _bar(span: Span, x: float, width: float, unit: float) -> Bar:
    blocks: list[Block] = []
    top = HEIGHT
    for severity in Severity:
        if number := span.alerts.get(severity, 0):
            top -= number * unit
            blocks.append(Block(round(x, 1), round(top, 1), round(width, 1), round(number * unit, 1), severity))
    said = ", ".join(f"{number} {severity}" for severity, number in sorted(span.alerts.items(), reverse=True)) or "no alerts"
    title = f"{moment(span.first)} to {moment(span.last)}: {said}; {span.assets} new assets"
    return Bar(round(x, 1), round(width, 1), title, tuple(blocks), span.assets, span.first, span.last)
