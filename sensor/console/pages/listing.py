"""Pages that list: filters, order and pages in SQL; and the same rows as CSV and JSON."""

import os
from collections.abc import Iterator, Mapping
from io import StringIO
from tempfile import TemporaryFile
from typing import IO, Any

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response, StreamingResponse

from sensor.cli.listings import LISTINGS as COMMANDS
from sensor.console.asking import Filters
from sensor.console.gate import Viewer, Visitor
from sensor.console.listings import LISTINGS, Listing
from sensor.console.rendering import page
from sensor.console.state import store_of
from sensor.exports.inventory.cells import cell, writer
from sensor.findings import shown_row
from sensor.store import Query, Store, encode

router = APIRouter(include_in_schema=False)
_ENDS = ("source", "target", "actor", "client_asset", "server_asset", "parent")
_OCTETS = 65_536
_TOGETHER = 200
"""Lines of CSV that are sent at a time."""
_COLUMNS: Mapping[str, tuple[str, ...]] = {command.name: command.columns for command in COMMANDS} | {
    "violations": (
        *("id", "rule", "title", "severity", "source_ip", "target_ip", "source", "target", "source_zone", "target_zone", "source_level"),
        *("target_level", "protocol", "intent", "objects", "outcome", "confidence", "count", "first", "last", "message"),
    )
}
"""Of CSV: those of the commands that list the same."""


def _of(listing: Listing) -> None:
    """The routes of one listing."""
    name = listing.kind.name

    def csv(request: Request, filters: Filters, _visitor: Viewer) -> Response:
        return _download(f"{name}.csv", "text/csv; charset=utf-8", _csv(store_of(request), listing, filters.query(whole=True)))

    def json(request: Request, filters: Filters, _visitor: Viewer) -> Response:
        return _download(f"{name}.json", "application/json", _json(store_of(request), listing, filters.query(whole=True)))

    def show(request: Request, filters: Filters, visitor: Viewer) -> Response:
        return _page(request, listing, filters, visitor)

    for suffix, answer in ((".csv", csv), (".json", json), ("", show)):
        router.add_api_route(f"/{name}{suffix}", listing.asks(answer))


def _page(request: Request, listing: Listing, filters: Filters, visitor: Visitor) -> Response:
    """One page of rows."""
    store = store_of(request)
    answer = store.find(listing.kind, filters.query())
    pages = max(1, -(-answer.total // filters.rows))
    names = store.names(row.get(end) for row in answer.rows for end in _ENDS)
    return page(
        request, "listing.html", visitor, listing=listing, name=listing.kind.name, filters=filters, rows=answer.rows, total=answer.total,
        pages=pages, names=names, choices=choices(store, listing),
    )  # fmt: skip


def choices(store: Store, listing: Listing) -> Mapping[str, list[tuple[str, str]]]:
    """What filters can be set to: value and title, where they are few."""
    overview = store.overview()
    return {
        "zone": [(zone, zone) for zone in sorted(filter(None, overview.zones))],
        "type": [(kind, kind) for kind in sorted(overview.types)],
    } if set(listing.filters) & {"zone", "type"} else {}  # fmt: skip


def _download(name: str, kind: str, content: Iterator[bytes]) -> Response:
    """Rows as a file. They are read to their end first: however slowly they are fetched then, the database need not keep what was."""
    file = TemporaryFile()  # noqa: SIM115  it is closed when it was sent
    try:
        file.writelines(content)
        file.seek(0)
    except OSError as error:
        file.close()
        raise HTTPException(503, f"There is no room for it: {error.strerror}.") from error
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(os.fstat(file.fileno()).st_size)}
    return StreamingResponse(_sent(file), media_type=kind, headers=headers)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while portion := file.read(_OCTETS):
            yield portion


def _csv(store: Store, listing: Listing, query: Query) -> Iterator[bytes]:
    columns = _COLUMNS[listing.kind.name]
    buffer = StringIO(newline="")
    lines = writer(buffer)
    lines.writerow(columns)
    for number, row in enumerate(store.each(listing.kind, query), 1):
        lines.writerow([cell(_value(row, column)) for column in columns])
        if number % _TOGETHER == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


def _value(row: Mapping[str, Any], column: str) -> object:
    value: Any = row
    for part in column.split("."):
        value = value[part]
    return value


def _json(store: Store, listing: Listing, query: Query) -> Iterator[bytes]:
    separator = b"[\n"
    for row in store.each(listing.kind, query):
        yield separator + encode(shown_row(row))
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


for _known in LISTINGS.values():
    _of(_known)
