"""`otoscope stix`: alerts as a STIX 2.1 bundle."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensor.cli.inputs import force_option, refuse_to_overwrite, site_option
from sensor.cli.source import database_option, opened, told
from sensor.cli.written import opened_files

if TYPE_CHECKING:
    from sensor.exports.stix import Found
    from sensor.store import Query, Store

_TOGETHER = 200
_MEANT = ("open", "closed")
"""What people have learned as usual or muted is nothing to tell others of."""


@click.command()
@click.argument("captures", metavar="[CAPTURE]...", nargs=-1)
@database_option
@site_option
@click.option("--alert", "alerts", metavar="ID", multiple=True, help="Only this alert, by its id or the beginning of it; several times.")
@click.option("--output", metavar="FILE", help="Write to this file instead of standard output.")
@force_option
def stix(
    captures: tuple[str, ...], database: str | None, site: str | None, alerts: tuple[str, ...], output: str | None, *, force: bool
) -> None:
    """Write alerts as a STIX 2.1 bundle: what was sighted, in which traffic, between which assets.

    Of a database, or of captures that are read for it. Alerts that were learned or muted are left out unless named. The same alerts give
    the same bundle.
    """
    try:
        from sensor.exports.stix import bundle
    except ImportError as error:
        raise click.ClickException("this needs the library of STIX: pip install 'otoscope[stix]'") from error
    from sensor.store import Query

    refuse_to_overwrite(output, force=force)
    with told(), opened(captures, database, site) as store:
        query = Query(ids=tuple(map(store.alert_id, alerts))) if alerts else Query(statuses=_MEANT)
        with opened_files([Path(output)] if output else []) as [file], closing(_found(store, query)) as found:
            for piece in bundle(found):
                file.write(piece.encode())


def _found(store: "Store", query: "Query") -> Generator["Found", None, None]:
    """Alerts of one moment, the first first, with the assets at their ends; few at a time."""
    from sensor.store import ALERTS, ASSETS, Query

    with closing(store.each(ALERTS, replace(query, sort="first"))) as alerts:
        while rows := list(islice(alerts, _TOGETHER)):
            ids = {row[end] for row in rows for end in ("source", "target") if row[end]}
            assets = {row["id"]: row for row in store.find(ASSETS, Query(ids=tuple(ids))).rows} if ids else {}
            for row in rows:
                yield row, assets
