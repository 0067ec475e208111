"""One asset: what is known of it and why, with whom it talks, what was asked of it, and what changed."""

from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from sensor.console.gate import Viewer
from sensor.console.rendering import page
from sensor.console.state import store_of
from sensor.report.coverage import watch_at
from sensor.store import OPERATIONS, Query

router = APIRouter(include_in_schema=False)
_MOST_OPERATIONS = 100
_PROGRAMMING = ("program", "upload", "configure", "control")
FIELDS = ("vendor", "model", "order_number", "serial", "firmware", "hardware", "hostname", "operating_system", "mode")
"""Of identity, in the order in which they are shown."""


@router.get("/assets/{identity:path}")
def show(request: Request, identity: str, visitor: Viewer) -> Response:
    """It; by its id, or an address or name that only it has."""
    store = store_of(request)
    known = store.explain(identity)
    if known.asset is None:
        if known.matches:
            return page(request, "matches.html", visitor, asked=identity, matches=known.matches)
        raise HTTPException(404, "There is no such asset; it may be older than what is kept.")
    asset = known.asset
    if asset["id"] != identity:
        return RedirectResponse(f"/assets/{quote(asset['id'])}", 303)
    ips = (*asset["ips"], *asset["macs"])
    operations = [row for ip in ips[:4] for row in store.find(OPERATIONS, Query(ip=ip, limit=_MOST_OPERATIONS, sort="-last")).rows]
    return page(
        request, "asset.html", visitor, asset=asset, known=known, fields=FIELDS,
        watch=watch_at(asset["level"], asset["operating_system"], asset["type"]),
        operations=operations[:_MOST_OPERATIONS],
        programming=[row for row in operations if row["intent"] in _PROGRAMMING],
        names=store.names([asset["parent"], *(row["asset"] for row in known.neighbours)]),
    )  # fmt: skip
