"""Which subnet an address is taken to be in: nobody says the mask, so /24 and /64."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

PREFIX_OCTETS = 3


def network_of(addresses: Iterable[str]) -> str | None:
    """The subnet of the first routable address, IPv4 preferred; None where there is none."""
    return min(networks_of(addresses), key=lambda subnet: ":" in subnet, default=None)


def networks_of(addresses: Iterable[str]) -> tuple[str, ...]:
    """The subnets of all routable addresses."""
    return tuple(subnet for address in addresses if (subnet := _subnet(address)) is not None)


@lru_cache(maxsize=65536)
def _subnet(text: str) -> str | None:
    address = ip_address(text)
    if address.is_link_local or address.is_unspecified or address.is_loopback or address.is_multicast:
        return None
    if isinstance(address, IPv4Address):
        return ".".join(text.split(".")[:PREFIX_OCTETS]) + ".0/24"
    return ":".join(address.exploded.split(":")[:4]) + "::/64"
