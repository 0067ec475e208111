"""Where the commands that ask get their answers from: a database, or captures that are read for it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sensor import words
from sensor.cli.inputs import CONFIG, CONFIG_VARIABLE, load_settings
from sensor.errors import OtoscopeError

if TYPE_CHECKING:
    from sensor.knowledge import Knowledge
    from sensor.settings import Settings
    from sensor.store import Saved, Store

USUAL = "otoscope.db"

Command = TypeVar("Command", bound=Callable[..., Any])


def usual_database() -> str:
    """Where nobody names one: that which lies here, else that of the settings, where there are some."""
    from sensor.settings import environment

    config = environment().get(CONFIG_VARIABLE, CONFIG)
    return load_settings(config).store.database if not Path(USUAL).exists() and Path(config).exists() else USUAL


def database_option(command: Command) -> Command:
    """`--database`, for a command that asks."""
    return click.option(
        "--database",
        metavar="PATH|URL",
        envvar="OTOSCOPE_DATABASE",
        show_envvar=True,
        help=f"Ask this database (a SQLite file, or postgresql://…); without captures that is {USUAL} here, else the settings'.",
    )(command)


kept_database_option = click.option(
    "--database",
    metavar="PATH|URL",
    envvar="OTOSCOPE_DATABASE",
    show_envvar=True,
    default=usual_database,
    show_default=f"{USUAL} here, else that of the settings",
    help="The database.",
)
"""`--database`, for a command that works on one that is there."""


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong on purpose inside, as one line and exit status 1."""
    try:
        yield
    except OtoscopeError as error:
        raise click.ClickException(words.plain(str(error))) from error


@contextmanager
def opened(captures: tuple[str, ...], database: str | None, site: str | None = None) -> Iterator["Store"]:
    """The database, or one in memory of what the captures hold, by a site file."""
    from sensor.store import Store

    explicit = click.get_current_context().get_parameter_source("database") is click.core.ParameterSource.COMMANDLINE
    if captures and explicit:
        raise click.UsageError("captures or --database, not both (otoscope replay CAPTURE --database PATH adds a capture to a database)")
    if site and not captures:
        raise click.UsageError("--site goes with captures: what is in a database was concluded when it was added")
    with told():
        if not captures:
            with Store.open(database or usual_database(), create=False) as store:
                yield store
            return
        with Store.open(":memory:") as store:
            _read(captures, store, site)
            yield store


def _read(captures: tuple[str, ...], store: "Store", site: str | None) -> None:
    from sensor.capture import open_capture
    from sensor.conduits.site import load_site
    from sensor.observations import observe
    from sensor.pipeline import conclude

    with open_capture(*captures) as capture:
        store.save(conclude(observe(capture), load_site(site) if site else None))
    for path, text in capture.warnings:
        click.echo(f"otoscope: warning: {words.plain(f'{path}: {text}')}", err=True)


def keep(
    known: "Knowledge", files: list[str], database: str, *, baseline: bool, settings: "Settings | None" = None
) -> "Mapping[str, str] | None":
    """Add what captures hold to a database; the ids of its alerts there by their own, None where that failed, which it says.

    settings: whose destinations are to be told of it (otoscope exports run does that).
    baseline: the database's, if it has one, learns from them and says what is new; else another one has done so.
    """
    from sensor.store import Bounds, Store, run_of

    try:
        with Store.open(database) as store:
            if settings is not None:
                store.outbox.register(settings.destinations(), Bounds(**settings.outbox.model_dump()))
            if baseline:
                _measure(known, store)
            saved = store.save(known, run_of(files, known.statistics))
            ids = store.alert_ids
    except OtoscopeError as error:
        click.echo(f"otoscope: {words.plain(str(error))}", err=True)
        return None
    click.echo(f"otoscope: {plain_name(database)}: {_written(saved)}", err=True)
    return ids


def _measure(known: "Knowledge", store: "Store") -> None:
    """What is new against the database's baseline, which learns until its time is over."""
    from sensor.baseline.file import parse, to_text
    from sensor.baseline.phase import advance
    from sensor.pipeline import against

    if (content := store.baseline()) is None:
        return
    old = parse(content.decode(), "the database's baseline")
    new = advance(old, known)
    if new != old:
        store.accept_baseline(to_text(new).encode(), "learned", "otoscope")
    against(known, new)


def plain_name(database: str) -> str:
    """A database's name without the password in its URL."""
    before, at, after = database.rpartition("@")
    return words.plain(f"{before.partition('://')[0]}://…@{after}" if at and "://" in before else database)


def _written(saved: "Saved") -> str:
    """What a save did, in words."""
    parts = [f"{number:,} {name}" for name, number in saved.written.items()]
    parts += [f"{number:,} {name} no more" for name, number in saved.removed.items()]
    return ", ".join(parts) or "nothing new"
