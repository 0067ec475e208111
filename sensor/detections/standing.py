"""Who commands: an engineer, somebody who works with the device anyway, or a stranger. Severities depend on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from sensor.capture import Operation
from sensor.conduits.model import Maintenance, Pin, Site
from sensor.detections.model import Outcome, Severity, View
from sensor.inventory.model import Kind, Role
from sensor.inventory.names import pin_matches
from sensor.inventory.profile import Profile, Talk, meaning
from sensor.knowledge import Deed, Dialogue, Party
from sensor.protocols import Intent

ROUTINE = 10
"""Answered requests of everyday work that make a client one that works with the device."""

MINUTE = 60 * 1_000_000_000
ENTERPRISE = 3.5
SURE = 0.5

EVERYDAY = frozenset({Intent.READ, Intent.WRITE, Intent.REPORT})
"""What a master does with its devices all day; what a stranger asks first is something else."""


CURIOUS = frozenset({Intent.DISCOVER, Intent.DIAGNOSE})
"""What engineering software asks before it changes anything."""

TOOLED = frozenset({"s7comm", "s7comm_plus", "cip", "pccc"})
"""Protocols of engineering software; in Modbus that is UMAS."""

UMAS = 90

QUESTIONS, FUNCTIONS = 10, 5
"""So many of them answered, and so many different functions, make a session of engineering software."""


class Standing(IntEnum):
    """What a client is to the device that it commands."""

    ENGINEER = 0  # an engineering workstation that works with the device
    COLLEAGUE = 1  # works with the device, but is no engineering workstation; or nobody can tell
    STRANGER = 2  # from outside or the enterprise, a scanner, or one that never did everyday work with the device


Severities = tuple[Severity, Severity, Severity]
"""For an engineer, a colleague, a stranger."""


def standing(client: Party, server: Party, view: View) -> Standing:
    """What a client is to a server."""
    asset = client.asset
    if asset is None or is_foreign(client, server):
        return Standing.STRANGER
    if is_told_engineer(client):
        return Standing.ENGINEER
    if not works_with(client, server, view):
        return Standing.STRANGER
    return Standing.ENGINEER if Role.ENGINEERING_WORKSTATION in asset.roles else Standing.COLLEAGUE


def is_foreign(client: Party, server: Party | None = None) -> bool:
    """A scanner, or from outside, the enterprise or the DMZ, where the server is not from there as well."""
    asset = client.asset
    if asset is None:
        return False
    return Role.SCANNER in asset.roles or (_is_above(client) and not (server and _is_above(server)))


def _is_above(party: Party) -> bool:
    asset = party.asset
    if asset is None:
        return False
    level = asset.level
    sure = level.pinned or level.settled or level.confidence >= SURE
    return asset.outside or (level.value is not None and level.value >= ENTERPRISE and sure)


def is_told_engineer(party: Party) -> bool:
    """Did the operator say that it is an engineering workstation? That it behaves so is not enough."""
    asset = party.asset
    if asset is None or asset.kind.value != Kind.ENGINEERING_WORKSTATION:
        return False
    return any(evidence.source == "site file" for evidence in asset.kind.evidence)


@dataclass(frozen=True, slots=True)
class Clientele:
    """Who talks to a server: all of them, those that ask it for something, and those that do everyday work with it, over a while."""

    clients: frozenset[str]
    asking: frozenset[str]
    working: frozenset[str]


def clientele(server: str, view: View) -> Clientele:
    """Who talks to a server, an asset; noted in the view."""
    view.looked.add(server)
    found = view.clienteles.get(server)
    if found is None:
        found = view.clienteles[server] = _clientele(view.knowledge.profiles[server])
    return found


def _clientele(told: Profile) -> Clientele:
    served: dict[str, list[Talk]] = {}
    for talk in told.talks:
        if talk.as_server:
            served.setdefault(talk.peer, []).append(talk)
    asking = frozenset(peer for peer, talks in served.items() if any(talk.operations for talk in talks))
    return Clientele(frozenset(served), asking, frozenset(peer for peer in asking if _is_at_work(served[peer])))


def look_again(server: str, view: View) -> bool:
    """The conversations of an asset have changed: has its clientele?"""
    before = view.clienteles.pop(server, None)
    if before is None:
        return False
    told = view.knowledge.profiles.get(server)
    if told is not None:
        view.clienteles[server] = _clientele(told)
    return view.clienteles.get(server) != before


def works_with(client: Party, server: Party, view: View) -> bool:
    """Does the client do everyday work with the server, over more than a moment?"""
    return client.id is not None and server.id is not None and client.id in clientele(server.id, view).working


def _is_at_work(talks: Iterable[Talk]) -> bool:
    rows = [
        row
        for talk in talks
        for row in talk.operations
        if row.responses > row.errors and meaning(row.protocol, row.function, row.subfunction).intent in EVERYDAY
    ]
    if sum(row.responses - row.errors for row in rows) < ROUTINE:
        return False
    return max(row.last for row in rows) - min(row.first for row in rows) >= MINUTE


def weigh(severities: Severities, deed: Deed, view: View) -> Severity:
    """The severity of a command: by who gave it, what came of it, whether work was announced, and what it was given to."""
    if deed.client.address == deed.server.address:
        return min(severities[Standing.COLLEAGUE], Severity.LOW)  # a simulation in one host: nobody reached a device
    known = standing(deed.client, deed.server, view)
    severity = severities[known]
    if known is Standing.STRANGER and _is_credible(severity, deed, view):
        severity = max(severities[Standing.COLLEAGUE], min(severity, Severity.MEDIUM))
    if deed.outcome is Outcome.REJECTED and severity > Severity.MEDIUM:
        severity = Severity(severity - 1)
    if is_maintenance(view, deed.row.first, deed.client, deed.server):
        severity = Severity(max(severity - 1, Severity.INFO))
    if severity >= Severity.LOW and _is_vital(deed.server, view.knowledge.site):
        severity = Severity(min(severity + 1, Severity.CRITICAL))
    return severity


def _is_credible(severity: Severity, deed: Deed, view: View) -> bool:
    """May a host that did no everyday work yet be the one whose business this is?

    Of one that goes about it like engineering software nothing else can be told from a short capture, unless the device has its engineer.
    Nor of the only client that a device has, except where the command is grave: an attacker too can be the only one.
    """
    if is_foreign(deed.client, deed.server) or _has_engineer(deed.server, view):
        return False
    if _is_engineering_session(deed.dialogue, view):
        return True
    return severity < Severity.CRITICAL and _is_only_client(deed.client, deed.server, view)


def _is_engineering_session(dialogue: Dialogue, view: View) -> bool:
    """Is the device asked what it is and how it is, with many functions, as tools do before and while they work?"""
    number = dialogue.row.id
    if number not in view.sessions:
        rows = [row for row in dialogue.operations if row.responses > row.errors and _is_for_engineers(row)]
        curious = sum(row.responses - row.errors for row in rows if meaning(row.protocol, row.function, row.subfunction).intent in CURIOUS)
        functions = {(row.protocol, row.function, row.subfunction) for row in rows}
        view.sessions[number] = curious >= QUESTIONS and len(functions) >= FUNCTIONS
    return view.sessions[number]


def _is_for_engineers(row: Operation) -> bool:
    return row.protocol in TOOLED or (row.protocol == "modbus" and row.function == UMAS)


def _has_engineer(server: Party, view: View) -> bool:
    """Has the device an engineer? Who commands is none, or it would be no stranger."""
    if server.id is None:
        return False
    asking = clientele(server.id, view).asking
    if server.id not in view.engineered:
        clients = (Party("", asset) for peer in sorted(asking) if (asset := view.knowledge.assets.get(peer)) is not None)
        view.engineered[server.id] = any(standing(client, server, view) is Standing.ENGINEER for client in clients)
    return view.engineered[server.id]


def _is_only_client(client: Party, server: Party, view: View) -> bool:
    return server.id is not None and clientele(server.id, view).asking <= {client.id}


def _is_vital(party: Party, site: Site) -> bool:
    """In a safety zone, or critical in the operator's words."""
    asset = party.asset
    if asset is None:
        return False
    return asset.criticality == "critical" or any(zone.safety and zone.name == asset.zone for zone in site.zones)


def is_maintenance(view: View, time: int, source: Party, target: Party) -> bool:
    """Had the operator announced work by this one at that one at that time?"""
    return any(_is_open(window, time) and _is_meant(window, source, target) for window in view.knowledge.site.maintenance)


def _is_open(window: Maintenance, time: int) -> bool:
    moment = datetime.fromtimestamp(time // 1_000_000_000, UTC)
    start, end = (at if at is None or at.tzinfo else at.replace(tzinfo=UTC) for at in (window.start, window.end))
    if (start is not None and moment < start) or (end is not None and moment > end):
        return False
    return window.schedule is None or window.schedule.holds(time)


def _is_meant(window: Maintenance, source: Party, target: Party) -> bool:
    if window.actors and not _is_one_of(source, window.actors):
        return False
    if not window.zones and not window.assets:
        return True
    zone = target.asset.zone if target.asset else None
    return zone in window.zones or _is_one_of(target, window.assets)


def _is_one_of(party: Party, matches: tuple[str, ...]) -> bool:
    asset = party.asset
    return party.address in matches or (asset is not None and any(pin_matches(Pin(match), asset) for match in matches))
