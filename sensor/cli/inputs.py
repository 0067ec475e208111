"""What commands have in common that read captures, a site file or a baseline."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from sensor import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sensor.baseline.model import Baseline
    from sensor.conduits.model import Site
    from sensor.knowledge import Knowledge


def know(captures: Iterable[str], site: Site | None = None, baseline: Baseline | None = None) -> Knowledge:
    """What follows from captures. One that cannot be read ends the command with what is wrong with it."""
    from sensor.capture import open_capture
    from sensor.errors import OtoscopeError
    from sensor.knowledge import conclude
    from sensor.observations import observe

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
    raise click.ClickException("site files are not read yet")
