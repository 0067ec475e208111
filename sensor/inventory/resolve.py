"""Which addresses are one thing: endpoints and facts in, holders of addresses out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from sensor.capture import Endpoint, Fact
from sensor.inventory.model import Address


@dataclass(frozen=True, slots=True)
class Holder:
    """One thing that has addresses.

    id: derived from the address that was seen first, so that it stays when more are found.
    addresses: latest first.
    routes: its MAC stands for many other addresses.
    """

    id: str
    addresses: tuple[Address, ...]
    first: int
    last: int
    routes: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """Why addresses were taken for one thing, or for several: the merge log."""

    asset: str
    what: str
    because: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """All holders, and who holds an address."""

    holders: Mapping[str, Holder] = field(default_factory=dict)
    log: tuple[Merge, ...] = ()
    by_address: Mapping[tuple[str | None, str | None, int | None], str] = field(default_factory=dict)

    def find(self, mac: str | None, ip: str | None, vlan: int | None) -> str | None:
        """Id of the holder of an address as a row gives it; None where nothing with that address ever sent."""
        for key in ((mac, ip, vlan), (None, ip, vlan), (None, ip, None)) if ip else ((mac, None, vlan), (mac, None, None)):
            if (found := self.by_address.get(key)) is not None:
                return found
        return None


def resolve(endpoints: Iterable[Endpoint], facts: Iterable[Fact]) -> Resolution:
    """Find out which endpoints are one thing."""
    holders: dict[str, Holder] = {}
    by_address: dict[tuple[str | None, str | None, int | None], str] = {}
    del facts
    for row in sorted(endpoints, key=lambda row: (row.first, row.id)):
        key = (None, row.ip, row.vlan) if row.ip else (row.mac, None, row.vlan)
        name = by_address.get(key) or asset_id(row.ip or row.mac or "", row.vlan)
        address = Address(row.mac, row.ip, row.vlan, row.first, row.last)
        known = holders.get(name)
        addresses = (address, *known.addresses) if known else (address,)
        first, last = min(a.first for a in addresses), max(a.last for a in addresses)
        holders[name] = Holder(name, addresses, first, last)
        by_address[key] = by_address[row.mac, row.ip, row.vlan] = name
        by_address.setdefault((None, row.ip, None) if row.ip else (row.mac, None, None), name)
    return Resolution(holders, (), by_address)


def asset_id(address: str, vlan: int | None) -> str:
    """Ten hexadecimal digits that tell an asset by the address it was first seen with."""
    text = address if vlan is None else f"{address}@{vlan}"
    return blake2b(text.encode(), digest_size=5).hexdigest()
