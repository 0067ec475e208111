"""`otoscope conduits`: who asks whom for what, zone by zone, and policies made from it and tried on it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from sensor.cli.inputs import (
    bad_input_ends_with_two,
    captures_argument,
    force_option,
    know,
    load_site,
    refuse_to_overwrite,
    site_option,
    write_out,
)

if TYPE_CHECKING:
    from sensor.cli.page import Page
    from sensor.conduits.acts import Act
    from sensor.conduits.judge import Verdict
    from sensor.conduits.matrix import Cell

_GRID = 8
"""Zones that the matrix is shown as a grid for; more are a list."""

_EXAMPLES = """\b
Examples:
  otoscope conduits plant.pcap
  otoscope conduits suggest plant.pcap -o policy.toml
  otoscope conduits plan policy.toml other.pcap
"""


class _Shows(click.Group):
    """`otoscope conduits CAPTURE` is `otoscope conduits show CAPTURE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Shows, epilog=_EXAMPLES)
def conduits() -> None:
    """Zones and conduits: what is declared, what is done, and what would change."""


@conduits.command()
@captures_argument
@site_option
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True, help="A table, or JSON."
)
def show(captures: tuple[str, ...], site: str | None, output_format: str) -> None:
    """Show what zones ask of each other, by intent: observed, and how much of it no conduit allows."""
    from sensor.conduits.matrix import matrix

    cells = matrix(know(captures, load_site(site) if site else None))
    if output_format == "json":
        _show_json(cells)
    else:
        _show_table(cells)


@conduits.command()
@captures_argument
@site_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file, not to standard output.")
@force_option
def suggest(captures: tuple[str, ...], site: str | None, output: str | None, *, force: bool) -> None:
    """Write the least-privilege policy that the traffic needs.

    Zones are those of the site file, else levels and subnets. What looks dangerous is written as a comment, with a warning.
    """
    from sensor.conduits.suggest import suggest as policy

    refuse_to_overwrite(output, force=force)
    text = policy(know(captures, load_site(site) if site else None))
    write_out(text, output, "look it through, then otoscope conduits plan {file} CAPTURE")


@conduits.command()
@click.argument("policy", metavar="NEW.toml", type=click.Path(dir_okay=False))
@captures_argument
@click.option("--site", metavar="OLD.toml", help="The policy that holds now; the Purdue reference policy where none is given.")
def plan(policy: str, captures: tuple[str, ...], site: str | None) -> None:
    """Show which recorded conversations a changed policy would newly flag or clear.

    Exit status: 0 nothing is newly flagged, 1 something is, 2 a file cannot be read.
    """
    from sensor.cli.page import Page
    from sensor.conduits.model import Site
    from sensor.conduits.plan import plan as differences

    with bad_input_ends_with_two():
        new, old = load_site(policy), load_site(site) if site else Site()
        found = differences(know(captures, old), old, new)
    page = Page(0)
    flagged, cleared = [row for row in found if row.flagged], [row for row in found if row.cleared]
    changed = [row for row in found if not row.flagged and not row.cleared]
    for title, rows, style in (
        ("Newly flagged", flagged, "bold red"),
        ("Cleared", cleared, "bold green"),
        ("Judged otherwise", changed, "bold"),
    ):
        if rows:
            page.title(title, style=style)
            headings = ("From → to", "Does", "On", "Outcome", "Before", "After")
            page.table(headings, [(*_act_cells(row.act), _verdict(row.old), _verdict(row.new)) for row in rows])
    if not found:
        click.echo("Nothing changes for this traffic.")
    sys.exit(1 if flagged else 0)


def _act_cells(act: Act) -> tuple[str, str, str, str]:
    objects = ", ".join(act.objects[:3]) + (f" and {len(act.objects) - 3} more" if len(act.objects) > 3 else "")
    return (f"{act.client.name} → {act.server.name}", f"{act.protocol} {act.intent}", objects, str(act.outcome))


def _verdict(verdict: Verdict | None) -> str:
    return "allowed" if verdict is None else f"{verdict.rule} ({verdict.severity})"


def _show_table(cells: dict[tuple[str, str], Cell]) -> None:
    from sensor.cli.page import Page

    page = Page(0)
    page.title("Conduits", "what zones ask of each other: rows ask columns")
    zones = sorted({zone for ends in cells for zone in ends})
    if not (
        len(zones) <= _GRID
        and page.grid("", zones, [(source, [_lines(cells.get((source, target))) for target in zones]) for source in zones])
    ):
        _show_list(page, cells)
    page.line(
        "! is not allowed, (in brackets) is declared and was not seen. Next: otoscope conduits suggest CAPTURE -o policy.toml",
        "dim",
    )


def _lines(cell: Cell | None) -> list[tuple[str, str]]:
    """What stands in a cell of the grid, with style; what is not allowed is marked, for colour does not reach everybody."""
    if cell is None:
        return []
    lines = []
    for intent, times in sorted(cell.observed.items()):
        wrong = cell.violating[intent]
        if times > wrong:
            lines.append((f"{intent} {times - wrong:,}", ""))
        if wrong:
            lines.append((f"! {intent} {wrong:,}", "bold red"))
    unused = cell.declared - set(cell.observed) - ({"any"} if cell.observed else set())
    return lines + [(f"({intent})", "dim") for intent in sorted(unused)]


def _show_list(page: Page, cells: dict[tuple[str, str], Cell]) -> None:
    rows = []
    for (source, target), cell in sorted(cells.items()):
        observed = ", ".join(f"{intent} {times:,}" for intent, times in sorted(cell.observed.items()))
        violating = ", ".join(f"! {intent} {times:,}" for intent, times in sorted(cell.violating.items()))
        rows.append(
            (f"{source} → {target}", observed or "nothing", ", ".join(sorted(cell.declared)), violating, ", ".join(sorted(cell.protocols)))
        )
    page.table(("From → to", "Observed", "Declared", "Not allowed", "Protocols"), rows)


def _show_json(cells: dict[tuple[str, str], Cell]) -> None:
    import orjson

    rows = [
        {
            "from": source,
            "to": target,
            "observed": dict(sorted(cell.observed.items())),
            "violating": dict(sorted(cell.violating.items())),
            "declared": sorted(cell.declared),
            "protocols": sorted(cell.protocols),
        }
        for (source, target), cell in sorted(cells.items())
    ]
    click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
