"""The transaction log of a command that captures, where one is wanted."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sensor.cli.source import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sensor.transactions import TransactionLog

HINT = "the transaction log needs the library of Parquet: pip install 'otoscope[log]'"


@contextmanager
def recording(folder: str | None, **settings: Any) -> Iterator[TransactionLog | None]:  # noqa: ANN401  those of TransactionLog
    """The log in a folder, closed at the end; None where there is to be none."""
    if folder is None:
        yield None
        return
    try:
        from sensor.transactions import TransactionLog
    except ImportError as error:
        raise click.ClickException(HINT) from error
    with told(), TransactionLog(Path(folder), **settings) as log:
        yield log
