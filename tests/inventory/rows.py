"""Rows as the engine gives them, made by hand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    mac: str | None
    ip: str | None
    vlan: int | None = None
    first: int = 0
    last: int = 0
    id: int = 0
    packets: int = 1
    octets: int = 60
    hops: int | None = None


@dataclass(frozen=True)
class Fact:
    mac: str | None
    ip: str | None
    key: str
    value: str
    source: str
    vlan: int | None = None
    unit: str = ""
    first: int = 0
    last: int = 0
    id: int = 0
    count: int = 1


def arp(mac: str, ip: str, first: int = 0, last: int = 0, vlan: int | None = None) -> Fact:
    """A MAC announces an IP address."""
    return Fact(mac, None, "address", ip, "arp", vlan, first=first, last=last)
