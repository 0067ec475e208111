"""What commands have in common that read captures, a site file or a baseline."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sensor.baseline.model import Baseline
    from sensor.conduits.model import Site
    from sensor.knowledge import Knowledge
    from sensor.settings import Read, Settings


captures_argument = click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
site_option = click.option("--site", metavar="FILE", help="The site file whose zones and conduits hold.")
format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Tables for people, or JSON.",
)
rows_option = click.option(
    "--rows", type=click.IntRange(min=0), default=20, show_default=True, help="Rows of each table; 0 shows all of them."
)
CONFIG, CONFIG_VARIABLE = "/etc/otoscope/otoscope.toml", "OTOSCOPE_CONFIG"

config_option = click.option(
    "--config",
    metavar="FILE",
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    default=CONFIG,
    show_default=True,
    help="The settings.",
)

force_option = click.option("--force", is_flag=True, help="Write over a file that exists; not over a link, a folder or a device.")


class BadInput(click.ClickException):
    """A file that cannot be read, for a command whose exit status 1 is an answer."""

    exit_code = 2


@contextmanager
def bad_input_ends_with_two() -> Iterator[None]:
    """What ends the command inside ends it with exit status 2."""
    try:
        yield
    except click.ClickException as error:
        raise BadInput(error.message) from error


def refuse_to_overwrite(file: str | None, *, force: bool) -> None:
    """Before the work is done: what a person has edited is not written over unasked, and links, folders and devices are not at all."""
    if file is None or not os.path.lexists(file):
        return
    if not force:
        raise click.ClickException(f"{words.plain(file)} exists already: give another name, or --force to write over it")
    if Path(file).is_symlink() or not Path(file).is_file():
        raise click.ClickException(f"{words.plain(file)} is a link, a folder or a device: --force writes over files only")


def write_out(text: str, file: str | None, advice: str) -> None:
    """To a file, all of it or nothing, with advice on standard error that may name the {file}; else to standard output."""
    if file is None:
        click.echo(text, nl=False)
        return
    temporary = Path(f"{file}.{os.getpid()}.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {file}. Next: {advice.format(file=file)}", err=True)


def know(captures: Iterable[str], site: Site | None = None, baseline: Baseline | None = None) -> Knowledge:
    """What follows from captures. One that cannot be read ends the command with what is wrong with it."""
    from sensor.capture import open_capture
    from sensor.errors import OtoscopeError
    from sensor.observations import observe
    from sensor.pipeline import conclude

    gc.disable()  # what is built here lives to the end; looking for cycles in it costs more than it frees
    try:
        with open_capture(*captures) as capture:
            return conclude(observe(capture), site, baseline)
    except OtoscopeError as error:
        raise click.ClickException(words.plain(str(error))) from error


def load_baseline(file: str) -> Baseline:
    """A baseline file, or the end of the command with what is wrong with it."""
    from sensor.baseline.file import load
    from sensor.errors import BaselineError

    try:
        return load(file)
    except BaselineError as error:
        raise click.ClickException(words.plain(str(error))) from error


def load_site(file: str) -> Site:
    """A site file, or the end of the command with what is wrong with it."""
    from sensor.conduits.site import load_site as read
    from sensor.errors import SiteError

    try:
        return read(file)
    except SiteError as error:
        raise click.ClickException(words.plain(str(error))) from error


def load_settings(file: str) -> Settings:
    """The settings, or the end of the command with all that is wrong with them."""
    return read_settings(file).settings


def read_settings(file: str) -> Read:
    """The same, with where they come from. Variables that look like ours and say nothing are named on standard error."""
    from sensor.errors import SettingsError
    from sensor.settings import read_settings as read

    try:
        found = read(file)
    except SettingsError as error:
        raise click.ClickException("\n".join(map(words.plain, str(error).splitlines()))) from error
    for name, text in found.strangers.items():
        click.echo(f"otoscope: warning: {words.plain(name)}: {text}", err=True)
    return found
