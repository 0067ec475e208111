"""Who is let in: sessions of people in a browser, tokens of programs, and what each may do."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, Form, HTTPException, Request
from starlette.responses import Response

from sensor.console.passwords import Attempts, BusyError, fits
from sensor.store import Role, Session, Store

IDLE_SECONDS = 3600
LONGEST_SECONDS = 12 * 3600
_NOTED_AN_HOUR = 100


class SignInNeededError(Exception):
    """Nobody is signed in."""


class ChangeNeededError(Exception):
    """They have to choose a password first."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. csrf: what their forms prove themselves with."""

    name: str
    role: Role
    csrf: str
    has_password: bool

    def may(self, role: str) -> bool:
        """May they do what needs that role?"""
        return self.role.includes(Role(role))


class Gate:
    """Lets people in. secure: cookies are sent over TLS only."""

    def __init__(self, store: Store, *, secure: bool) -> None:
        self.accounts = store.accounts
        self.secure = secure
        self._attempts = Attempts()
        self._lock = threading.Lock()
        self._noted: dict[int, int] = {}  # failures of this hour
        self._cookie = "__Host-otoscope" if secure else "otoscope"

    def session(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        secret = request.cookies.get(self._cookie, "")
        return self.accounts.session(secret, idle=IDLE_SECONDS, longest=LONGEST_SECONDS) if secret else None

    def sign_in(self, name: str, password: str, address: str) -> tuple[str, str]:
        """The secret of a new session; or "", and why not."""
        if wait := self._attempts.wait(name, address):
            return "", f"Too many attempts: try again in {wait:.0f} s."
        self._attempts.begun(name, address)
        person = self.accounts.person(name)
        try:
            right = fits(password, person.password if person and not person.disabled else "")
        except BusyError:
            return "", "Too many sign in just now: try again in a moment."
        if not right:
            self.note_failure(name if person else "somebody unknown", address)
            return "", "Name or password are wrong."
        self._attempts.succeeded(name, address)
        return self.accounts.begin(name, address), ""

    def note_failure(self, name: str, comment: str) -> None:
        """Write down that somebody was not let in; so many an hour, for anybody may try as often as they like."""
        hour = int(time.monotonic() // 3600)
        with self._lock:
            number = self._noted.get(hour, 0)
            self._noted = {hour: number + 1}
        if number < _NOTED_AN_HOUR:
            self.accounts.note("failed to sign in", name, comment, "otoscope")

    def remember(self, response: Response, secret: str) -> None:
        """Let the browser keep a session."""
        response.set_cookie(self._cookie, secret, max_age=LONGEST_SECONDS, httponly=True, samesite="lax", secure=self.secure, path="/")

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session."""
        self.accounts.end(request.cookies.get(self._cookie, ""), idle=IDLE_SECONDS, longest=LONGEST_SECONDS)
        response.delete_cookie(self._cookie, httponly=True, samesite="lax", secure=self.secure, path="/")


def gate_of(request: Request) -> Gate:
    """The application's gate."""
    gate: Gate = request.app.state.gate
    return gate


def signed_in(request: Request) -> Visitor:
    """Who asks, though they may have to choose a password first."""
    session = gate_of(request).session(request)
    if session is None:
        raise SignInNeededError
    person = session.person
    request.state.must_change = person.must_change
    return Visitor(person.name, person.role, session.csrf, bool(person.password))


def allowed(role: Role) -> Callable[..., Visitor]:
    """Who asks, where they may do what needs that role."""

    def check(request: Request, visitor: Annotated[Visitor, Depends(signed_in)]) -> Visitor:
        if request.state.must_change:
            raise ChangeNeededError
        if not visitor.may(role):
            raise HTTPException(403, f"That needs the role {role}; you have {visitor.role}.")
        return visitor

    return check


def ours(visitor: Annotated[Visitor, Depends(signed_in)], csrf: Annotated[str, Form(max_length=64)] = "") -> None:
    """Only forms that we have made for this session are obeyed."""
    if not compare_digest(csrf.encode("utf-8", "replace"), visitor.csrf.encode()):
        raise HTTPException(403, "This form was not made for your session: load the page again, and send it once more.")


def acting(role: Role) -> Callable[..., Visitor]:
    """Who sends a form of ours, where they may do what needs that role."""

    def check(visitor: Annotated[Visitor, Depends(allowed(role))], _ours: Annotated[None, Depends(ours)]) -> Visitor:
        return visitor

    return check


Viewer = Annotated[Visitor, Depends(allowed(Role.VIEWER))]
Admin = Annotated[Visitor, Depends(allowed(Role.ADMIN))]
Judge = Annotated[Visitor, Depends(acting(Role.ANALYST))]
Chief = Annotated[Visitor, Depends(acting(Role.ADMIN))]
