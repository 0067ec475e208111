"""The order of rows in the replay document: it depends on what they say, not on when they came."""

from functools import lru_cache
from ipaddress import ip_address

from sensor.capture import Conversation, Endpoint, Fact
from sensor.inventory.model import Asset


@lru_cache(maxsize=4096)
def address_order(address: str | None) -> tuple[int, int, str]:
    """IPv4, IPv6, MAC, none; addresses by their value, not their text."""
    if address is None:
        return (99, 0, "")
    try:
        ip = ip_address(address)
    except ValueError:
        return (9, 0, address)
    return (ip.version, int(ip), "")


def asset_order(asset: Asset) -> tuple[object, ...]:
    """By address, units after what they are behind."""
    ip, mac = next(iter(asset.ips), None), next(iter(asset.macs), None)
    return (address_order(ip or mac), (asset.parent or asset.id), asset.unit or "")


def endpoint_order(row: Endpoint) -> tuple[object, ...]:
    """By address, MAC and VLAN."""
    return (address_order(row.ip), row.mac or "", -1 if row.vlan is None else row.vlan)


def conversation_order(row: Conversation) -> tuple[object, ...]:
    """By client, server and port."""
    return (
        address_order(row.client_ip or row.client_mac),
        address_order(row.server_ip or row.server_mac),
        row.transport,
        -1 if row.port is None else row.port,
        -1 if row.vlan is None else row.vlan,
        row.protocol or "",
        row.client_mac or "",
        row.server_mac or "",
        row.first,
    )


def fact_order(row: Fact) -> tuple[object, ...]:
    """By whose they are, then by what they say."""
    return (address_order(row.ip), row.mac or "", -1 if row.vlan is None else row.vlan, row.unit, row.source, row.key, row.value)
