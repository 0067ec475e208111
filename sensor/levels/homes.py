"""Subnets of public addresses that are the plant's own.

A sensor in a plant sees no two hosts of the Internet talk to each other. So home are two of one subnet that talk, and two that take
part in control within one network of two equal octets. Where no host at all has a private address, nothing tells which side is home:
those who take part in control are not called outside.
"""

from collections.abc import Iterable, Mapping

from sensor.inventory.addresses import is_public
from sensor.levels.subject import Subject


class Homes:
    """Those subnets, kept up to date."""

    def __init__(self) -> None:
        self.networks: frozenset[str | None] = frozenset()
        self._inside: set[str] = set()
        self._outside: set[str] = set()
        self._at_home: dict[str, str | None] = {}

    def update(self, subjects: Mapping[str, Subject], renewed: Iterable[str], gone: Iterable[str]) -> set[str]:
        """Look at subjects that have changed; all that live outside, where other subnets are home than before."""
        nowhere_else = not self._inside
        looked_at = set(renewed)
        for name in (*gone, *looked_at):
            self._inside.discard(name)
            self._outside.discard(name)
            self._at_home.pop(name, None)
        for name in looked_at:
            subject = subjects[name]
            if subject.asset.outside:
                self._outside.add(name)
            elif subject.network:
                self._inside.add(name)
        if nowhere_else != (not self._inside):
            looked_at |= self._outside
        for name in looked_at & self._outside:
            self._at_home.pop(name, None)
            subject = subjects[name]
            if any(map(is_public, subject.asset.ips)) and _is_home(subject, anywhere=not self._inside):
                self._at_home[name] = subject.network
        networks = frozenset(self._at_home.values())
        if networks == self.networks:
            return set()
        self.networks = networks
        return set(self._outside)


def _is_home(subject: Subject, *, anywhere: bool) -> bool:
    partners = subject.seen.partners
    if anywhere and partners:
        return True
    near = (peer for peer, network in subject.networks.items() if network is not None and network == subject.network)
    return any(peer != subject.asset.id for peer in near) or any(_alike(subject.network, subject.networks.get(peer)) for peer in partners)


def _alike(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.split(".")[:2] == other.split(".")[:2]
