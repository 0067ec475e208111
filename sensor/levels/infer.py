"""The level of each asset, from its own evidence and then from that of its neighbours."""

from collections.abc import Mapping

from sensor.conduits.model import Site
from sensor.inventory.addresses import is_public
from sensor.inventory.model import Asset, Evidence, Level
from sensor.inventory.names import pin_matches
from sensor.inventory.profile import Profile
from sensor.inventory.traits import Traits, exchanges
from sensor.levels import context, deeds
from sensor.levels.context import Company, shown
from sensor.levels.network import network_of, networks_of
from sensor.levels.subject import Subject
from sensor.levels.weigh import STRONG, spoken_for, weigh

ROUNDS = 4
"""Office, its servers, what stands between them and the plant, and their neighbours."""

OUTSIDE = 5.0


def levels_of(assets: Mapping[str, Asset], profiles: Mapping[str, Profile], site: Site) -> Mapping[str, Level]:
    """The level of every asset. The assets have their kind, roles and fields, but no level yet."""
    subjects = _subjects(assets, profiles)
    own = {name: deeds.evidence_of(subject) for name, subject in subjects.items()}
    fixed = _fixed(subjects, own, site)
    for name, subject in subjects.items():
        subject.own = _weighed(subject, own[name])
    levels = {name: fixed.get(name) or subject.own for name, subject in subjects.items()}
    stale = set(subjects)
    for _ in range(ROUNDS):
        company = Company(subjects, dict(levels))
        judged = {name: fixed.get(name) or _judged(subjects[name], company, own[name]) for name in sorted(stale)}
        levels |= judged
        moved = {name for name, level in judged.items() if company.at(name) != shown(subjects[name], level)}
        stale = _touched(subjects, moved)
    return levels


def _touched(subjects: Mapping[str, Subject], moved: set[str]) -> set[str]:
    """Whose company has changed: of the others the same would be concluded again."""
    networks = {subjects[name].network for name in moved}
    return {
        name
        for name, subject in subjects.items()
        if name in moved or (subject.network and subject.network in networks) or not moved.isdisjoint(subject.networks)
    }


def _judged(subject: Subject, company: Company, own: tuple[Evidence, ...]) -> Level:
    added = _company(subject, company, own)
    return _weighed(subject, own + added) if added else subject.own


def _company(subject: Subject, company: Company, own: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Of the silent and of those that only talk to groups nothing is concluded from their company."""
    shows = own or subject.seen.serves_to or subject.seen.asks_of or subject.seen.realtime
    return context.evidence_of(subject, company) if shows else ()


def _weighed(subject: Subject, evidence: tuple[Evidence, ...]) -> Level:
    seen = subject.seen
    plenty = sum(exchanges(use) for use in (*seen.answered, *seen.polled)) >= deeds.ENOUGH_EXCHANGES
    return weigh(evidence, exchanged=plenty and any(piece.weight >= STRONG for piece in evidence))


def _subjects(assets: Mapping[str, Asset], profiles: Mapping[str, Profile]) -> dict[str, Subject]:
    networks = {name: network_of(asset.ips) for name, asset in assets.items()}
    outside = {name for name, asset in assets.items() if asset.outside}
    found = {}
    for name, asset in assets.items():
        seen = Traits(profiles[name])
        peers = {talk.peer for talk in profiles[name].talks}
        near = {peer: networks.get(peer) for peer in peers}
        stands = networks.get(asset.parent or name)
        legs = frozenset(networks_of(asset.ips)) or frozenset((stands,) if stands else ())
        found[name] = Subject(asset, seen, near, frozenset(peers & outside), network=stands, legs=legs)
    return found


def _fixed(subjects: Mapping[str, Subject], own: Mapping[str, tuple[Evidence, ...]], site: Site) -> dict[str, Level]:
    """Levels that behaviour does not change: the operator's, and that of the outside."""
    found = {}
    homes = _homes(subjects)
    for name, subject in subjects.items():
        asset = subject.asset
        pin = next((pin for pin in site.pins if pin.level is not None and pin_matches(pin, asset)), None)
        if pin is not None and pin.level is not None:
            found[name] = _certain(pin.level, f"the site file says so ({pin.match})", "site file", asset, own[name], pinned=True)
        elif asset.outside and subject.network not in homes:
            found[name] = _certain(OUTSIDE, "its address is public", "addresses", asset, own[name])
    return found


def _certain(value: float, because: str, source: str, asset: Asset, own: tuple[Evidence, ...], *, pinned: bool = False) -> Level:
    said = Evidence(f"{value:g}", because, source, 10.0, asset.first, asset.last)
    judged = weigh(own)
    pieces = (*judged.evidence, *judged.against)
    agreeing = tuple(piece for piece in pieces if value in spoken_for(piece.says))
    against = tuple(piece for piece in pieces if piece not in agreeing)
    return Level(value, 1.0, settled=True, pinned=pinned, evidence=(said, *agreeing), against=against)


def _homes(subjects: Mapping[str, Subject]) -> set[str | None]:
    """Subnets of public addresses that are the plant's own.

    A sensor in a plant sees no two hosts of the Internet talk to each other. So home are two of one subnet that talk, and two that take
    part in control within one network of two equal octets. Where no host at all has a private address, nothing tells which side is home:
    those who take part in control are not called outside.
    """
    public = [subject for subject in subjects.values() if subject.asset.outside and any(map(is_public, subject.asset.ips))]
    nowhere_else = not any(subject.network and not subject.asset.outside for subject in subjects.values())
    return {subject.network for subject in public if _is_home(subject, anywhere=nowhere_else)}


def _is_home(subject: Subject, *, anywhere: bool) -> bool:
    partners = subject.seen.partners
    if anywhere and partners:
        return True
    near = (peer for peer, network in subject.networks.items() if network is not None and network == subject.network)
    return any(peer != subject.asset.id for peer in near) or any(_alike(subject.network, subject.networks.get(peer)) for peer in partners)


def _alike(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.split(".")[:2] == other.split(".")[:2]
