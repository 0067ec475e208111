"""Cells of a plant without a site file: subnets and VLANs that hold controllers and the hosts that operate them."""

from collections.abc import Iterable

from sensor.inventory.model import Asset
from sensor.knowledge import Party

_CELL = {1.0, 2.0}
"""A cell has settled assets of its own at both levels; a server room that polls several cells has no controllers."""


def cells_of(assets: Iterable[Asset]) -> frozenset[str]:
    """Networks that are cells."""
    levels: dict[str, set[float]] = {}
    for asset in assets:
        if asset.level.settled and asset.level.value in _CELL and asset.parent is None:
            for network in _networks(asset):
                levels.setdefault(network, set()).add(asset.level.value)
    return frozenset(network for network, found in levels.items() if found == _CELL)


def are_apart(client: Party, server: Party, cells: frozenset[str]) -> bool:
    """Do both ends stand in cells, and in no network together?"""
    if not cells or client.asset is None or server.asset is None:
        return False
    source, target = _networks(client.asset), _networks(server.asset)
    return not source.isdisjoint(cells) and not target.isdisjoint(cells) and source.isdisjoint(target)


def _networks(asset: Asset) -> set[str]:
    """Its /24s, and the VLANs in which it was seen itself, not a router for it."""
    subnets = {f"{ip.rpartition('.')[0]}.0/24" for ip in asset.ips if ":" not in ip}
    return subnets | {f"vlan {address.vlan}" for address in asset.addresses if address.mac and address.vlan is not None}
