"""Signing in with the company's directory (OpenID Connect, for one Microsoft Entra ID): who may and as what is said there.

Authlib does the protocol: discovery, state, nonce, PKCE (S256), the signature of the ID token and its claims.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from sensor import words
from sensor.console.gate import Gate, gate_of
from sensor.console.pages.sign_in import within
from sensor.console.rendering import page
from sensor.errors import SettingsError
from sensor.settings import DirectorySettings, Settings, file_of
from sensor.store import Role

_CALLBACK = "/sign-in/directory/answer"
_TO = "otoscope_to"
_LOG = logging.getLogger(__name__)


def directory(settings: Settings, wanted: DirectorySettings) -> APIRouter:
    """The routes of it. Raises SettingsError where the client's secret cannot be read."""
    client = OAuth()
    client.register(
        "directory",
        client_id=wanted.client_id,
        client_secret=_secret(wanted),
        server_metadata_url=f"{wanted.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256", "timeout": 10.0},
    )
    here = (settings.sensor.console or "").rstrip("/")
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/directory")
    async def ask(request: Request, to: str = "/") -> Response:
        request.session[_TO] = within(to)
        address = f"{here}{_CALLBACK}" if here else str(request.url.replace(path=_CALLBACK, query=""))
        try:
            answer: Response = await client.directory.authorize_redirect(request, address)
        except Exception as error:  # noqa: BLE001  whatever its HTTP client raises: the directory cannot be asked
            return _trouble(request, f"{wanted.name} cannot be asked: {error!r}")
        return answer

    @router.get(_CALLBACK)
    async def answered(request: Request) -> Response:
        try:
            token = await client.directory.authorize_access_token(request)
        except (OAuthError, ValueError, KeyError) as error:
            return _trouble(request, f"{wanted.name} does not vouch for you: {getattr(error, 'description', '') or error}")
        except Exception as error:  # noqa: BLE001  as above, and whatever is wrong with its answer: nobody is let in
            return _trouble(request, f"{wanted.name} gave no answer that can be trusted: {error!r}")
        return await run_in_threadpool(_let_in, request, wanted, token.get("userinfo") or {})

    return router


def _let_in(request: Request, wanted: DirectorySettings, claims: Mapping[str, Any]) -> Response:
    """Begin a session for whom the directory vouches, in the role that it names."""
    gate: Gate = gate_of(request)
    name, role = str(claims.get(wanted.name_claim) or "")[:64].strip(), role_of(wanted, claims)
    address = request.client.host if request.client else ""
    if not name or role is None:
        gate.note_failure(name or "somebody unknown", f"{wanted.name} names no role of this console, {address}")
        return _trouble(request, f"{wanted.name} gives you no role in this console: ask who looks after it for one.")
    person = gate.accounts.person(name)
    if person is None:
        gate.accounts.add(name, role, "", wanted.name, must_change=False)
    elif person.password or person.disabled:
        gate.note_failure(name, f"by {wanted.name}, {address}")
        return _trouble(request, "Somebody of that name signs in with a password here, or is let in no more.")
    elif person.role is not role:
        gate.accounts.set_role(name, role, wanted.name)
    response = RedirectResponse(within(str(request.session.pop(_TO, "/"))), 303)
    gate.remember(response, gate.accounts.begin(name, f"{address} by {wanted.name}"))
    return response


def role_of(wanted: DirectorySettings, claims: Mapping[str, Any]) -> Role | None:
    """The highest role that the claims name; None where they name none."""
    said = claims.get(wanted.role_claim)
    values = {said} if isinstance(said, str) else set(map(str, said)) if isinstance(said, list) else set()
    granted = {Role.VIEWER: wanted.viewers, Role.ANALYST: wanted.analysts, Role.ADMIN: wanted.admins}
    found = [role for role, names in granted.items() if values & {*names}]
    return max(found, key=list(Role).index, default=None)


def _secret(wanted: DirectorySettings) -> str | None:
    if wanted.client_secret_file is None:
        return None
    try:
        path = file_of(wanted.client_secret_file, "[directory] client_secret_file")
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"[directory] client_secret_file: {error}") from error


def _trouble(request: Request, text: str) -> Response:
    _LOG.warning("sign-in by the directory failed: %s", words.plain(text)[:500])
    return page(request, "trouble.html", None, 403, title="Not signed in", text=text)
