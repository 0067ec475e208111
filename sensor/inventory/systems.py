"""Operating systems: what protocols say, and what a TCP handshake or a DHCP request tells."""

import re
from collections.abc import Iterable, Iterator

from sensor.capture import Fact
from sensor.inventory.model import Evidence

_WINDOWS = {
    "4.0": "Windows NT 4.0",
    "5.0": "Windows 2000",
    "5.1": "Windows XP",
    "5.2": "Windows Server 2003",
    "6.0": "Windows Vista or Server 2008",
    "6.1": "Windows 7 or Server 2008 R2",
    "6.2": "Windows 8 or Server 2012",
    "6.3": "Windows 8.1 or Server 2012 R2",
    "10.0": "Windows 10 or later",
}
"""By NT version, as NTLM and the browser protocol say it."""

_BANNERS = (
    (re.compile(r"OpenSSH_for_Windows|Microsoft-IIS|Windows NT|Microsoft-HTTPAPI", re.IGNORECASE), "Windows"),
    (re.compile(r"Ubuntu", re.IGNORECASE), "Ubuntu Linux"),
    (re.compile(r"Debian", re.IGNORECASE), "Debian Linux"),
    (re.compile(r"Raspbian", re.IGNORECASE), "Raspbian Linux"),
    (re.compile(r"Red ?Hat|CentOS", re.IGNORECASE), "Red Hat Linux"),
    (re.compile(r"FreeBSD", re.IGNORECASE), "FreeBSD"),
    (re.compile(r"VxWorks", re.IGNORECASE), "VxWorks"),
    (re.compile(r"Cisco (IOS|Internetwork Operating)", re.IGNORECASE), "Cisco IOS"),
    (re.compile(r"Linux", re.IGNORECASE), "Linux"),
)
_STACK = re.compile(r"ttl (\d+), window (\d+)(.*)")


def operating_systems(facts: Iterable[Fact]) -> Iterator[Evidence]:
    """What facts tell of the operating system, as far as they do."""
    for fact in facts:
        if (known := _system(fact)) is not None:
            system, weight = known
            yield Evidence(system, f"{fact.key.replace('_', ' ')} {fact.value}"[:200], fact.source, weight, fact.first, fact.last)


def _system(fact: Fact) -> tuple[str, float] | None:
    match fact.key:
        case "operating_system":
            return _by_name(fact.value)
        case "software" | "description":
            return next(((name, 1.0) for pattern, name in _BANNERS if pattern.search(fact.value)), None)
        case "vendor_class":
            return ("Windows", 1.0) if fact.value.startswith("MSFT") else None
        case "tcp_stack":
            return _by_stack(fact.value)
        case _:
            return None


def _by_name(text: str) -> tuple[str, float] | None:
    """In words, or as a version of Windows NT alone. Samba calls itself 4.9 and the like."""
    version = text.removeprefix("Windows ").partition(" ")[0]
    if version in _WINDOWS and not text.startswith("Windows 10.0 build"):
        return (_WINDOWS[version], 2.0)
    if text.startswith("Windows 10.0 build"):
        return (text.replace("10.0 build", "10 or later, build"), 2.0)
    return (text, 2.0) if text[:1].isalpha() else None


def _by_stack(text: str) -> tuple[str, float] | None:
    """What initial TTL, window and options tell: little, but of devices that say nothing else."""
    match = _STACK.match(text)
    if match is None:
        return None
    ttl, options = int(match[1]), match[3]
    if ttl == 128 and "nop ws" in options and " ts" not in options:
        return ("Windows", 0.6)
    if ttl == 128 and "nop nop sack" in options:
        return ("Windows", 0.5)
    if ttl == 64 and "mss sack ts nop ws" in options:
        return ("Linux", 0.5)
    return None
