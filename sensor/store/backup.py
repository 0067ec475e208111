"""Backups: everything that a database holds, in one file that either kind of database takes back; and the way to an empty one.

Rows are JSON, a line each, after a line with the names of their columns; octets are the characters of the same numbers. So a backup of a
SQLite file can be restored into PostgreSQL and the other way round, it can be read without Otoscope, and neither side ever holds more
than some rows. It is one snapshot: both databases let others write meanwhile.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, MetaData, Table, delete, func, insert, inspect, select, text

from sensor.errors import StoreError
from sensor.store import archive, people
from sensor.store.account_tables import persons, sessions, tokens
from sensor.store.accounts import Role
from sensor.store.archive import Manifest, Reader, Writer
from sensor.store.connect import NEWEST, connect, errors, migrate, name_of, revisions, writing
from sensor.store.generation import generation, next_generation
from sensor.store.outbox import take_stock
from sensor.store.registered import KEPT, begin_anew, go_on, last_number, registered
from sensor.store.retain import give_back
from sensor.store.tables import baseline, destinations, meta, metadata, outbox

_FETCHED = 100
_CHUNK_ROWS, _CHUNK_OCTETS = 1000, 8 << 20
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_TIMEOUT = 30
_VERSIONS = "alembic_version"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: rows by table, files of settings; when it was made, and by which version."""

    rows: dict[str, int]
    settings: tuple[str, ...]
    made: str
    version: str


def back_up(where: str, file: Path, settings: Mapping[str, bytes] | None = None, *, force: bool = False) -> Backup:
    """Write everything that a database holds, and files of settings ("otoscope.toml", "site.toml"), to a file. Raises StoreError.

    The file is there when it is whole, else not; one that is there already is written over by force alone.
    """
    engine = connect(where, create=False, timeout=_TIMEOUT)
    try:
        with errors(name_of(engine)), archive.writing(file, force=force) as writer, engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return _write(writer, connection, settings or {})
    finally:
        engine.dispose()


def _write(writer: Writer, connection: Connection, settings: Mapping[str, bytes]) -> Backup:
    tables = MetaData()
    tables.reflect(connection, only=list(metadata.tables))
    for table in tables.sorted_tables:
        writer.add(f"tables/{table.name}.jsonl", _lines(connection, table), rows=True)
    for name, content in settings.items():
        writer.add(f"settings/{name}", iter((content,)), rows=False)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(
        version=version("otoscope"),
        revision=NEWEST,
        made=made,
        database=connection.dialect.name,
        numbers={outbox.name: last_number(connection)},
        parts=writer.parts,
    )
    writer.finish(manifest)
    return _backup(manifest)


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    """A table as it is kept, without what makes Python values of it."""
    yield orjson.dumps([column.name for column in table.columns], option=orjson.OPT_APPEND_NEWLINE)
    query = select(table).order_by(*table.primary_key)
    if table.name == sessions.name:  # nobody is signed in by a backup
        query = query.limit(0)
    for row in connection.execute(query, execution_options={"stream_results": True, "yield_per": _FETCHED}):
        values = [value.decode("latin-1") if isinstance(value, bytes) else value for value in row]
        line = orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
        if len(line) > archive.MOST_OCTETS:
            raise StoreError(f"a row of {table.name} has more than {archive.MOST_OCTETS >> 20} MB, which no backup can hold")
        yield line


def _backup(manifest: Manifest) -> Backup:
    rows = {name[7:-6]: part.rows or 0 for name, part in manifest.parts.items() if name.startswith("tables/")}
    settings = tuple(name[9:] for name in manifest.parts if name.startswith("settings/"))
    return Backup(rows, settings, manifest.made, manifest.version)


def settings_in(file: Path) -> dict[str, bytes]:
    """The files of settings that a backup holds, by name. Raises StoreError."""
    with archive.reading(file) as reader:
        return {name: reader.content(f"settings/{name}") for name in _backup(reader.manifest).settings}


def restore(where: str, file: Path, *, force: bool = False, who: str | None = None) -> Backup:
    """Fill a database from a backup: in one transaction, so that it is as it was before where anything is wrong. Raises StoreError.

    force: also one that holds something, which is lost.
    """
    with archive.reading(file, _room(where)) as reader:
        manifest = reader.manifest
        if manifest.revision not in revisions():
            raise StoreError(f"{file}: made by a newer Otoscope ({manifest.version}, tables {manifest.revision}): update this one first")
        engine = connect(where, create=True, timeout=_TIMEOUT)
        try:
            with errors(name_of(engine)):
                with writing(engine) as connection:
                    if not force and (held := _held(connection)):
                        named = ", ".join(f"{number:,} {name}" for name, number in held.items())
                        raise StoreError(f"{name_of(engine)} is not empty ({named}): use another, or --force to lose what it holds")
                    _fill(connection, reader)
                    people.log(connection, "restore", "database", f"from {file.name}, made {manifest.made}", who)
                give_back(engine)
        finally:
            engine.dispose()
        return _backup(manifest)


def _room(where: str) -> int | None:
    """Octets that a SQLite file may take; a server knows for itself."""
    directory = Path(where.removeprefix("sqlite:///")).absolute().parent
    return shutil.disk_usage(directory).free if directory.is_dir() else None


def _held(connection: Connection) -> dict[str, int]:
    """Rows by table, of what a person would miss: who is told stays."""
    counted = (
        (table.name, select(func.count()).select_from(table)) for table in metadata.sorted_tables if table not in (meta, destinations)
    )
    return {name: number for name, query in counted if (number := connection.execute(query).scalar_one())}


def _fill(connection: Connection, reader: Reader) -> None:
    """Make the tables of the backup's revision in place of ours, fill them, and bring them up to date."""
    before, known_here = generation(connection), registered(connection)
    metadata.drop_all(connection)
    connection.execute(text(f"DROP TABLE {_VERSIONS}"))
    others = inspect(connection).get_table_names()
    migrate(connection, reader.manifest.revision)
    made = MetaData()
    made.reflect(connection, only=lambda name, _: name not in (*others, _VERSIONS))
    known = {f"tables/{table.name}.jsonl" for table in made.sorted_tables}
    if strange := [name for name in reader.manifest.parts if name.startswith("tables/") and name not in known]:
        raise StoreError(f"no backup of Otoscope: tables of revision {reader.manifest.revision} have no {strange[0]}")
    for table in made.sorted_tables:
        if (name := f"tables/{table.name}.jsonl") in reader.manifest.parts and table.name != sessions.name:
            _load(connection, table, reader.lines(name))
    migrate(connection)
    take_stock(connection)
    _check_roles(connection)
    go_on(connection, known_here, reader.manifest.numbers.get(outbox.name, 0))
    # Who has the database open learns that what it remembers of it does not hold any more.
    next_generation(connection, before)


def _check_roles(connection: Connection) -> None:
    """Raise StoreError where somebody has a role that there is not."""
    for table in (persons, tokens):
        if strange := set(connection.execute(select(table.c.role).distinct()).scalars()) - set(Role):
            raise StoreError(f"damaged: {table.name} have the role {min(strange)!r}, which there is not")


def _load(connection: Connection, table: Table, lines: Iterator[bytes]) -> None:
    names = _parsed(table, next(lines, b"[]"))
    if not all(isinstance(name, str) and name in table.columns for name in names) or len(set(names)) < len(names):
        raise StoreError(f"damaged: {table.name} has other columns")
    kinds = [(name, table.columns[name].type.python_type) for name in names]
    while chunk := _chunk(lines):
        rows = [_row(table, kinds, _parsed(table, line)) for line in chunk]
        connection.execute(insert(table), rows)


def _chunk(lines: Iterator[bytes]) -> list[bytes]:
    """So many lines that they take little memory."""
    chunk, octets = [], 0
    for line in islice(lines, _CHUNK_ROWS):
        chunk.append(line)
        octets += len(line)
        if octets > _CHUNK_OCTETS:
            break
    return chunk


def _parsed(table: Table, line: bytes) -> Sequence[Any]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"damaged: a row of {table.name} is no JSON: {error}") from error
    if not isinstance(values, list):
        raise StoreError(f"damaged: a row of {table.name} is no list")
    return values


def _row(table: Table, kinds: Sequence[tuple[str, type]], values: Sequence[Any]) -> dict[str, Any]:
    """A row with the types that its columns have: SQLite would keep any other."""
    if len(values) != len(kinds):
        raise StoreError(f"damaged: a row of {table.name} has {len(values)} columns, not {len(kinds)}")
    return {name: _value(table, name, kind, value) for (name, kind), value in zip(kinds, values, strict=True)}


def _value(table: Table, name: str, kind: type, value: object) -> object:
    if value is None or type(value) is kind is not int:
        return value
    try:
        if kind is bytes and isinstance(value, str):
            return value.encode("latin-1")
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is kind is int and _SMALLEST <= value <= _LARGEST:
            return value
    except ValueError:
        pass
    raise StoreError(f"damaged: {name} of a row of {table.name} is no {kind.__name__}")


def contents(where: str) -> dict[str, int]:
    """How many rows a database holds, by table; empty ones are left out. Raises StoreError."""
    engine = connect(where, create=False, timeout=_TIMEOUT)
    try:
        with errors(name_of(engine)), engine.connect() as connection:
            return _held(connection)
    finally:
        engine.dispose()


def reset(where: str, *, keep_baseline: bool = False, who: str | None = None) -> None:
    """Empty a database, but for who is told of what happens from now on, and one line in its log that says who did. Raises StoreError."""
    engine: Engine = connect(where, create=False, timeout=_TIMEOUT)
    try:
        with errors(name_of(engine)):
            with writing(engine) as connection:
                before = generation(connection)
                begin_anew(connection)
                for table in reversed(metadata.sorted_tables):
                    if table is not destinations and not (table is baseline and keep_baseline):
                        connection.execute(delete(table).where(meta.c.name.not_in(KEPT)) if table is meta else delete(table))
                next_generation(connection, before)
                people.log(connection, "reset", "database", "the baseline was kept" if keep_baseline else "", who)
            give_back(engine)
    finally:
        engine.dispose()
