"""The console as one application: pages, what is served as files, and what is said when something goes wrong."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from sensor import report
from sensor.console import events
from sensor.console.api import api, error_of
from sensor.console.gate import ChangeNeededError, Gate, SignInNeededError
from sensor.console.pages import ROUTERS
from sensor.console.protection import Protection
from sensor.console.rendering import page
from sensor.errors import AskedError, StoreError
from sensor.settings import Settings
from sensor.store import Store

_LOG = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_STYLES = Path(report.__file__).parent / "templates"
_CACHED = {"cache-control": "public, max-age=3600"}


def application(store: Store, settings: Settings, *, secure: bool) -> ASGIApp:
    """It. secure: it is reached over TLS only."""
    made = FastAPI(title="Otoscope", openapi_url=None, docs_url=None, redoc_url=None)
    made.state.store, made.state.settings, made.state.gate = store, settings, Gate(store, secure=secure)
    for style in ("page.css", "map.css"):
        made.add_api_route(f"/static/{style}", _file(_STYLES / style), include_in_schema=False)
    made.mount("/static", _Files(directory=_HERE / "static"))
    made.mount("/api/v1", api(store, settings, made.state.gate))
    made.include_router(events.router)
    for router in ROUTERS:
        made.include_router(router)
    for kind, handler in _HANDLERS.items():
        made.add_exception_handler(kind, handler)
    if settings.directory.issuer:
        _sign_in_by_directory(made, settings, secure=secure)
    return Protection(made, secure=secure)  # around everything, also what is answered where something of ours has failed


def _sign_in_by_directory(made: FastAPI, settings: Settings, *, secure: bool) -> None:
    """What is being asked of a directory is remembered in a cookie that is signed, for a few minutes."""
    from starlette.middleware.sessions import SessionMiddleware  # noqa: PLC0415  both are of the extra `directory`

    from sensor.console.directory import directory  # noqa: PLC0415  as above

    made.include_router(directory(settings, settings.directory))
    made.add_middleware(
        SessionMiddleware, secret_key=secrets.token_hex(32), session_cookie="otoscope_asked", max_age=600, https_only=secure
    )


class _Files(StaticFiles):
    """Files that a browser may keep for a while: their links name the version."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        """One of them."""
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type] # handed on as they are
        response.headers.update(_CACHED)
        return response


def _file(path: Path) -> Callable[[], Response]:
    def answer() -> Response:
        return FileResponse(path, headers=_CACHED)

    return answer


def _sign_in(request: Request, _error: Exception) -> Response:
    if request.method != "GET":
        return RedirectResponse("/sign-in", 303)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/sign-in?to={quote(request.url.path + query)}", 303)


def _change(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/password", 303)


def _trouble(request: Request, status: int, text: str) -> Response:
    return page(request, "trouble.html", None, status, title=HTTPStatus(status).phrase, text=text)


def _missing(request: Request, error: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return error_of(request, error)
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return _trouble(request, status, detail if detail != HTTPStatus(status).phrase else "There is no such page.")


def _wrong(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return _trouble(request, 422, "; ".join(f"{row['loc'][-1]}: {row['msg']}" for row in found[:5]))


def _asked(request: Request, error: Exception) -> Response:
    return _trouble(request, 422, str(error))


def _mistake(request: Request, error: Exception) -> Response:
    _LOG.error("a mistake in Otoscope, please report it", exc_info=error)
    return _trouble(request, 500, "A mistake in Otoscope: please report it, with what the console's log says.")


def _store(request: Request, error: Exception) -> Response:
    return _trouble(request, 503, f"The database: {error}")


_HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    SignInNeededError: _sign_in,
    ChangeNeededError: _change,
    HTTPException: _missing,
    RequestValidationError: _wrong,
    AskedError: _asked,
    StoreError: _store,
    Exception: _mistake,
}
