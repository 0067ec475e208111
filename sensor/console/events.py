"""What is new, told to pages that are open: server-sent events."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from sensor.console.gate import Viewer
from sensor.console.state import store_of
from sensor.errors import StoreError

router = APIRouter(include_in_schema=False)
_EVERY = 3.0
_LONGEST = 600.0
"""Seconds after which a browser asks again, and has to be signed in still."""
_MOST = 64
_OPEN = threading.BoundedSemaphore(_MOST)


@router.get("/events")
async def events(request: Request, _visitor: Viewer) -> Response:
    """A stream that says when the database has changed."""
    if not _OPEN.acquire(blocking=False):
        raise HTTPException(503, f"{_MOST} pages are open already.")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return _Stream(_told(request), media_type="text/event-stream", headers=headers)


class _Stream(StreamingResponse):
    """One that gives its place back, however it ends."""

    async def __call__(self, *arguments: object) -> None:
        """Send it."""
        try:
            await super().__call__(*arguments)  # type: ignore[arg-type] # handed on as they are
        finally:
            _OPEN.release()


async def _told(request: Request) -> AsyncIterator[str]:
    store, until, known = store_of(request), time.monotonic() + _LONGEST, ""
    while time.monotonic() < until and not await request.is_disconnected():
        try:
            generation = await run_in_threadpool(store.stamp)
        except StoreError:
            generation = known
        if generation != known:
            known = generation
            yield f"event: generation\ndata: {generation}\n\n"
        else:
            yield ": still here\n\n"
        await asyncio.sleep(_EVERY)
