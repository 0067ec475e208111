"""The baseline: what is usual here, as it was accepted; and what differs from it, to be reviewed."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from sensor.baseline.file import parse
from sensor.baseline.model import Baseline
from sensor.console.gate import Judge, Viewer
from sensor.console.rendering import page
from sensor.console.state import store_of
from sensor.detections.model import Engine
from sensor.detections.registry import DETECTORS
from sensor.errors import BaselineError
from sensor.store import ALERTS, Query, Store

router = APIRouter(include_in_schema=False)
_MOST = 200
_RULES = tuple(detector.id for detector in DETECTORS if detector.engine is Engine.ANOMALY)


@router.get("/baseline")
def show(request: Request, visitor: Viewer) -> Response:
    """Both."""
    store = store_of(request)
    known, trouble = _baseline(store)
    differences = store.find(ALERTS, Query(rules=_RULES, statuses=("open",), sort="-last", limit=_MOST))
    names = store.names(row[end] for row in differences.rows for end in ("source", "target"))
    return page(
        request, "baseline.html", visitor, baseline=known, trouble=trouble, differences=differences.rows, total=differences.total,
        names=names, most=_MOST,
    )  # fmt: skip


@router.post("/baseline")
def accept(
    request: Request,
    visitor: Judge,
    alert: Annotated[list[str], Form(max_length=_MOST)],
    comment: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Differences that are usual from now on."""
    store = store_of(request)
    for identity in alert:
        store.judge(identity, "learn", comment.strip() or "accepted on review of the baseline", visitor.name)
    return RedirectResponse("/baseline", 303)


def _baseline(store: Store) -> tuple[Baseline | None, str]:
    content = store.baseline()
    if content is None:
        return None, ""
    try:
        return parse(content.decode("utf-8", "replace"), "the baseline of the database"), ""
    except BaselineError as error:
        return None, str(error)
