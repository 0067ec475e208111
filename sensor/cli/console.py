"""`otoscope console`: the plant in a browser; and who may see it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import config_option, load_settings
from sensor.cli.source import USUAL, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sensor.settings import Settings

_database_option = click.option(
    "--database",
    metavar="PATH|URL",
    envvar="OTOSCOPE_DATABASE",
    show_envvar=True,
    help=f"Show this database; by default that of the settings, or {USUAL}.",
)
_role_option = click.option(
    "--role",
    type=click.Choice(["viewer", "analyst", "admin"]),
    default="viewer",
    show_default=True,
    help="Look; judge alerts; let people in.",
)


class _Console(click.Group):
    """Without the name of a subcommand it serves."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wants_help = bool(args) and args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if wants_help or (args and args[0] in self.commands) else ["serve", *args])


@click.group(cls=_Console)
def console() -> None:
    """Serve the plant to browsers: what is there, what is wrong, and why; and people act on it.

    Without the name of a subcommand it serves.
    """


@contextmanager
def _needed() -> Iterator[None]:
    """What the console needs, or how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the console needs {error.name}: pip install 'otoscope[console]'") from error


def _settings(config: str, database: str | None) -> tuple[Settings, str]:
    from sensor.settings import Settings

    settings = load_settings(config) if Path(config).exists() else Settings()
    where = database or (settings.store.database if Path(config).exists() else USUAL)
    kept = settings.store.model_copy(update={"database": where})
    return settings.model_copy(update={"store": kept}), where


@console.command()
@config_option
@_database_option
@click.option("--listen", metavar="ADDRESS:PORT", help="Listen there; by default as the settings say, which is this machine only.")
def serve(config: str, database: str | None, listen: str | None) -> None:
    """Serve until Ctrl-C. The first time the password of the first admin is printed."""
    with _needed():
        from sensor.console import first_admin
        from sensor.console import serve as go
    from sensor.metrics.serve import address_of
    from sensor.settings import environment
    from sensor.store import Store

    settings, where = _settings(config, database)
    try:
        address, port = address_of(listen or settings.console.listen)
    except ValueError as error:
        raise click.ClickException(words.plain(f"--listen: {error}")) from error
    with told(), Store.open(where, create=False) as store:
        if password := first_admin(store):
            if "JOURNAL_STREAM" in environment():  # a log is no place for it
                click.echo("Nobody has signed in yet: otoscope console password admin gives a one-time password")
            else:
                click.echo(f"Sign in as admin with this one-time password: {password}")
        go(store, settings, address, port, lambda url: click.echo(f"The console is at {url} (Ctrl-C ends it)"))


@console.command()
@click.argument("name")
@_role_option
@config_option
@_database_option
def add(name: str, role: str, config: str, database: str | None) -> None:
    """Let somebody in: prints a one-time password for them."""
    with _needed():
        from sensor.console.passwords import hashed, made_up
    from sensor.store import Role, Store

    password = made_up()
    with told(), Store.open(database or _settings(config, None)[1], create=False) as store:
        store.accounts.add(name, Role(role), hashed(password), None)
    click.echo(f"{words.plain(name)} signs in with this one-time password: {password}")


@console.command()
@click.argument("name")
@config_option
@_database_option
def password(name: str, config: str, database: str | None) -> None:
    """Give somebody a new one-time password, and end their sessions."""
    with _needed():
        from sensor.console.passwords import hashed, made_up
    from sensor.store import Store

    made = made_up()
    with told(), Store.open(database or _settings(config, None)[1], create=False) as store:
        store.accounts.set_password(name, hashed(made), None, must_change=True)
        store.accounts.disable(name, None, disabled=False)
    click.echo(f"{words.plain(name)} signs in with this one-time password: {made}")
