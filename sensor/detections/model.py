"""The shape of detections: findings in one row's context, and the alerts and incidents that they add up to."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from sensor.capture import Statistics

if TYPE_CHECKING:
    from sensor.baseline.compare import Change
    from sensor.conduits.model import Violation
    from sensor.detections.standing import Clientele
    from sensor.knowledge import Breach, Deed, Dialogue, Knowledge


class Severity(IntEnum):
    """How bad, in the order of it. Its text is the name in lower case."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()


class Engine(StrEnum):
    """What kind of reasoning found it."""

    POLICY = "policy"
    PROTOCOL = "protocol"
    OPERATIONAL = "operational"
    ANOMALY = "anomaly"
    MALWARE = "malware"


class Outcome(StrEnum):
    """What the device answered to what was asked of it."""

    ATTEMPTED = "attempted"  # no answer was seen
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NONE = "none"  # nothing was asked of a device


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happened: the columns by which a SOC looks for an alert. None where it is unknown or not one value.

    source_port, target_port: of the end that serves; a client's port changes from connection to connection.
    operation: the function's name in the specification, several with commas; of violations the intent. function: the protocol's code.
    """

    transport: str | None = None
    source_port: int | None = None
    target_port: int | None = None
    vlan: int | None = None
    operation: str | None = None
    object: str | None = None
    function: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector found in one subject. Findings of one detector with the same source, target, protocol and key are one alert.

    source, target: asset ids, None where the address never sent anything. source_ip, target_ip: as in the packets, the MAC where there
    is no IP.
    confidence: 0 to 1.
    times: when it happened: (first, last, how often) for each episode; after a quiet time the next episode is another alert.
    message: one sentence that a SOC analyst understands without this product: who did what to what, and what the device answered.
    evidence: lines, each with what was seen.
    key: keeps apart what else would be one alert ("stop" of two units).
    severity, techniques: where they differ from the detector's.
    scene: where it is not that of the row that the detector was called for.
    """

    message: str
    times: tuple[tuple[int, int, int], ...]
    source: str | None = None
    target: str | None = None
    source_ip: str | None = None
    target_ip: str | None = None
    protocol: str | None = None
    outcome: Outcome = Outcome.NONE
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    key: str = ""
    severity: Severity | None = None
    techniques: tuple[str, ...] | None = None
    scene: Scene = Scene()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a detector depends on, and that the site file can set."""

    default: float
    unit: str
    about: str


@dataclass(frozen=True, slots=True)
class View:
    """What a detector may look at: all that is known, and its own thresholds by name.

    Worked out once for all detectors: who works with an asset (clienteles), assets by whether they have an engineer (engineered), and
    conversations by whether they are sessions of engineering software (sessions).
    looked: what a detector looked at beyond its subject, and beyond those who take part in it: when that changes, it is asked again. The
    functions that look there note it: a clientele by its server, LAST_SEEN with an asset, LOSS, SPAN, ANYTHING.
    """

    knowledge: "Knowledge"
    thresholds: Mapping[str, float]
    clienteles: "dict[str, Clientele]" = field(default_factory=dict)
    engineered: dict[str, bool] = field(default_factory=dict)
    sessions: dict[int, bool] = field(default_factory=dict)
    looked: set[Hashable] = field(default_factory=set)


LAST_SEEN, LOSS, SPAN, ANYTHING = "when an asset was last seen", "what the capture lacks", "when the capture began and ended", "anything"
"""What a detector can look at besides, see View."""


def lacking(statistics: Statistics) -> float:
    """How much more there was than was captured, as a share of that: what the mirror lost, or the sensor had no room for."""
    lost = max(statistics.counters.get(name, 0) for name in ("lost_segments", "kernel_dropped"))
    return lost / statistics.packets if statistics.packets else 0.0


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector: a row of the registry, and its documentation.

    id: `ot.group.what`. title: Defender for IoT's where the meaning is the same. severity: the usual one.
    techniques: MITRE ATT&CK for ICS v18.1.
    about: what it sees, why that matters, what to do, when it is wrong: the catalogue's text.
    needs: what must have been seen for it to work, "answers of the device", "a baseline".
    covers: titles of Defender for IoT's alert types.
    Exactly one of the `on_` functions is given: it is called for each subject of that kind, once, and again only when the subject, those
    who take part in it, or what else it looked at (see View) has changed; on_capture whenever anything has.
    group_of: what on_group is called for together: operations with the same value; None: not at all.
    functions: (protocol, function) of the only operations that on_deed is called for; None: all.
    rejected_only: on_deed is called only for operations of which something was rejected.
    kinds: of the only anomalies that on_breach is called for; None: all.
    """

    id: str
    title: str
    severity: Severity
    engine: Engine
    about: str
    techniques: tuple[str, ...] = ()
    needs: str = ""
    covers: tuple[str, ...] = ()
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    enabled: bool = True
    functions: "frozenset[tuple[str, int]] | None" = None
    rejected_only: bool = False
    kinds: "frozenset[str] | None" = None
    on_deed: "Callable[[Deed, View], Iterable[Finding]] | None" = None
    on_dialogue: "Callable[[Dialogue, View], Iterable[Finding]] | None" = None
    on_breach: "Callable[[Breach, View], Iterable[Finding]] | None" = None
    on_asset: "Callable[[str, View], Iterable[Finding]] | None" = None
    group_of: "Callable[[Deed], Hashable] | None" = None
    on_group: "Callable[[Sequence[Deed], View], Iterable[Finding]] | None" = None
    on_violation: "Callable[[Violation, View], Iterable[Finding]] | None" = None
    on_change: "Callable[[Change, View], Iterable[Finding]] | None" = None
    on_capture: "Callable[[View], Iterable[Finding]] | None" = None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong: raised once, then counted.

    id: the same for the same thing in the same capture, whenever and however it was found.
    thing: the same for what is wrong whenever it happens: by it an alert is known that comes back after a quiet time.
    rule: the detector's id.
    """

    id: str
    rule: str
    title: str
    engine: Engine
    severity: Severity
    message: str
    first: int
    last: int
    count: int
    source: str | None = None
    target: str | None = None
    source_ip: str | None = None
    target_ip: str | None = None
    protocol: str | None = None
    techniques: tuple[str, ...] = ()
    outcome: Outcome = Outcome.NONE
    confidence: float = 1.0
    evidence: tuple[str, ...] = ()
    scene: Scene = Scene()
    thing: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that one actor caused: the story they tell together."""

    id: str
    title: str
    severity: Severity
    alerts: tuple[str, ...]
    actor: str | None
    first: int
    last: int
