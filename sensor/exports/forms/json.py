"""The events as they are, one JSON object a line: the form that loses nothing, and that `sensor.events.decode` reads."""

from dataclasses import asdict

from sensor.events import Event, Sensor, row, to_json
from sensor.exports.forms._base import Form
from sensor.exports.forms._text import smaller, visible


def write(event: Event, sensor: Sensor, limit: int) -> str:
    """The line. One that is too long loses its evidence, then its details, then the ends of its texts."""
    line = ""
    for less, teller in smaller(event, sensor):
        told = {name: value for name, value in asdict(teller).items() if value}
        line = visible(to_json({**row(less), "sensor": told}).decode())
        if len(line.encode()) <= limit:
            break
    return line


FORM = Form("json", "programs of your own, Graylog, Loki: every field of the event, nothing lost", write, tag="otoscope: ")
