"""What the site file says of an asset, what it is called, and whether it lives outside."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from sensor.capture import Fact
from sensor.conduits.model import Pin, Site
from sensor.inventory.addresses import is_public, stays_on_link
from sensor.inventory.model import Address, Asset, Evidence, Field, Kind, Role
from sensor.inventory.resolve import Holder

_CERTAIN = 1.0
_PINNED = 10.0
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){1,5}(?:[0-9a-f]{2})?")
"""A MAC address or the beginning of one, in lower case."""

_LINK = frozenset({"arp", "pn_dcp"})
"""What no router forwards, and what tells the sender's own IP address."""


def is_outside(holder: Holder, site: Site, facts: Iterable[Fact] = ()) -> bool:
    """Has it a public address, and none that is home? Or one that the operator says is outside.

    Home is also what announces its address on the local link: nothing on the Internet can. What else is home, its company tells
    (sensor/levels).
    """
    ips = [address.ip for address in holder.addresses if address.ip]
    if any(_is_in(ip, site.outside) for ip in ips):
        return True
    if not any(map(is_public, ips)) or not all(is_public(ip) or ":" in ip for ip in ips):
        return False
    claimed = {fact.value for fact in facts if fact.key == "address" and fact.source in _LINK}
    return not any(_is_in(ip, site.home) or ip in claimed for ip in ips)


def with_pins(asset: Asset, holder: Holder, site: Site) -> Asset:
    """The asset with its name and with what the operator has pinned to it, level and zone excepted."""
    pins = [pin for pin in site.pins if pin_matches(pin, asset, holder)]
    said = next((pin for pin in pins if pin.kind), None)
    return replace(
        asset,
        name=next((pin.name for pin in pins if pin.name), None) or _name(asset, holder),
        kind=_pinned_kind(asset, said) if said else asset.kind,
        roles=_with_role(asset.roles, said) if said else asset.roles,
        criticality=next((pin.criticality for pin in pins if pin.criticality), None),
        tags=tuple(dict.fromkeys(tag for pin in pins for tag in pin.tags)),
    )


def _pinned_kind(asset: Asset, pin: Pin) -> Field:
    kind = Kind(pin.kind or Kind.UNKNOWN)
    said = Evidence(str(kind), f"the site file says so ({pin.match})", "site file", _PINNED, asset.first, asset.last)
    return Field(kind, _CERTAIN, (said, *asset.kind.evidence))


def _with_role(roles: tuple[Role, ...], pin: Pin) -> tuple[Role, ...]:
    """What the operator says that an asset is, it does, before it is seen doing so: policies ask for roles."""
    said = (role for role in Role if role == pin.kind)
    return tuple(dict.fromkeys((*roles, *said)))


def pin_matches(pin: Pin, asset: Asset, holder: Holder | None = None) -> bool:
    """Does a pin mean this asset? By id, IP, subnet, MAC, MAC prefix, "vlan 20" or host name; units only by their id."""
    wanted = pin.match.strip().lower()
    if wanted == asset.id:
        return True
    if asset.parent is not None:
        return False
    addresses = holder.addresses if holder else asset.addresses
    ips = [address.ip for address in addresses if address.ip]
    macs = [address.mac for address in addresses if address.mac]
    if wanted.startswith("vlan "):
        return any(str(address.vlan) == wanted.removeprefix("vlan ").strip() for address in addresses)
    if _network(wanted) is not None:
        return any(_is_in(ip, (wanted,)) for ip in ips)
    if _MAC.fullmatch(wanted):
        prefix = wanted.replace("-", ":").rstrip(":")
        return any(mac == prefix or mac.startswith(f"{prefix}:") for mac in macs)
    return bool(wanted) and wanted in ((asset.text("hostname") or "").lower(), asset.name.lower())


def _name(asset: Asset, holder: Holder) -> str:
    """Host name, else model and address, else address; of a unit, what it is."""
    address = min(holder.addresses, key=_preference, default=None)
    where = (address.ip or address.mac if address else None) or asset.id
    own = asset.text("hostname") or asset.text("model")
    if asset.unit is not None:
        return f"{own} {where} {asset.unit}" if own else f"{where} {asset.unit}"
    if host := asset.text("hostname"):
        return host
    return f"{own} {where}" if own else where


def _preference(address: Address) -> tuple[bool, bool, bool, int]:
    """An asset is called by an address that others reach it by, its latest, IPv4 rather than IPv6."""
    return address.ip is None, bool(address.ip and stays_on_link(address.ip)), ":" in (address.ip or ""), -address.last


def _is_in(ip: str, networks: Iterable[str]) -> bool:
    address = ip_address(ip)
    return any(network is not None and address.version == network.version and address in network for network in map(_network, networks))


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
