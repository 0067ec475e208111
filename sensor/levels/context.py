"""Evidence for a level in the company that an asset keeps: whom it serves, whom it asks, who stands beside it.

Each rule looks at the levels of the round before. To add one: a function that yields signs, and its row in RULES.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sensor.inventory import traits
from sensor.inventory.model import Evidence, Kind, Level
from sensor.inventory.traits import many, title
from sensor.levels.deeds import Sign, Subject, enters_from_afar, is_controller

SURE = 0.5
"""From which confidence a peer's level counts."""

NEIGHBOURS, MAJORITY = 2, 0.7
"""At least so many classified hosts in the subnet, and so many of them at one level."""

MOVED = Kind.ROUTER, Kind.SWITCH
"""Types that connect levels, and live at none."""


@dataclass(slots=True)
class Company:
    """All assets with the levels of the round before. subnets: how many are at each level, by subnet."""

    subjects: Mapping[str, Subject]
    levels: Mapping[str, Level]
    subnets: dict[str, Counter[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, subject in self.subjects.items():
            level = self.at(name)
            if level is not None and counts_as_neighbour(subject) and subject.network is not None:
                self.subnets.setdefault(subject.network, Counter())[level] += 1

    def at(self, name: str) -> float | None:
        """Where a peer lives, None where that is not known well enough."""
        level = self.levels.get(name)
        return level.value if level is not None and level.confidence >= SURE else None

    def split(self, names: Iterable[str]) -> Counter[float]:
        """How many peers live at which level."""
        return Counter(level for name in names if (level := self.at(name)) is not None)


Rule = Callable[[Subject, Company], Iterator[Sign]]


def serves_plant_or_office(subject: Subject, company: Company) -> Iterator[Sign]:
    """Names, addresses, time, log-ons: a server lives with those it serves, those of a plant in site operations."""
    given = sorted(traits.INFRASTRUCTURE & subject.seen.serves_to.keys())
    if not given or subject.is_kind(*MOVED) or subject.seen.devices:
        return
    levels = company.split(subject.seen.clients(given))
    plant, offices = sum(levels[level] for level in levels if level <= 3), levels[4.0]
    if not plant and not offices:
        return
    says, number, whose = ("3", plant, "the plant") if plant >= offices else ("4", offices, "offices")
    because = f"serves {', '.join(map(title, given[:4]))} to {many(number, 'host')} of {whose}"
    yield Sign(says, because, share=1.0 if number > 1 else 0.7)


def served_by(subject: Subject, company: Company) -> Iterator[Sign]:
    """Where its log-on, name and file servers live, there lives an ordinary computer."""
    if subject.seen.devices or not subject.seen.asks_of:
        return
    names = sorted((traits.DIRECTORY | {"dns", "smb"}) & subject.seen.asks_of.keys())
    levels = company.split(subject.seen.servers(names))
    number, level = max(((levels[level], level) for level in (3.0, 4.0)), default=(0, 0.0))
    if number and levels[3.0] != levels[4.0]:
        yield Sign(f"{level:g}", f"gets {', '.join(map(title, names))} from {many(number, 'server')} of level {level:g}")


def collects(subject: Subject, company: Company) -> Iterator[Sign]:
    """It gets data from operators' servers and polls no controller: site operations."""
    names = sorted(traits.DATABASES | {"opcua", "suitelink", "dcerpc", "smb", "http", "tls"})
    levels = company.split(subject.seen.servers(names))
    if subject.seen.devices or subject.outsiders or not levels[2.0]:
        return
    yield Sign("3", f"gets data from {many(levels[2.0], 'server')} of level 2 and polls no controller")


def jumps(subject: Subject, company: Company) -> Iterator[Sign]:
    """Remote access comes in from above and goes out to below."""
    came = company.split(subject.seen.clients(traits.REMOTE))
    went = company.split(subject.seen.servers(traits.REMOTE))
    above = sum(number for level, number in came.items() if level >= 4)
    below = sum(number for level, number in went.items() if level <= 3)
    if above and below:
        yield Sign("3.5", f"remote access enters it from {many(above, 'host')} above and goes on to {many(below, 'host')} of the plant")


def stands_between(subject: Subject, company: Company) -> Iterator[Sign]:
    """It deals with offices or the outside on one side and with site operations on the other, and stands in a subnet apart."""
    if is_controller(subject) or subject.seen.devices or subject.network is None:
        return
    names = traits.REMOTE | traits.DATABASES | traits.WEB | {"smb", "ftp", "opcua", "mqtt", "amqp", "dcerpc"}
    clients, servers = subject.seen.clients(names), subject.seen.servers(names)
    peers = {peer: level for peer in clients | servers if (level := company.at(peer)) is not None}
    above = {peer for peer, level in peers.items() if level >= 4}
    below = {peer for peer, level in peers.items() if level == 3}
    deep = {peer for peer, level in peers.items() if level <= 2}
    apart = all(subject.networks.get(peer) != subject.network for peer in above | below | deep)
    gives = bool(above & clients or (below | deep) & clients)
    if above and below and gives and apart and len(deep) <= len(below) + 1:
        because = f"deals with {many(len(above), 'host')} above and {many(len(below), 'host')} of site operations, in a subnet apart"
        yield Sign("3.5", because)


def neighbours(subject: Subject, company: Company) -> Iterator[Sign]:
    """Most of its subnet lives at one level: a hint for those that show little themselves."""
    if is_controller(subject) or subject.is_kind(*MOVED) or subject.network is None:
        return
    levels = Counter(company.subnets.get(subject.network, Counter()))
    own = company.at(subject.asset.id)
    if own is not None and counts_as_neighbour(subject):
        levels[own] -= 1
    if subject.seen.is_computer and not subject.seen.devices:
        levels = Counter({level: number for level, number in levels.items() if level >= 3})
    total = sum(levels.values())
    number, level = max(((number, level) for level, number in levels.items()), default=(0, 0.0))
    if total < NEIGHBOURS or number < MAJORITY * total or number < NEIGHBOURS:
        return
    share = (2.0 if level >= 3 and enters_from_afar(subject) else 1.0) * (1.0 if total > NEIGHBOURS else 0.8)
    yield Sign(f"{level:g}", f"{number} of {total} classified hosts of {subject.network} live at level {level:g}", "neighbours", share)


def counts_as_neighbour(subject: Subject) -> bool:
    """Does it say something of the subnet that it stands in?"""
    return not (subject.is_kind(*MOVED) or subject.asset.outside or subject.asset.parent or subject.seen.scans)


RULES: tuple[tuple[float, Rule], ...] = (
    (1.5, serves_plant_or_office),
    (0.7, served_by),
    (1.2, collects),
    (3.0, jumps),
    (2.2, stands_between),
    (0.8, neighbours),
)
"""Weight in log-odds, and the function."""


def evidence_of(subject: Subject, company: Company) -> tuple[Evidence, ...]:
    """All that its company says."""
    told = subject.seen.told
    return tuple(
        Evidence(sign.says, sign.because, sign.source, round(weight * sign.share, 3), told.first, told.last)
        for weight, rule in RULES
        for sign in rule(subject, company)
    )
