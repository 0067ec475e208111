"""The shape of an inventory for another system: tables with columns, and the lines that an asset is in them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Row = Mapping[str, Any]
"""An asset as the database has it: its row in the JSON document, and `addresses`, the latest first."""

Line = tuple[str, Sequence[object]]
"""The table that it goes into, and a cell for each of the table's columns."""


def addresses(row: Row) -> dict[str, Mapping[str, Any]]:
    """By each IP of an asset where it has it: with its own MAC rather than with a router's, and latest rather than before.

    `last` is when the asset had the IP last, wherever.
    """
    placed: dict[str, dict[str, Any]] = {}
    for address in sorted(row["addresses"], key=lambda address: (address["mac"] is None, -address["last"])):
        if address["ip"]:
            same = placed.setdefault(address["ip"], dict(address))
            same["last"] = max(same["last"], address["last"])
    return {ip: placed[ip] for ip in row["ips"] if ip in placed}


class Held(Generic[T]):
    """By each IP what is to be told of the asset that had it last: others may have had it before."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, T]] = {}

    def add(self, ip: str, last: int, told: T) -> None:
        """An asset had this IP, last at that moment."""
        if ip not in self._held or last > self._held[ip][0]:
            self._held.pop(ip, None)  # those of an asset stay in its order
            self._held[ip] = last, told

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return ((ip, told) for ip, (_, told) in self._held.items())


@dataclass(frozen=True, slots=True)
class Inventory:
    """What another system takes in.

    name: on the command line. tables: their columns, by name, in the order in which they are to be taken in.
    lines: of assets in that order, which come one by one, at the site of that name; what came before is remembered only as far as names
    have to differ, and until it is known who had an address last.
    """

    name: str
    tables: Mapping[str, tuple[str, ...]]
    lines: Callable[[Iterable[Row], str], Iterator[Line]]
