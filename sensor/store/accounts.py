"""Who may use the console: people, their sessions, and tokens of programs. Of secrets only what they can be checked with is kept."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, update

from sensor.errors import AskedError
from sensor.store.account_tables import persons, sessions, tokens
from sensor.store.connect import errors, writing
from sensor.store.people import log

_TOUCHED_EVERY = 60
"""Seconds after which a session or token that is used is written down as used again."""
_MOST_PERSONS = 1000
_MOST_SESSIONS = 20
"""Of one person; the one that was used longest ago gives way."""
_NAME_LENGTH = 64


class Role(StrEnum):
    """What somebody may do: look; say what is with alerts; and say who may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """May it do all that the other may?"""
        return list(Role).index(self) >= list(Role).index(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in.

    password: the hash of it; "" where a directory vouches for them. must_change: the password was given to them.
    created, last: seconds since 1970; last: signed in, None where never.
    """

    name: str
    role: Role
    password: str
    must_change: bool
    disabled: bool
    created: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. csrf: what proves that a form is ours."""

    person: Person
    csrf: str
    began: int


@dataclass(frozen=True, slots=True)
class Token:
    """What lets a program in. id: names it, and lets nobody in. expires, last: seconds since 1970."""

    id: str
    name: str
    role: Role
    created: int
    expires: int | None
    last: int | None


class Accounts:
    """Those of a database. From any thread."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    def persons(self) -> list[Person]:
        """All of them, by name."""
        with errors(self._where), self._engine.connect() as connection:
            return [_person(row) for row in connection.execute(select(persons).order_by(persons.c.name))]

    def person(self, name: str) -> Person | None:
        """The one of that name."""
        with errors(self._where), self._engine.connect() as connection:
            return _find(connection, name)

    def add(self, name: str, role: Role, password: str, who: str | None, *, must_change: bool = True) -> None:
        """Let somebody in; `password` is a hash. Raises StoreError where the name is taken or none."""
        if not name or len(name) > _NAME_LENGTH or not name.isprintable() or name != name.strip():
            raise AskedError(f"a name has 1 to {_NAME_LENGTH} characters that can be read, and no space around them")
        with errors(self._where), writing(self._engine) as connection:
            if _find(connection, name) is not None:
                raise AskedError(f"there is a {name} already")
            if connection.execute(select(func.count()).select_from(persons)).scalar_one() >= _MOST_PERSONS:
                raise AskedError(f"there are {_MOST_PERSONS} people already")
            row = {"name": name, "role": role, "password": password, "must_change": must_change, "disabled": False}
            connection.execute(insert(persons), [row | {"created": int(time.time()), "last": None}])
            log(connection, f"add {role}", name, "", who)

    def set_password(self, name: str, password: str, who: str | None, *, must_change: bool) -> None:
        """Another password, by its hash; all sessions of that person end."""
        self._change(name, "password", who, {"password": password, "must_change": must_change}, ends=True)

    def set_role(self, name: str, role: Role, who: str | None) -> None:
        """What they may do from now on. Raises StoreError where nobody would be left who may let people in."""
        self._change(name, f"make {role}", who, {"role": role}, keeps_admin=role is not Role.ADMIN)

    def disable(self, name: str, who: str | None, *, disabled: bool) -> None:
        """Let them in no more, or again. Raises StoreError where nobody would be left who may let people in."""
        self._change(name, "disable" if disabled else "enable", who, {"disabled": disabled}, ends=disabled, keeps_admin=disabled)

    def _change(
        self, name: str, what: str, who: str | None, values: dict[str, Any], *, ends: bool = False, keeps_admin: bool = False
    ) -> None:
        with errors(self._where), writing(self._engine) as connection:
            person = _find(connection, name)
            if person is None:
                raise AskedError(f"there is no {name}")
            keeps_admin = keeps_admin and person.role is Role.ADMIN
            connection.execute(update(persons).where(persons.c.name == name).values(values))
            left = select(persons.c.name).where(persons.c.role == Role.ADMIN, persons.c.disabled.is_(False)).limit(1)
            if keeps_admin and connection.execute(left).scalar() is None:
                raise AskedError(f"{name} is the last one who may let people in: make somebody else admin first")
            if ends:
                connection.execute(delete(sessions).where(sessions.c.person == name))
            log(connection, what, name, "", who)

    def begin(self, name: str, address: str) -> str:
        """Sign somebody in who has proved who they are; the secret of the session, which is told nobody else."""
        secret, now = secrets.token_urlsafe(32), int(time.time())
        with errors(self._where), writing(self._engine) as connection:
            connection.execute(update(persons).where(persons.c.name == name).values(last=now))
            kept = select(sessions.c.id).where(sessions.c.person == name).order_by(sessions.c.seen.desc()).limit(_MOST_SESSIONS - 1)
            connection.execute(
                delete(sessions).where(sessions.c.person == name, sessions.c.id.not_in(list(connection.execute(kept).scalars())))
            )
            row = {"id": _digest(secret), "person": name, "csrf": secrets.token_urlsafe(24), "began": now, "seen": now}
            connection.execute(insert(sessions), [row])
            log(connection, "sign in", name, address, name)
        return secret

    def session(self, secret: str, *, idle: int, longest: int) -> Session | None:
        """Whose session that is; None where it is none, or has ended: after `idle` seconds without use, or `longest` in all."""
        now = int(time.time())
        with errors(self._where), self._engine.connect() as connection:
            known = and_(sessions.c.id == _digest(secret), sessions.c.seen >= now - idle, sessions.c.began >= now - longest)
            row = connection.execute(select(sessions).where(known)).one_or_none()
            person = _find(connection, row.person) if row is not None else None
        if row is None or person is None or person.disabled:
            return None
        if row.seen <= now - _TOUCHED_EVERY:
            with errors(self._where), writing(self._engine) as connection:
                connection.execute(update(sessions).where(sessions.c.id == row.id).values(seen=now))
        return Session(person, row.csrf, row.began)

    def end(self, secret: str, *, idle: int, longest: int) -> None:
        """Sign out; and forget sessions that have ended by themselves."""
        now = int(time.time())
        over = or_(sessions.c.id == _digest(secret), sessions.c.seen < now - idle, sessions.c.began < now - longest)
        with errors(self._where), writing(self._engine) as connection:
            connection.execute(delete(sessions).where(over))

    def note(self, what: str, subject: str, comment: str, who: str) -> None:
        """Write down who did what."""
        with errors(self._where), writing(self._engine) as connection:
            log(connection, what, subject, comment, who)

    def tokens(self) -> Sequence[Token]:
        """Those that are good or were, the newest first."""
        with errors(self._where), self._engine.connect() as connection:
            return [_token(row) for row in connection.execute(select(tokens).order_by(tokens.c.created.desc(), tokens.c.id))]

    def issue(self, name: str, role: Role, days: int | None, who: str) -> str:
        """A new token, which is shown once; `name` says what for, `days` for how long."""
        if not name.strip() or len(name) > _NAME_LENGTH or not name.isprintable():
            raise AskedError(f"write what the token is for, in at most {_NAME_LENGTH} characters")
        secret, now = f"otoscope_{secrets.token_urlsafe(32)}", int(time.time())
        with errors(self._where), writing(self._engine) as connection:
            if connection.execute(select(func.count()).select_from(tokens)).scalar_one() >= _MOST_PERSONS:
                raise AskedError(f"there are {_MOST_PERSONS} tokens already: revoke some")
            expires = None if days is None else now + days * 86_400
            row = {"id": _digest(secret), "name": name.strip(), "role": role, "created": now, "expires": expires, "last": None}
            connection.execute(insert(tokens), [row])
            log(connection, f"issue {role} token", name.strip(), "", who)
        return secret

    def revoke(self, identity: str, who: str) -> None:
        """A token is good no more."""
        with errors(self._where), writing(self._engine) as connection:
            name = connection.execute(select(tokens.c.name).where(tokens.c.id == identity)).scalar()
            if name is None:
                raise AskedError("there is no such token")
            connection.execute(delete(tokens).where(tokens.c.id == identity))
            log(connection, "revoke token", name, "", who)

    def token(self, secret: str) -> Token | None:
        """The token with that secret, where it is good."""
        now = int(time.time())
        with errors(self._where), self._engine.connect() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == _digest(secret))).one_or_none()
        if row is None or (row.expires is not None and row.expires <= now):
            return None
        if (row.last or 0) <= now - _TOUCHED_EVERY:
            with errors(self._where), writing(self._engine) as connection:
                connection.execute(update(tokens).where(tokens.c.id == row.id).values(last=now))
        return _token(row)


def _digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits: who reads the database cannot use it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _find(connection: Connection, name: str) -> Person | None:
    row = connection.execute(select(persons).where(persons.c.name == name)).one_or_none()
    return None if row is None else _person(row)


def _person(row: Any) -> Person:  # noqa: ANN401  a row of sqlalchemy
    return Person(row.name, Role(row.role), row.password, row.must_change, row.disabled, row.created, row.last)


def _token(row: Any) -> Token:  # noqa: ANN401  a row of sqlalchemy
    return Token(row.id, row.name, Role(row.role), row.created, row.expires, row.last)
