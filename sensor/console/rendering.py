"""Pages from templates: every text is escaped, and harmless to look at; the styles are those of the report."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sensor import words
from sensor.console.gate import Visitor
from sensor.detections.techniques import technique
from sensor.inventory.profile import protocol_of
from sensor.report.map import environment
from sensor.report.text import kind_title, level_title, moment

SECTIONS = (
    ("/", "Overview"),
    ("/map", "Map"),
    ("/assets", "Assets"),
    ("/alerts", "Alerts"),
    ("/incidents", "Incidents"),
    ("/conversations", "Conversations"),
    ("/operations", "Operations"),
    ("/conduits", "Conduits"),
    ("/baseline", "Baseline"),
    ("/exports", "Exports"),
    ("/sensor", "Sensor"),
    ("/audit", "Log"),
)
"""Of the console: path and title."""


def when(timestamp: str | None) -> str:
    """RFC 3339 to the second, for people."""
    return timestamp[:19].replace("T", " ") if timestamp else "never"


def at(seconds: int | None) -> str:
    """A time that is kept in seconds."""
    return "never" if seconds is None else moment(seconds * 1_000_000_000)


def _changed(query: Mapping[str, str], **values: object) -> Markup:
    """The query of this page with other values, for a link; None takes one out. Markup, which is never cut."""
    merged = {**query, **values}
    return escape(f"?{urlencode([(name, value) for name, value in merged.items() if value not in (None, '')])}")


@cache
def templates() -> Environment:
    """Those of the console, which may use those of the report."""
    found = environment()
    found.loader = ChoiceLoader([PackageLoader("sensor.console"), PackageLoader("sensor.report")])
    found.filters.update(
        kind=kind_title, level=level_title, moment=moment, when=when, at=at, technique=technique, number="{:,}".format,
        percent="{:.0%}".format, count=words.count, octets=words.octets, duration=words.duration,
        protocol=lambda name: protocol_of(name).title if name else "",
    )  # fmt: skip
    found.globals.update(sections=SECTIONS, version=version("otoscope"), changed=_changed)
    return found


def page(request: Request, template: str, visitor: Visitor | None, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  of any type
    """One page."""
    path = request.url.path
    section = max((known for known, _ in SECTIONS if path == known or path.startswith(f"{known.rstrip('/')}/")), key=len, default="")
    text = (
        templates().get_template(template).render(visitor=visitor, path=path, section=section, query=dict(request.query_params), **values)
    )
    return HTMLResponse(text, status)
