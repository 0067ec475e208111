"""docs/forms.md: its examples are what is written, and every key that is written stands in it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.events import Event
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS, leef, plain
from sensor.exports.forms.cef import write as write_cef
from sensor.exports.syslog import message
from tests.exports import cef
from tests.exports.events import ASSET, EXAMPLE, HEARTBEAT, INCIDENT, PLANTS, SENSOR, plant_events

DOCUMENT = (Path(__file__).parents[2] / "docs" / "forms.md").read_text(encoding="utf-8")
EXAMPLES = {
    "cef": [EXAMPLE, ASSET, INCIDENT, HEARTBEAT],
    "leef": [EXAMPLE],
    "plain": [EXAMPLE],
    "ocsf": [EXAMPLE, ASSET, HEARTBEAT],
    "json": [EXAMPLE],
}
NAMED = set(re.findall(r"`([^`\n]+)`", DOCUMENT))


def line(event: Event, form: str) -> str:
    return message(event, SENSOR, Destination(name="soc", scheme="tcp", form=form)).decode().removesuffix("\n")


@pytest.mark.parametrize(("form", "event"), [(form, event) for form, events in EXAMPLES.items() for event in events])
def test_every_example_is_what_is_written(form: str, event: Event) -> None:
    assert f"\n```\n{line(event, form)}\n```\n" in DOCUMENT


def test_there_is_no_other_example() -> None:
    written = {line(event, form) for form, events in EXAMPLES.items() for event in events}
    assert set(re.findall(r"\n```\n(.*)\n```\n", DOCUMENT)) == written


def test_every_form_is_named() -> None:
    assert FORMS.keys() <= NAMED


def test_every_key_of_cef_and_leef_is_named() -> None:
    events = [EXAMPLE, ASSET, INCIDENT, *(event for path in PLANTS for event in plant_events(path) if event is not HEARTBEAT)]
    keys = {key for event in events for key in cef.read(write_cef(event, SENSOR, 7_700))[1] if not key.endswith("Label")}
    assert keys | set(cef.TEXTS) | set(cef.NUMBERS) | set(cef.ADDRESSES) | cef.MACS <= NAMED
    assert set(leef.KEYS.values()) - {"Device IPv6 Address"} <= NAMED
    assert set(plain.KEYS.values()) <= NAMED


def keys(value: object) -> Iterator[str]:
    """All that stand in a document, at any depth; under `details` is what each kind of event has, of other pages."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key != "details":
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_every_key_of_json_is_named(form: str) -> None:
    section = DOCUMENT.split(f"\n## {form.upper()}\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`([^`\n]+)`", section))
    events = [EXAMPLE, INCIDENT, HEARTBEAT, ASSET, *(event for path in PLANTS for event in plant_events(path))]
    assert {key for event in events for key in keys(json.loads(line(event, form)))} <= named
