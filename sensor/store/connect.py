"""Databases: SQLite files and PostgreSQL, opened, checked, and brought up to date."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from sensor.errors import StoreError, UnreadyStoreError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")
NEWEST = "0003"
"""The newest migration: a database that is there is not migrated, which would take longer than most questions."""

_LOCK = 0x070705C0
"""Tells our transactions on PostgreSQL from others."""


def connect(where: str | os.PathLike[str], *, create: bool, timeout: float, update: bool = True) -> Engine:
    """Open a database: a path, a URL, or ":memory:". Without `update` one of an older version is left so. Raises StoreError."""
    url = _url(os.fspath(where))
    if url.get_backend_name() == "sqlite":
        engine = _sqlite(url, create=create, timeout=timeout)
    else:
        options = {"connect_timeout": max(2, round(timeout)), "options": f"-c lock_timeout={round(timeout * 1000)}"}
        engine = create_engine(url, connect_args=options)
    try:
        with errors(url.render_as_string(hide_password=True) if url.host else str(url.database)):
            _bring_up_to_date(engine, update=update)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextmanager
def errors(where: str) -> Iterator[None]:
    """What goes wrong with a database inside, as a StoreError that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"{where}: {_reason(error.orig)}") from error
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"{where}: {error}") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is the only one that writes; all of it is kept, or nothing."""
    with engine.connect().execution_options(otoscope_writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite", database=where)
    try:
        url = make_url(where)
        driver = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}.get(url.drivername, url.drivername)
        if driver not in ("sqlite", "postgresql+psycopg"):
            raise StoreError(f"{url.drivername}://…: neither sqlite:///PATH nor postgresql://USER@HOST/NAME")
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StoreError(f"{where.partition('://')[0]}://…: not a database's URL: {error}") from error
    return url.set(drivername=driver)


def _sqlite(url: URL, *, create: bool, timeout: float) -> Engine:
    path = url.database or ":memory:"
    memory = path == ":memory:"
    if not memory:
        if not create and not Path(path).exists():
            raise UnreadyStoreError(f"{path}: there is no such database (otoscope replay CAPTURE --database {path} makes one)")
        if not Path(path).absolute().parent.is_dir():
            raise StoreError(f"{path}: there is no such directory: mkdir -p {Path(path).absolute().parent}")
    pool: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
    engine = create_engine(url, paramstyle="named", connect_args={"timeout": timeout, "check_same_thread": False}, **pool)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


_INCREMENTAL = 2
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "cache_size = -64000",
    "journal_size_limit = 67108864",  # what a large transaction has made of the log goes back to the disk
    "wal_autocheckpoint = 10000",  # pages that change again and again go to their place once: less to write, and less often
)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:  # it is written down again each time, which takes room
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("otoscope_writes") else "BEGIN")


def _bring_up_to_date(engine: Engine, *, update: bool) -> None:
    """Migrate to the newest version; refuse what is newer, or not ours, and what is older where nothing is to be changed."""
    with engine.connect() as connection:
        version = _version(connection)
    if version == NEWEST:
        return
    if version is not None and version not in revisions():
        raise StoreError(f"{name_of(engine)}: written by a newer Otoscope (version {version}): update this one, or use another database")
    if not update:
        raise UnreadyStoreError(f"{name_of(engine)}: {'is empty' if version is None else f'of an older Otoscope (version {version})'}")
    with writing(engine) as connection:
        migrate(connection)


def _alembic() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  most databases are up to date, and it takes a while to import

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def revisions() -> set[str]:
    """Of the tables, all that this version knows."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    return {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def migrate(connection: Connection, revision: str = "head") -> None:
    """Make the tables, or bring them up to a revision, in the transaction of the connection."""
    from alembic import command  # noqa: PLC0415 - as above

    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _version(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if "alembic_version" in names and "contributions" in names:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if names:
        raise StoreError(f"{name_of(connection.engine)}: the database of another program")
    return None


def name_of(engine: Engine) -> str:
    """Where it is, without a password."""
    return engine.url.render_as_string(hide_password=True) if engine.url.host else str(engine.url.database)


def _reason(error: BaseException | None) -> str:
    """What a driver says, with what to do where we know it."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for known, hint in _HINTS.items():
        if known in said:
            return f"{said}{hint}"
    return said


_HINTS = {
    "locked": ": another process writes to it; try again when that is done",
    "lock timeout": ": another process writes to it; try again when that is done",
    "is full": ": make room on the disk, and nothing is lost: nothing of this was written",
    "disk I/O error": ": is the disk full or broken? Nothing is lost: nothing of this was written",
    "No space left": ": make room on the disk, and nothing is lost: nothing of this was written",
    "not a database": ": name a database of Otoscope, or a file that is not there yet",
    "malformed": ": move it away and restore a backup (otoscope restore), or start with another",
    "unable to open": ": is it a file that you may read and write?",
    "readonly": ": it may not be written by you",
}
