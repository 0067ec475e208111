"""Evidence for a level in the company that an asset keeps: whom it serves, whom it asks, who stands beside it.

Each rule looks at the levels of the round before. To add one: a function that yields signs, and its row in RULES.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

from sensor.inventory import traits
from sensor.inventory.model import Evidence, Kind
from sensor.inventory.traits import many, title, works
from sensor.levels.company import MOVED, Company, counts_as_neighbour
from sensor.levels.deeds import HUB, SCADA, enters_from_afar, is_controller, trust
from sensor.levels.subject import Sign, Subject
from sensor.protocols import Intent

NEIGHBOURS, MAJORITY = 2, 0.7
"""At least so many classified hosts in the subnet, and so many of them at one level."""

PLAIN = 0.6
"""Whose own deeds say that much needs no neighbours."""

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
    # What machines of a plant log on at is the plant's, whoever else does.
    mine = plant >= offices or levels[1.0] + levels[2.0] > 1
    says, number, whose = ("3", plant, "the plant") if mine else ("4", offices, "offices")
    because = f"serves {', '.join(map(title, given[:4]))} to {many(number, 'host')} of {whose}"
    yield Sign(says, because, share=1.0 if number > 1 else 0.7)


def hangs_on_hub(subject: Subject, company: Company) -> Iterator[Sign]:
    """Cyclic PROFINET data with one hub and nobody else: a device with inputs and outputs."""
    hubs = [company.subjects[peer] for peer in subject.seen.realtime if peer in company.subjects]
    if len(hubs) == 1 and len(hubs[0].seen.realtime) >= HUB:
        yield Sign("0", f"exchanges cyclic PROFINET data with {hubs[0].asset.name} alone, which does so with several", "profinet")


def serves_hosts(subject: Subject, company: Company) -> Iterator[Sign]:
    """Files, databases, mail, web: a server whose known clients are all of one side lives there."""
    given = sorted((traits.HOST - traits.DIRECTORY - traits.REMOTE) & subject.seen.serves_to.keys())
    if not given or subject.is_kind(*MOVED) or subject.seen.partners:
        return
    clients = {client: level for client in subject.seen.clients(given) if (level := company.at(client)) is not None}
    levels = set(clients.values())
    share = 1.0 if len(clients) > 1 else 0.6
    if levels == {4.0}:
        yield Sign(
            "4", f"serves {', '.join(map(title, given[:4]))} to {many(len(clients), 'host')} of offices and to nobody else", share=share
        )
    elif levels and levels <= {1.0, 2.0, 3.0} and not all(subject.networks.get(client) == subject.network for client in clients):
        yield Sign("3", f"serves {', '.join(map(title, given[:4]))} to {many(len(clients), 'host')} of the plant", share=share)


def sits_in_office(subject: Subject, company: Company) -> Iterator[Sign]:
    """A workstation without any part in control that uses nothing of those who have one, and no site operations beside it."""
    seen = subject.seen
    if not subject.is_kind(Kind.WORKSTATION) or subject.network is None or seen.partners or seen.servers(SCADA):
        return
    beside = company.subnets.get(subject.network, Counter())
    servers = {peer for peers in seen.asks_of.values() for peer in peers}
    if beside[3.0] or beside[3.5] or any(company.below(peer, 3) for peer in servers):
        return
    # Operators' computers whose work is not mirrored log on and save files as well; looking at pages from afar is for offices.
    away = apart(subject, servers) and not any(number for level, number in beside.items() if level < 4)
    looks = away and seen.asks_of.keys() <= traits.WEB | {"dns"}
    yield Sign(
        "4", "is a workstation that uses nothing of the plant" + (", in a subnet apart" if away else ""), share=2.0 if looks else 1.0
    )


def served_by(subject: Subject, company: Company) -> Iterator[Sign]:
    """Where its log-on, name and file servers live, there lives an ordinary computer."""
    if subject.seen.devices or not subject.seen.asks_of:
        return
    names = sorted((traits.DIRECTORY | {"dns"}) & subject.seen.asks_of.keys())
    levels = company.split(subject.seen.servers(names))
    number, level = max(((levels[level], level) for level in (3.0, 4.0)), default=(0, 0.0))
    if number and levels[3.0] != levels[4.0]:
        # Whole offices log on at a plant's servers, too.
        far = level == 3 and apart(subject, subject.seen.servers(names))
        because = f"gets {', '.join(map(title, names))} from {many(number, 'server')} of level {level:g}"
        yield Sign(f"{level:g}", because, share=0.5 if far else 1.0)


def collects(subject: Subject, company: Company) -> Iterator[Sign]:
    """It gets data from operators' servers and polls no controller: one of their stations, or site operations."""
    servers = subject.seen.servers(traits.DATABASES | {"opcua", "suitelink", "dcerpc", "smb", "http", "tls"})
    sources = {server for server in servers if company.at(server) == 2}
    if subject.seen.devices or subject.seen.answered or subject.outsiders or not sources:
        return
    if any(subject.networks.get(server) == subject.network for server in sources):
        yield Sign("2", f"gets data from {many(len(sources), 'server')} of level 2 beside it", share=0.5)
    else:
        pages = sources & subject.seen.servers(traits.WEB) == sources
        because = f"gets data from {many(len(sources), 'server')} of level 2 in another subnet and polls no controller"
        yield Sign("3+" if pages else "3", because, share=0.5 if pages else 1.0)


def reaches_in(subject: Subject, company: Company) -> Iterator[Sign]:
    """It uses what the plant gives, from a subnet in which nobody has any part in the plant: an office, as far as can be seen."""
    seen = subject.seen
    if subject.network is None or seen.answered or seen.work >= traits.CYCLIC or seen.stranger or seen.servers(SCADA):
        return
    if not seen.asks_of:
        return  # what does nothing but control is no office
    used = {peer for peers in seen.got.values() for peer in peers if company.below(peer, 3.5)}
    beside = Counter(company.subnets.get(subject.network, Counter()))
    if (own := company.at(subject.asset.id)) is not None and counts_as_neighbour(subject, own):
        beside[own] -= 1
    if not used or not apart(subject, used) or any(number > 0 for level, number in beside.items() if level < 4):
        return
    if any(company.below(peer, 3) for peers in seen.given.values() for peer in peers):
        return
    yield Sign("4", f"uses {many(len(used), 'host')} of the plant from a subnet that has no part in it")


def looks_over_shoulders(subject: Subject, company: Company) -> Iterator[Sign]:
    """It only reads, from afar, what others work with: a historian or a report rather than an operator."""
    seen = subject.seen
    if not _reads_from_afar(subject):
        return
    operators = {client for device in seen.devices for client in _operators(company, device)} - {subject.asset.id}
    if operators and all(company.subjects[peer].network != subject.network for peer in operators):
        yield Sign("3", f"only reads, from another subnet, what {many(len(operators), 'operator station')} works with")


def _reads_from_afar(subject: Subject) -> bool:
    seen = subject.seen
    if not enters_from_afar(subject) or not seen.devices or seen.engineered:
        return False
    uses = [use for use in seen.polled if works(use)]
    return all(use.intents and not use.intents[Intent.WRITE] and not use.intents[Intent.CONTROL] for use in uses)


def seen_by(subject: Subject, subjects: Mapping[str, Subject]) -> frozenset[str]:
    """All whose levels its rules look at: those it talks to, and of one that looks over shoulders those who work with its devices."""
    devices = subject.seen.devices if _reads_from_afar(subject) else ()
    clients = (subjects[device].seen.clients(traits.POLLED) for device in devices if device in subjects)
    return frozenset(subject.networks).union(*clients)


def face_of(subject: Subject) -> Hashable:
    """What others look at, but for its level: as long as that is the same, nothing else is concluded of them."""
    seen, asset = subject.seen, subject.asset
    is_a = asset.name, asset.kind.value, asset.outside, asset.parent, seen.stranger, subject.own.value is None
    return is_a, subject.network, len(seen.realtime), frozenset(seen.clients(traits.POLLED))


def _operators(company: Company, device: str) -> set[str]:
    known = company.subjects.get(device)
    return {client for client in known.seen.clients(traits.POLLED) if company.at(client) == 2} if known else set()


def tends(subject: Subject, company: Company) -> Iterator[Sign]:
    """Shells and pages of controllers: somebody looks after them."""
    tended = {peer for peer in subject.seen.servers(traits.REMOTE | {"http", "ftp"}) if company.below(peer, 1)}
    if tended and not subject.seen.stranger and not subject.seen.devices:
        yield Sign("2", f"works on {many(len(tended), 'controller')} by remote access or pages", share=1.0 if len(tended) > 1 else 0.8)


def manages(subject: Subject, company: Company) -> Iterator[Sign]:
    """It watches network equipment and devices of the plant."""
    watched = subject.seen.servers({"snmp"})
    plant = {peer for peer in watched if company.below(peer, 3) or (peer in company.subjects and company.subjects[peer].is_kind(*MOVED))}
    if len(plant) > 1 and not subject.seen.partners and not subject.seen.stranger:
        yield Sign("3", f"watches {many(len(plant), 'device')} with SNMP")


def jumps(subject: Subject, company: Company) -> Iterator[Sign]:
    """Remote access comes in from above and goes out to below."""
    came = subject.seen.clients(traits.REMOTE)
    above = {peer for peer in came if company.above(peer, 4)}
    strange = {peer for peer in came if company.at(peer) is None and apart(subject, (peer,))}
    below = {peer for peer in subject.seen.servers(traits.REMOTE) if company.below(peer, 3)}
    if (above or strange) and below:
        whence = f"{many(len(above), 'host')} above" if above else f"{many(len(strange), 'host')} elsewhere"
        because = f"remote access enters it from {whence} and goes on to {many(len(below), 'host')} of the plant"
        yield Sign("3.5", because, share=0.4 if not apart(subject, above | below) else 1.0 if above else 0.6)


def apart(subject: Subject, peers: Iterable[str]) -> bool:
    """Does it stand in another subnet than all of them?"""
    return bool(subject.legs) and all(subject.networks.get(peer) not in subject.legs for peer in peers)


def stands_between(subject: Subject, company: Company) -> Iterator[Sign]:
    """It deals with offices or the outside on one side and with site operations on the other, and stands in a subnet apart."""
    if subject.seen.devices or subject.network is None:
        return
    names = traits.REMOTE | traits.DATABASES | traits.WEB | {"smb", "ftp", "opcua", "mqtt", "amqp", "dcerpc"}
    clients, servers = subject.seen.clients(names), subject.seen.servers(names)
    peers = {peer: level for peer in clients | servers if (level := company.at(peer)) is not None}
    above = {peer for peer, level in peers.items() if level >= 4}
    below = {peer for peer, level in peers.items() if level == 3}
    deep = {peer for peer, level in peers.items() if level <= 2}
    gives = bool(above & clients or (below | deep) & clients)
    if above and (below or deep) and gives and apart(subject, above | below | deep):
        because = f"deals with {many(len(above), 'host')} above and {many(len(below | deep), 'host')} of the plant, in a subnet apart"
        yield Sign("3.5", because, share=1.0 if len(deep) <= len(below) + 1 else 0.7)


def neighbours(subject: Subject, company: Company) -> Iterator[Sign]:
    """Most of its subnet lives at one level: a hint for those that show little themselves."""
    plain = subject.own.confidence >= PLAIN and not enters_from_afar(subject)
    if plain or subject.is_kind(*MOVED) or subject.network is None:
        return
    levels = Counter(company.subnets.get(subject.network, Counter()))
    own = company.at(subject.asset.id)
    if own is not None and counts_as_neighbour(subject, own):
        levels[own] -= 1
    if subject.seen.is_computer and not subject.seen.devices:
        levels = Counter({level: number for level, number in levels.items() if level >= 3})
    total = sum(levels.values())
    number, level = max(((number, level) for level, number in levels.items()), default=(0, 0.0))
    if total < NEIGHBOURS or number < MAJORITY * total or number < NEIGHBOURS:
        return
    share = (1.4 if level >= 3 and enters_from_afar(subject) else 1.0) * (1.0 if total > NEIGHBOURS else 0.8)
    yield Sign(f"{level:g}", f"{number} of {total} classified hosts of {subject.network} live at level {level:g}", "neighbours", share)


RULES: tuple[tuple[float, Rule], ...] = (
    (1.5, serves_plant_or_office),
    (1.4, hangs_on_hub),
    (1.0, serves_hosts),
    (0.5, sits_in_office),
    (0.7, served_by),
    (1.2, collects),
    (0.9, reaches_in),
    (1.8, looks_over_shoulders),
    (1.4, tends),
    (0.8, manages),
    (3.0, jumps),
    (2.2, stands_between),
    (0.8, neighbours),
)
"""Weight in log-odds, and the function."""


def is_swayed(subject: Subject) -> bool:
    """Can the levels of others make a difference? Not to what controls: it lives where its deeds say."""
    return not is_controller(subject)


def evidence_of(subject: Subject, company: Company) -> tuple[Evidence, ...]:
    """All that its company says."""
    told = subject.seen.told
    # Whoever reads a controller's pages or sets its clock; of whom its cyclic data are, no level tells.
    rules = RULES if is_swayed(subject) else [(weight, rule) for weight, rule in RULES if rule is hangs_on_hub]
    return tuple(
        Evidence(sign.says, sign.because, sign.source, round(weight * sign.share * trust(subject, sign), 3), told.first, told.last)
        for weight, rule in rules
        for sign in rule(subject, company)
    )
