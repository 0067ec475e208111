"""`otoscope replay`: what captures hold, as tables for people or as one JSON document."""

from __future__ import annotations

import gc
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

import click

from sensor import words
from sensor.cli.evidence import take_evidence
from sensor.cli.inputs import format_option, load_baseline, load_settings, load_site, rows_option
from sensor.cli.send import destinations_of, send
from sensor.cli.source import keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Unpack

    from sensor.baseline.model import Baseline
    from sensor.capture import Capture, Progress
    from sensor.errors import OtoscopeError
    from sensor.knowledge import Knowledge
    from sensor.metrics.model import Durations
    from sensor.observations import Observations
    from sensor.rows import Document
    from sensor.settings import Settings

_LARGEST_LIMIT = 2**32 - 1
"""What the engine's numbers hold on any machine; it clamps a table to 16 million rows by itself."""

_EXAMPLES = """\b
Examples:
  otoscope replay plant.pcap
  otoscope replay --rows 0 monday.pcapng.gz tuesday.pcapng.gz
  otoscope replay --format json plant.pcap > plant.json
  otoscope replay --report plant.html --site site.toml plant.pcap
  otoscope replay --to tcp://siem.example.net:514 plant.pcap
  tcpdump -i eth0 -c 100000 -w - | otoscope replay -

\b
Exit status: 0 every capture was read; 1 a capture could not be read, the
report, the database, evidence or the metrics not be written, or something
not be delivered (what the captures hold is shown all the same); 2 wrong
usage; 130 stopped by Ctrl-C, and what was read until then is shown.
"""


class Options(TypedDict):
    """What the command line says besides the captures."""

    output_format: str
    limits: dict[str, int]
    rows: int
    site: str | None
    baseline: str | None
    report: str | None
    database: str | None
    evidence: str | None
    metrics_file: str | None
    config: str | None
    to: tuple[str, ...]


@click.command(epilog=_EXAMPLES)
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@format_option
@click.option(
    "--limit",
    "limits",
    metavar="NAME=NUMBER",
    multiple=True,
    callback=lambda _context, _parameter, values: _limits(values),
    help="Keep no more of a kind than that; may be given several times. A wrong name lists all.",
)
@rows_option
@click.option("--site", metavar="FILE", help="Zones, conduits and what else you know of the plant (otoscope site init writes a first one).")
@click.option("--baseline", metavar="FILE", help="What is usual (otoscope baseline export): what is not in it is an alert.")
@click.option("--report", metavar="FILE", help="Write all of it as one page of HTML, too.")
@click.option("--database", metavar="PATH|URL", help="Keep what was found in this database: a SQLite file, or postgresql://…")
@click.option("--evidence", metavar="DIRECTORY", help="Keep the frames around each alert there: a small capture each (otoscope evidence).")
@click.option("--metrics-file", metavar="FILE", help="Write metrics to this file (.prom), for node_exporter's textfile collector.")
@click.option("--config", metavar="FILE", help="The settings: who the sensor is, and with --database which destinations are told.")
@click.option(
    "--to",
    metavar="URL",
    multiple=True,
    help="Send what was found there, and end when it has arrived: tcp://HOST:PORT, udp://…, tls://…, file:PATH; CEF, or ?form=NAME.",
)
def replay(captures: tuple[str, ...], **options: Unpack[Options]) -> None:
    """Show what captures hold: assets with their levels, alerts, what crosses zones, conversations, operations, identities.

    A CAPTURE is a pcap or pcapng file, plain or compressed (.gz, .zst), or - for standard input. Several are read
    one after the other, as one capture.
    """
    from sensor.capture import open_capture
    from sensor.metrics.model import Durations
    from sensor.observations import Observations
    from sensor.pipeline import conclude

    gc.disable()  # what is built here lives to the end; looking for cycles in it costs more than it frees
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough (head) ends the command quietly
    failed: list[OtoscopeError] = []

    def on_error(error: OtoscopeError) -> None:
        failed.append(error)
        _complain(str(error))

    settings = load_settings(options["config"]) if options["config"] else None
    destinations = destinations_of(options["to"])
    site = load_site(options["site"]) if options["site"] else None
    baseline = load_baseline(options["baseline"]) if options["baseline"] else None
    observations, batches = Observations(), Durations()
    with (
        _progress() as on_progress,
        open_capture(*captures, limits=options["limits"], on_progress=on_progress, on_error=on_error) as capture,
    ):
        interrupted = _read(capture, observations, batches)
    for path, text in capture.warnings:
        _complain(f"warning: {path}: {text}")
    known = conclude(observations, site, baseline)
    kept = not capture.files or _tell(known, capture, options, settings, baseline, batches)
    if capture.files and destinations:
        kept = send(known, destinations, settings) and kept
    if interrupted:
        sys.exit(130)
    if failed or not kept:
        sys.exit(1)


def _tell(
    known: Knowledge, capture: Capture, options: Options, settings: Settings | None, baseline: Baseline | None, batches: Durations
) -> bool:
    """Show what follows from the captures, and write it where that was asked for; False where that failed, which is said."""
    from sensor.errors import OtoscopeError
    from sensor.replay import document

    database = options["database"]
    ids: Mapping[str, str] | None = {}
    if database is not None:
        ids = keep(known, capture.files, database, baseline=options["baseline"] is None, settings=settings)
    kept = ids is not None
    kept = take_evidence(known, capture.files, options["evidence"], settings, ids or {}) and kept
    if options["report"] is not None:
        from sensor.report import write_report

        try:
            write_report(known, capture.files, options["report"], capture.warnings)
        except OtoscopeError as error:
            _complain(str(error))
            kept = False
    if options["metrics_file"] is not None:
        kept = _write_metrics(options["metrics_file"], known, baseline, batches, options["database"]) and kept
    _show(document(known, capture.files, capture.warnings), options["output_format"], options["rows"])
    return kept


def _write_metrics(file: str, known: Knowledge, baseline: Baseline | None, batches: Durations, database: str | None) -> bool:
    """The metrics to a file; False where that failed, which is said."""
    from sensor.errors import StoreError
    from sensor.metrics import Sources, with_database, write_textfile
    from sensor.store import Store

    sources = Sources(knowledge=lambda: known, baseline=lambda: baseline, batches=batches)
    try:
        if database is None:
            write_textfile(file, sources)
        else:
            with Store.open(database, create=False) as store:
                write_textfile(file, with_database(sources, store))
    except OSError as error:
        _complain(f"{file} cannot be written: {error.strerror}")
        return False
    except StoreError as error:
        _complain(str(error))
        return False
    return True


def _limits(values: tuple[str, ...]) -> dict[str, int]:
    """Limits by name, as the command line gives them."""
    if not values:
        return {}
    from sensor.capture import default_limits

    known, limits = default_limits(), {}
    for value in values:
        name, _, number = value.partition("=")
        is_number = number.isascii() and number.isdigit() and len(number) <= len(str(_LARGEST_LIMIT))
        if name not in known or not is_number or int(number) > _LARGEST_LIMIT:
            names = ", ".join(f"{name}={default}" for name, default in known.items())
            what = f"NAME=NUMBER of these, up to {_LARGEST_LIMIT} (here with their defaults)"
            raise click.BadParameter(f"{value[:40]!r} is no {what}: {names}")
        limits[name] = int(number)
    return limits


def _complain(text: str) -> None:
    click.echo(f"otoscope: {words.plain(text)}", err=True)


def _read(capture: Capture, observations: Observations, batches: Durations) -> bool:
    """Read to the end; True where Ctrl-C ended it earlier."""
    interrupted = False
    while True:
        try:
            for batch in capture:
                with batches.measured():
                    observations.add(batch)
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            _complain("stopped: what follows is what was read until now")
            capture.stop()
        else:
            return interrupted


def _show(whole: Document, output_format: str, rows: int) -> None:
    if output_format == "json":
        from sensor.replay import to_json

        sys.stdout.buffer.writelines(to_json(whole))
        sys.stdout.flush()
    else:
        from sensor.cli.view import show

        show(whole, rows)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error while the block runs; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=None)

        def show(progress: Progress) -> None:
            which = f" ({progress.number} of {progress.captures})" if progress.captures > 1 else ""
            name = "standard input" if progress.path == "-" else words.plain(progress.path.rpartition("/")[2])
            bar.update(task, description=escape(f"{name}{which}"), completed=progress.octets_read, total=progress.octets_total)

        yield show
