"""Which zone an asset belongs to."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sensor.conduits.model import Pin, Site, Zone
from sensor.inventory.model import Asset
from sensor.inventory.names import pin_matches

OUTSIDE = "outside"
"""Zone of what is on the Internet, unless the site file has one for it."""


def zone_of(asset: Asset, site: Site) -> str | None:
    """The zone that an asset, whose level is known by now, belongs to; None where none holds it.

    Without zones in the site file a level is a zone: "level 1".
    """
    if (pinned := next((pin.zone for pin in site.pins if pin.zone and pin_matches(pin, asset)), None)) is not None:
        return pinned
    fitting = [(fit, zone.name) for zone in site.zones if (fit := _fit(asset, zone)) > 0]
    if fitting:
        return max(fitting, key=lambda item: item[0])[1]  # of two that fit alike the first in the file
    if asset.level.value == 5:
        return OUTSIDE
    return None if site.zones or asset.level.value is None else f"level {asset.level.value:g}"


def _fit(asset: Asset, zone: Zone) -> float:
    """How closely a zone names an asset: by itself, MAC, subnet (the longer the closer), VLAN, tag, level; 0 where it does not."""
    if any(pin_matches(Pin(name), asset) for name in zone.assets):
        return 1000
    if any(pin_matches(Pin(mac), asset) for mac in zone.macs):
        return 900
    if longest := max((length for ip in asset.ips for subnet in zone.subnets if (length := _length(ip, subnet))), default=0):
        return 500 + longest
    if set(asset.vlans) & set(zone.vlans):
        return 400
    if set(asset.tags) & set(zone.tags):
        return 300
    return 200 if asset.level.value in zone.levels else 0


def _length(ip: str, subnet: str) -> int:
    """Length of the prefix where the address is in the subnet, counted from 1; else 0."""
    network = network_of(subnet)
    address = ip_address(ip)
    return network.prefixlen + 1 if network and address.version == network.version and address in network else 0


@lru_cache(maxsize=4096)
def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """A subnet as it is written; None where it is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
