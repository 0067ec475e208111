"""NetBox: what its bulk import takes, a file for each kind of object, to be taken in in the order of their names.

Columns, and how long a text may be, are those of the import forms and models of NetBox 4.2 to 4.7 (docs/inventory-exports.md).
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sensor.exports.forms._text import percent
from sensor.exports.inventory.cells import line, seconds
from sensor.exports.inventory.model import Held, Inventory, Line, Row, addresses

_CUSTOM: dict[str, tuple[str, str]] = {
    "purdue_level": ("decimal", "Purdue level: 0 to 5, 3.5 is the DMZ"),
    "purdue_confidence": ("integer", "How sure the Purdue level is, 0 to 100"),
    "ot_zone": ("text", "Zone"),
    "firmware": ("text", "Firmware"),
    "hardware": ("text", "Hardware version"),
    "order_number": ("text", "Order number"),
    "host_name": ("text", "What it calls itself"),
    "operating_system": ("text", "Operating system"),
    "criticality": ("text", "Criticality"),
    "ot_protocols": ("text", "Protocols that it answers or asks with"),
    "first_seen": ("datetime", "First packet"),
    "last_seen": ("datetime", "Latest packet"),
    "otoscope_id": ("text", "Id of the asset in Otoscope"),
    "otoscope_parent": ("text", "Id of the asset that it is a unit or module of"),
}
"""Custom fields of devices: their type, and what they say."""

_TABLES = {
    "1-custom-fields": (
        *("name", "label", "group_name", "type", "object_types", "description"),
        *("weight", "search_weight", "filter_logic", "ui_visible", "ui_editable"),
    ),
    "2-manufacturers": ("name", "slug"),
    "3-device-roles": ("name", "slug", "color"),
    "4-device-types": ("manufacturer", "model", "slug", "u_height"),
    "5-devices": (
        *("name", "role", "manufacturer", "device_type", "serial", "status", "site", "comments"),
        *(f"cf_{name}" for name in _CUSTOM),
    ),
    "6-interfaces": ("device", "name", "type"),
    "7-mac-addresses": ("mac_address", "device", "interface", "is_primary"),
    "8-ip-addresses": ("address", "status", "device", "interface", "is_primary"),
}
_GROUP = "Otoscope"
_NOT_TOLD = "Unknown"
_GREY = "9e9e9e"
_ROUTED = "behind a router"
"""The interface of addresses of which only a router's MAC was seen."""
_NAME, _SERIAL, _TEXT, _CUSTOM_TEXT = 64, 50, 100, 200


def _lines(assets: Iterable[Row], site: str) -> Iterator[Line]:
    for weight, (name, (kind, label)) in enumerate(_CUSTOM.items(), 100):
        described = (name, label, _GROUP, kind, "dcim.device", label)
        yield "1-custom-fields", (*described, weight, 1000, "loose", "always", "yes")
    known = _Known()
    for row in assets:
        yield from _device(row, line(site, _TEXT), known)
    yield from _addresses(known.ips)


@dataclass(slots=True)
class _Known:
    """What was written already of what must not be there twice."""

    slugs: set[tuple[str, str]] = field(default_factory=set)
    manufacturers: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    types: set[tuple[str, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    ips: Held[tuple[str, str]] = field(default_factory=Held)
    """The device and its interface."""

    def slug(self, scope: str, name: str) -> str:
        """A name as it stands in URLs, for each name another one."""
        wanted = slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "x"
        number = 1
        while (scope, slug) in self.slugs:
            slug, number = f"{wanted}-{_short(f'{name} {number}')}", number + 1
        self.slugs.add((scope, slug))
        return slug

    def name(self, row: Row) -> str:
        """The asset's name, with its id after it where another one has that name."""
        identity = row["id"] if len(row["id"]) <= 20 else _short(row["id"])
        wanted = name = line(row["name"], _NAME) or identity
        number = 1
        while name.lower() in self.names:
            tail = f" [{identity}]" if number == 1 else f" [{identity} {number}]"
            name, number = wanted[: _NAME - len(tail)].rstrip() + tail, number + 1
        self.names.add(name.lower())
        return name


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def _device(row: Row, site: str, known: _Known) -> Iterator[Line]:
    maker, model = line(row["vendor"], _TEXT) or _NOT_TOLD, line(row["model"], _TEXT) or _NOT_TOLD
    role = row["type"].replace("_", " ")
    yield from _kinds(maker, model, role, known)
    name = known.name(row)
    told = (name, role, maker, model, line(row["serial"], _SERIAL), "active", site, _comments(row))
    yield "5-devices", (*told, *_custom(row))
    yield from _connections(row, name, known)


def _kinds(maker: str, model: str, role: str, known: _Known) -> Iterator[Line]:
    """What a device refers to, at its first mention."""
    if maker not in known.manufacturers:
        known.manufacturers.add(maker)
        yield "2-manufacturers", (maker, known.slug("manufacturer", maker))
    if role not in known.roles:
        known.roles.add(role)
        yield "3-device-roles", (role, known.slug("role", role), _GREY)
    if (maker, model) not in known.types:
        known.types.add((maker, model))
        yield "4-device-types", (maker, model, known.slug(f"type of {maker}", model), 0)


def _comments(row: Row) -> str:
    """What was concluded, in Markdown: nothing in it that somebody else could have written."""
    does = (("answers", row["services"]), ("asks with", row["clients_of"]))
    parts = [f"the role is {percent(row['type_confidence'])} % sure"]
    parts += [f"{what} {', '.join(protocols)}" for what, protocols in does if protocols]
    return f"Seen by Otoscope: {'; '.join(parts)}."


def _custom(row: Row) -> tuple[object, ...]:
    values: dict[str, Any] = {
        "purdue_level": row["level"],
        "purdue_confidence": percent(row["level_confidence"]),
        "ot_zone": row["zone"],
        "host_name": row["hostname"],
        "ot_protocols": ", ".join(sorted({*row["services"], *row["clients_of"]})),
        "first_seen": seconds(row["first"]),
        "last_seen": seconds(row["last"]),
        "otoscope_id": row["id"],
        "otoscope_parent": row["parent"],
    }
    told = [values.get(name, row.get(name)) for name in _CUSTOM]
    return tuple(line(value, _CUSTOM_TEXT) if isinstance(value, str) else value for value in told)


def _connections(row: Row, name: str, known: _Known) -> Iterator[Line]:
    """An interface for each MAC, and what its addresses are."""
    placed = addresses(row)
    places = {ip: address["mac"] or _ROUTED for ip, address in placed.items()}
    for interface in dict.fromkeys((*row["macs"], *places.values())):
        yield "6-interfaces", (name, interface, "other")
        if interface != _ROUTED:
            yield "7-mac-addresses", (interface, name, interface, "true")
    for ip, interface in places.items():
        known.ips.add(ip, placed[ip]["last"], (name, interface))


def _addresses(held: Held[tuple[str, str]]) -> Iterator[Line]:
    """Each address at the device that had it last."""
    devices: dict[str, dict[str, str]] = {}
    for ip, (name, interface) in held:
        devices.setdefault(name, {})[ip] = interface
    for name, places in devices.items():
        primary = {ipaddress.ip_address(ip).version: ip for ip in reversed(places)}
        # To NetBox "false" means that the device has no primary address, whatever a row before said: the primary one comes last.
        for ip in sorted(places, key=lambda ip: ip in primary.values()):
            length = ipaddress.ip_address(ip).max_prefixlen
            yield "8-ip-addresses", (f"{ip}/{length}", "active", name, places[ip], "true" if ip in primary.values() else "false")


INVENTORY = Inventory("netbox", _TABLES, _lines)
