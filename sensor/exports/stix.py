"""STIX 2.1: alerts as sightings, with the traffic they were seen in and the assets at both ends.

What is said is what was seen: an address is an indicator only where it is a public one that did something severe. Ids follow from what an
object is about (UUIDv5), times from the capture: the same alert gives the same bundle, and one that was counted up a later version of it.
"""

import ipaddress
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stix2 import v21  # type: ignore[import-untyped] # it has no types

from sensor import words
from sensor.detections.techniques import TECHNIQUES
from sensor.exports.forms._text import percent

Thing = Any
"""An object of STIX: the library has no types."""

Row = Mapping[str, Any]
"""An alert or asset as the database has it."""

Found = tuple[Row, Mapping[str, Row]]
"""An alert, and the assets at its ends by id."""

_OURS = uuid.UUID("5d3b8b0c-6f0e-4f43-9a53-0f4dbb5a1c57")
"""The namespace of our ids. That of STIX itself is for addresses and traffic alone."""
_SINCE = "2026-01-01T00:00:00.000Z"
"""When what is always the same was made: the sensor's identity, techniques."""
_MOST = 999_999_999
"""STIX counts no further."""
_LONGEST = 1000
_ADDRESSES = 20
_EVIDENCE = 20
_SEVERE = ("high", "critical")
_PURPOSES = {
    **dict.fromkeys(("switch", "router"), "routers-switches"),
    **dict.fromkeys(("workstation", "jump_host"), "workstation"),
    **dict.fromkeys(
        ("plc", "rtu", "ied", "io", "drive", "hmi", "scada_server", "historian", "engineering_workstation", "gateway"), "control-system"
    ),
}
"""By types of device; of others STIX has no word."""


def bundle(found: Iterable[Found]) -> Iterator[str]:
    """A bundle as pieces of JSON text, an object on each line."""
    written: dict[str, None] = {}
    separator = '{"type": "bundle", "objects": [\n'
    for stix in _all(found):
        if stix["id"] not in written:
            written[stix["id"]] = None
            yield separator + stix.serialize(ensure_ascii=True)
            separator = ",\n"
    yield f'\n], "id": "{_id("bundle", *written)}"}}\n'


def _all(found: Iterable[Found]) -> Iterator[Thing]:
    yield _sensor()
    for alert, assets in found:
        yield from _of_alert(alert, assets)


def _id(kind: str, *about: str) -> str:
    return f"{kind}--{uuid.uuid5(_OURS, ' '.join((kind, *about)))}"


def _time(timestamp: str) -> str:
    """To the millisecond, as STIX has it."""
    return f"{timestamp[:23]}Z"


def _text(text: object) -> str:
    return words.plain(str(text)[:_LONGEST])


def _sensor() -> Thing:
    return v21.Identity(
        id=_id("identity", "otoscope"),
        created=_SINCE,
        modified=_SINCE,
        name="Otoscope",
        description="A passive network sensor for plants",
        identity_class="system",
    )


def _common(kind: str, row: Row, *about: str) -> dict[str, object]:
    """What every object about an alert or asset has."""
    return {
        "id": _id(kind, *about),
        "created_by_ref": _id("identity", "otoscope"),
        "created": _time(row["first"]),
        "modified": _time(row["last"]),
        "allow_custom": False,
    }


def _of_alert(alert: Row, assets: Mapping[str, Row]) -> Iterator[Thing]:
    ends = {side: _address(alert[f"{side}_ip"]) for side in ("source", "target") if alert[f"{side}_ip"]}
    yield from ends.values()
    traffic = [_traffic(alert, ends)] if len(ends) == 2 else []
    yield from traffic
    infrastructures: list[str] = []
    for side in ("source", "target"):
        if asset := assets.get(alert[side] or ""):
            infrastructures.append(_id("infrastructure", asset["id"]))
            yield from _of_asset(asset, ends.get(side))
    seen = [item["id"] for item in (*traffic, *ends.values())]
    if seen:
        yield _observed(alert, seen)
        yield from _sightings(alert)
    yield from _indicator(alert, assets.get(alert["source"] or ""), ends.get("source"))
    yield _note(alert, infrastructures, observed=bool(seen))


def _address(text: str) -> Thing:
    """An address as in the packets: an IP, or a MAC where there is none."""
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        return v21.MACAddress(value=text.lower())
    return (v21.IPv4Address if version == 4 else v21.IPv6Address)(value=text)


def _traffic(alert: Row, ends: Mapping[str, Thing]) -> Thing:
    """Without times: those of the alert are no connection's, and would make it another object when the alert is counted up."""
    lowest = {"ipv4-addr": "ipv4", "ipv6-addr": "ipv6", "mac-addr": "ethernet"}[ends["source"]["type"]]
    stack = dict.fromkeys(filter(None, (lowest, alert.get("transport"), alert["protocol"])))
    ports = {"src_port": alert.get("source_port"), "dst_port": alert.get("target_port")}
    return v21.NetworkTraffic(
        src_ref=ends["source"]["id"],
        dst_ref=ends["target"]["id"],
        protocols=[name.replace("_", "-") for name in stack],
        **{name: port for name, port in ports.items() if port is not None},
    )


def _of_asset(asset: Row, seen: Thing | None) -> Iterator[Thing]:
    """An asset, and the addresses that it has."""
    level = "" if asset["level"] is None else f"Purdue level {asset['level']:g}"
    known = (asset["type"].replace("_", " "), level, asset["zone"], asset["vendor"], asset["model"], asset["firmware"])
    yield v21.Infrastructure(
        **_common("infrastructure", asset, asset["id"]),
        name=_text(asset["name"]),
        description=_text(", ".join(filter(None, known))),
        infrastructure_types=[_PURPOSES.get(asset["type"], "unknown")],
        first_seen=_time(asset["first"]),
        **({"last_seen": _time(asset["last"])} if _time(asset["last"]) > _time(asset["first"]) else {}),
    )
    addresses = [_address(text) for text in (*asset["ips"], *asset["macs"])[:_ADDRESSES]]
    for address in {item["id"]: item for item in (*addresses, *([seen] if seen is not None else []))}.values():
        yield address
        yield v21.Relationship(
            **_common("relationship", asset, asset["id"], address["id"]),
            relationship_type="consists-of",
            source_ref=_id("infrastructure", asset["id"]),
            target_ref=address["id"],
        )


def _observed(alert: Row, seen: Sequence[str]) -> Thing:
    return v21.ObservedData(
        **_common("observed-data", alert, alert["id"]),
        first_observed=_time(alert["first"]),
        last_observed=_time(alert["last"]),
        number_observed=max(1, min(alert["count"], _MOST)),
        object_refs=list(dict.fromkeys(seen)),
    )


def _sightings(alert: Row) -> Iterator[Thing]:
    """That each technique of the alert was seen."""
    for technique in dict.fromkeys(alert["techniques"]):
        yield _technique(technique)
        yield v21.Sighting(
            **_common("sighting", alert, alert["id"], technique),
            description=_text(alert["message"]),
            first_seen=_time(alert["first"]),
            **({"last_seen": _time(alert["last"])} if _time(alert["last"]) > _time(alert["first"]) else {}),
            count=max(1, min(alert["count"], _MOST)),
            confidence=percent(alert["confidence"]),
            sighting_of_ref=_id("attack-pattern", technique),
            observed_data_refs=[_id("observed-data", alert["id"])],
            where_sighted_refs=[_id("identity", "otoscope")],
        )


def _technique(technique: str) -> Thing:
    address = f"https://attack.mitre.org/techniques/{technique}"
    return v21.AttackPattern(
        id=_id("attack-pattern", technique),
        created_by_ref=_id("identity", "otoscope"),
        created=_SINCE,
        modified=_SINCE,
        name=TECHNIQUES.get(technique, technique),
        external_references=[{"source_name": "mitre-attack", "external_id": technique, "url": address}],
    )


def _indicator(alert: Row, asset: Row | None, address: Thing | None) -> Iterator[Thing]:
    """A public address, outside the plant, that did something severe."""
    if asset is None or address is None or not asset["outside"] or alert["severity"] not in _SEVERE or address["type"] == "mac-addr":
        return
    if not ipaddress.ip_address(address["value"]).is_global:
        return
    yield v21.Indicator(
        **_common("indicator", alert, alert["id"]),
        name=_text(f"{alert['title']}: {address['value']}"),
        indicator_types=["anomalous-activity"],
        pattern=f"[{address['type']}:value = '{address['value']}']",
        pattern_type="stix",
        valid_from=_time(alert["first"]),
        confidence=percent(alert["confidence"]),
    )
    yield v21.Relationship(
        **_common("relationship", alert, alert["id"], "based-on"),
        relationship_type="based-on",
        source_ref=_id("indicator", alert["id"]),
        target_ref=_id("observed-data", alert["id"]),
    )


def _note(alert: Row, infrastructures: Sequence[str], *, observed: bool) -> Thing:
    """What the alert says, for people."""
    about = [_id("observed-data", alert["id"])] if observed else []
    about += [_id("sighting", alert["id"], technique) for technique in dict.fromkeys(alert["techniques"])] if observed else []
    return v21.Note(
        **_common("note", alert, alert["id"]),
        abstract=_text(alert["title"]),
        content="\n".join(_text(line) for line in (alert["message"], *alert["evidence"][:_EVIDENCE])),
        labels=[f"severity-{alert['severity']}", f"outcome-{alert['outcome']}", f"rule-{_text(alert['rule'])}"],
        external_references=[{"source_name": "otoscope", "external_id": alert["id"], "description": _text(alert["rule"])}],
        object_refs=list(dict.fromkeys((*about, *infrastructures))) or [_id("identity", "otoscope")],
    )
