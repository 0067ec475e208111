"""What the map is drawn of: things, what they asked of each other, and what of it is forbidden; of a capture, or of a database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sensor.conduits.model import Violation
from sensor.detections.model import Alert, Severity
from sensor.inventory.model import Asset, Kind
from sensor.knowledge import Dialogue, Knowledge
from sensor.protocols import Intent
from sensor.report.flows import between_assets, intents


@dataclass(frozen=True, slots=True)
class Thing:
    """A device, or a part of one. addresses: IP addresses, else MACs."""

    id: str
    name: str
    kind: str
    level: float | None
    zone: str | None
    addresses: tuple[str, ...]
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """What one thing asked of another. requests: by intent; under None services not taken apart. forbidden: one of the breaches."""

    source: str
    target: str
    protocol: str
    conversations: int
    requests: Mapping[Intent | None, int]
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """What is forbidden, between two things where they are known."""

    source: str | None
    target: str | None
    title: str
    intent: str | None = None
    source_zone: str | None = None
    target_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """alarms: the worst that was found of each thing. breaches: the worst first, as a table numbers them."""

    things: Sequence[Thing]
    deals: Sequence[Deal]
    breaches: Sequence[Breach] = ()
    alarms: Mapping[str, Severity] = field(default_factory=dict)


def picture_of(known: Knowledge) -> Picture:
    """That of a capture."""
    broken = {conversation for violation in known.violations for conversation in violation.conversations}
    deals = [_deal(dialogue, forbidden=key in broken) for key, dialogue in between_assets(known)]
    breaches = [
        Breach(row.source, row.target, row.title, row.intent, row.source_zone, row.target_zone) for row in numbered(known.violations)
    ]
    return Picture([_thing(asset) for asset in known.assets.values()], deals, breaches, _alarms((*known.alerts, *known.violations)))


def numbered(violations: Iterable[Violation]) -> list[Violation]:
    """Violations in the order in which map and table number them: the worst first."""
    return sorted(violations, key=lambda row: (-row.severity, row.first, row.id))


def talks_of(picture: Picture) -> Counter[str]:
    """In how many conversations each thing was seen."""
    found: Counter[str] = Counter()
    for deal in picture.deals:
        found[deal.source] += deal.conversations
        found[deal.target] += deal.conversations
    return found


def _deal(dialogue: Dialogue, *, forbidden: bool) -> Deal:
    ends, row = (dialogue.client.id or "", dialogue.server.id or ""), dialogue.row
    return Deal(*ends, row.protocol or row.transport, 1, intents(dialogue), forbidden)


def _thing(asset: Asset) -> Thing:
    kind = asset.kind.value or Kind.UNKNOWN
    return Thing(asset.id, asset.name, str(kind), asset.level.value, asset.zone, tuple(asset.ips or asset.macs), asset.parent)


def _alarms(rows: Iterable[Alert | Violation]) -> dict[str, Severity]:
    """The worst that was found of each asset, be it the actor or the victim."""
    found: dict[str, Severity] = {}
    for row in rows:
        for asset in (row.source, row.target):
            if asset is not None:
                found[asset] = max(found.get(asset, Severity.INFO), row.severity)
    return found
