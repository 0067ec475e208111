"""Signing in and out, and choosing a password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from sensor.console.gate import Visitor, gate_of, ours, signed_in
from sensor.console.passwords import LONGEST, fits, hashed, trouble_with
from sensor.console.rendering import page
from sensor.console.state import settings_of

router = APIRouter(include_in_schema=False)
_Name = Annotated[str, Form(max_length=64)]
_Password = Annotated[str, Form(max_length=4 * LONGEST)]


@router.get("/sign-in")
def show(request: Request, to: str = "/") -> Response:
    """The form."""
    return page(request, "sign-in.html", None, to=within(to), trouble="", directory=_directory(request))


@router.post("/sign-in")
def sign_in(request: Request, name: _Name, password: _Password, to: Annotated[str, Form(max_length=2000)] = "/") -> Response:
    """Let somebody in."""
    gate = gate_of(request)
    secret, trouble = gate.sign_in(name, password, request.client.host if request.client else "")
    if not secret:
        return page(request, "sign-in.html", None, 401, to=within(to), trouble=trouble, directory=_directory(request))
    response = RedirectResponse(within(to), 303)
    gate.remember(response, secret)
    return response


@router.post("/sign-out", dependencies=[Depends(ours)])
def sign_out(request: Request) -> Response:
    """End the session."""
    response = RedirectResponse("/sign-in", 303)
    gate_of(request).sign_out(request, response)
    return response


@router.get("/password")
def show_password(request: Request, visitor: Annotated[Visitor, Depends(signed_in)]) -> Response:
    """The form for another password."""
    return page(request, "password.html", visitor, trouble="", must=request.state.must_change)


@router.post("/password", dependencies=[Depends(ours)])
def change_password(
    request: Request, visitor: Annotated[Visitor, Depends(signed_in)], old: _Password, new: _Password, again: _Password
) -> Response:
    """Another password; all sessions end, and a new one begins."""
    gate = gate_of(request)
    person = gate.accounts.person(visitor.name)
    if person is None or not fits(old, person.password):
        trouble = "The password that you have now is another one."
    elif new != again:
        trouble = "The two are not the same."
    elif new == old:
        trouble = "That is the one that you have now."
    else:
        reason = trouble_with(new, visitor.name)
        trouble = f"A password has {reason}." if reason else ""
    if trouble:
        return page(request, "password.html", visitor, 400, trouble=trouble, must=request.state.must_change)
    gate.accounts.set_password(visitor.name, hashed(new), visitor.name, must_change=False)
    response = RedirectResponse("/", 303)
    gate.remember(response, gate.accounts.begin(visitor.name, request.client.host if request.client else ""))
    return response


def _directory(request: Request) -> str:
    """What the company's directory is called; "" where people do not sign in by one."""
    known = settings_of(request).directory
    return known.name if known.issuer else ""


def within(path: str) -> str:
    """A path of this console, whatever a link says."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path else "/"
