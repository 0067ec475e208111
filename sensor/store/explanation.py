"""Everything that is known of one asset, found by whatever somebody calls it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from sensor.store.encoding import address_range, decode, key_of
from sensor.store.merge import Body
from sensor.store.queries import history_of, holds, is_text
from sensor.store.tables import addresses, alerts, assets, conversations, merges

_NEAREST = 5
_NEIGHBOURS = 1000
_PARTS = 1000
_NAMES = 50_000


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an asset, or which ones could have been meant.

    asset: None where none or several match. matches: those. nearest: names and addresses like the one asked for, where none matches.
    neighbours: with whom it talks: asset id, address, protocol, whether it serves, packets.
    """

    asset: Body | None = None
    matches: tuple[Body, ...] = ()
    nearest: tuple[str, ...] = ()
    neighbours: tuple[Body, ...] = ()
    units: tuple[Body, ...] = ()
    merges: tuple[Body, ...] = ()
    history: tuple[Body, ...] = ()
    alerts: tuple[Body, ...] = ()


def explain(connection: Connection, text: str, *, nearest: bool) -> Explanation:
    """What is known of an asset, by id, address or name. nearest: look for names like it, which reads all of them."""
    keys = _meant(connection, text)
    bodies = tuple(
        decode(body) for (body,) in connection.execute(select(assets.c.body).where(assets.c.key.in_(keys[:100])).order_by(assets.c.key))
    )
    if not bodies:
        return Explanation(nearest=_nearest(connection, text) if nearest else ())
    if len(bodies) > 1:
        return Explanation(matches=bodies)
    key = key_of(bodies[0]["id"])
    return Explanation(
        bodies[0],
        neighbours=tuple(_neighbours(connection, key)),
        units=tuple(_bodies(connection, select(assets.c.body).where(assets.c.parent == key).order_by(assets.c.key).limit(_PARTS))),
        merges=tuple(_bodies(connection, select(merges.c.body).where(merges.c.asset == key).order_by(merges.c.key).limit(_PARTS))),
        history=tuple(history_of(connection, key)),
        alerts=tuple(_alerts_of(connection, key)),
    )


def _meant(connection: Connection, text: str) -> list[str]:
    """Keys of the assets that an id, else an address, else a name stands for."""
    address, _ = address_range(text)
    tries: Sequence[Select[Any]] = (
        select(assets.c.key).where(assets.c.key == key_of(text)),
        select(addresses.c.asset).where(addresses.c.address_key == address).distinct(),
        select(assets.c.key).where(or_(is_text(assets.c.name, text), is_text(assets.c.hostname, text))),
        select(assets.c.key).where(holds(assets.c.name, text)),
    )
    for query in tries:
        if found := [key for (key,) in connection.execute(query.limit(100))]:
            return found
    return []


def _nearest(connection: Connection, text: str) -> tuple[str, ...]:
    """Names and addresses like a text."""
    known: dict[str, None] = {}
    for name, hostname, body in connection.execute(select(assets.c.name, assets.c.hostname, assets.c.body).limit(_NAMES)):
        known |= dict.fromkeys(filter(None, (name[:100], (hostname or "")[:100], *decode(body)["ips"])))
    return tuple(difflib.get_close_matches(text, known, _NEAREST, 0.5))


def _bodies(connection: Connection, query: Select[Any]) -> list[Body]:
    return [decode(body) for (body,) in connection.execute(query)]


def _neighbours(connection: Connection, key: str) -> list[Body]:
    """With whom an asset talks, the most talkative first."""
    table = conversations
    query = select(table.c.body, table.c.server_asset).where(or_(table.c.client_asset == key, table.c.server_asset == key))
    found: dict[tuple[str | None, str, str, bool], Body] = {}
    for octets, server in connection.execute(query.order_by(table.c.packets.desc(), table.c.key).limit(_NEIGHBOURS)):
        body, serves = decode(octets), server == key
        end = body["client" if serves else "server"]
        peer = (
            body["client_asset" if serves else "server_asset"],
            end["ip"] or end["mac"] or "?",
            body["protocol"] or body["transport"],
            serves,
        )
        row = found.setdefault(peer, {**dict(zip(("asset", "address", "protocol", "serves"), peer, strict=True)), "packets": 0})
        row["packets"] += sum(body["packets"])
    return list(found.values())


def _alerts_of(connection: Connection, key: str) -> list[Body]:
    of_asset = or_(alerts.c.source_asset == key, alerts.c.target_asset == key)
    query = select(alerts.c.body, alerts.c.status).where(of_asset).order_by(alerts.c.severity.desc(), alerts.c.last.desc()).limit(100)
    return [decode(body) | {"status": status} for body, status in connection.execute(query)]
