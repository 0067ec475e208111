"""The Purdue reference policy: what holds where nobody has said otherwise (docs/conduits.md).

Each rule sees one act between two levels that are settled, and says how bad it is, or None. The first that speaks decides.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sensor.conduits.acts import ADMINISTER, ENGINEERING, Act, is_outside
from sensor.detections.model import Outcome, Severity
from sensor.inventory.model import Level, Role
from sensor.knowledge import Party
from sensor.protocols import Intent

REPORTING = frozenset({"ntp", "syslog", "snmp", "dns", "dhcp", "dhcpv6", "ptp", "radius", "tacacs", "kerberos", "ldap", "dnp3", "iec104"})
"""What a controller may say upwards unasked."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An act between two levels. dmz: the plant has a DMZ. apart: peers (is_peer) of different cells."""

    act: Act
    source: float
    target: float
    dmz: bool
    apart: bool = False

    @property
    def high(self) -> float:
        """The upper of the two levels."""
        return max(self.source, self.target)

    @property
    def low(self) -> float:
        """The lower of the two levels."""
        return min(self.source, self.target)


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """One rule: its name, as in violations; what it forbids, in words; and the function that judges.

    upper: it speaks only where the upper of both levels is at least this.
    """

    name: str
    title: str
    about: str
    judge: Callable[[Crossing], Severity | None]
    upper: float = 0.0


def _internet(crossing: Crossing) -> Severity | None:
    if not (is_outside(crossing.act.client) or is_outside(crossing.act.server)) or crossing.low > 3:
        return None
    severity = Severity.CRITICAL if crossing.low <= 2 else Severity.HIGH
    return severity if crossing.act.outcome is not Outcome.ATTEMPTED else Severity(severity - 1)


def _enterprise_skip(crossing: Crossing) -> Severity | None:
    if crossing.high != 4 or crossing.low > 2:
        return None
    if crossing.act.changes and crossing.target <= 2:
        return Severity.CRITICAL
    return Severity.HIGH if crossing.act.outcome is not Outcome.ATTEMPTED else Severity.MEDIUM


def _remote_access(crossing: Crossing) -> Severity | None:
    if crossing.act.intent != ADMINISTER or crossing.source == 3.5 or crossing.source <= crossing.target:
        return None
    if crossing.source >= 4 and crossing.target <= 3:
        return Severity.HIGH if crossing.act.outcome is not Outcome.ATTEMPTED else Severity.MEDIUM
    return Severity.MEDIUM if crossing.source == 3 and crossing.target <= 1 else None


def _dmz_bypass(crossing: Crossing) -> Severity | None:
    return Severity.MEDIUM if crossing.dmz and {crossing.source, crossing.target} == {3.0, 4.0} else None


def _field_reach(crossing: Crossing) -> Severity | None:
    return Severity.HIGH if crossing.target == 0 and crossing.source > 2 else None


def _operations_write(crossing: Crossing) -> Severity | None:
    if crossing.target > 1 or crossing.source not in (3.0, 3.5) or _engineers(crossing.act.client):
        return None
    return Severity.HIGH if crossing.act.changes else Severity.LOW


def _direction_reversal(crossing: Crossing) -> Severity | None:
    if crossing.source > 1 or crossing.target < 3 or crossing.act.protocol in REPORTING or crossing.act.outcome is Outcome.ATTEMPTED:
        return None
    return Severity.MEDIUM


def is_peer(source: Level, target: Level) -> bool:
    """Is this a controller, or who operates controllers, at a controller?"""
    return source.settled and target.settled and source.value in (1, 2) and target.value == 1


def _peer_cell(crossing: Crossing) -> Severity | None:
    """A cell is only concluded from addresses here, so that somebody reads is merely worth knowing."""
    act = crossing.act
    if not crossing.apart:
        return None
    if act.changes:
        return Severity.HIGH
    return Severity.LOW if act.intent in (Intent.READ, Intent.UPLOAD) else None


def _engineers(party: Party) -> bool:
    return party.asset is not None and Role.ENGINEERING_WORKSTATION in party.asset.roles


def _ews_role(crossing: Crossing) -> Severity | None:
    """Programs and modes are the business of engineering workstations; operating outputs is that of operators too."""
    act = crossing.act
    if crossing.target > 1 or crossing.source <= 1 or act.intent not in ENGINEERING or _engineers(act.client):
        return None
    if act.protocol == "dnp3" and act.intent == Intent.CONTROL:
        return None  # outstations are restarted and stopped by their master
    programs = act.intent == Intent.PROGRAM or any(deed.function.technique in _MODES for deed in act.deeds)
    if not programs:
        return None
    return Severity.CRITICAL if act.outcome is Outcome.ACCEPTED else Severity.HIGH


_MODES = frozenset({"T0858", "T0809", "T0843", "T0889", "T0857"})
"""Techniques that stop, erase or load a controller. Restarting a device or its communication is a master's business too."""

RULES: tuple[ReferenceRule, ...] = (
    ReferenceRule(
        "internet",
        "Internet contact from the plant",
        "Nothing at or below level 3 talks to the outside.",
        _internet,
        upper=5,
    ),
    ReferenceRule(
        "ews_role",
        "Controller programmed or stopped by no engineering workstation",
        "Programs are loaded, and controllers stopped, by engineering workstations only.",
        _ews_role,
    ),
    ReferenceRule(
        "enterprise_skip",
        "Enterprise reaches into the plant",
        "What is at level 4 meets levels 0 to 2 only by way of the DMZ.",
        _enterprise_skip,
        upper=4,
    ),
    ReferenceRule(
        "remote_access",
        "Remote access past the DMZ",
        "Remote desktops and shells come down only through level 3.5.",
        _remote_access,
        upper=3,
    ),
    ReferenceRule(
        "dmz_bypass",
        "Past the DMZ",
        "Where there is a DMZ, levels 3 and 4 meet in it.",
        _dmz_bypass,
        upper=4,
    ),
    ReferenceRule(
        "field_reach",
        "Reach to field devices",
        "Nothing above level 2 talks to level 0.",
        _field_reach,
        upper=2,
    ),
    ReferenceRule(
        "operations_write",
        "Site operations at a controller",
        "Site operations and the DMZ do not write to controllers; that they read past level 2 is worth knowing.",
        _operations_write,
        upper=3,
    ),
    ReferenceRule(
        "peer_cell",
        "Reach into another cell",
        "Controllers, and the hosts that operate them, do not command controllers of another cell; that they read there is worth knowing.",
        _peer_cell,
    ),
    ReferenceRule(
        "direction_reversal",
        "Controller calls upwards",
        "Controllers do not begin conversations with level 3 or above, but for time, names and reports.",
        _direction_reversal,
        upper=3,
    ),
)
"""In the order in which they are asked."""
