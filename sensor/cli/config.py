"""`otoscope config`: are the settings right, and which are there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sensor import words
from sensor.cli.inputs import config_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sensor.doctor import Check

_MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "bold red")}


@click.group()
def config() -> None:
    """The settings: are they right, and which are there?"""


@config.command()
@config_option
@click.option("--offline", is_flag=True, help="Connect to nothing: neither the database nor destinations.")
def check(config: str, offline: bool) -> None:  # noqa: FBT001  a flag of the command line
    """Read the settings and all that they name, and say what is wrong, at which line, and what to write instead.

    Exit status: 0 all is well, 1 something is wrong.
    """
    from sensor.doctor import files, places

    found = read_settings(config)
    settings = found.settings
    listens = ", ".join(settings.capture.interfaces) or "nothing"
    click.echo(f"{words.plain(config)} can be read; it listens on {words.plain(listens)}.")
    for key, variable in found.variables.items():
        click.echo(words.plain(f"From the environment: {key} ({variable})"))
    if not show((files if offline else places)(settings, found.where)):
        raise click.exceptions.Exit(1)


@config.command()
def example() -> None:
    """Print a file to start from: all settings as comments, with what holds without them."""
    from sensor.settings.pages import example as text

    click.echo(text(), nl=False)


@config.command()
def reference() -> None:
    """Print the page of all settings in Markdown: type, unit, default, what each does, and its variable of the environment."""
    from sensor.settings.pages import reference as text

    click.echo(text(), nl=False)


def show(checks: Iterable[Check]) -> bool:
    """Print them; is none of them bad?"""
    from sensor.cli.page import Page
    from sensor.doctor import Verdict

    page, well = Page(0), True
    for check in checks:
        mark, style = _MARKS[check.verdict]
        page.point(f"{mark:4}", style, words.plain(f"{check.what}: {check.found}"))
        if check.advice:
            page.point("    ", "dim", words.plain(f"→ {check.advice}"))
        well = well and check.verdict is not Verdict.BAD
    return well
