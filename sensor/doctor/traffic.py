"""Whether the mirror is right: what some seconds of traffic say of it, in the words of a replay, and which plant it shows."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from sensor.doctor.model import Check, Verdict, bad, good, note
from sensor.health import Weight, remarks
from sensor.inventory.traits import title
from sensor.knowledge import Knowledge
from sensor.replay import document
from sensor.words import count, percent

_VERDICTS = {Weight.GOOD: Verdict.GOOD, Weight.NOTE: Verdict.NOTE, Weight.LOSS: Verdict.BAD}
_ADVICE = "docs/replay.md says what each means, and how mirror ports are set up right"
_SHOWN = 8


def traffic(known: Knowledge, seconds: float, kernel_drops: int) -> Iterator[Check]:
    """What that many seconds of listening say."""
    statistics = known.statistics
    packets = statistics.packets if statistics else 0
    if not packets:
        advice = "is the mirror session on, is this its port, is the cable in? ip -s link shows whether the card counts anything"
        yield bad("traffic", f"nothing came in {seconds:.0f} s", advice)
        return
    yield good("traffic", f"{count(packets, 'packet')} in {seconds:.0f} s")
    if kernel_drops:
        text = f"the kernel dropped {count(kernel_drops, 'packet')} ({percent(kernel_drops, packets + kernel_drops)})"
        yield bad("traffic", text, "a larger ring, or more workers: [capture] in the settings")
    for remark in remarks(document(known, ("listening",), ())):
        verdict = _VERDICTS[remark.weight]
        yield Check("mirror", verdict, remark.text, "" if verdict is Verdict.GOOD else _ADVICE)
    yield from _plant(known)


def _plant(known: Knowledge) -> Iterator[Check]:
    statistics = known.statistics
    tagged = sorted(vlan for vlan in (statistics.vlans if statistics else {}) if vlan is not None)
    if tagged:
        yield good("mirror", f"VLANs {_listed(map(str, tagged))}")
    else:
        advice = "with several VLANs have the mirror session keep the tags"
        yield note("mirror", "no VLAN tags: of one VLAN, or the mirror strips them", advice)
    networks = {str(ip_network(f"{ip}/24", strict=False)) for asset in known.assets.values() for ip in asset.ips if "." in ip}
    if networks:
        yield good("plant", f"subnets {_listed(sorted(networks))}")
    messages = statistics.protocols if statistics else {}
    if spoken := sorted(title(name) for name, (number, _) in messages.items() if number):
        yield good("plant", f"control protocols: {_listed(spoken)}")
    else:
        yield note("plant", "no control protocol was seen", "mirror the ports or the VLAN of the controllers")


def _listed(texts: Iterable[str]) -> str:
    names = list(texts)
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
