"""The events as they are, one JSON object a line: the form that loses nothing, and that `sensor.events.decode` reads."""

from dataclasses import asdict
from typing import Any

from sensor.events import Event, Sensor, row
from sensor.exports.forms._base import Form
from sensor.exports.forms._text import as_json


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line."""
    return as_json(event, sensor, limit, _document)


def _document(event: Event, sensor: Sensor) -> dict[str, Any]:
    return {**row(event), "sensor": {name: value for name, value in asdict(sensor).items() if value}}


FORM = Form("json", "programs of your own, Graylog, Loki: every field of the event, nothing lost", write, tag="otoscope: ")
