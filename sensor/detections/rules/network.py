"""The network below the protocols: who claims whose address, and addresses and ports that must not be."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from ipaddress import ip_address

from sensor.detections.model import ANYTHING, Detector, Engine, Finding, Severity, View
from sensor.detections.words import of_breach, of_dialogue
from sensor.knowledge import Breach, Dialogue


def _told(what: str) -> Callable[[Breach, View], Iterator[Finding]]:
    def on_breach(breach: Breach, view: View) -> Iterator[Finding]:
        del view
        yield of_breach(breach, f"{what}: {breach.row.detail}")

    return on_breach


def _conflicts(view: View) -> Iterator[Finding]:
    """One for each address; its source is who came last."""
    breaches = [breach for breach in view.knowledge.breaches if breach.row.protocol == "arp"]
    moves = [breach for breach in breaches if breach.row.kind == "address_moved"]
    conflicts: dict[str, list[Breach]] = {}
    for breach in breaches:
        if breach.row.kind == "address_conflict":
            conflicts.setdefault(breach.row.detail, []).append(breach)
    for detail, rows in conflicts.items():
        address = detail.split(" ", 1)[0]
        newcomer = next((move.dialogue.client for move in moves if move.dialogue and move.row.detail.split(" ", 1)[0] == address), None)
        yield Finding(
            message=f"Two devices claim one IP address: {detail}",
            times=tuple((breach.row.first, breach.row.last, breach.row.count) for breach in rows),
            source=newcomer.id if newcomer else None,
            source_ip=newcomer.address if newcomer else None,
            target_ip=address,
            protocol="arp",
            evidence=(detail,),
        )


def _port_zero(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    del view
    row = dialogue.row
    if row.port == 0 and row.transport in ("tcp", "udp"):
        message = f"{dialogue.client.name} spoke to port 0 of {dialogue.server.name}, which nothing can use"
        yield of_dialogue(dialogue, message, ((row.first, row.last, sum(row.packets)),))


@lru_cache(maxsize=65536)
def _is_illegal(ip: str) -> tuple[bool, bool]:
    """Of a group or all, or of a host to itself."""
    source = ip_address(ip)
    return source.is_multicast or ip == "255.255.255.255", source.is_loopback


def _illegal_address(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    del view
    row = dialogue.row
    if row.client_ip is None or row.client_mac is None:
        return
    group, loop = _is_illegal(row.client_ip)
    loop = loop and int(row.client_mac.replace(":", ""), 16) != 0
    if group or loop:
        kind = "a group address" if group else "a loopback address"
        message = f"A packet to {dialogue.server.name} came from {row.client_ip}, {kind}, which no device can have"
        yield of_dialogue(dialogue, message, ((row.first, row.last, sum(row.packets)),))


def _no_lease(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    row = dialogue.row
    if row.protocol != "dhcp" or row.client_ip not in (None, "0.0.0.0") or row.packets[1] or row.packets[0] < 3:  # noqa: S104 - a client without address
        return
    view.looked.add(ANYTHING)
    told = view.knowledge.resolution.find(row.client_mac, None, row.vlan)
    if told is None or not view.knowledge.assets[told].ips:
        message = f"{row.client_mac} asked {row.packets[0]} times for an IP address with DHCP and got none"
        yield of_dialogue(dialogue, message, ((row.first, row.last, row.packets[0]),))


ROWS = (
    Detector(
        id="ot.network.address_conflict",
        title="ARP Spoofing",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=(
            "Two devices claim one IP address by turns: one was given an address that is taken, or one poses as the other "
            "to read and change what "
            "is said to it. Find both by their MAC addresses at the switch. Redundant pairs without a virtual MAC do so "
            "when they change over."
        ),
        techniques=("T0830",),
        covers=("ARP Spoofing",),
        on_capture=_conflicts,
    ),
    Detector(
        id="ot.network.address_moved",
        title="IP Address Moved to Another Device",
        severity=Severity.LOW,
        engine=Engine.ANOMALY,
        about=(
            "An IP address is now at another MAC address: a device was replaced, a redundant one took over, or somebody "
            "begins to pose as it."
        ),
        techniques=("T0830",),
        covers=("ARP Spoofing",),
        kinds=frozenset({"address_moved"}),
        on_breach=_told("An IP address moved"),
    ),
    Detector(
        id="ot.network.address_mismatch",
        title="ARP in the Name of Another",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about=(
            "The sender that an ARP message names is not the sender of its frame. Some proxies do; so does somebody who poses as another."
        ),
        techniques=("T0830",),
        covers=("ARP Spoofing",),
        kinds=frozenset({"address_mismatch"}),
        on_breach=_told("ARP in the name of another"),
    ),
    Detector(
        id="ot.network.port_zero",
        title="Illegal Connection Attempt on Port 0",
        severity=Severity.LOW,
        engine=Engine.PROTOCOL,
        about="No service can listen on port 0; scanners use it to tell operating systems apart by how they answer.",
        covers=("Illegal Connection Attempt on Port 0",),
        on_dialogue=_port_zero,
    ),
    Detector(
        id="ot.network.illegal_address",
        title="Illegal IP Address",
        severity=Severity.LOW,
        engine=Engine.OPERATIONAL,
        about="A packet has a sender's address that no device can have: a wrong setting, or a forged packet.",
        covers=("Illegal IP Address",),
        on_dialogue=_illegal_address,
    ),
    Detector(
        id="ot.network.no_lease",
        title="Device Failed to Receive a Dynamic IP Address",
        severity=Severity.LOW,
        engine=Engine.OPERATIONAL,
        about="A device asks for an IP address and nobody gives it one: it works with nobody until somebody does.",
        needs="the answers of the DHCP server",
        covers=("Device Failed to Receive a Dynamic IP Address",),
        on_dialogue=_no_lease,
    ),
)
