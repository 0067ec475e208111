"""Exports: how far each destination has got."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from sensor.console.gate import Judge, Viewer
from sensor.console.rendering import page
from sensor.console.state import store_of

router = APIRouter(include_in_schema=False)


@router.get("/exports")
def show(request: Request, visitor: Viewer) -> Response:
    """All destinations."""
    return page(request, "exports.html", visitor, states=store_of(request).outbox.states())


@router.post("/exports")
def retry(request: Request, visitor: Judge, name: Annotated[str, Form(max_length=64)]) -> Response:
    """Try now, and once more what was refused."""
    store = store_of(request)
    store.outbox.nudge(name)
    store.accounts.note("retry", f"export {name}", "", visitor.name)
    return RedirectResponse("/exports", 303)
