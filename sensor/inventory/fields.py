"""What a device says of itself and what its addresses tell: facts in, fields with their evidence out."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from sensor.capture import Fact
from sensor.inventory import vendors
from sensor.inventory.addresses import as_ip
from sensor.inventory.asked import fields_asked
from sensor.inventory.model import FIELDS, Evidence, Field
from sensor.inventory.profile import Profile
from sensor.inventory.resolve import Holder
from sensor.inventory.systems import operating_systems

_STRONG = frozenset({"cip", "enip", "modbus", "s7comm", "s7comm_plus", "dnp3", "pn_dcp", "pn_io_cm", "lldp", "cdp"})
_STRONG |= {"snmp", "opcua", "bacnet", "fins", "mms", "hart_ip"}
_MEDIUM = frozenset({"dhcp", "dhcpv6", "dns", "mdns", "llmnr", "nbns", "browser", "smb", "rdp"})
_CHANGING = frozenset({"firmware", "mode", "key_switch", "hostname"})
"""Fields whose value changes with time."""
_NO_NAMES = frozenset({"unknown", "workgroup", "localhost", "mshome"})
_HOST = re.compile(r"[^\W_](?:[\w -]{0,62}\w)?")
"""A name of one label: letters or digits at its ends."""

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


_ASKED, _NEVER = Field(), Field(queried=False)
"""Most fields of most assets: one of each for all."""


def fields_of(told: Profile, holder: Holder, apart: Collection[str] = ()) -> Mapping[str, Field]:
    """The fields of an asset, each with its evidence; of a unit, those that its facts tell.

    apart: addresses of its units that are assets of their own.
    """
    facts = tuple(fact for fact in told.facts if not fact.unit or fact.unit not in apart)
    said = _said(facts)
    if "/" not in told.id:  # what a unit's gateway has for an address tells nothing of the unit
        said["vendor"] += _vendors_by_address(holder)
        said["operating_system"] += operating_systems(facts)
    asked = fields_asked(told)
    return {name: _field(name, said[name], queried=name in asked or bool(said[name])) for name in FIELDS}


def _said(facts: Iterable[Fact]) -> dict[str, list[Evidence]]:
    said: dict[str, list[Evidence]] = {name: [] for name in FIELDS}
    for fact in facts:
        weight = 2.0 if fact.source in _STRONG else 1.0 if fact.source in _MEDIUM else 0.5
        match fact.key:
            case "vendor_id":
                if vendor := vendors.by_number(fact.source, fact.value):
                    said["vendor"].append(_evidence(fact, vendor, f"its vendor number is {fact.value}", weight))
            case "vendor":
                said["vendor"].append(_evidence(fact, vendors.normal(fact.value), f"says vendor {fact.value}", weight))
            case "hostname":
                if name := host_name(fact.value, fact.source):
                    said["hostname"].append(_evidence(fact, name, f"says its name is {fact.value}", weight))
            case "plant":
                said["hostname"].append(_evidence(fact, fact.value, f"says its station is {fact.value}", 0.5))
            case key if key in said and key != "operating_system":
                said[key].append(_evidence(fact, fact.value, f"says {key.replace('_', ' ')} {fact.value}", weight))
        if fact.key in ("order_number", "model"):
            said["model"] += _models_by_order(fact)
            said["vendor"] += _vendors_by_order(fact)
    return said


def host_name(text: str, source: str) -> str | None:
    """The name that a text gives a host: without its domain; None where it is an address, a service or nobody's name."""
    first, _, domain = text.partition(".")
    if as_ip(text) or first.lower() in _NO_NAMES or "._" in text:
        return None
    if domain and source not in ("pn_dcp", "pn_io_cm", "lldp"):  # names of PROFINET stations have dots of their own
        text = first
    return text if all(_HOST.fullmatch(label) for label in text.split(".")) else None


def _evidence(fact: Fact, says: str, because: str, weight: float) -> Evidence:
    return Evidence(says, because, fact.source, weight, fact.first, fact.last)


def _models_by_order(fact: Fact) -> Iterator[Evidence]:
    for pattern, name in ORDERED_MODELS:
        if match := pattern.match(fact.value):
            yield _evidence(fact, name.format(*match.groups()), f"order number {fact.value}", 1.0)
            return


def _vendors_by_order(fact: Fact) -> Iterator[Evidence]:
    if vendor := vendors.by_order_number(fact.value):
        yield _evidence(fact, vendor, f"{fact.key.replace('_', ' ')} {fact.value} is one of {vendor}", 1.0)


def _vendors_by_address(holder: Holder) -> Iterator[Evidence]:
    for address in holder.addresses:
        if address.mac and (vendor := vendors.by_mac(address.mac)):
            yield Evidence(vendor, f"MAC prefix {address.mac[:8]}", "mac prefix", 0.5, address.first, address.last)


def _field(name: str, evidence: Iterable[Evidence], *, queried: bool) -> Field:
    """The value that the best source says, and the latest of those; of fields that change what was said before is no contradiction."""
    rows = sorted(evidence, key=lambda row: (-row.weight, row.says, row.source, row.first))
    if not rows:
        return _ASKED if queried else _NEVER
    weights: dict[str, float] = {}
    latest: dict[str, int] = {}
    for row in rows:
        weights[row.says] = max(weights.get(row.says, 0.0), row.weight)
        latest[row.says] = max(latest.get(row.says, 0), row.last)
    value = max(weights, key=lambda says: (weights[says], latest[says], -len(says), says))
    others = sum(weight for says, weight in weights.items() if says != value and name not in _CHANGING)
    confidence = weights[value] / (weights[value] + 0.3 + others / 2)
    ordered = (*(row for row in rows if row.says == value), *(row for row in rows if row.says != value))
    return Field(value, confidence, ordered[:16])
