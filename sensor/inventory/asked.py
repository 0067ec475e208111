"""Which fields of a device anybody has asked for, or it has had an occasion to tell: the others are "never queried"."""

from collections.abc import Callable, Mapping

from sensor.inventory.profile import Profile, Use
from sensor.protocols import Intent

_IDENTITY = frozenset({"vendor", "model", "order_number", "serial", "firmware", "hardware"})
_STATE = frozenset({"mode", "key_switch"})
_NAME = frozenset({"hostname"})
_PLACE = frozenset({"description", "location"})
_SYSTEM = frozenset({"operating_system"})

TELLS: Mapping[str, frozenset[str]] = {
    "bacnet": _IDENTITY | _NAME | _PLACE,
    "browser": _NAME | _SYSTEM | {"description"},
    "cdp": _NAME | _PLACE | {"vendor", "model", "firmware"},
    "cip": _IDENTITY | _STATE,
    "dhcp": _NAME | _SYSTEM,
    "dhcpv6": _NAME | _SYSTEM,
    "dnp3": _IDENTITY | _NAME | _PLACE,
    "dns": _NAME,
    "enip": _IDENTITY | _STATE,
    "fins": _IDENTITY | _STATE,
    "hart_ip": _IDENTITY | _NAME,
    "http": _SYSTEM,
    "lldp": _IDENTITY | _NAME | _PLACE,
    "llmnr": _NAME,
    "mdns": _NAME,
    "mms": _IDENTITY,
    "modbus": _IDENTITY | _STATE | {"description"},
    "nbns": _NAME,
    "opcua": _IDENTITY | {"description"},
    "pn_dcp": _NAME | {"vendor", "model"},
    "pn_io_cm": _IDENTITY | _NAME | _PLACE,
    "rdp": _NAME | _SYSTEM,
    "s7comm": _IDENTITY | _STATE | _NAME,
    "s7comm_plus": _IDENTITY | _STATE,
    "smb": _NAME | _SYSTEM,
    "snmp": _IDENTITY | _NAME | _PLACE,
    "ssh": _SYSTEM,
    "tcp": _SYSTEM,
}
"""What a device can tell of itself by each protocol."""


def _by_function(*numbers: int) -> Callable[[Use], bool]:
    return lambda use: any(function in numbers for function, _ in use.functions)


_QUESTIONS: Mapping[str, Callable[[Use], bool]] = {
    "cip": lambda use: Intent.DISCOVER in use.intents,
    "dnp3": lambda use: (1, 0) in use.functions,
    "enip": lambda use: Intent.DISCOVER in use.intents,
    "modbus": _by_function(17, 43),
    "s7comm": _by_function(0x70401),
    "s7comm_plus": lambda use: bool(use.requests),
}
"""Which requests ask who a device is: Identity object, group 0, List Identity, report server id and read device identification, status
list. Of protocols that are not listed and have functions any request that discovers; of the others any answer."""


def fields_asked(told: Profile) -> frozenset[str]:
    """The fields that the device was asked for, or spoke of by itself."""
    spoke = {fact.source for fact in told.facts if fact.key != "address"}
    asked = {name for name, use in told.serves.items() if name in TELLS and _is_asked(name, use)}
    return frozenset().union(*(TELLS[name] for name in asked | {name for name in spoke if name in TELLS and name not in _QUESTIONS}))


def _is_asked(name: str, use: Use) -> bool:
    if question := _QUESTIONS.get(name):
        return question(use)
    return Intent.DISCOVER in use.intents if use.functions else use.answered
