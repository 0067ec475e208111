"""The settings: each is documented, and the defaults hold what the document says."""

import re
from pathlib import Path

import pytest

from sensor.errors import SettingsError
from sensor.settings import ExportSettings, Settings, parse_settings

DOCS = Path(__file__).parents[2] / "docs"


def test_each_setting_is_documented():
    text = (DOCS / "service.md").read_text(encoding="utf-8")
    for table, field in Settings.model_fields.items():
        if table != "exports":
            assert f"`[{table}]`" in text, table
            for name in field.annotation.model_fields:
                assert f"`{name}`" in text, f"{table}.{name}"
    exports = (DOCS / "exports.md").read_text(encoding="utf-8")
    assert [name for name in ExportSettings.model_fields if f"| `{name}` |" not in exports] == []


def test_the_example_of_the_document_is_right():
    exports = (DOCS / "exports.md").read_text(encoding="utf-8")
    [example] = [block for block in re.findall(r"```toml\n(.*?)```", exports, re.DOTALL) if "[outbox]" in block]
    settings = parse_settings(example.replace('ca_file = "/etc/otoscope/ca.pem"\n', ""))
    assert [one.name for one in settings.destinations()] == ["sentinel", "splunk"]
    assert settings.identity().site == "plant-a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[capture]\nworkers = 0\n", "capture.workers"),
        ("[store]\nretain_days = -1\n", "store.retain_days"),
        ("[log]\nlevel = 'loud'\n", "log.level"),
        ("[captures]\n", "captures: there is no such setting"),
        ("[metrics]\nlisten = '1.2.3.4:70000'\n", "is no ADDRESS[:PORT]"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, said):
    with pytest.raises(SettingsError) as error:
        parse_settings(text, "otoscope.toml")
    assert str(error.value).startswith("otoscope.toml: ")
    assert said in str(error.value)
