"""The level of each asset, from its own evidence and then from that of its neighbours."""

from collections.abc import Mapping

from sensor.conduits.model import Site
from sensor.inventory.model import Asset, Level
from sensor.inventory.profile import Profile


def levels_of(assets: Mapping[str, Asset], profiles: Mapping[str, Profile], site: Site) -> Mapping[str, Level]:
    """The level of every asset. The assets have their kind, roles and fields, but no level yet."""
    del profiles, site
    return {name: Level() for name in assets}
