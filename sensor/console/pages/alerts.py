"""One alert or incident: what happened in words, who to whom, what answered; and what people say of it."""

from itertools import islice
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from sensor.console.gate import Judge, Viewer
from sensor.console.rendering import page
from sensor.console.state import settings_of, store_of
from sensor.errors import EvidenceError
from sensor.evidence.decode import decoded
from sensor.evidence.folder import Folder
from sensor.store import ALERTS, INCIDENTS, STATUSES, Kind, Query, Store
from sensor.times import nanoseconds

router = APIRouter(include_in_schema=False)
_AROUND = 15 * 60 * 1_000_000_000
_MOST = 25
_MOST_LINES = 1000
_DECODING = BoundedSemaphore(2)
_Comment = Annotated[str, Form(max_length=2000)]


def _one(store: Store, kind: Kind, identity: str) -> dict[str, Any]:
    rows = store.find(kind, Query(ids=(identity,), limit=1)).rows
    if not rows:
        raise HTTPException(404, "There is no such alert; it may be older than what is kept.")
    return dict(rows[0])


@router.get("/alerts/{identity}/evidence.pcap")
def capture(request: Request, identity: str, _visitor: Viewer) -> Response:
    """The frames around it, as they were captured."""
    path = _captured(request, identity)
    return FileResponse(path, media_type="application/vnd.tcpdump.pcap", filename=f"otoscope-{path.name}")


@router.get("/alerts/{identity}/evidence")
def decoded_capture(request: Request, identity: str, visitor: Viewer) -> Response:
    """The same as Wireshark decodes it."""
    path = _captured(request, identity)
    if not _DECODING.acquire(blocking=False):
        raise HTTPException(503, "Others are decoding: try again in a moment.")
    try:
        lines, trouble = list(islice(decoded(path), _MOST_LINES)), ""
    except EvidenceError as error:
        lines, trouble = [], str(error)
    finally:
        _DECODING.release()
    return page(request, "evidence.html", visitor, alert=_one(store_of(request), ALERTS, identity), lines=lines, trouble=trouble)


def _folder(request: Request) -> Folder:
    settings = settings_of(request)
    return Folder(settings.evidence.place(settings.store.database), settings.evidence)


def _has_evidence(request: Request, identity: str) -> bool:
    try:
        return _folder(request).has(identity)
    except EvidenceError:
        return False


def _captured(request: Request, identity: str) -> Path:
    alert = _one(store_of(request), ALERTS, identity)["id"]
    if not _has_evidence(request, alert):
        raise HTTPException(404, "Of this alert no frames were kept, or no more: otoscope evidence says how they are.")
    return _folder(request).of(alert)


@router.get("/alerts/{identity:path}")
def show(request: Request, identity: str, visitor: Viewer) -> Response:
    """An alert."""
    store = store_of(request)
    alert = _one(store, ALERTS, identity)
    around = Query(since=nanoseconds(alert["first"]) - _AROUND, until=nanoseconds(alert["last"]) + _AROUND, sort="first", limit=_MOST)
    near = [row for row in store.find(ALERTS, around).rows if row["id"] != identity]
    incidents = [
        row for row in store.find(INCIDENTS, Query(since=nanoseconds(alert["first"]), limit=200)).rows if identity in row["alerts"]
    ]
    ends = [row[end] for row in (alert, *near) for end in ("source", "target")]
    return page(
        request, "alert.html", visitor, alert=alert, near=near, incidents=incidents, said=store.audit(identity),
        has_evidence=_has_evidence(request, identity),
        names=store.names(ends), actions=[action for action, status in STATUSES.items() if status != alert["status"]],
    )  # fmt: skip


@router.post("/alerts/{identity:path}")
def judge(request: Request, identity: str, visitor: Judge, action: Annotated[str, Form(max_length=16)], comment: _Comment = "") -> Response:
    """Say what is with it."""
    store = store_of(request)
    _one(store, ALERTS, identity)
    if action == "assign":
        store.assign(identity, comment.strip() or None, visitor.name)
    elif action in STATUSES or (action == "comment" and comment.strip()):
        store.judge(identity, action, comment.strip(), visitor.name)
    else:
        raise HTTPException(422, "Write a comment." if action == "comment" else "There is no such action.")
    return RedirectResponse(f"/alerts/{quote(identity)}", 303)


@router.get("/incidents/{identity:path}")
def incident(request: Request, identity: str, visitor: Viewer) -> Response:
    """An incident, alert by alert."""
    store = store_of(request)
    row = _one(store, INCIDENTS, identity)
    steps = store.find(ALERTS, Query(ids=tuple(row["alerts"][:500]), sort="first")).rows
    ends = [row["actor"], *(step[end] for step in steps for end in ("source", "target"))]
    return page(request, "incident.html", visitor, incident=row, steps=steps, names=store.names(ends))
