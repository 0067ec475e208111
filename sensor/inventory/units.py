"""Sub-assets: what stands behind one address, told apart by unit id, link address, slot or route."""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from sensor.capture import Operation
from sensor.inventory.profile import Profile, profile

_DIRECT = frozenset({"0", "1", "255"})
"""Modbus units that a device itself answers as."""
_MOST = 64
"""Units behind one address that become assets; more are a sweep that was answered by something else."""
_FAMILIES = {"modbus_rtu": "modbus", "pccc": "cip"}
"""Protocols that reach the same units."""
_SLOT = re.compile(r"rack \d+ slot \d+")


def units_of(told: Profile) -> dict[str, Profile]:
    """The profile of each unit behind an asset, by unit; empty where there is only one thing at that address."""
    units = _units(told)
    return {unit: _part(told, unit, units[unit]) for unit in sorted(units)}


def units_apart(told: Profile) -> frozenset[str]:
    """The unit addresses, as rows give them, that are assets of their own."""
    return frozenset().union(*_units(told).values()) if "/" not in told.id else frozenset()


def _units(told: Profile) -> dict[str, set[str]]:
    """The units that are assets of their own, each with its addresses as rows give them."""
    answered: dict[str, dict[str, set[str]]] = {}
    for talk in told.talks:
        for row in talk.operations if talk.as_server else ():
            if (unit := unit_of(row)) and _answers(row):
                answered.setdefault(_FAMILIES.get(row.protocol, row.protocol), {}).setdefault(unit, set()).add(row.unit)
    units: dict[str, set[str]] = {}
    for family, found in sorted(answered.items()):
        if len(found) <= _MOST and _several(family, found, told):
            for unit, raw in found.items():
                units.setdefault(unit, set()).update(raw)
    return units


def unit_of(row: Operation) -> str | None:
    """The part of a server that an operation names; None where it names none."""
    return _unit(row.protocol, row.unit)


@lru_cache(maxsize=4096)
def _unit(protocol: str, address: str) -> str | None:
    match protocol:
        case "modbus" | "modbus_rtu":
            return f"unit {address}" if address not in ("", "0", "255") else None
        case "dnp3":
            outstation = address.rpartition("-")[2]
            return f"outstation {outstation}" if outstation.isdigit() and int(outstation) < 65520 else None
        case "s7comm":
            return address if _SLOT.fullmatch(address) else None
        case "cip" | "pccc":
            return f"slot {address.partition('/')[2]}" if re.fullmatch(r"1/\d+", address) else None
        case _:
            return None


def _several(family: str, units: Collection[str], told: Profile) -> bool:
    """Is there more than one thing at the address?"""
    if family == "modbus":
        return len(units) > 1 or any(unit.removeprefix("unit ") not in _DIRECT for unit in units)
    if family == "s7comm":  # a CPU answers whatever slot it is called by
        told_by = {(fact.unit, fact.value) for fact in told.facts if fact.key == "order_number" and fact.unit in units}
        return len({unit for unit, _ in told_by}) > 1 and len({value for _, value in told_by}) > 1
    if family == "cip":
        return len(units) > 1 or _differs(told)
    return len(units) > 1


def _differs(told: Profile) -> bool:
    """Does the module that is asked without a route give another model or serial number than the one in the slot?"""
    for key in ("model", "serial"):
        direct = {fact.value for fact in told.facts if fact.key == key and not fact.unit and fact.source in ("cip", "enip")}
        routed = {fact.value for fact in told.facts if fact.key == key and fact.unit and fact.source == "cip"}
        if direct and routed and direct.isdisjoint(routed):
            return True
    return False


def _answers(row: Operation) -> bool:
    """Did a unit answer? What rejects a Modbus or CIP request may be the gateway in the unit's place: there only data counts."""
    family = _FAMILIES.get(row.protocol, row.protocol)
    return row.responses > (row.errors if family in ("modbus", "cip") else 0)


def _part(told: Profile, unit: str, raw: set[str]) -> Profile:
    """The rows of one unit."""
    own = ((talk, tuple(row for row in talk.operations if row.unit in raw)) for talk in told.talks if talk.as_server)
    talks = [replace(talk, operations=rows) for talk, rows in own if rows]
    facts = tuple(fact for fact in told.facts if fact.unit in raw)
    spans = [(row.first, row.last) for talk in talks for row in talk.operations]
    span = (min(first for first, _ in spans), max(last for _, last in spans)) if spans else (told.first, told.last)
    return profile(f"{told.id}/{unit.replace(' ', '-')}", talks, facts, span)
