"""The first page: how the plant is, in figures."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sensor.console.charts import timeline
from sensor.console.gate import Viewer
from sensor.console.rendering import page
from sensor.console.state import store_of
from sensor.detections.model import Severity
from sensor.report.text import LEVELS
from sensor.store import ALERTS, INCIDENTS, Query

router = APIRouter(include_in_schema=False)


@router.get("/")
def show(request: Request, visitor: Viewer) -> Response:
    """It."""
    store = store_of(request)
    overview = store.overview()
    alerts = store.find(ALERTS, Query(statuses=("open",), limit=8)).rows
    return page(
        request,
        "overview.html",
        visitor,
        overview=overview,
        severities=list(reversed(Severity)),
        levels=LEVELS,
        most=max(overview.levels.values(), default=1),
        timeline=timeline(overview.timeline),
        alerts=alerts,
        incidents=store.find(INCIDENTS, Query(limit=4)).rows,
        names=store.names(row[end] for row in alerts for end in ("source", "target")),
    )
