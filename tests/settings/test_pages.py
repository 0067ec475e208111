"""What is written about the settings is what their model says."""

import re
import tomllib
from pathlib import Path

from sensor.settings import Settings, parse_settings
from sensor.settings.environment import variables_of
from sensor.settings.pages import example, reference

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_make_docs_writes(otoscope):
    assert otoscope("config", "reference").stdout == reference() == (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def test_the_page_has_each_variable():
    shown = set(re.findall(r"`(OTOSCOPE_\w+)` \|", reference()))
    assert shown == set(variables_of(Settings))


def test_the_file_that_is_installed_is_the_example(otoscope):
    assert otoscope("config", "example").stdout == example() == (ROOT / "deploy/otoscope.toml").read_text(encoding="utf-8")
    assert parse_settings(example()) == Settings()


def test_all_of_the_example_may_be_used():
    text = re.sub(r"(?m)^#(?=\S)", "", example())
    settings = parse_settings(text)
    content = tomllib.loads(text)
    assert {name: set(table) for name, table in content.items() if name != "exports"} == {
        name: set(getattr(settings, name).model_dump()) for name in Settings.model_fields if name != "exports"
    }
    assert [one.name for one in settings.destinations()] == ["siem"]


def test_a_hostile_host_name_stays_in_its_text():
    name = 'x"\n[exports.evil]\nurl = "tcp://h"'
    settings = parse_settings(example({("sensor", "name"): name, ("capture", "interfaces"): ["a]b"]}, {"capture": "eth\x85[log]"}))
    assert (settings.sensor.name, settings.capture.interfaces, settings.exports) == (name, ["a]b"], {})
