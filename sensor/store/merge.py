"""What two runs that saw the same thing say of it together: bodies in, the latest last, one body out."""

from collections.abc import Iterator, Sequence
from typing import Any

Body = dict[str, Any]
"""What is shown of a row, as the JSON outputs have it."""

NO_HISTORY = frozenset(
    {"type_confidence", "level_confidence", "level_settled", "level_because", "level_against", "never_queried"}
    | {"id", "first", "last", "addresses", "evidence"}
)
"""What of an asset changes all the time, or says the same in other words."""


_PATH_COUNTS = ("packets", "octets", "retransmissions", "out_of_order", "lost_segments", "lost_octets", "duplicates")


def newest(bodies: Sequence[Body], counts: Sequence[str] = ("count",)) -> Body:
    """The latest, with its counts added to those of the others."""
    merged = dict(bodies[-1])
    merged["first"] = min(body["first"] for body in bodies)  # times of this form sort as text
    merged["last"] = max(body["last"] for body in bodies)
    for name in counts:
        merged[name] = _sum([body[name] for body in bodies])
    return merged


def _sum(values: Sequence[Any]) -> object:
    if isinstance(values[0], list):
        return [sum(pair) for pair in zip(*values, strict=True)]
    return sum(values)


def conversations(bodies: Sequence[Body]) -> Body:
    """Counts add up; the path is as good as it ever was."""
    merged = newest(bodies, (*_PATH_COUNTS, "connections", "refused"))
    times = [time for body in bodies if (time := body["round_trip_time_ms"]) is not None]
    by_content = any(body["protocol_by"] == "content" for body in bodies)
    return {
        **merged,
        "one_way": all(body["one_way"] for body in bodies),
        "round_trip_time_ms": min(times, default=None),
        "most_in_a_minute": max(body["most_in_a_minute"] for body in bodies),
        "protocol_by": "content" if by_content else merged["protocol_by"],
    }


def operations(bodies: Sequence[Body]) -> Body:
    """Counts add up; the mean response time is weighed by them."""
    merged = newest(bodies, ("requests", "responses", "errors", "unanswered"))
    results: dict[str, int] = {}
    for body in bodies:
        for name, number in body["results"].items():
            results[name] = results.get(name, 0) + number
    timed = [(body["response_time_ms"], max(body["responses"], 1)) for body in bodies if body["response_time_ms"]]
    mean = sum(times["mean"] * weight for times, weight in timed) / (sum(weight for _, weight in timed) or 1)
    bounds = {"minimum": min((times["minimum"] for times, _ in timed), default=0), "mean": mean}
    longest = {"maximum": max((times["maximum"] for times, _ in timed), default=0)}
    merged |= {"results": dict(sorted(results.items())), "response_time_ms": {**bounds, **longest} if timed else None}
    merged["most_in_a_minute"] = {name: max(body["most_in_a_minute"][name] for body in bodies) for name in ("requests", "errors")}
    merged["episodes"] = sorted((episode for body in bodies for episode in _episodes(body)), key=lambda row: str(row["first"]))[-_EPISODES:]
    return merged


_EPISODES = 32
"""So many are kept, the latest: runs have no end."""


def _episodes(body: Body) -> list[Body]:
    """A row without them is one."""
    only = {name: body[name] for name in ("first", "last", "requests", "errors")}
    return body.get("episodes") or [only]


_UNIONS = ("roles", "ips", "macs", "vlans", "services", "clients_of", "tags")
_LEVEL = ("level", "level_confidence", "level_settled", "level_pinned", "level_because", "level_against", "zone")


def assets(bodies: Sequence[Body]) -> Body:
    """What the latest run says, and where it knows nothing, what was known before."""
    merged = newest(bodies, ())
    evidence = dict(merged["evidence"])
    for older in reversed(bodies[:-1]):
        for name in _gaps(merged, older):
            merged[name] = older[name]
        for name, known in older["evidence"].items():
            if name not in evidence or evidence[name]["value"] in (None, "unknown"):
                evidence[name] = known
        if merged["name"] in (*merged["ips"], *merged["macs"]):
            merged["name"] = older["name"]
    for name in _UNIONS:
        merged[name] = list(dict.fromkeys(value for body in reversed(bodies) for value in body[name]))
    merged["outside"] = any(body["outside"] for body in bodies)
    merged["never_queried"] = [name for name in merged["never_queried"] if all(name in body["never_queried"] for body in bodies)]
    merged["addresses"] = _merge_addresses(bodies)
    return {**merged, "evidence": evidence}


def _gaps(merged: Body, older: Body) -> Iterator[str]:
    """What the older row knows better."""
    if merged["level"] is None and older["level"] is not None:
        yield from _LEVEL
    if merged["type"] == "unknown":
        yield from ("type", "type_confidence")
    for name, value in merged.items():
        if value is None and name not in _LEVEL and older.get(name) is not None:
            yield name


def _merge_addresses(bodies: Sequence[Body]) -> list[Body]:
    found: dict[tuple[object, ...], Body] = {}
    for address in (address for body in reversed(bodies) for address in body["addresses"]):
        same = found.setdefault((address["mac"], address["ip"], address["vlan"]), dict(address))
        same["first"], same["last"] = min(same["first"], address["first"]), max(same["last"], address["last"])
    return list(found.values())


def incidents(bodies: Sequence[Body]) -> Body:
    """All their alerts."""
    return {**newest(bodies, ()), "alerts": list(dict.fromkeys(alert for body in bodies for alert in body["alerts"]))}
