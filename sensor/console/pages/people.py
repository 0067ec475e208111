"""Who may use the console, and the tokens of programs: for admins."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from sensor.console.gate import Admin, Chief, Visitor, gate_of
from sensor.console.passwords import hashed, made_up
from sensor.console.rendering import page
from sensor.errors import StoreError
from sensor.store import Role

router = APIRouter(include_in_schema=False)
_Name = Annotated[str, Form(max_length=200)]


def _page(request: Request, visitor: Visitor, *, status: int = 200, trouble: str = "", told: tuple[str, str] | None = None) -> Response:
    accounts = gate_of(request).accounts
    return page(
        request, "people.html", visitor, status, persons=accounts.persons(), tokens=accounts.tokens(), roles=list(Role), trouble=trouble,
        told=told,
    )  # fmt: skip


@router.get("/people")
def show(request: Request, visitor: Admin) -> Response:
    """All of them."""
    return _page(request, visitor)


@router.post("/people")
def change(
    request: Request,
    visitor: Chief,
    action: _Name,
    name: _Name,
    role: Annotated[Role, Form()] = Role.VIEWER,
    days: Annotated[int | None, Form(ge=1, le=3650)] = None,
) -> Response:
    """Let somebody in, or no more; or a program."""
    accounts, secret = gate_of(request).accounts, made_up()
    told: tuple[str, str] | None = None
    try:
        match action:
            case "add":
                accounts.add(name, role, hashed(secret), visitor.name)
                told = (f"One-time password of {name}", secret)
            case "reset":
                accounts.set_password(name, hashed(secret), visitor.name, must_change=True)
                told = (f"One-time password of {name}", secret)
            case "role":
                accounts.set_role(name, role, visitor.name)
            case "disable" | "enable":
                accounts.disable(name, visitor.name, disabled=action == "disable")
            case "issue":
                told = (f"Token for {name}", accounts.issue(name, role, days, visitor.name))
            case "revoke":
                accounts.revoke(name, visitor.name)
            case _:
                return _page(request, visitor, status=422, trouble="There is no such action.")
    except StoreError as error:
        return _page(request, visitor, status=422, trouble=str(error))
    return _page(request, visitor, told=told)
