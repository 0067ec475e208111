"""Names of vendors: by MAC prefix, by the numbers that protocols give them, and one spelling for each."""

import re
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

VIRTUAL_MACHINES = {
    "00:05:69": "VMware",
    "00:0c:29": "VMware",
    "00:1c:14": "VMware",
    "00:50:56": "VMware",
    "00:15:5d": "Hyper-V",
    "00:03:ff": "Hyper-V",
    "08:00:27": "VirtualBox",
    "0a:00:27": "VirtualBox",
    "52:54:00": "QEMU/KVM",
    "00:16:3e": "Xen",
    "00:1c:42": "Parallels",
    "02:42:ac": "Docker",
}
"""MAC prefixes that hypervisors give their guests: they tell nothing of a vendor."""

_SPELLINGS = {
    "abb": "ABB",
    "allen-bradley": "Rockwell Automation",
    "areva": "AREVA",
    "axis communications": "Axis",
    "b&r": "B&R",
    "beckhoff": "Beckhoff",
    "bosch rexroth": "Bosch Rexroth",
    "bernecker": "B&R",
    "cisco": "Cisco",
    "danfoss": "Danfoss",
    "dell": "Dell",
    "eaton": "Eaton",
    "emerson": "Emerson",
    "fanuc": "FANUC",
    "fortinet": "Fortinet",
    "general electric": "GE",
    "ge fanuc": "GE",
    "ge-fanuc": "GE",
    "ge intelligent": "GE",
    "ge multilin": "GE",
    "hewlett packard": "HP",
    "hewlett-packard": "HP",
    "hirschmann": "Hirschmann",
    "hilscher": "Hilscher",
    "hms industrial": "HMS Networks",
    "honeywell": "Honeywell",
    "intel": "Intel",
    "intelligent platforms": "GE",
    "juniper": "Juniper",
    "keyence": "Keyence",
    "lenovo": "Lenovo",
    "microsoft": "Microsoft",
    "mitsubishi": "Mitsubishi Electric",
    "modicon": "Schneider Electric",
    "moxa": "Moxa",
    "murrelektronik": "Murrelektronik",
    "omron": "Omron",
    "phoenix contact": "Phoenix Contact",
    "raspberry pi": "Raspberry Pi",
    "red lion": "Red Lion",
    "rockwell automation": "Rockwell Automation",
    "schneider": "Schneider Electric",
    "schweitzer": "Schweitzer Engineering Laboratories",
    "sew-eurodrive": "SEW-Eurodrive",
    "sick ag": "SICK",
    "siemens": "Siemens",
    "telemecanique": "Schneider Electric",
    "wago": "WAGO",
    "yokogawa": "Yokogawa",
}
"""By how a name begins or what it contains as a word, in lower case."""

_AUTOMATION = frozenset(
    (
        "ABB",
        "B&R",
        "Beckhoff",
        "Bosch Rexroth",
        "Danfoss",
        "Eaton",
        "Emerson",
        "FANUC",
        "GE",
        "HMS Networks",
        "Honeywell",
        "Keyence",
        "Mitsubishi Electric",
        "Omron",
        "Phoenix Contact",
        "Red Lion",
        "Rockwell Automation",
        "Schneider Electric",
        "Schweitzer Engineering Laboratories",
        "SEW-Eurodrive",
        "SICK",
        "Siemens",
        "WAGO",
        "Yokogawa",
    )
)

BY_NUMBER = {
    ("cip", 1): "Rockwell Automation",
    ("cip", 2): "Namco Controls",
    ("cip", 3): "Honeywell",
    ("cip", 5): "Rockwell Automation",
    ("cip", 26): "Festo",
    ("cip", 40): "WAGO",
    ("cip", 46): "ABB",
    ("cip", 47): "Omron",
    ("cip", 48): "Turck",
    ("cip", 90): "HMS Networks",
    ("cip", 108): "Beckhoff",
    ("cip", 145): "Siemens",
    ("cip", 161): "Mitsubishi Electric",
    ("cip", 243): "Schneider Electric",
    ("cip", 283): "Hilscher",
    ("cip", 562): "Phoenix Contact",
    ("cip", 808): "SICK",
    ("pn", 0x002A): "Siemens",
    ("pn", 0x00B0): "Phoenix Contact",
    ("pn", 0x011D): "WAGO",
    ("pn", 0x010C): "HMS Networks",
    ("pn", 0x011E): "Hilscher",
    ("pn", 0x012F): "Murrelektronik",
    ("pn", 0x0080): "Danfoss",
    ("pn", 0x014D): "Festo",
    ("pn", 0x015A): "GE",
    ("pn", 0x0120): "Beckhoff",
    ("pn", 0x001A): "ABB",
    ("pn", 0x0101): "SICK",
    ("bacnet", 5): "Johnson Controls",
    ("bacnet", 7): "Siemens",
    ("bacnet", 8): "Delta Controls",
    ("bacnet", 10): "Schneider Electric",
    ("bacnet", 17): "Honeywell",
    ("bacnet", 24): "Automated Logic",
    ("bacnet", 35): "Reliable Controls",
    ("s7", 0x002A): "Siemens",
}
"""Vendor numbers of ODVA, PROFIBUS & PROFINET International and ASHRAE: those that are common in plants."""

_NOBODY = frozenset({"IEEE Registration Authority", "Private", "PRIVATE"})
"""Prefixes that are divided further, or whose owner is not said."""

_ORDER_NUMBERS = (
    (re.compile(r"6(ES7|ED1|GK[157]|AV[236]|SL[34]|AG1|EP1) ?\d|3(UF7|RW\d) ?\d"), "Siemens"),
    (re.compile(r"(17[0-9]{2}|20[89]\d|27(11|15)\w?|50(69|94)|5380)-\w"), "Rockwell Automation"),
    (re.compile(r"BM[XEP] ?[A-Z]|140 ?(CPU|NOE|CRA|CRP)|TM2\d\d|TSX ?P|171 ?CBU"), "Schneider Electric"),
    (re.compile(r"750-[38]\d\d"), "WAGO"),
)

_LEGAL = re.compile(
    r"[,.]?\s*\b(inc|gmbh|ag|corp|corporation|incorporation|ltd|llc|co|kg|s\.?a|spa|b\.?v|company|limited|international)\b\.?,?\s*$",
    re.IGNORECASE,
)


def by_mac(mac: str) -> str | None:
    """Who made the network interface; None for groups, virtual machines, and addresses that are made up, local or unregistered."""
    if int(mac[:2], 16) & 3 or mac[:8] in VIRTUAL_MACHINES or mac.startswith("00:00:00:"):
        return None
    return _by_prefix(mac[:8])


@lru_cache(maxsize=16384)
def _by_prefix(prefix: str) -> str | None:
    name = registered(prefix)
    return None if name is None or name in _NOBODY else normal(name)


def registered(prefix: str) -> str | None:
    """Whom a MAC prefix was given to, as IEEE's registry writes it.

    netaddr would read its whole index of the registry first, which takes longer than a short capture.
    """
    index, records = _registry()
    place = index.find(b"\n%d," % int(prefix.replace(":", ""), 16))
    if place < 0:
        return None
    _, offset, octets = map(int, index[place + 1 : index.index(b"\n", place + 1)].split(b","))
    with records.open("rb") as file:
        file.seek(offset)
        return file.readline(octets).decode().partition("(hex)")[2].strip()


@cache
def _registry() -> tuple[bytes, Traversable]:
    """netaddr's copy of it: lines of prefix, offset and length, and the records."""
    directory = files("netaddr.eui")
    return b"\n" + (directory / "oui.idx").read_bytes(), directory / "oui.txt"


def by_order_number(number: str) -> str | None:
    """The vendor whose order numbers look like this."""
    return next((vendor for pattern, vendor in _ORDER_NUMBERS if pattern.match(number)), None)


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """One spelling of a vendor's name: "SIEMENS AG" and "Siemens AG," are "Siemens"."""
    text = " ".join(name.split())
    lower = text.lower()
    for part, spelling in _SPELLINGS.items():
        if part in lower and re.search(rf"(?:^|[ /]){re.escape(part)}(?![a-z0-9])", lower):
            return spelling
    shorter = None
    while shorter != text:
        shorter, text = text, _LEGAL.sub("", text).strip(" ,&")
    return text or name


def by_number(source: str, number: str) -> str | None:
    """The vendor whose number a protocol gave."""
    family = {"cip": "cip", "enip": "cip", "bacnet": "bacnet", "s7comm": "s7", "s7comm_plus": "s7"}.get(source, "pn")
    try:
        return BY_NUMBER.get((family, int(number, 0)))
    except ValueError:
        return None


def makes_automation(vendor: str | None) -> bool:
    """Does a vendor make what stands at levels 0 to 2, mostly?"""
    return vendor in _AUTOMATION
