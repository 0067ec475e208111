"""Cells of a plant without a site file: subnets and VLANs that hold controllers and the hosts that operate them."""

from collections import Counter
from collections.abc import Iterable

from sensor.inventory.model import Asset
from sensor.knowledge import Party

_CELL = (1.0, 2.0)
"""A cell has settled assets of its own at both levels; a server room that polls several cells has no controllers."""

_DMZ = 3.5


class Terrain:
    """What a plant looks like by the levels of its assets, kept up to date: the networks that are cells, and whether it has a DMZ."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self.cells: frozenset[str] = frozenset()
        self._levels: Counter[tuple[str, float]] = Counter()
        self._put: dict[str, tuple[frozenset[str], float | None]] = {}
        self._networks: dict[str, frozenset[str]] = {}
        self.update((asset.id, asset) for asset in assets)

    @property
    def has_dmz(self) -> bool:
        """Does anything live in a DMZ for sure?"""
        return self._levels["", _DMZ] > 0

    def update(self, assets: Iterable[tuple[str, Asset | None]]) -> bool:
        """Take over assets that have changed, None where they are gone: are there other cells, or a DMZ, where there were none?"""
        before = self.has_dmz, self.cells
        moved = False
        for name, asset in assets:
            self._networks.pop(name, None)
            was = self._put.pop(name, None)
            now = None if asset is None else self._place(asset)
            if now is not None:
                self._put[name] = now
            if was != now:
                moved = True
                self._count(was, -1)
                self._count(now, 1)
        if moved:
            self._levels = +self._levels
            networks = {network for network, _ in self._levels}
            self.cells = frozenset(network for network in networks if all(self._levels[network, level] for level in _CELL))
        return before != (self.has_dmz, self.cells)

    def _place(self, asset: Asset) -> tuple[frozenset[str], float | None] | None:
        level = asset.level
        if not level.settled or level.value not in (*_CELL, _DMZ):
            return None
        if level.value == _DMZ:
            return frozenset(("",)), _DMZ
        return (self.networks(asset), level.value) if asset.parent is None else None

    def _count(self, place: tuple[frozenset[str], float | None] | None, step: int) -> None:
        networks, level = place or (frozenset(), None)
        for network in networks:
            if level is not None:
                self._levels[network, level] += step

    def networks(self, asset: Asset) -> frozenset[str]:
        """Its /24s, and the VLANs in which it was seen itself, not a router for it."""
        found = self._networks.get(asset.id)
        if found is None:
            subnets = {f"{ip.rpartition('.')[0]}.0/24" for ip in asset.ips if ":" not in ip}
            vlans = {f"vlan {address.vlan}" for address in asset.addresses if address.mac and address.vlan is not None}
            found = self._networks[asset.id] = frozenset(subnets | vlans)
        return found

    def are_apart(self, client: Party, server: Party) -> bool:
        """Do both ends stand in cells, and in no network together?"""
        if not self.cells or client.asset is None or server.asset is None:
            return False
        source, target = self.networks(client.asset), self.networks(server.asset)
        return source.isdisjoint(target) and not source.isdisjoint(self.cells) and not target.isdisjoint(self.cells)
