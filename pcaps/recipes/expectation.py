"""The expectation beside a capture: what is in it, who said it, and where the capture comes from."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple, TypedDict

PCAPS = Path(__file__).resolve().parent.parent

Key = tuple[str, str, str]
"""Protocol, function code, and `request`, `response` or `error`."""


class Conversation(TypedDict):
    """Who asks whom."""

    protocol: str
    client: str
    server: str
    transport: str
    port: int


class Fact(TypedDict):
    """What a device says of itself, as it stands on the wire; without IP it is known by its MAC address alone."""

    ip: str | None
    source: str
    value: str


class Anomaly(TypedDict):
    """What is wrong in a capture, in the words of Otoscope."""

    protocol: str
    kind: str
    detail: str


class Seen(NamedTuple):
    """What is in a capture: its records, messages and conversations."""

    packets: int
    counts: Counter[Key]
    conversations: list[Conversation]
    malformed: int = 0


class Recipe(NamedTuple):
    """What a recipe knows beside the counts."""

    name: str
    module: str
    shows: str
    origin: str
    facts: tuple[Fact, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    decode_as: tuple[str, ...] = ()
    note: str = ""
    """What is odd in it, or what Wireshark sees differently and why."""


def nested(counts: Counter[Key]) -> dict[str, dict[str, dict[str, int]]]:
    """Counts by protocol, code and kind."""
    document: dict[str, dict[str, dict[str, int]]] = {}
    for (protocol, code, kind), count in sorted(counts.items()):
        document.setdefault(protocol, {}).setdefault(code, {})[kind] = count
    return document


def flat(document: dict[str, dict[str, dict[str, int]]]) -> Counter[Key]:
    """The reverse of `nested`."""
    return Counter(
        {
            (protocol, code, kind): count
            for protocol, codes in document.items()
            for code, kinds in codes.items()
            for kind, count in kinds.items()
        }
    )


def write(recipe: Recipe, seen: Seen) -> None:
    """Write `pcaps/NAME.json`."""
    document = {
        "capture": recipe.name,
        "shows": recipe.shows,
        "origin": recipe.origin,
        "recipe": f"python -m pcaps.recipes.{recipe.module}",
        "packets": seen.packets,
        "protocols": nested(seen.counts),
        "conversations": sorted(seen.conversations, key=lambda row: (row["protocol"], row["client"], row["server"], row["port"])),
        "facts": list(recipe.facts),
    }
    if recipe.anomalies:
        document["anomalies"] = list(recipe.anomalies)
    if recipe.decode_as:
        document["wireshark_decode_as"] = list(recipe.decode_as)
    if recipe.note:
        document["note"] = recipe.note
    stem = recipe.name.partition(".")[0]
    (PCAPS / f"{stem}.json").write_text(json.dumps(document, indent=1) + "\n")
