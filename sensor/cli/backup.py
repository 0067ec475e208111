"""`otoscope backup`, `otoscope restore`, `otoscope reset`: a copy of everything, the way back, and an empty database."""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import force_option
from sensor.cli.source import kept_database_option, plain_name, told

if TYPE_CHECKING:
    from sensor.store.backup import Backup


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@kept_database_option
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Keep these settings with it.")
@click.option("--site", metavar="FILE", type=click.Path(path_type=Path), help="Keep this site file with it.")
@force_option
def backup(file: Path, database: str, config: Path | None, site: Path | None, *, force: bool) -> None:
    """Write everything that a database holds to one FILE, while others go on writing.

    Secrets that settings name as files are not in it.
    """
    from sensor.store.backup import back_up

    named = {"otoscope.toml": config, "site.toml": site}
    settings = {name: _content(path) for name, path in named.items() if path is not None}
    with told():
        made = back_up(database, file, settings, force=force)
    click.echo(f"Wrote {words.plain(str(file))}: {_held(made)}.")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{words.plain(str(path))} cannot be read: {error.strerror}") from error


def _held(made: "Backup") -> str:
    rows = [f"{number:,} {name}" for name, number in made.rows.items() if number and name != "meta"]
    return ", ".join([*rows, *made.settings]) or "an empty database"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@kept_database_option
@click.option(
    "--settings", metavar="DIRECTORY", type=click.Path(path_type=Path), help="Write the settings and the site file of the backup there."
)
@click.option("--force", is_flag=True, help="Also where the database holds something, which is lost, and over files of settings.")
def restore(file: Path, database: str, settings: Path | None, *, force: bool) -> None:
    """Fill an empty database from the backup in FILE.

    The backup may be of an older version, and of the other kind of database. Where anything is wrong with it the database stays as it is.
    """
    from sensor.store.backup import restore as fill
    from sensor.store.backup import settings_in

    with told():
        files = settings_in(file) if settings is not None else {}
    targets = {Path(settings or "", name): content for name, content in files.items()}
    for target in targets:
        if target.exists() and not force:
            raise click.ClickException(f"{words.plain(str(target))} exists already: another directory, or --force to write over it")
    with _written_beside(targets) as put_in_place:
        with told():
            made = fill(database, file, force=force)
        click.echo(f"Restored {plain_name(database)} as it was on {words.plain(made.made)}: {_held(made)}.")
        put_in_place()


@contextmanager
def _written_beside(targets: Mapping[Path, bytes]) -> Iterator[Callable[[], None]]:
    """Write files beside their places, where they are gone again unless they are put in place: what cannot be written is told before."""
    beside = {target: target.with_name(f"{target.name}.new") for target in targets}
    try:
        for target, content in targets.items():
            with _saying(target):
                if target.is_dir():
                    raise IsADirectoryError(errno.EISDIR, "a directory has its name")
                target.parent.mkdir(parents=True, exist_ok=True)
                beside[target].write_bytes(content)
        yield lambda: _put_in_place(beside)
    finally:
        for written in beside.values():
            with suppress(OSError):
                written.unlink()


def _put_in_place(beside: Mapping[Path, Path]) -> None:
    for target, written in beside.items():
        with _saying(target):
            written.replace(target)
        click.echo(f"Wrote {words.plain(str(target))}.")


@contextmanager
def _saying(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{words.plain(str(target))} cannot be written: {error.strerror}") from error


@click.command()
@kept_database_option
@click.option("--keep-baseline", is_flag=True, help="What is usual in the plant stays known.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(database: str, *, keep_baseline: bool, yes: bool) -> None:
    """Empty a database, as it was when it was new.

    Says what will be lost, and asks for the database's name.
    """
    from sensor.store import backup

    with told():
        held = backup.contents(database)
    if keep_baseline:
        held.pop("baseline", None)
    lost = ", ".join(f"{number:,} {name}" for name, number in held.items()) or "nothing"
    click.echo(f"{plain_name(database)} loses {lost}. There is no way back (otoscope backup FILE makes one).")
    name = words.plain(database.partition("?")[0].rpartition("/")[2])
    if not yes and click.prompt(f"Type {name} to go on", default="", show_default=False) != name:
        raise click.ClickException("nothing was done")
    with told():
        backup.reset(database, keep_baseline=keep_baseline)
    click.echo(f"{plain_name(database)} is empty.")
