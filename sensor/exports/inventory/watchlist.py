"""A watchlist for Microsoft Sentinel: one row for each IP address, which is its search key."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sensor.exports.forms._text import percent
from sensor.exports.inventory.cells import line, seconds
from sensor.exports.inventory.model import Held, Inventory, Line, Row, addresses

SEARCH_KEY = "IpAddress"

_TEXTS = {
    "AssetId": "id",
    "Name": "name",
    "HostName": "hostname",
    "DeviceType": "type",
    "Zone": "zone",
    "Vendor": "vendor",
    "Model": "model",
    "Serial": "serial",
    "Firmware": "firmware",
    "OperatingSystem": "operating_system",
    "Criticality": "criticality",
}
_CONCLUDED = ("PurdueLevel", "LevelConfidence", "Roles", "Protocols", "Site", "FirstSeen", "LastSeen")
_COLUMNS = (SEARCH_KEY, "MacAddress", "Vlan", *_TEXTS, *_CONCLUDED)
_LONGEST = 256


def _lines(assets: Iterable[Row], site: str) -> Iterator[Line]:
    held = Held[tuple[Mapping[str, Any], tuple[object, ...]]]()
    for row in assets:
        of_asset = _of_asset(row, site)
        for ip, address in addresses(row).items():
            held.add(ip, address["last"], (address, of_asset))
    for ip, (address, of_asset) in held:
        yield "watchlist", (ip, address["mac"], address["vlan"], *of_asset)


def _of_asset(row: Row, site: str) -> tuple[object, ...]:
    does = (",".join(row["roles"]), ",".join(sorted({*row["services"], *row["clients_of"]})))
    return (
        *(line(row[name], _LONGEST) for name in _TEXTS.values()),
        row["level"],
        percent(row["level_confidence"]),
        *does,
        line(site, _LONGEST),
        seconds(row["first"]),
        seconds(row["last"]),
    )


INVENTORY = Inventory("watchlist", {"watchlist": _COLUMNS}, _lines)
