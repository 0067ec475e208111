"""What rules of levels look at, and what they answer."""

from dataclasses import dataclass, field

from sensor.inventory.model import Asset, Kind, Level
from sensor.inventory.traits import Traits


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rule saw: the level it speaks for, what was seen, where, and how much of the rule's weight it carries."""

    says: str
    because: str
    source: str = "conversations"
    share: float = 1.0


@dataclass(slots=True)
class Subject:
    """An asset with what it does.

    outsiders: ids of peers that live outside. networks: subnets of peers, by asset id. own: its level by its own deeds alone.
    network: the subnet that it, or what it is a part of, stands in; legs: all of them, where it has a leg in several.
    sees: all that its rules look at; swayed: their levels, and those of its subnet, can make a difference to its own.
    """

    asset: Asset
    seen: Traits
    networks: dict[str, str | None] = field(default_factory=dict)
    outsiders: frozenset[str] = frozenset()
    own: Level = field(default_factory=Level)
    network: str | None = None
    legs: frozenset[str] = frozenset()
    sees: frozenset[str] = frozenset()
    swayed: bool = True

    def is_kind(self, *kinds: Kind) -> bool:
        """Is it of one of these types?"""
        return self.asset.kind.value in kinds
