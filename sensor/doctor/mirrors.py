"""Which interface gets the mirrored traffic: found by listening, as only a mirror brings unicast frames between others."""

import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sensor.capture import Listening, Statistics, open_interfaces
from sensor.errors import CaptureError
from sensor.observations import Observations
from sensor.settings.pages import example
from sensor.traffic import is_one_way
from sensor.words import count

_NETWORK = Path("/sys/class/net")
_LISTENING = Listening(ring_mebibytes=4)
"""A machine may have a hundred interfaces, and it does not matter here what is lost."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard on an interface. mirrors: unicast frames between others came; None where it could not be listened to."""

    name: str
    packets: int
    mirrors: bool | None
    says: str


def find(seconds: float) -> list[Heard]:
    """Every interface but the loopback, those that mirror first, listened to at the same time. Raises CaptureError where none may be."""
    names = sorted(path.name for path in _NETWORK.iterdir() if path.name != "lo")
    heard = {name: Observations() for name in names}
    failed: dict[str, CaptureError] = {}
    with ExitStack() as listening:
        sources = {}
        for name in names:
            try:
                sources[name] = listening.enter_context(open_interfaces([name], _LISTENING, batch_seconds=0.2))
            except CaptureError as error:
                failed[name] = error
        if failed and not sources:
            raise next(iter(failed.values()))
        time.sleep(seconds)
        for name, source in sources.items():
            source.stop()
            for batch in source:
                heard[name].add(batch)
    found = [_judge(name, heard[name], failed.get(name)) for name in names]
    return sorted(found, key=lambda one: (not one.mirrors, -one.packets, one.name))


def _judge(name: str, observations: Observations, failed: CaptureError | None) -> Heard:
    if failed is not None:
        return Heard(name, 0, None, failed.reason)
    statistics = observations.statistics
    packets = statistics.packets if statistics else 0
    if statistics is None or not packets:
        return Heard(name, 0, mirrors=False, says="nothing was heard")
    if _unicast(statistics) and _are_others(name, statistics):
        doubt = f", but {_ONE_WAY}" if _are_one_way(observations) else ""
        return Heard(name, packets, mirrors=True, says=f"{count(packets, 'packet')}, also between others: mirrored traffic{doubt}")
    return Heard(name, packets, mirrors=False, says=f"{count(packets, 'packet')}, all from or to this machine, or to everybody: no mirror")


def _unicast(statistics: Statistics) -> int:
    return sum(packets for packets, _ in statistics.vlans.values()) - sum(statistics.group_packets)


def _are_others(name: str, statistics: Statistics) -> bool:
    try:
        own = (_NETWORK / name / "address").read_text(encoding="ascii").strip().lower()
    except OSError:
        return True  # it is gone meanwhile
    return own not in statistics.stations


_ONE_WAY = (
    "of one direction alone: a mirror of one direction, one leg of a tap, or what a switch floods because it has not learned where to"
)


def _are_one_way(observations: Observations) -> bool:
    talks = [talk for talk in observations.conversations.values() if talk.transport == "tcp"]
    return bool(talks) and all(is_one_way(talk.transport, talk.packets, talk.refused) for talk in talks)


def mirrors(found: Sequence[Heard]) -> list[str]:
    """Those to listen on: that mirror, else the one that has any traffic, and the most."""
    return [one.name for one in found if one.mirrors] or [one.name for one in found if one.packets][:1]


def settings_of(found: Sequence[Heard]) -> str:
    """A settings file for what was heard, to be read and gone on with by a person."""
    heard = "\n".join(["Heard when this file was made:", *(f"  {one.name}: {one.says}" for one in found)])
    given: dict[tuple[str, str], object] = {("sensor", "name"): socket.gethostname()}
    if names := mirrors(found):
        given["capture", "interfaces"] = names
    return example(given, {"capture": heard})
