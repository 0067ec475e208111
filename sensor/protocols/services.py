"""The usual services of hosts and networks: named, and read for identities, but not counted by function."""

from sensor.protocols._base import Function, Intent, Protocol

_TITLES: dict[str, str] = {
    "arp": "ARP",
    "cclink_ie": "CC-Link IE",
    "cdp": "CDP",
    "eapol": "802.1X (EAPOL)",
    "ethercat": "EtherCAT",
    "goose": "GOOSE",
    "homeplug": "HomePlug",
    "hsr_prp": "HSR and PRP supervision",
    "isis": "IS-IS",
    "lacp": "Link aggregation (LACP)",
    "lldp": "LLDP",
    "loopback": "Ethernet configuration testing",
    "macsec": "MACsec",
    "mrp": "Media redundancy (MRP)",
    "pn_io_cm": "PROFINET IO context manager",
    "powerlink": "POWERLINK",
    "profinet": "PROFINET",
    "ptp": "PTP",
    "sercos": "Sercos III",
    "slow": "Ethernet slow protocols",
    "stp": "Spanning tree (STP)",
    "sv": "Sampled values",
    "wol": "Wake on LAN",
}


def _row(name: str, title: str) -> Protocol:
    return Protocol(name, title, lambda code, _sub: Function(f"{title} function {code}", Intent.DIAGNOSE))


ROWS = tuple(_row(name, title) for name, title in _TITLES.items())
