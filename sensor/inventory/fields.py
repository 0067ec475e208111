"""What a device says of itself and what its addresses tell: facts in, fields with their evidence out."""

import re
from collections.abc import Iterable, Iterator, Mapping

from sensor.capture import Fact
from sensor.inventory import vendors
from sensor.inventory.model import FIELDS, Evidence, Field
from sensor.inventory.profile import Profile
from sensor.inventory.resolve import Holder
from sensor.inventory.systems import operating_systems
from sensor.protocols import Intent

_STRONG = frozenset(
    (
        "bacnet",
        "cdp",
        "cip",
        "dnp3",
        "enip",
        "fins",
        "lldp",
        "mms",
        "modbus",
        "opcua",
        "pn_dcp",
        "pn_io_cm",
        "s7comm",
        "s7comm_plus",
        "snmp",
    )
)
_MEDIUM = frozenset({"dhcp", "dhcpv6", "mdns", "nbns", "browser", "smb", "rdp", "dns", "llmnr", "hart_ip"})
_CHANGING = frozenset({"firmware", "mode", "key_switch", "hostname"})
"""Fields of which the latest value counts, whoever says it best."""
_TELLING = frozenset({"vendor", "model", "order_number", "serial", "firmware", "hardware"})
_NO_NAMES = frozenset({"unknown", "workgroup", "localhost", "mshome", "%n%n%n"})

ORDERED_MODELS = (
    (re.compile(r"6ES7 ?21[1-7]"), "S7-1200 CPU"),
    (re.compile(r"6ES7 ?2[12]\d-[0-3]"), "S7-200 CPU"),
    (re.compile(r"6ES7 ?31([2-9])-?"), "S7-300 CPU 31{}"),
    (re.compile(r"6ES7 ?41([2-9])-?"), "S7-400 CPU 41{}"),
    (re.compile(r"6ES7 ?51([1-8])-?"), "S7-1500 CPU 151{}"),
    (re.compile(r"6ES7 ?15[1-7]-?[78]"), "ET 200 CPU"),
    (re.compile(r"6ES7 ?15[0-7]"), "ET 200 interface module"),
    (re.compile(r"6AV"), "SIMATIC HMI"),
    (re.compile(r"6SL"), "SINAMICS drive"),
    (re.compile(r"6GK7 ?34"), "S7-300 communications processor"),
    (re.compile(r"6GK7 ?44"), "S7-400 communications processor"),
    (re.compile(r"6GK5"), "SCALANCE"),
)
"""What a Siemens order number says of the model where nothing else does."""


def fields_of(told: Profile, holder: Holder) -> Mapping[str, Field]:
    """The fields of an asset, each with its evidence; of a unit, those that its facts tell."""
    said = _said(told)
    if "/" not in told.id:  # what a unit's gateway has for an address tells nothing of the unit
        said["vendor"] += _vendors_by_address(holder)
        said["operating_system"] += operating_systems(told.facts)
    asked = _was_asked(told)
    fields = {}
    for name in FIELDS:
        fields[name] = _field(name, said[name], queried=asked or bool(said[name]))
    return fields


def _said(told: Profile) -> dict[str, list[Evidence]]:
    said: dict[str, list[Evidence]] = {name: [] for name in FIELDS}
    for fact in told.facts:
        weight = 3.0 if fact.source in _STRONG else 2.0 if fact.source in _MEDIUM else 1.0
        if fact.key == "vendor_id" and (vendor := vendors.by_number(fact.source, fact.value)):
            said["vendor"].append(_evidence(fact, vendor, f"its vendor number is {fact.value}", weight))
        elif fact.key == "vendor":
            said["vendor"].append(_evidence(fact, vendors.normal(fact.value), f"says vendor {fact.value}", weight))
        elif fact.key == "hostname" and _is_name(fact.value):
            said["hostname"].append(_evidence(fact, fact.value, f"says its name is {fact.value}", weight))
        elif fact.key in said and fact.key not in ("hostname", "operating_system"):
            said[fact.key].append(_evidence(fact, fact.value, f"says {fact.key.replace('_', ' ')} {fact.value}", weight))
        if fact.key == "order_number":
            said["model"] += _models_by_order(fact)
    return said


def _is_name(text: str) -> bool:
    return text.lower() not in _NO_NAMES and any(character.isalnum() for character in text)


def _evidence(fact: Fact, says: str, because: str, weight: float) -> Evidence:
    return Evidence(says, because, fact.source, weight, fact.first, fact.last)


def _models_by_order(fact: Fact) -> Iterator[Evidence]:
    for pattern, name in ORDERED_MODELS:
        if match := pattern.match(fact.value):
            yield _evidence(fact, name.format(*match.groups()), f"order number {fact.value}", 1.0)
            return


def _vendors_by_address(holder: Holder) -> Iterator[Evidence]:
    for address in holder.addresses:
        if address.mac and (vendor := vendors.by_mac(address.mac)):
            yield Evidence(vendor, f"MAC prefix {address.mac[:8]}", "mac prefix", 0.5, address.first, address.last)


def _field(name: str, evidence: Iterable[Evidence], *, queried: bool) -> Field:
    """The value that most speaks for, of changing fields the latest of the best source."""
    weights: dict[str, float] = {}
    latest: dict[str, int] = {}
    rows = sorted(evidence, key=lambda row: (-row.weight, row.says, row.source, row.first))
    for row in rows:
        weights[row.says] = max(weights.get(row.says, 0.0), row.weight)
        latest[row.says] = max(latest.get(row.says, 0), row.last)
    if not weights:
        return Field(queried=queried)
    best = max(weights.values())

    def rank(value: str) -> tuple[float, int, int, str]:
        if name == "hostname":
            return (weights[value], latest[value] if weights[value] == best else 0, -len(value), value)
        return (weights[value], latest[value], -len(value), value)

    value = max(weights, key=rank)
    others = sum(weight for says, weight in weights.items() if says != value and name not in _CHANGING)
    confidence = weights[value] / (weights[value] + 0.3 + others / 2)
    ordered = (*(row for row in rows if row.says == value), *(row for row in rows if row.says != value))
    return Field(value, confidence, ordered[:16])


def _was_asked(told: Profile) -> bool:
    """Did anybody ask the device who it is?"""
    asked = (use.intents.keys() for use in told.serves.values())
    return any(Intent.DISCOVER in intents for intents in asked) or any(fact.key in _TELLING for fact in told.facts)
