"""Sub-assets: what stands behind one address, told apart by unit id, link address, slot or route."""

import re
from collections.abc import Collection
from dataclasses import replace

from sensor.capture import Operation
from sensor.inventory.profile import Profile, profile

_GATEWAY_PROBLEMS = frozenset({0x0A, 0x0B})
"""Modbus exceptions that a gateway gives for units that are not there (MODBUS Application Protocol V1.1b3, 7)."""
_DIRECT = frozenset({"0", "1", "255"})
"""Modbus units that a device itself answers as."""
_MOST = 64
"""Units behind one address that become assets; more are a sweep that was answered by something else."""
_SLOT = re.compile(r"rack \d+ slot \d+")


def units_of(told: Profile) -> dict[str, Profile]:
    """The profile of each unit behind an asset, by unit; empty where there is only one thing at that address."""
    answered: dict[tuple[str, str], set[str]] = {}
    for talk in told.talks:
        for row in talk.operations if talk.as_server else ():
            if (unit := unit_of(row)) and _answers(row):
                answered.setdefault((row.protocol, unit), set()).add(row.unit)
    units: dict[str, set[str]] = {}
    for family in {protocol for protocol, _ in answered}:
        found = {unit: raw for (protocol, unit), raw in answered.items() if protocol == family}
        if _several(family, found, told):
            for unit, raw in found.items():
                units.setdefault(unit, set()).update(raw)
    if not units or len(units) > _MOST:
        return {}
    return {unit: _part(told, unit, units[unit]) for unit in sorted(units)}


def unit_of(row: Operation) -> str | None:
    """The part of a server that an operation names; None where it names none."""
    match row.protocol:
        case "modbus" | "modbus_rtu":
            return f"unit {row.unit}" if row.unit not in ("", "0", "255") else None
        case "dnp3":
            outstation = row.unit.rpartition("-")[2]
            return f"outstation {outstation}" if outstation.isdigit() and int(outstation) < 65520 else None
        case "s7comm":
            return row.unit if _SLOT.fullmatch(row.unit) else None
        case "cip" | "pccc":
            return f"slot {row.unit.partition('/')[2]}" if re.fullmatch(r"1/\d+", row.unit) else None
        case _:
            return None


def _several(protocol: str, units: Collection[str], told: Profile) -> bool:
    """Is there more than one thing at the address?"""
    if protocol in ("modbus", "modbus_rtu"):
        return len(units) > 1 or any(unit.removeprefix("unit ") not in _DIRECT for unit in units)
    if protocol == "s7comm":  # a CPU answers whatever slot it is called by
        told_by = {(fact.unit, fact.value) for fact in told.facts if fact.key == "order_number" and fact.unit in units}
        return len({unit for unit, _ in told_by}) > 1 and len({value for _, value in told_by}) > 1
    return len(units) > 1


def _answers(row: Operation) -> bool:
    """Did a unit answer itself, and not the gateway in its place?"""
    problems = sum(count for status, count in row.statuses if status in _GATEWAY_PROBLEMS) if row.protocol.startswith("modbus") else 0
    return row.responses > problems


def _part(told: Profile, unit: str, raw: set[str]) -> Profile:
    """The rows of one unit."""
    own = ((talk, tuple(row for row in talk.operations if row.unit in raw)) for talk in told.talks if talk.as_server)
    talks = [replace(talk, operations=rows) for talk, rows in own if rows]
    facts = tuple(fact for fact in told.facts if fact.unit in raw)
    spans = [(row.first, row.last) for talk in talks for row in talk.operations]
    span = (min(first for first, _ in spans), max(last for _, last in spans)) if spans else (told.first, told.last)
    return profile(f"{told.id}/{unit.replace(' ', '-')}", talks, facts, span)
