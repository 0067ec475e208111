"""A plant in words, for tests of what is concluded: hosts, and who asked whom for what, with how many answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sensor.conduits.model import Site
from sensor.inventory.kinds import classify
from sensor.inventory.model import Address, Asset, Evidence, Field, Level
from sensor.inventory.profile import Profile, Use
from sensor.inventory.traits import Traits
from sensor.levels.infer import levels_of
from sensor.protocols import Intent


@dataclass(frozen=True)
class Row:
    """What a conversation says, as far as types and levels look at it."""

    transport: str
    port: int | None
    packets: tuple[int, int]
    connections: int = 1
    refused: int = 0
    protocol: str | None = None
    by_port: bool = False


@dataclass(frozen=True)
class Talk:
    """A conversation of one end."""

    row: Row
    peer: str
    as_server: bool
    operations: tuple[()] = ()


@dataclass(frozen=True)
class Fact:
    """A piece of identity."""

    key: str
    value: str
    source: str
    id: int = 0
    unit: str = ""
    first: int = 0
    last: int = 0


@dataclass
class Plant:
    """Hosts by name; what they did is added in words, and `levels` concludes."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)

    def host(self, name: str, ip: str | None = None, *facts: tuple[str, str, str], vendor: str | None = None, **options: Any) -> "Plant":
        """A host with its address, facts as (source, key, value), and the maker of its network adapter."""
        told = [Fact(key, value, source, number) for number, (source, key, value) in enumerate(facts)]
        mac = f"00:00:00:00:00:{len(self.assets):02x}"
        made = Field(vendor, 0.5, (Evidence(vendor, "its MAC address", "mac prefix", 0.5, 0, 0),)) if vendor else Field()
        address = tuple(Address(mac, one, None, 0, 0) for one in (ip.split(",") if ip else (None,)))
        self.profiles[name] = Profile(name, facts=tuple(told), routes=options.pop("routes", False))
        self.assets[name] = Asset(name, name, address, fields={"vendor": made}, **options)
        return self

    def asks(
        self, client: str, protocol: str, *servers: str, reads: int = 0, intent: Intent = Intent.READ, answers: int | None = None
    ) -> "Plant":
        """A client asked servers; of services, reads stays 0. answers: 0 where the servers stay silent."""
        for server in servers:
            got = (reads if answers is None else answers) if reads else (1 if answers is None else answers)
            if client in self.profiles:
                self._side(self.profiles[client].asks, protocol, server, reads, got, intent)
            if server in self.profiles:
                self._side(self.profiles[server].serves, protocol, client, reads, got, intent)
            packets = (max(reads, 1), got)
            for name, peer, as_server in ((client, server, False), (server, client, True)):
                if name in self.profiles:
                    told = self.profiles[name]
                    talk = Talk(Row("tcp", 502, packets, refused=0 if got else 1, protocol=protocol), peer, as_server)
                    told.talks = (*told.talks, talk)
        return self

    @staticmethod
    def _side(uses: dict[str, Use], protocol: str, peer: str, reads: int, got: int, intent: Intent) -> None:
        use = uses.setdefault(protocol, Use(protocol, validated=True))
        use.peers.add(peer)
        use.requests += reads
        use.packets += max(reads, 1) + got
        if reads:
            use.intents[intent] += reads
            use.responses += got
        if got:
            use.answered = True
            use.answered_peers.add(peer)
            use.accepted[intent] += got

    def levels(self, site: Site | None = None) -> Mapping[str, Level]:
        """The levels, after the types."""
        known = {}
        for name, asset in self.assets.items():
            kind, roles = classify(Traits(self.profiles[name]))
            known[name] = replace(asset, kind=kind, roles=roles)
        self.assets = known
        return levels_of(known, self.profiles, site or Site())

    def values(self) -> dict[str, float | None]:
        """The levels as numbers."""
        return {name: level.value for name, level in self.levels().items()}


def names(prefix: str, number: int) -> Iterable[str]:
    """Names with a running number."""
    return [f"{prefix}{count}" for count in range(number)]
