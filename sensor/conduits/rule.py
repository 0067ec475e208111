"""Rules that the operator writes in the site file: conditions on what was done, by whom, to what, when and how often."""

from dataclasses import dataclass, field
from typing import Literal

from sensor.conduits.schedule import Schedule
from sensor.detections.model import Outcome
from sensor.inventory.model import Kind, Role
from sensor.protocols import Intent


@dataclass(frozen=True, slots=True)
class When:
    """What must hold for a rule to match; what is not given may be anything. Of several values one suffices.

    functions: numbers, or names with * and ?. objects: texts with * and ?, or ranges that the touched object lies in. levels: as numbers.
    schedule: only then. at_least: requests in all; in_a_minute: in any one minute.
    """

    protocols: tuple[str, ...] = ()
    functions: tuple[int | str, ...] = ()
    intents: tuple[Intent, ...] = ()
    objects: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    from_zones: tuple[str, ...] = ()
    to_zones: tuple[str, ...] = ()
    from_levels: tuple[float, ...] = ()
    to_levels: tuple[float, ...] = ()
    from_roles: tuple[Role, ...] = ()
    to_roles: tuple[Role, ...] = ()
    from_types: tuple[Kind, ...] = ()
    to_types: tuple[Kind, ...] = ()
    schedule: Schedule | None = None
    at_least: int = 1
    in_a_minute: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the site file. Its alerts have the id `site.` and its name."""

    name: str
    title: str = ""
    severity: Literal["info", "low", "medium", "high", "critical"] = "medium"
    techniques: tuple[str, ...] = ()
    when: When = field(default=When())
