"""What an address by itself tells: which ones can be an identity, and what kind they are."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_GATEWAYS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:05:73:a0:0", "00:07:b4:00:")
"""VRRP for IPv4 and IPv6 (RFC 9568), HSRP versions 1 and 2, HSRP for IPv6, GLBP: they move from router to router."""


@lru_cache(maxsize=65536)
def is_station(mac: str) -> bool:
    """Can this MAC be the own one of a device? Not: group addresses, zeros, those that routers share."""
    return not (int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00" or mac.startswith(_GATEWAYS))


@lru_cache(maxsize=65536)
def is_host(ip: str) -> bool:
    """Can this IP address belong to a device? Not: unspecified, broadcast, multicast."""
    address = ip_address(ip)
    return not (address.is_unspecified or address.is_multicast or ip == "255.255.255.255")


@lru_cache(maxsize=65536)
def stays_on_link(ip: str) -> bool:
    """No router forwards it: link-local, loopback."""
    address = ip_address(ip)
    return address.is_link_local or address.is_loopback


@lru_cache(maxsize=65536)
def is_public(ip: str) -> bool:
    """Reachable from everywhere in the Internet."""
    address = ip_address(ip)
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=65536)
def network_of(ip: str) -> tuple[int, int, bool]:
    """The /24 or /64 that an address lies in: version, number, unique local."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        return 6, int(address) >> 64, address.is_private
    return 4, int(address) >> 8, False


@lru_cache(maxsize=65536)
def as_ip(text: str) -> str | None:
    """The text as an IP address of a device, as endpoints write it; None where it is none."""
    try:
        address = str(ip_address(text))
    except ValueError:
        return None
    return address if is_host(address) else None


def as_mac(text: str) -> str | None:
    """The text where it is a MAC address of a device, as endpoints write it."""
    parts = text.lower().split(":")
    if len(parts) != 6 or any(len(part) != 2 or not set(part) <= set("0123456789abcdef") for part in parts):
        return None
    mac = ":".join(parts)
    return mac if is_station(mac) else None
