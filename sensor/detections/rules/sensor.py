"""What the sensor itself cannot see."""

from collections import Counter
from collections.abc import Iterator
from operator import attrgetter

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View


def _nothing(view: View) -> Iterator[Finding]:
    statistics = view.knowledge.statistics
    if statistics is None or not statistics.packets:
        yield Finding("No packet was seen: the mirror port is off, or the wrong interface is listened to", ((0, 0, 1),))


def _span(view: View) -> tuple[int, int]:
    statistics = view.knowledge.statistics
    return (statistics.first or 0, statistics.last or 0) if statistics else (0, 0)


def _loss(view: View) -> Iterator[Finding]:
    statistics = view.knowledge.statistics
    if statistics is None or statistics.packets < view.thresholds["packets"]:
        return
    dropped, lost = (statistics.counters.get(name, 0) for name in ("kernel_dropped", "lost_segments"))
    if dropped >= view.thresholds["dropped"]:
        text = f"The sensor had no time for {dropped:,} packets, beside {statistics.packets:,} that it has taken up"
        yield Finding(f"{text}: what happened in them is not known", ((*_span(view), 1),))
    elif lost / statistics.packets >= view.thresholds["share"]:
        text = f"The capture lacks {lost:,} TCP segments that were sent, for {statistics.packets:,} packets that it has"
        yield Finding(f"{text}: what is concluded from silence is less sure", ((*_span(view), 1),))


_WAYS = attrgetter("ways")


def _one_way(view: View) -> Iterator[Finding]:
    seen = Counter(map(_WAYS, view.knowledge.dialogues.values()))
    single, talks = seen[1], seen[1] + seen[2]
    if talks >= view.thresholds["conversations"] and single > talks / 2:
        yield Finding(f"{single} of {talks} TCP conversations were seen in one direction only: the mirror shows half", ((*_span(view), 1),))


ROWS = (
    Detector(
        id="ot.sensor.no_traffic",
        title="No Traffic Detected on Sensor Interface",
        severity=Severity.HIGH,
        engine=Engine.OPERATIONAL,
        about="Nothing was captured. Check the mirror port and the cable.",
        covers=("No Traffic Detected on Sensor Interface",),
        on_capture=_nothing,
    ),
    Detector(
        id="ot.sensor.loss",
        title="Mirror Loses Packets",
        severity=Severity.LOW,
        engine=Engine.OPERATIONAL,
        about="The sensor gets less than it should: the port mirrors more than fits, or the sensor is too slow for it.",
        thresholds={
            "share": Threshold(0.01, "of the packets", "that are missing"),
            "packets": Threshold(1000, "packets", "that were seen at least"),
            "dropped": Threshold(1000, "packets", "that came to the interface and had no room, whatever their share"),
        },
        on_capture=_loss,
    ),
    Detector(
        id="ot.sensor.one_way",
        title="Mirror Shows One Direction",
        severity=Severity.LOW,
        engine=Engine.OPERATIONAL,
        about="Only one direction of the mirrored port is copied: outcomes of commands and failures of devices cannot be seen.",
        thresholds={"conversations": Threshold(3, "conversations", "of TCP that were seen at least")},
        on_capture=_one_way,
    ),
)
