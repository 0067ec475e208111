"""What a capture lacks, in plain words: what was seen, what it means, what to do about it."""

from dataclasses import dataclass
from enum import Enum

from sensor.rows import Document
from sensor.words import count, octets, percent, plain

_RETRANSMITTED_SHARE = 0.01


class Weight(Enum):
    """How much a remark matters."""

    GOOD = "good"
    NOTE = "note"
    LOSS = "loss"  # what the tables say is not all that was on the wire


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know about the capture."""

    weight: Weight
    text: str


def remarks(whole: Document) -> list[Remark]:
    """All that is to be said, the weightiest first; one good word where there is nothing."""
    found = [*_losses(whole), *_cuts(whole), *_mirror(whole), *_notes(whole)]
    order = list(reversed(Weight))
    found.sort(key=lambda remark: order.index(remark.weight))
    return found or [Remark(Weight.GOOD, "Nothing lost, nothing cut off, both directions of every TCP conversation seen.")]


def _losses(whole: Document) -> list[Remark]:
    found = []
    conversations = whole["conversations"]
    if holed := [row for row in conversations if any(row["lost_segments"])]:
        gaps = count(sum(sum(row["lost_segments"]) for row in holed), "gap")
        missing = octets(sum(sum(row["lost_octets"]) for row in holed))
        text = (
            f"Lost: {gaps} in the TCP streams of {count(len(holed), 'conversation')}, {missing} missing. The mirror port or the"
            " capturing machine dropped packets: what was asked in a gap is not counted, and its answer stands without a request."
        )
        found.append(Remark(Weight.LOSS, text))
    if one_way := whole["traffic"]["one_way_conversations"]:
        all_tcp = count(sum(row["transport"] == "tcp" for row in conversations), "TCP conversation")
        text = (
            f"One-way: of {one_way:,} of {all_tcp} only one direction was seen. The mirror port copies one direction, or the"
            " answers take another path: whether requests were accepted cannot be told there."
        )
        found.append(Remark(Weight.LOSS, text))
    return found


def _cuts(whole: Document) -> list[Remark]:
    capture, found = whole["capture"], []
    found += [Remark(Weight.LOSS, f"Incomplete: {plain(row['file'].rpartition('/')[2])}: {row['text']}.") for row in capture["warnings"]]
    if cut := capture["truncated_records"]:
        text = (
            f"Cut: {count(cut, 'frame')} ({percent(cut, capture['packets'])}) shorter in the capture than on the wire: what stood"
            " in the rest is unknown. Capture whole frames (tcpdump -s 0)."
        )
        found.append(Remark(Weight.LOSS, text))
    for name, number in capture["skipped_link_types"].items():
        text = f"Skipped: {count(number, 'frame')} of link type {name}, which Otoscope does not read."
        found.append(Remark(Weight.LOSS, text))
    for name, number in capture["counters"].items():
        if name.startswith("evicted_") and number:
            what = name.removeprefix("evicted_").replace("_", " ")
            found.append(Remark(Weight.LOSS, f"Full: {number:,} {what} were dropped to bound the memory, the stalest first."))
    return found


def _mirror(whole: Document) -> list[Remark]:
    """Whether the port mirrors what it should."""
    traffic, found = whole["traffic"], []
    unicast = sum(share["packets"] for share in traffic["vlans"]) - traffic["multicast_packets"] - traffic["broadcast_packets"]
    if traffic["unicast_between"] == "one station" and unicast:
        text = (
            f"One station: every unicast frame is from or to {traffic['station']}. If that is the capturing machine, the port mirrors"
            " nothing; if it is a device, its port alone is mirrored."
        )
        found.append(Remark(Weight.LOSS, text))
    if traffic["multicast_packets"] + traffic["broadcast_packets"] and not unicast:
        text = "No unicast: only what goes to all or to a group was seen, as on any port that is no mirror."
        found.append(Remark(Weight.LOSS, text))
    for tunnel, packets in traffic["tunnels"].items():
        text = f"Tunnelled: {count(packets, 'packet')} came through {_TUNNELS.get(tunnel, tunnel)}; what they carry is shown."
        found.append(Remark(Weight.NOTE, text))
    return found


_TUNNELS = {
    "gre": "GRE",
    "erspan_1": "ERSPAN type I",
    "erspan_2": "ERSPAN type II",
    "erspan_3": "ERSPAN type III",
    "vxlan": "VXLAN",
    "geneve": "Geneve",
    "hp_erm": "HP's remote mirroring",
    "tzsp": "TZSP",
}


def _notes(whole: Document) -> list[Remark]:
    capture, conversations, found = whole["capture"], whole["conversations"], []
    if duplicates := capture["duplicates"]:
        text = (
            f"Duplicates: {count(duplicates, 'packet')} ({percent(duplicates, capture['packets'])}) captured twice, as a mirror"
            " does that copies what comes in and what goes out, or both sides of a router. What they carry is counted once."
        )
        found.append(Remark(Weight.NOTE, text))
    resent = sum(sum(row["retransmissions"]) for row in conversations)
    sent = sum(sum(row["packets"]) for row in conversations if row["transport"] == "tcp")
    if resent > _RETRANSMITTED_SHARE * sent:
        text = f"Resent: {count(resent, 'TCP segment')} ({percent(resent, sent)}). The network itself loses or delays packets."
        found.append(Remark(Weight.NOTE, text))
    if refused := sum(row["refused"] for row in conversations):
        where = count(sum(bool(row["refused"]) for row in conversations), "conversation")
        text = f"Refused: {count(refused, 'TCP connection')} in {where} rejected or never answered. A service that is down, or a scan."
        found.append(Remark(Weight.NOTE, text))
    return found
