"""Who did what, and when."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sensor.console.gate import Viewer
from sensor.console.rendering import page
from sensor.console.state import store_of

router = APIRouter(include_in_schema=False)
_MOST = 500


@router.get("/audit")
def show(request: Request, visitor: Viewer) -> Response:
    """The latest first."""
    return page(request, "audit.html", visitor, rows=store_of(request).audit(limit=_MOST)[::-1], most=_MOST)
