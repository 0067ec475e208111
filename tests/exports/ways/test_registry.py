"""The registry of ways and its document."""

import re
from pathlib import Path

import pytest

from sensor.exports.ways import WAYS

DOCUMENT = (Path(__file__).parents[3] / "docs/ways.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", WAYS.values(), ids=WAYS)
def test_each_way_and_each_option_is_documented(kind):
    assert re.search(rf"`{kind.scheme}:", DOCUMENT)
    assert [name for name in kind.options if f"`{name}`" not in DOCUMENT] == []
    assert kind.about
    assert all(kind.options.values())
