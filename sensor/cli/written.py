"""Rows on standard output or in files, in forms that other programs read."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from sensor import words
from sensor.cli.inputs import refuse_to_overwrite
from sensor.cli.listings import Listing, Row

if TYPE_CHECKING:
    from sensor.exports.inventory.model import Inventory

Write = Callable[[Listing, Iterable[Row], BinaryIO], None]


def _json(_listing: Listing, rows: Iterable[Row], file: BinaryIO) -> None:
    from sensor.store import encode

    separator = b"[\n"
    for row in rows:
        file.write(separator + encode(_without_evidence(row)))
        separator = b",\n"
    file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _without_evidence(row: Row) -> Row:
    """A row as the replay document has it: what explains an asset is for `explain`."""
    return {name: value for name, value in row.items() if name != "addresses" and not (name == "evidence" and isinstance(value, dict))}


def _csv(listing: Listing, rows: Iterable[Row], file: BinaryIO) -> None:
    from sensor.exports.inventory.cells import cell, writer

    with _text(file) as text:
        lines = writer(text)
        lines.writerow(listing.columns)
        lines.writerows([cell(_value(row, column)) for column in listing.columns] for row in rows)


def _value(row: Row, column: str) -> object:
    value: Any = row
    for part in column.split("."):
        value = value[part]
    return value


@contextmanager
def _text(file: BinaryIO) -> Iterator[TextIOWrapper]:
    """Text into a file of octets, which stays open."""
    text = TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield text
    finally:
        text.detach()


_WRITE: Mapping[str, Write] = {"json": _json, "csv": _csv}
"""Forms of one file that are no inventories for other systems."""


def targets_of(form: str, output: str | None, *, force: bool) -> list[Path]:
    """The files that will be written, checked before the work is done; none for standard output."""
    from sensor.exports.inventory import INVENTORIES

    tables = INVENTORIES[form].tables if form in INVENTORIES else (form,)
    if len(tables) > 1 and output is None:
        raise click.UsageError(f"--format {form} writes several files: --output DIRECTORY says where")
    if output is None:
        return []
    targets = [Path(output, f"{name}.csv") for name in tables] if len(tables) > 1 else [Path(output)]
    for target in targets:
        refuse_to_overwrite(str(target), force=force)
    return targets


def write(form: str, listing: Listing, rows: Iterable[Row], site: str, targets: list[Path]) -> None:
    """Rows in one of the forms for programs, to files or standard output."""
    from sensor.exports.inventory import INVENTORIES

    with opened_files(targets) as files:
        if inventory := INVENTORIES.get(form):
            _write_inventory(inventory, rows, site, files)
        else:
            _WRITE[form](listing, rows, files[0])


def _write_inventory(inventory: "Inventory", rows: Iterable[Row], site: str, files: list[BinaryIO]) -> None:
    from sensor.exports.inventory.cells import writer

    with ExitStack() as stack:
        texts = [stack.enter_context(_text(file)) for file in files]
        tables = {name: writer(text) for name, text in zip(inventory.tables, texts, strict=True)}
        for name, columns in inventory.tables.items():
            tables[name].writerow(columns)
        for name, cells in inventory.lines(rows, site):
            tables[name].writerow(cells)


def _standard_output() -> Iterator[list[BinaryIO]]:
    try:
        yield [sys.stdout.buffer]
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever reads it has enough
    except OSError as error:
        raise click.ClickException(f"standard output cannot be written: {error.strerror}") from error


@contextmanager
def opened_files(targets: list[Path]) -> Iterator[list[BinaryIO]]:
    """Files that are there when all of them are written whole, else none; without targets standard output."""
    if not targets:
        yield from _standard_output()
        return
    place = targets[0] if len(targets) == 1 else targets[0].parent
    with ExitStack() as stack:
        with _naming(targets[0].parent):
            targets[0].parent.mkdir(parents=True, exist_ok=True)
        files = [_begun(target, stack) for target in targets]
        with _naming(place):
            yield files
            for file in files:
                file.close()
        if len(targets) == 1:
            with _naming(place):
                _beside(place, "new").replace(place)
        else:
            _put_in_place(targets)


def _begun(target: Path, stack: ExitStack) -> BinaryIO:
    """A file beside a target, which is gone in the end."""
    with _naming(target):
        file = stack.enter_context(_beside(target, "new").open("xb"))
    stack.callback(_beside(target, "new").unlink, missing_ok=True)
    return file


def _put_in_place(targets: list[Path]) -> None:
    """All of them or none: what is written over stands aside until all are there."""
    before = [target for target in targets if target.is_file()]
    with ExitStack() as undo:
        for target in targets:
            with _naming(target):
                if target in before:
                    target.rename(_beside(target, "old"))
                    undo.callback(_beside(target, "old").replace, target)
                _beside(target, "new").rename(target)
                if target not in before:
                    undo.callback(target.unlink)
        undo.pop_all()
    for target in before:
        with suppress(OSError):
            _beside(target, "old").unlink()


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f"{target.name}.{os.getpid()}.{what}")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """What cannot be done with a file ends the command, and names it."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{words.plain(str(file))} cannot be written: {error.strerror}") from error
