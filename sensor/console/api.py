"""`/api/v1`: the same for programs. Rows have the shape of the command line's JSON; what is there is described in openapi.json."""

from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import JSONResponse, Response

from sensor.console.asking import Filters
from sensor.console.gate import Gate, gate_of
from sensor.console.listings import LISTINGS
from sensor.console.state import store_of
from sensor.errors import AskedError, CursorError, StoreError
from sensor.finding_rows import AlertRow, AssetRow, IncidentRow, ViolationRow
from sensor.findings import shown_row
from sensor.rows import ConversationRow, OperationRow
from sensor.settings import Settings
from sensor.store import ALERTS, ASSETS, INCIDENTS, STATUSES, Kind, Query, Role, Store, encode

_BEARER = HTTPBearer(auto_error=False, description="A token that an admin has issued on the console's page People.")


class _Model(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid")


class Trouble(_Model):
    """Why there is no answer."""

    error: str


class Health(_Model):
    """How the sensor is. Times are nanoseconds since 1970; counters are those of the last recording."""

    version: str
    first: int | None
    last: int | None
    packets: int
    octets: int
    counters: dict[str, int]
    assets: int
    open_alerts: dict[str, int]
    stamp: str


class Judgement(_Model):
    """What is said of an alert."""

    action: Literal["learn", "mute", "close", "open", "comment", "assign"]
    comment: str = Field(default="", max_length=2000, description="Why; or, to assign, who deals with it, empty for nobody.")


class Judged(_Model):
    """How the alert stood, and stands."""

    id: str
    was: str
    now: str


class StoredAlert(AlertRow):
    """An alert, and what people have said of it."""

    status: str
    assignee: str | None


class StoredConversation(ConversationRow):
    """A conversation and the assets at its ends."""

    id: str
    client_asset: str | None
    server_asset: str | None


class StoredOperation(OperationRow):
    """An operation and the conversation in which it was asked for."""

    conversation: str


_ROWS: dict[str, type] = {
    "assets": AssetRow,
    "alerts": StoredAlert,
    "incidents": IncidentRow,
    "conversations": StoredConversation,
    "operations": StoredOperation,
    "violations": ViolationRow,
}


def who(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> tuple[str, Role]:
    """Name and role of who asks: a program by its token, or who is signed in to the console, who may only look here."""
    gate = gate_of(request)
    if given is not None:
        token = gate.accounts.token(given.credentials)
        if token is None:
            raise HTTPException(401, "The token is none, or good no more.", {"www-authenticate": "Bearer"})
        return f"token {token.name}", token.role
    session = gate.session(request)
    if session is None or session.person.must_change:
        raise HTTPException(401, "Send a token: Authorization: Bearer otoscope_…", {"www-authenticate": "Bearer"})
    return session.person.name, Role.VIEWER


Asker = Annotated[tuple[str, Role], Depends(who)]
_Identity = Annotated[str, Path(max_length=200)]
_TROUBLES: dict[int | str, dict[str, Any]] = {
    400: {"model": Trouble, "description": "Not JSON."},
    401: {"model": Trouble, "description": "No token, or none that is good."},
    409: {"model": Trouble, "description": "The cursor is of another question."},
    413: {"description": "Too much at once."},
    422: {"model": Trouble, "description": "What is asked makes no sense."},
    503: {"model": Trouble, "description": "The database does not answer."},
}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Trouble, "description": "There is none."}}
_SAME: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed since the answer with that ETag."}}


def api(store: Store, settings: Settings, gate: Gate) -> FastAPI:
    """It, as an application of its own."""
    made = FastAPI(
        title="Otoscope",
        version=version("otoscope"),
        summary="What a passive sensor knows of a plant's network.",
        responses=_TROUBLES,
        docs_url=None,
        redoc_url=None,
    )
    made.state.store, made.state.settings, made.state.gate = store, settings, gate
    for name, row in _ROWS.items():
        made.add_api_route(f"/{name}", _lists(name), summary=LISTINGS[name].about, tags=[name], responses=_page_of(name, row))
    made.add_api_route("/assets/{identity:path}", asset, summary="All that is known of an asset, by id, address or name.", tags=["assets"],
        responses={**_MISSING, **_SAME, 200: {"description": "Asset, neighbours, parts, history and alerts."}})  # fmt: skip
    for kind, row in ((ALERTS, StoredAlert), (INCIDENTS, IncidentRow)):
        made.add_api_route(f"/{kind.name}/{{identity:path}}", _one(kind), summary=f"One of the {kind.name}, by its id.", tags=[kind.name],
            responses={**_MISSING, **_SAME, 200: {"model": row, "description": "It."}})  # fmt: skip
    forbidden: dict[int | str, dict[str, Any]] = {403: {"model": Trouble, "description": "Needs the role analyst."}}
    made.add_api_route("/alerts/{identity}/judgements", judge, methods=["POST"], summary="Say what is with an alert.", tags=["alerts"],
        responses={**_MISSING, **forbidden})  # fmt: skip
    made.add_api_route("/health", health, summary="How the sensor is.", tags=["sensor"])
    for error, handler in _HANDLERS.items():
        made.add_exception_handler(error, handler)
    return made


def _page_of(name: str, row: type) -> dict[int | str, dict[str, Any]]:
    """What a listing answers."""
    rows: Any = list[row]  # type: ignore[valid-type] # a type that is known when it runs
    model = create_model(f"{name.capitalize()}Page", __base__=_Model, rows=(rows, ...), total=(int, ...), next=(str | None, ...))
    return {**_SAME, 200: {"model": model, "description": f"Some {name}."}}


def _lists(name: str) -> Callable[..., Response]:
    listing = LISTINGS[name]

    def rows(request: Request, filters: Filters, _asker: Asker) -> Response:
        store, query = store_of(request), filters.query()

        def found() -> Any:  # noqa: ANN401  JSON
            answer = store.find(listing.kind, query)
            return {"rows": [shown_row(row) for row in answer.rows], "total": answer.total, "next": answer.cursor}

        return _unless_known(request, found)

    return listing.asks(rows)


def _one(kind: Kind) -> Callable[..., Response]:
    def one(request: Request, identity: _Identity, _asker: Asker) -> Response:
        def found() -> Any:  # noqa: ANN401  JSON
            rows = store_of(request).find(kind, Query(ids=(identity,), limit=1)).rows
            if not rows:
                raise HTTPException(404, f"There is no {identity[:64]} among the {kind.name}.")
            return shown_row(rows[0])

        return _unless_known(request, found)

    return one


def asset(request: Request, identity: _Identity, _asker: Asker) -> Response:
    """All that is known of an asset."""

    def found() -> Any:  # noqa: ANN401  JSON
        known = store_of(request).explain(identity)
        if known.asset is None:
            ids = ", ".join(row["id"] for row in known.matches[:20])
            raise HTTPException(404, f"Several match: {ids}." if known.matches else "There is no such asset.")
        units = [shown_row(row) for row in known.units]
        return {"asset": known.asset, "neighbours": known.neighbours, "units": units, "history": known.history, "alerts": known.alerts}

    return _unless_known(request, found)


def judge(request: Request, identity: _Identity, said: Judgement, asker: Asker) -> Judged:
    """Say what is with an alert; logged with the name of the token."""
    name, role = asker
    if not role.includes(Role.ANALYST):
        raise HTTPException(403, f"That needs a token with the role {Role.ANALYST}; this has {role}.")
    store = store_of(request)
    rows = store.find(ALERTS, Query(ids=(identity,), limit=1)).rows
    if not rows:
        raise HTTPException(404, f"There is no {identity[:64]} among the alerts.")
    if said.action == "assign":
        store.assign(identity, said.comment.strip() or None, name)
    elif said.action in STATUSES or said.comment.strip():
        store.judge(identity, said.action, said.comment.strip(), name)
    else:
        raise AskedError("comment: write one")
    was = str(rows[0]["status"])
    return Judged(id=identity, was=was, now=STATUSES.get(said.action, was))


def health(request: Request, _asker: Asker) -> Health:
    """How the sensor is."""
    overview = store_of(request).overview()
    run = overview.run
    return Health(
        version=version("otoscope"),
        first=overview.first,
        last=overview.last,
        packets=run.get("packets", 0),
        octets=run.get("octets", 0),
        counters=run.get("counters", {}),
        assets=store_of(request).find(ASSETS, Query(limit=1)).total,
        open_alerts={str(severity): number for severity, number in overview.open.items()},
        stamp=overview.stamp,
    )


def _unless_known(request: Request, found: Callable[[], Any]) -> Response:
    """The answer, or that nothing has changed since who asks has had it."""
    asked = f"{store_of(request).stamp()} {request.url.path}?{request.url.query}"
    tag = f'"{blake2b(asked.encode("utf-8", "replace"), digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if tag in [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(encode(found()), media_type="application/json", headers=headers)


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": text}, status, headers)


def error_of(_request: Request, error: Exception) -> Response:
    """What is answered instead."""
    if not isinstance(error, AnyHTTPException):
        return _error(500, HTTPStatus(500).phrase)
    return _error(error.status_code, str(error.detail), dict(error.headers or {}))


def _invalid(_request: Request, error: Exception) -> Response:
    rows = error.errors() if isinstance(error, RequestValidationError) else []
    return _error(422, "; ".join(f"{'.'.join(map(str, row['loc'][1:]))}: {row['msg']}" for row in rows[:5]))


def _asked(_request: Request, error: Exception) -> Response:
    return _error(409 if isinstance(error, CursorError) else 422, str(error))


def _store(_request: Request, error: Exception) -> Response:
    return _error(503, f"the database: {error}")


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    AnyHTTPException: error_of,
    RequestValidationError: _invalid,
    AskedError: _asked,
    StoreError: _store,
}
