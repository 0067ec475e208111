"""The machine and its interfaces: rights, offloads, ring, MTU, link, clock."""

import array
import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from sensor.doctor.model import Check, bad, good, note

_CAPABILITIES = {"CAP_NET_RAW": 13}
_NETWORK = Path("/sys/class/net")
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_GOOD_CLOCKS = frozenset({"tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "arm,sp804"})
_USUAL_MTU = 1500

_SIOCETHTOOL = 0x8946
_GET_GRO = 0x2B  # commands of linux/ethtool.h
_GET_FLAGS, _LRO = 0x25, 1 << 15
_GET_RING = 0x10
_SMALL_RING = 0.5

_STA_UNSYNC = 0x40  # of adjtimex(2)


def machine(interfaces: list[str]) -> Iterator[Check]:
    """The rights of the process, the clock, and each interface."""
    yield _rights()
    yield from _clock()
    for name in interfaces:
        yield from _interface(name)


def _rights() -> Check:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            missing = [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
            if missing:
                return bad("rights", f"without {', '.join(missing)} nothing can be captured", "run it by its systemd unit, or as root")
    return good("rights", "may capture")


def _clock() -> Iterator[Check]:
    source = _read(_CLOCK)
    if source and source not in _GOOD_CLOCKS:
        advice = "on hardware with a steady TSC remove clocksource= and notsc from the kernel's command line"
        yield note("clock source", f"{source}: reading the time is slow or coarse", advice)
    elif source:
        yield good("clock source", source)
    if _is_synchronised():
        yield good("clock", "is synchronised")
    else:
        advice = "set up chrony or systemd-timesyncd with a time server that the sensor may reach: times of alerts are only as good as that"
        yield bad("clock", "is not synchronised", advice)


def _is_synchronised() -> bool:
    """What the kernel says, whoever disciplines its clock (adjtimex(2), struct timex: 208 octets, status at 40)."""
    octets = ctypes.create_string_buffer(256)
    status = ctypes.CDLL(None, use_errno=True).adjtimex(octets)
    (flags,) = struct.unpack_from("i", octets.raw, 40)
    return status >= 0 and not flags & _STA_UNSYNC


def _interface(name: str) -> Iterator[Check]:
    what = f"interface {name}"
    if not (_NETWORK / name).is_dir():
        there = ", ".join(sorted(path.name for path in _NETWORK.iterdir() if path.name != "lo")) or "none"
        yield bad(what, "is not there", f"name one of: {there}")
        return
    state = _read(_NETWORK / name / "operstate")
    if state in ("up", "unknown"):
        yield good(what, f"link is {state}")
    else:
        yield bad(what, f"link is {state}", f"plug the mirror port in, and: ip link set {name} up")
    yield from _offloads(name, what)
    yield from _ring(name, what)
    mtu = int(_read(_NETWORK / name / "mtu") or 0)
    if mtu < _USUAL_MTU:
        yield bad(what, f"MTU {mtu}: longer frames are dropped", f"ip link set {name} mtu {_USUAL_MTU + 18}")
    else:
        yield good(what, f"MTU {mtu}")


def _offloads(name: str, what: str) -> Iterator[Check]:
    on = ["gro"] if _value(name, _GET_GRO) else []
    if (_value(name, _GET_FLAGS) or 0) & _LRO:
        on.append("lro")
    if on:
        text = f"{' and '.join(on).upper()} put packets together before they are seen: sizes and counts are wrong, frames are cut"
        yield bad(what, text, f"ethtool -K {name} {' '.join(f'{offload} off' for offload in on)}")
    else:
        yield good(what, "offloads are off")


def _ring(name: str, what: str) -> Iterator[Check]:
    octets = array.array("I", [_GET_RING] + [0] * 8)
    if _ethtool(name, octets) and octets[1]:
        most, now = octets[1], octets[5]
        if now < most * _SMALL_RING:
            yield note(what, f"receive ring {now} of {most}: bursts may be dropped by the card", f"ethtool -G {name} rx {most}")
        else:
            yield good(what, f"receive ring {now} of {most}")


def _value(name: str, command: int) -> int | None:
    octets = array.array("I", [command, 0])
    return octets[1] if _ethtool(name, octets) else None


def _ethtool(name: str, octets: "array.array[int]") -> bool:
    """Ask the driver; it answers in place. A driver that does not know says so."""
    address, _ = octets.buffer_info()
    request = struct.pack("16sP8x", name.encode()[:15], address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            fcntl.ioctl(asking.fileno(), _SIOCETHTOOL, request)
        except OSError:
            return False
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
