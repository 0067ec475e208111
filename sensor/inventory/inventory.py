"""Assets with all but their level and zone, kept up to date: what each holder of addresses did, says of itself, and is."""

from collections.abc import Iterable, Mapping

from sensor.conduits.model import Site
from sensor.inventory.belongings import Belongings
from sensor.inventory.fields import fields_of
from sensor.inventory.kinds import classify
from sensor.inventory.model import Asset
from sensor.inventory.names import is_outside, with_pins
from sensor.inventory.profile import Profile, profile
from sensor.inventory.resolve import Holder
from sensor.inventory.traits import Traits
from sensor.inventory.units import units_of


class Inventory:
    """Assets and sub-assets by id, with what they do; sub-assets follow what they are part of."""

    def __init__(self, site: Site) -> None:
        self.assets: dict[str, Asset] = {}
        self.traits: dict[str, Traits] = {}
        self._site = site
        self._parts: dict[str, tuple[str, ...]] = {}

    @property
    def profiles(self) -> dict[str, Profile]:
        """What each asset was seen to do."""
        return {name: seen.told for name, seen in self.traits.items()}

    def update(self, touched: Iterable[str], holders: Mapping[str, Holder], belongings: Belongings) -> tuple[set[str], set[str]]:
        """Look at assets of which rows or addresses have changed: all that have changed, with their parts, and those that are gone."""
        changed: set[str] = set()
        gone: set[str] = set()
        anew = False
        for name in touched:
            parts = self._parts.get(name, ())
            gone.update((name, *parts))
            if (holder := holders.get(name)) is not None:
                made = self._look(holder, belongings)
                anew |= made != parts
                self._parts[name] = made
                changed.update((name, *made))
            else:
                self._parts.pop(name, None)
        gone -= changed
        for name in gone:
            self.assets.pop(name, None)
            self.traits.pop(name, None)
        if anew or gone or list(self._parts) != list(holders):
            self._put_in_order(holders)
        return changed, gone

    def _look(self, holder: Holder, belongings: Belongings) -> tuple[str, ...]:
        span = holder.first, holder.last
        told = profile(holder.id, belongings.talks(holder.id), belongings.facts(holder.id), span, routes=holder.routes)
        units = units_of(told)
        self._add(told, holder, None)
        for unit, part in units.items():
            self._add(part, holder, (holder.id, unit))
        return tuple(part.id for part in units.values())

    def _add(self, told: Profile, holder: Holder, part_of: tuple[str, str] | None) -> None:
        self.traits[told.id] = seen = Traits(told)
        self.assets[told.id] = _asset(seen, holder, part_of, self._site)

    def _put_in_order(self, holders: Mapping[str, Holder]) -> None:
        self._parts = {name: self._parts[name] for name in holders}
        names = [each for name, parts in self._parts.items() for each in (name, *parts)]
        self.assets = {name: self.assets[name] for name in names}
        self.traits = {name: self.traits[name] for name in names}


def _asset(seen: Traits, holder: Holder, part_of: tuple[str, str] | None, site: Site) -> Asset:
    told = seen.told
    kind, roles = classify(seen)
    parent, unit = part_of or (None, None)
    asset = Asset(
        id=told.id,
        name="",
        addresses=holder.addresses if parent is None else (),
        parent=parent,
        unit=unit,
        fields=fields_of(told, holder),
        kind=kind,
        roles=roles,
        services=tuple(sorted(name for name, use in told.serves.items() if use.answered)),
        clients_of=tuple(sorted(name for name, use in told.asks.items() if use.answered)),
        outside=is_outside(holder, site, told.facts),
        first=told.first,
        last=told.last,
    )
    return with_pins(asset, holder, site)
