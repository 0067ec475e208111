"""All that is known: assets with their levels, who did what to whom, what breaks the policy, what is wrong. `sensor.pipeline` makes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sensor.capture import Anomaly, Conversation, Operation, Statistics
from sensor.conduits.model import Site, Violation
from sensor.detections.model import Alert, Incident, Outcome
from sensor.inventory.model import Asset, Level
from sensor.inventory.profile import Profile, meaning
from sensor.inventory.resolve import Resolution
from sensor.observations import Observations
from sensor.protocols import Function, Intent

if TYPE_CHECKING:
    from sensor.baseline.compare import Change


_SHORT = 10
"""Packets of a conversation of which nobody knows why one direction lacks."""


@dataclass(slots=True)
class Party:
    """One end of a conversation: its address in the packets, and the asset where it is known.

    asset: None where that address never sent anything, and for multicast and broadcast; else as it is known now: all conversations in
    which it takes part with this address share its party.
    """

    address: str
    asset: Asset | None

    @property
    def id(self) -> str | None:
        """The asset's id."""
        return self.asset.id if self.asset else None

    @property
    def zone(self) -> str | None:
        """The asset's zone."""
        return self.asset.zone if self.asset else None

    @property
    def level(self) -> Level:
        """The asset's level; unknown where there is no asset."""
        return self.asset.level if self.asset else Level()

    @property
    def name(self) -> str:
        """For messages: "Boiler PLC (10.20.1.12)", or the bare address."""
        if self.asset is None or self.asset.name == self.address:
            return self.address
        if self.address in self.asset.name.split():
            return self.asset.name
        return f"{self.asset.name} ({self.address})"


@dataclass(frozen=True)
class Dialogue:
    """A conversation in its context."""

    row: Conversation
    client: Party
    server: Party
    operations: tuple[Operation, ...] = field(repr=False)

    @cached_property
    def deeds(self) -> tuple["Deed", ...]:
        """Its operations with what they mean."""
        return tuple(Deed(row, self, meaning(row.protocol, row.function, row.subfunction)) for row in self.operations)

    @cached_property
    def ways(self) -> int:
        """In how many directions it was seen: 0 where it is no TCP or too short to tell."""
        packets = self.row.packets
        return sum(map(bool, packets)) if self.row.transport == "tcp" and sum(packets) > _SHORT else 0


@dataclass(frozen=True, slots=True)
class Deed:
    """An operation in its context: who asked whom for what, and how it ended."""

    row: Operation
    dialogue: Dialogue
    function: Function

    @property
    def client(self) -> Party:
        """Who asked."""
        return self.dialogue.client

    @property
    def server(self) -> Party:
        """Who was asked."""
        return self.dialogue.server

    @property
    def intent(self) -> Intent:
        """What the client wanted."""
        return self.function.intent

    @property
    def outcome(self) -> Outcome:
        """What the device answered: accepted where any of the requests was."""
        if self.row.responses > self.row.errors:
            return Outcome.ACCEPTED
        return Outcome.REJECTED if self.row.errors else Outcome.ATTEMPTED


@dataclass(frozen=True, slots=True)
class Breach:
    """An anomaly in its context; dialogue is None where a full table dropped the conversation."""

    row: Anomaly
    dialogue: Dialogue | None


@dataclass
class Knowledge:
    """All that is known at one moment. Assets include sub-assets, which name their parent."""

    site: Site
    observations: Observations
    resolution: Resolution
    profiles: dict[str, Profile] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    dialogues: Mapping[int, Dialogue] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    alerts: tuple[Alert, ...] = ()
    incidents: tuple[Incident, ...] = ()
    left_out: int = 0
    """Endpoints beyond the cap, of which nothing was concluded."""
    changes: "tuple[Change, ...]" = ()
    """What differs from the baseline; empty where there is none."""
    fresh: frozenset[str] = frozenset()
    """Ids of the assets that the baseline does not know."""

    @property
    def statistics(self) -> Statistics | None:
        """Totals of the capture."""
        return self.observations.statistics

    @property
    def deeds(self) -> Iterator[Deed]:
        """Every operation in its context."""
        return (deed for dialogue in self.dialogues.values() for deed in dialogue.deeds)

    @property
    def breaches(self) -> Iterator[Breach]:
        """Every anomaly in its context."""
        return (Breach(row, self.dialogues.get(row.conversation)) for row in self.observations.anomalies.values())

    def breach(self, number: int) -> Breach | None:
        """An anomaly in its context, by its id."""
        row = self.observations.anomalies.get(number)
        return Breach(row, self.dialogues.get(row.conversation)) if row is not None else None

    def dialogues_of(self, asset: str) -> Iterator[Dialogue]:
        """The conversations of an asset."""
        known = self.profiles.get(asset)
        return (self.dialogues[talk.row.id] for talk in known.talks) if known else iter(())
