"""The usual services of hosts and networks: named, and read for identities, but not counted by function."""

from sensor.protocols._base import Function, Intent, Protocol

_TITLES: dict[str, str] = {
    "arp": "ARP",
    "bacnet": "BACnet/IP",
    "browser": "Computer Browser",
    "cclink_ie": "CC-Link IE",
    "cdp": "CDP",
    "dhcp": "DHCP",
    "dhcpv6": "DHCPv6",
    "dns": "DNS",
    "eapol": "802.1X (EAPOL)",
    "ethercat": "EtherCAT",
    "fins": "Omron FINS",
    "goose": "GOOSE",
    "hart_ip": "HART-IP",
    "homeplug": "HomePlug",
    "hsr_prp": "HSR and PRP supervision",
    "isis": "IS-IS",
    "lacp": "Link aggregation (LACP)",
    "lldp": "LLDP",
    "llmnr": "LLMNR",
    "loopback": "Ethernet configuration testing",
    "macsec": "MACsec",
    "mdns": "mDNS",
    "mrp": "Media redundancy (MRP)",
    "nbns": "NetBIOS Name Service",
    "pn_io_cm": "PROFINET IO context manager",
    "powerlink": "POWERLINK",
    "profinet": "PROFINET",
    "ptp": "PTP",
    "sercos": "Sercos III",
    "slow": "Ethernet slow protocols",
    "snmp": "SNMP",
    "stp": "Spanning tree (STP)",
    "sv": "Sampled values",
    "wol": "Wake on LAN",
}


def _row(name: str, title: str) -> Protocol:
    return Protocol(name, title, lambda code, _sub: Function(f"{title} function {code}", Intent.DIAGNOSE))


ROWS = tuple(_row(name, title) for name, title in _TITLES.items())
