"""What the site file says of an asset, what it is called, and whether it lives outside."""

from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address

from sensor.conduits.model import Site
from sensor.inventory.model import Asset
from sensor.inventory.resolve import Holder


def is_outside(holder: Holder, site: Site) -> bool:
    """Has it a public address, and none that is home?"""
    del site
    return any(address.ip and _is_public(address.ip) for address in holder.addresses)


def with_pins(asset: Asset, holder: Holder, site: Site) -> Asset:
    """The asset with its name and with what the operator has pinned to it, level and zone excepted."""
    del site
    address = next((address.ip or address.mac for address in holder.addresses if address.ip or address.mac), None) or asset.id
    name = asset.text("hostname") or address
    return replace(asset, name=f"{name} unit {asset.unit}" if asset.unit else name)


@lru_cache(maxsize=65536)
def _is_public(address: str) -> bool:
    return ip_address(address).is_global
