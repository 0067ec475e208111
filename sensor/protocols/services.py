"""The usual services of hosts and networks: named, and read for identities, but not counted by function."""

from sensor.protocols._base import Function, Intent, Protocol

_TITLES: dict[str, str] = {
    "bacnet": "BACnet/IP",
    "browser": "Computer Browser",
    "dhcp": "DHCP",
    "dhcpv6": "DHCPv6",
    "dns": "DNS",
    "fins": "Omron FINS",
    "hart_ip": "HART-IP",
    "llmnr": "LLMNR",
    "mdns": "mDNS",
    "nbns": "NetBIOS Name Service",
    "snmp": "SNMP",
}


def _row(name: str, title: str) -> Protocol:
    return Protocol(name, title, lambda code, _sub: Function(f"{title} function {code}", Intent.DIAGNOSE))


ROWS = tuple(_row(name, title) for name, title in _TITLES.items())
