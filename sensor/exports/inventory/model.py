"""The shape of an inventory for another system: tables with columns, and the lines that an asset is in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""An asset as the database has it: its row in the JSON document, and `addresses`, the latest first."""

Line = tuple[str, Sequence[object]]
"""The table that it goes into, and a cell for each of the table's columns."""


def addresses(row: Row) -> dict[str, Mapping[str, Any]]:
    """By each IP of an asset where it has it: with its own MAC rather than with a router's, and latest rather than before."""
    placed: dict[str, Mapping[str, Any]] = {}
    for address in sorted(row["addresses"], key=lambda address: address["mac"] is None):
        if address["ip"]:
            placed.setdefault(address["ip"], address)
    return {ip: placed[ip] for ip in row["ips"] if ip in placed}


@dataclass(frozen=True, slots=True)
class Inventory:
    """What another system takes in.

    name: on the command line. tables: their columns, by name, in the order in which they are to be taken in.
    lines: of assets in that order, which come one by one, at the site of that name; what came before is remembered only as far as names
    have to differ.
    """

    name: str
    tables: Mapping[str, tuple[str, ...]]
    lines: Callable[[Iterable[Row], str], Iterator[Line]]
