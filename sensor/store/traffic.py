"""Who asks whom for what, summed up in SQL: what a map or a matrix of a whole plant is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union_all

from sensor.detections.model import Severity
from sensor.store.encoding import address_of
from sensor.store.kinds import CONVERSATIONS
from sensor.store.queries import Query, conditions
from sensor.store.tables import alerts, assets, conversations, operations, violations

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class StoredThing:
    """An asset, as far as a map shows it. address: the first one."""

    id: str
    name: str
    type: str
    level: float | None
    zone: str | None
    address: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class StoredDeal:
    """What one asset asked of another by one protocol. requests: by intent; empty where the protocol is not taken apart."""

    source: str
    target: str
    protocol: str
    conversations: int
    requests: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """All of it. alarms: the worst of the open alerts and the violations of each asset."""

    things: Sequence[StoredThing]
    deals: Sequence[StoredDeal]
    alarms: Mapping[str, Severity]


def traffic(connection: Connection, query: Query) -> Traffic:
    """All of it."""
    return Traffic(things(connection), deals(connection, query), alarms(connection))


def things(connection: Connection) -> list[StoredThing]:
    """All assets."""
    columns = (assets.c.key, assets.c.name, assets.c.type, assets.c.level, assets.c.zone, assets.c.address_key, assets.c.parent)
    return [
        StoredThing(key, name, kind, level, zone, address_of(address), parent)
        for key, name, kind, level, zone, address, parent in connection.execute(select(*columns).order_by(assets.c.key))
    ]


def deals(connection: Connection, query: Query) -> list[StoredDeal]:
    """Deals of the conversations that a query asks for, of which both ends are assets; of very many those with most conversations."""
    ends = conversations.c.client_asset, conversations.c.server_asset
    wanted = [*conditions(CONVERSATIONS, query), *(end.is_not(None) for end in ends)]
    spoken = func.coalesce(conversations.c.protocol, "")
    intents: dict[tuple[str, str, str], dict[str, int]] = {}
    asked = select(*ends, spoken, operations.c.intent, func.sum(operations.c.requests)).where(*wanted)
    if query.intents:
        asked = asked.where(operations.c.intent.in_(query.intents))
    joined = asked.join_from(operations, conversations, operations.c.conversation == conversations.c.key)
    for *place, intent, requests in connection.execute(joined.group_by(*ends, spoken, operations.c.intent)):
        intents.setdefault((place[0], place[1], place[2]), {})[intent] = int(requests)
    counted = select(*ends, spoken, func.count()).where(*wanted).group_by(*ends, spoken).order_by(func.count().desc()).limit(_MOST)
    return [
        StoredDeal(source, target, protocol, number, intents.get((source, target, protocol), {}))
        for source, target, protocol, number in connection.execute(counted)
    ]


def alarms(connection: Connection) -> dict[str, Severity]:
    """The worst of the open alerts and of the violations of each asset."""
    said = [
        select(table.c[end].label("asset"), table.c.severity).where(table.c[end].is_not(None), *wanted)
        for table, wanted in ((alerts, [alerts.c.status == "open"]), (violations, []))
        for end in ("source_asset", "target_asset")
    ]
    rows = union_all(*said).subquery()
    worst = select(rows.c.asset, func.max(rows.c.severity)).group_by(rows.c.asset)
    return {asset: Severity(severity) for asset, severity in connection.execute(worst)}
