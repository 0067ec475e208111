"""What was done in a conversation: the policy judges that, not ports."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from sensor.detections.model import Outcome
from sensor.inventory.addresses import is_public
from sensor.knowledge import Deed, Dialogue, Party
from sensor.protocols import Intent

REMOTE_ACCESS = frozenset(
    "anydesk citrix pcanywhere radmin rdp rexec rlogin ssh teamviewer telnet vnc winrm x11".split()  # noqa: SIM905 - a list of words
)
"""Protocols by which a person works on another machine."""

CHANGES = frozenset({Intent.WRITE, Intent.CONTROL, Intent.PROGRAM, Intent.CONFIGURE})
"""Intents that change something."""

_MAC = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")

ENGINEERING = frozenset({Intent.PROGRAM, Intent.CONTROL})

ADMINISTER = "administer"
"""What remote access is for, in place of an intent."""

USE = "use"
"""What is done with any other service, in place of an intent."""

_NEIGHBOURLY = frozenset(
    "arp browser cdp dhcp dhcpv6 igmp lldp llmnr mdns mrp nbns pn_dcp ptp ssdp stp ws_discovery".split()  # noqa: SIM905 - a list of words
)
"""Chatter of hosts and switches on their link: it crosses nothing."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a client did to a server with one protocol and one intent.

    intent: one of Intent's texts, ADMINISTER or USE. objects: what was touched, the first few, sorted. refused: connections that ended
    before any data.
    """

    dialogue: Dialogue
    protocol: str
    intent: str
    outcome: Outcome
    times: tuple[tuple[int, int, int], ...]
    objects: tuple[str, ...] = ()
    deeds: tuple[Deed, ...] = ()
    refused: bool = False

    @property
    def client(self) -> Party:
        """Who asked."""
        return self.dialogue.client

    @property
    def server(self) -> Party:
        """Who was asked."""
        return self.dialogue.server

    @property
    def changes(self) -> bool:
        """Would it change something?"""
        return self.intent in CHANGES


def acts(dialogue: Dialogue) -> Iterator[Act]:
    """All that was done in a conversation. Sessions are no act of their own where something was done in them."""
    row = dialogue.row
    if row.protocol in _NEIGHBOURLY or not _is_between_two(dialogue):
        return
    groups: dict[tuple[str, str], list[Deed]] = {}
    for deed in dialogue.deeds:
        groups.setdefault((deed.row.protocol, str(deed.intent)), []).append(deed)
    doing = {key: deeds for key, deeds in groups.items() if key[1] not in (Intent.SESSION, Intent.REPORT)}
    for (protocol, intent), deeds in sorted((doing or groups).items()):
        yield _asked(dialogue, protocol, intent, deeds)
    if not groups:
        yield _used(dialogue)


def is_outside(party: Party) -> bool:
    """Is an end on the Internet? One that never answered too."""
    if party.asset is not None:
        return party.asset.outside
    return not _MAC.fullmatch(party.address) and _is_public(party.address)


def _is_public(address: str) -> bool:
    try:
        return is_public(address)
    except ValueError:
        return False


def _is_between_two(dialogue: Dialogue) -> bool:
    """Not to groups, to all, and to oneself."""
    server = dialogue.server
    if dialogue.client.asset is None and not is_outside(dialogue.client):
        return False
    if server.asset is not None:
        return server.id != dialogue.client.id
    return not _is_group(server.address)


def _is_group(address: str) -> bool:
    if _MAC.fullmatch(address):
        return bool(int(address[:2], 16) & 1)
    try:
        ip = ip_address(address)
    except ValueError:
        return True
    return ip.is_multicast or ip.is_unspecified or address.endswith(".255")


def _asked(dialogue: Dialogue, protocol: str, intent: str, deeds: Iterable[Deed]) -> Act:
    deeds = tuple(deeds)
    outcomes = {deed.outcome for deed in deeds}
    outcome = next(known for known in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ATTEMPTED) if known in outcomes)
    times = tuple(sorted((first, last, asked or 1) for deed in deeds for first, last, asked, _ in deed.row.episodes))
    objects = tuple(sorted({deed.row.object for deed in deeds if deed.row.object}))
    return Act(dialogue, protocol, intent, outcome, times, objects, deeds)


def _used(dialogue: Dialogue) -> Act:
    row = dialogue.row
    refused = 0 < row.connections <= row.refused
    port = f"{row.transport}/{row.port}" if row.port is not None and not refused else row.transport  # a scan is one thing, not one a port
    protocol = row.transport if refused and row.by_port else row.protocol or port
    answered = all(row.packets) and row.refused < row.connections
    intent = ADMINISTER if row.protocol in REMOTE_ACCESS else USE
    outcome = Outcome.ACCEPTED if answered else Outcome.ATTEMPTED
    return Act(dialogue, protocol, intent, outcome, ((row.first, row.last, row.connections or 1),), refused=refused)
