"""What tests of the database share: everything in it, and alerts and assets to put into it."""

import struct
from dataclasses import replace
from pathlib import Path

from sensor.detections.model import Alert, Engine, Incident, Outcome, Severity
from sensor.inventory.model import Address, Asset, Evidence, Field, Kind, Level
from sensor.knowledge import Knowledge
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, VIOLATIONS, Query, Store

ALL = (ASSETS, CONVERSATIONS, OPERATIONS, VIOLATIONS, ALERTS, INCIDENTS)
SECOND = 1_000_000_000
NOON = 1_790_000_000 * SECOND


def everything(store: Store) -> dict[str, list[dict]]:
    """Every row, in the order of their keys as far as the usual order leaves it open."""
    return {kind.name: store.find(kind, Query()).rows for kind in ALL}


def with_findings(
    known: Knowledge, *, alerts: tuple[Alert, ...] = (), incidents: tuple[Incident, ...] = (), assets: tuple[Asset, ...] = ()
) -> Knowledge:
    """The same knowledge with other findings, and further assets."""
    return replace(known, violations=(), alerts=alerts, incidents=incidents, assets=known.assets | {asset.id: asset for asset in assets})


def alert(identity: str = "a1b2c3d4", **values: object) -> Alert:
    """An alert."""
    usual = {
        "rule": "ot.plc.stop",
        "title": "PLC stop",
        "engine": Engine.OPERATIONAL,
        "severity": Severity.CRITICAL,
        "message": "10.20.1.66 stopped 10.20.1.12, which accepted it",
        "first": NOON,
        "last": NOON + SECOND,
        "count": 2,
        "source_ip": "10.20.1.66",
        "target_ip": "10.20.1.12",
        "protocol": "s7comm",
        "techniques": ("T0858",),
        "outcome": Outcome.ACCEPTED,
        "evidence": ("PLC Stop, answered without an error",),
    }
    return Alert(identity, **(usual | values))


def incident(*alerts: Alert, name: str = "i1") -> Incident:
    """What one actor did."""
    first, last = min(row.first for row in alerts), max(row.last for row in alerts)
    return Incident(name, "Vendor laptop attacks", Severity.CRITICAL, tuple(row.id for row in alerts), None, first, last)


def because(value: str, text: str = "says so itself", weight: float = 3.0) -> Evidence:
    """A reason to believe a value."""
    return Evidence(value, text, "s7comm", weight, NOON, NOON)


def field(value: str) -> Field:
    """A property that is known."""
    return Field(value, 0.95, (because(value),))


def asset(identity: str = "0123456789", **values: object) -> Asset:
    """An asset."""
    usual = {
        "name": "Boiler PLC",
        "addresses": (Address("00:1b:1b:00:00:01", "192.0.2.10", 20, NOON, NOON),),
        "fields": {"vendor": field("Siemens"), "model": field("S7-1200")},
        "kind": Field(Kind.PLC, 0.9, (because("plc", "answers S7comm"),)),
        "level": Level(1.0, 0.9, settled=True, evidence=(because("1", "answers S7comm"),), against=(because("2", "asks others", -0.5),)),
        "zone": "cell 1",
        "services": ("s7comm",),
        "first": NOON,
        "last": NOON + SECOND,
    }
    return Asset(identity, **(usual | values))


def shifted(capture: Path, to: Path, seconds: int) -> Path:
    """A capture (pcap, little-endian) that was recorded later."""
    octets = bytearray(capture.read_bytes())
    place = 24
    while place < len(octets):
        moment, _, length = struct.unpack_from("<III", octets, place)
        struct.pack_into("<I", octets, place, moment + seconds)
        place += 16 + length
    to.write_bytes(octets)
    return to
