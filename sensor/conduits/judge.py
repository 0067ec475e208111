"""Zones of assets, and the violations of the policy: the site file's, else the Purdue reference policy."""

from typing import TYPE_CHECKING

from sensor.conduits.model import Site, Violation
from sensor.inventory.model import Asset

if TYPE_CHECKING:
    from sensor.knowledge import Knowledge


def zone_of(asset: Asset, site: Site) -> str | None:
    """The zone that an asset, whose level is known by now, belongs to; None where none holds it."""
    del asset, site
    return None


def judge(known: "Knowledge") -> tuple[Violation, ...]:
    """All violations, in an order that depends on nothing but what was observed."""
    del known
    return ()
