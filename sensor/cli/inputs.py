"""What commands have in common that read captures."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

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
        raise click.ClickException(str(error)) from error
