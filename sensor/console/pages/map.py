"""The Purdue map and the matrix of conduits: who asks whom for what, drawn of what the database holds."""

from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from markupsafe import Markup
from pydantic import create_model
from starlette.responses import Response

from sensor.conduits.model import Conduit
from sensor.conduits.site import load_site
from sensor.console.asking import FILTERS, Filters
from sensor.console.gate import Viewer
from sensor.console.rendering import page
from sensor.console.state import settings_of, store_of
from sensor.errors import SiteError
from sensor.protocols import Intent
from sensor.report.map import map_of
from sensor.report.matrix import matrix
from sensor.report.picture import Breach, Deal, Picture, Thing
from sensor.settings import Settings
from sensor.store import VIOLATIONS, Query, Store, StoredDeal, Traffic

router = APIRouter(include_in_schema=False)
_MOST_BREACHES = 500
_OFFERED: dict[str, Any] = {name: FILTERS[name] for name in ("zone", "level", "protocol", "intent", "since", "until")}
_Asked = create_model("MapFilters", __base__=Filters, only=(bool, False), **_OFFERED)


def show(request: Request, filters: Annotated[Filters, Parameter()], visitor: Viewer) -> Response:
    """The map; `only` what is forbidden."""
    store = store_of(request)
    query = replace(filters.query(whole=True), sort=None)
    only: bool = filters.model_dump()["only"]
    stamp = store.stamp()
    picture = _picture(store, stamp, query, only=only)
    drawing = _drawing(store, stamp, query, only=only)
    zones = sorted(filter(None, store.overview().zones))
    return page(
        request, "map.html", visitor, map=drawing, filters=filters, zones=zones, things=len(picture.things),
        breaches=picture.breaches[:_MOST_BREACHES],
    )  # fmt: skip


show.__annotations__["filters"] = Annotated[_Asked, Parameter()]
router.add_api_route("/map", show)


@router.get("/conduits")
def conduits(request: Request, visitor: Viewer) -> Response:
    """Zones by zones: declared, observed, and what of it is forbidden."""
    store, settings = store_of(request), settings_of(request)
    picture = _picture(store, store.stamp(), Query(), only=False)
    declared, trouble = _declared(settings)
    return page(request, "conduits.html", visitor, matrix=matrix(picture), declared=declared, trouble=trouble, file=settings.site.file)


def _declared(settings: Settings) -> tuple[tuple[Conduit, ...], str]:
    """The conduits of the site file; or why there are none."""
    if not settings.site.file:
        return (), ""
    try:
        return load_site(settings.site.file).conduits, ""
    except SiteError as error:
        return (), str(error)


@lru_cache(maxsize=8)
def _drawing(store: Store, stamp: str, query: Query, *, only: bool) -> Markup:
    return map_of(_picture(store, stamp, query, only=only), console=True)


@lru_cache(maxsize=2)  # that of a large plant takes tens of megabytes
def _picture(store: Store, _stamp: str, query: Query, *, only: bool) -> Picture:
    return picture_from(store, query, only=only)


def picture_from(store: Store, query: Query, *, only: bool) -> Picture:
    """What the conversations that a query asks for are drawn of; only what is in them, where it does not ask for all."""
    traffic = store.traffic(query)
    asked = replace(query, limit=_MOST_BREACHES)
    rows = store.find(VIOLATIONS, asked).rows
    breaches = [Breach(*(row[name] for name in ("source", "target", "title", "intent", "source_zone", "target_zone"))) for row in rows]
    forbidden = {(row["source"], row["target"], row["protocol"]) for row in rows}
    deals = [] if only else [_deal(deal, forbidden) for deal in traffic.deals]
    things = _things(traffic)
    if only or query != Query():
        ends = {end for deal in deals for end in (deal.source, deal.target)} | {end for row in breaches for end in (row.source, row.target)}
        things = [thing for thing in things if thing.id in ends or thing.parent in ends]
    return Picture(things, deals, breaches, traffic.alarms)


def _things(traffic: Traffic) -> list[Thing]:
    return [
        Thing(row.id, row.name, row.type, row.level, row.zone, (row.address,) if row.address else (), row.parent) for row in traffic.things
    ]


def _deal(row: StoredDeal, forbidden: set[tuple[str, str, str]]) -> Deal:
    requests: dict[Intent | None, int] = {Intent(intent): number for intent, number in row.requests.items()}
    place = (row.source, row.target, row.protocol)
    return Deal(
        row.source, row.target, row.protocol or "other", row.conversations, requests or {None: row.conversations}, place in forbidden
    )
