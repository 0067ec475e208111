"""What is usual, from what was seen."""

from collections.abc import Iterable, Iterator

from sensor.baseline.model import Baseline, KnownAsset, KnownExchange, KnownFunction
from sensor.inventory.model import Asset
from sensor.knowledge import Deed, Dialogue, Knowledge, Party
from sensor.objects import collapse

_SECOND = 1_000_000_000
_REPEATED = 10
"""Requests from which on an operation has a cadence."""


def learn(known: Knowledge, learning_days: float = 14.0, until: int | None = None) -> Baseline:
    """All that was seen, as what is usual from now on: look it through before you rely on it.

    until: only what was first seen up to then, nanoseconds.
    """
    statistics = known.statistics
    end = (statistics.last if statistics else None) or 0
    until = end if until is None else min(until, end)
    own = (asset for asset in known.assets.values() if asset.parent is None and not asset.outside)
    assets = (known_asset(asset) for asset in own if asset.first <= until)
    return Baseline(
        first=(statistics.first if statistics else None) or 0,
        last=until,
        learning_days=learning_days,
        assets=tuple(sorted(assets, key=lambda row: row.address)),
        exchanges=tuple(_exchange(key, dialogues, until) for key, dialogues in sorted(exchanges(known, until).items())),
    )


def exchanges(known: Knowledge, until: int) -> dict[tuple[str, str, str], list[Dialogue]]:
    """Conversations that came about, by client, server and protocol. Those with nobody in particular, and vain attempts, are none."""
    found: dict[tuple[str, str, str], list[Dialogue]] = {}
    for dialogue in known.dialogues.values():
        if came_about(dialogue) and dialogue.row.first <= until:
            key = (address_of(dialogue.client), address_of(dialogue.server), protocol_of(dialogue))
            found.setdefault(key, []).append(dialogue)
    return found


def came_about(dialogue: Dialogue) -> bool:
    """Did the two exchange anything? A datagram to a host that speaks is enough, a connection needs an answer."""
    row = dialogue.row
    if dialogue.client.asset is None or dialogue.server.asset is None or row.protocol == "arp":
        return False
    return row.transport == "udp" or (all(row.packets) and row.refused < row.connections)


def protocol_of(dialogue: Dialogue) -> str:
    """The protocol, or the port where it was not recognised."""
    return dialogue.row.protocol or f"{dialogue.row.transport}/{dialogue.row.port}"


def address_of(party: Party) -> str:
    """By which a baseline names an asset: its own best address, whatever it had in this conversation."""
    return party.address if party.asset is None else best_address(party.asset)


def best_address(asset: Asset) -> str:
    """IP, else MAC, else id: the one that was seen first."""
    return next(reversed(asset.ips), None) or next(reversed(asset.macs), None) or asset.id


def known_asset(asset: Asset) -> KnownAsset:
    """An asset as a baseline keeps it."""
    return KnownAsset(
        address=best_address(asset),
        name=asset.name,
        macs=tuple(sorted(asset.macs)),
        ips=tuple(sorted(asset.ips)),
        vlans=asset.vlans,
        serial=asset.text("serial") or "",
        firmware=asset.text("firmware") or "",
        services=asset.services,
    )


def cadence(deed: Deed) -> float | None:
    """Seconds from one request to the next of an operation that is repeated."""
    row = deed.row
    return (row.last - row.first) / (row.requests - 1) / _SECOND if row.requests >= _REPEATED else None


def _exchange(key: tuple[str, str, str], dialogues: Iterable[Dialogue], until: int) -> KnownExchange:
    deeds: dict[tuple[str, str, int, int], list[Deed]] = {}
    for deed in (deed for dialogue in dialogues for deed in dialogue.deeds if deed.row.first <= until):
        deeds.setdefault(function_key(deed), []).append(deed)
    return KnownExchange(*key, functions=tuple(_functions(deeds)))


def function_key(deed: Deed) -> tuple[str, str, int, int]:
    """By which a baseline knows the function of an operation."""
    row = deed.row
    protocol = "" if row.protocol == deed.dialogue.row.protocol else row.protocol
    return (protocol, row.unit, row.function, -1 if row.subfunction is None else row.subfunction)


def _functions(deeds: dict[tuple[str, str, int, int], list[Deed]]) -> Iterator[KnownFunction]:
    for (protocol, unit, function, _), same in sorted(deeds.items()):
        shortest = min((seconds for deed in same if (seconds := cadence(deed)) is not None), default=None)
        yield KnownFunction(
            unit=unit,
            function=function,
            subfunction=same[0].row.subfunction,
            name=same[0].function.name,
            protocol=protocol,
            objects=collapse(deed.row.object for deed in same if deed.row.object),
            seconds=None if shortest is None else float(f"{shortest:.3g}"),
        )
