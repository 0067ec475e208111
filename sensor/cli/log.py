"""`otoscope log`: every operation that was recorded, asked for with filters."""

from __future__ import annotations

import signal
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from sensor import words
from sensor.cli.inputs import config_option, load_settings
from sensor.cli.query import moment
from sensor.cli.recording import HINT
from sensor.cli.source import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO, Unpack

    from sensor.transactions.query import Row

_SHOWN = 50
_TOGETHER = 1000
_HEADINGS = ("Time (UTC)", "Client", "Server", "Protocol", "Unit", "Function", "Object", "Outcome", "#ms")


class Options(TypedDict):
    """What the command line says besides the folder."""

    since: int | None
    until: int | None
    protocols: tuple[str, ...]
    addresses: tuple[str, ...]
    functions: tuple[str, ...]
    intents: tuple[str, ...]
    outcomes: tuple[str, ...]


@click.command()
@click.argument("folder", metavar="[FOLDER]", required=False)
@config_option
@click.option("--since", callback=moment, metavar="TIME", help="Asked for at or after that time (UTC where it does not say).")
@click.option("--until", callback=moment, metavar="TIME", help="Asked for at or before that time.")
@click.option("--protocol", "protocols", multiple=True, metavar="NAME", help="In this protocol: modbus, s7comm …")
@click.option("--address", "addresses", multiple=True, metavar="ADDRESS", help="From or to this IP or MAC address.")
@click.option("--function", "functions", multiple=True, metavar="TEXT", help="With this code, or this in the function's name.")
@click.option("--intent", "intents", multiple=True, metavar="INTENT", help="With this intent: read, write, control, program …")
@click.option(
    "--outcome", "outcomes", multiple=True, metavar="OUTCOME", help="accepted, rejected, unanswered, unasked, one_way or unknown."
)
@click.option("--limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="A table for people, all columns as JSON, or as CSV that no spreadsheet runs.",
)
def log(
    folder: str | None,
    config: str,
    limit: int,
    everything: bool,  # noqa: FBT001  a flag of the command line
    output_format: str,
    **options: Unpack[Options],
) -> None:
    """Show single operations: when who asked whom for what, and what became of it.

    Of the transaction log in FOLDER, which otoscope replay --transactions FOLDER or otoscope run writes; without FOLDER, of the one that
    the settings name. Several of the same filter are alternatives; different filters hold all at once.
    """
    try:
        from sensor.transactions.query import Question, ask
    except ImportError as error:
        raise click.ClickException(HINT) from error

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough (head) ends the command quietly
    with told():
        rows = ask(_folder(folder, config), Question(**options))
        if output_format == "table":
            _show(rows, None if everything else limit)
        else:
            _WRITE[output_format](rows if everything else islice(rows, limit), sys.stdout.buffer)
            sys.stdout.flush()


def _folder(folder: str | None, config: str) -> Path:
    if folder is not None:
        return Path(folder)
    if (named := load_settings(config).transactions.folder) is None:
        raise click.UsageError(f"{words.plain(config)} names no folder of a transaction log: name the FOLDER")
    return Path(named)


def _show(rows: Iterator[Row], limit: int | None) -> None:
    """Tables of some rows each: there may be more of them than fit into the memory."""
    from sensor.cli.page import Page

    page, left = Page(0), limit
    while some := list(islice(rows, _TOGETHER if left is None else min(_TOGETHER, left))):
        page.table(_HEADINGS, [[words.plain(cell) for cell in _cells(row)] for row in some])
        left = None if left is None else left - len(some)
    if left == 0 and next(rows, None) is not None:
        page.line("… more (--limit N shows so many, --all shows all)", "dim")
    if left == limit and limit is not None:
        page.line("nothing like that was recorded", "dim")


def _cells(row: Row) -> list[str]:
    outcome = f"{row['outcome']}: {row['exception']}" if row["exception"] else row["outcome"]
    took = "" if row["response_ms"] is None else f"{row['response_ms']:.3f}"
    client, server = (row[f"id.{end}_h"] or row[f"{end}_l2_addr"] or "" for end in ("orig", "resp"))
    return [row["ts"][:26].replace("T", " "), client, server, row["service"], row["unit"], row["func"], row["object"], outcome, took]


def _json(rows: Iterable[Row], file: BinaryIO) -> None:
    import orjson

    separator = b"[\n"
    for row in rows:
        file.write(separator + orjson.dumps(row))
        separator = b",\n"
    file.write(b"[]\n" if separator == b"[\n" else b"\n]\n")


def _csv(rows: Iterable[Row], file: BinaryIO) -> None:
    from sensor.cli.written import text_into
    from sensor.exports.inventory.cells import cell, writer
    from sensor.transactions.columns import SCHEMA

    with text_into(file) as text:
        lines = writer(text)
        lines.writerow(SCHEMA.names)
        lines.writerows(map(cell, row.values()) for row in rows)


_WRITE: dict[str, Any] = {"json": _json, "csv": _csv}
