"""samples/: what a sensor sends, made of the captures of plants as `otoscope replay --to` would, and the rows that Sentinel makes of it."""

import csv
import io
from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice

from deploy.sentinel.generator.content import HOME
from sensor.capture import open_capture
from sensor.events import Event, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms.sentinel_row import row
from sensor.exports.syslog import message
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.telling import events_of, health_event

CAPTURES = HOME.parents[1] / "pcaps" / "plants"
PLANTS = {"water": "Reservoir", "cells": "Body shop", "substation": "Substation", "dmz": "Refinery", "flat": "Bakery"}
"""The captures that samples are made of, and the name of the site."""
EACH = 2
"""So many events of one kind from one plant, at the most; alerts of one type count as a kind."""
FIGURES = {
    "uptime_seconds": 86_400,
    "packets": 41_233_970,
    "octets": 5_923_884_021,
    "lost_segments": 12,
    "assets": 214,
    "alerts_open": 9,
    "waiting": 0,
    "dropped": 0,
}
"""Of a heartbeat."""


def files() -> Iterator[tuple[str, str]]:
    """(path, text) of each."""
    told = [(event, sensor) for number, plant in enumerate(PLANTS, 1) for event, sensor in _told(plant, number)]
    for name in ("rfc3164", "rfc5424"):
        destination = Destination(name="samples", scheme="tcp", header=name)
        lines = (message(event, sensor, destination).decode() for event, sensor in told)
        yield f"samples/cef-{name.removeprefix('rfc')}.txt", "".join(lines)
    yield "samples/commonsecuritylog.csv", _table([row(event, sensor) for event, sensor in told])


def _told(plant: str, number: int) -> Iterator[tuple[Event, Sensor]]:
    sensor = Sensor(
        id=f"sns-{number:06x}",
        name=f"ot-sensor-{number:02}",
        domain="plant.example.net",
        version=version("otoscope"),
        site=PLANTS[plant],
        address=f"10.20.0.{number}",
        interface="enp3s0",
        console=f"https://ot-sensor-{number:02}.plant.example.net",
    )
    with open_capture(CAPTURES / f"{plant}.pcap") as capture:
        known = conclude(observe(capture))
    at = max(asset.last for asset in known.assets.values())
    events = list(events_of(known, at))
    for type_ in sorted({event.type for event in events}):
        yield from ((event, sensor) for event in islice((event for event in events if event.type == type_), _most(type_)))
    yield health_event("heartbeat", "Sensor heartbeat", at, figures=FIGURES), sensor


def _most(type_: str) -> int:
    return EACH if type_.startswith(("ot.asset.", "ot.incident")) else 1


def _table(rows: list[dict[str, object]]) -> str:
    columns = sorted({column for values in rows for column in values} - {"TimeGenerated"})
    text = io.StringIO()
    writer = csv.DictWriter(text, ["TimeGenerated", *columns], lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
