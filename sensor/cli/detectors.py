"""`otoscope detectors`: what can be found, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sensor.detections.model import Detector

FORMATS = ("table", "json", "markdown")


@click.command()
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print them.")
@click.option("--coverage", is_flag=True, help="Print what they cover of known lists, as Markdown.")
def detectors(names: tuple[str, ...], form: str, *, coverage: bool) -> None:
    r"""List the detectors, or say all about some of them.

    \b
    otoscope detectors
    otoscope detectors ot.plc.stop
    """
    from sensor.detections.catalogue import coverage_page, detectors_page, section
    from sensor.detections.registry import DETECTORS

    known = {row.id: row for row in DETECTORS}
    if unknown := [name for name in names if name not in known]:
        raise click.ClickException(f"there is no detector {unknown[0]}: `otoscope detectors` lists them")
    chosen = [known[name] for name in names] or list(DETECTORS)
    if coverage:
        click.echo(coverage_page(DETECTORS), nl=False)
    elif form == "json":
        click.echo(_json(chosen))
    elif form == "markdown" and not names:
        click.echo(detectors_page(DETECTORS), nl=False)
    elif names:
        click.echo("\n".join(line for row in chosen for line in section(row)))
    else:
        _table(chosen)


def _json(rows: list[Detector]) -> str:
    import orjson

    told = [
        {
            "id": row.id,
            "title": row.title,
            "severity": str(row.severity),
            "engine": row.engine,
            "techniques": row.techniques,
            "needs": row.needs or None,
            "covers": row.covers,
            "thresholds": {
                name: {"default": limit.default, "unit": limit.unit, "about": limit.about} for name, limit in row.thresholds.items()
            },
            "about": row.about,
        }
        for row in rows
    ]
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _table(rows: list[Detector]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "severity", "title", "techniques"):
        table.add_column(heading, no_wrap=heading in ("id", "severity"))
    for row in rows:
        table.add_row(row.id, str(row.severity), row.title, " ".join(row.techniques))
    Console(highlight=False).print(table)
