"""The registry of ways and its documents."""

import re
from pathlib import Path

import pytest

from sensor.exports.ways import WAYS

DOCUMENTS = [Path(__file__).parents[3] / "docs" / name for name in ("ways.md", "ingestion.md")]
WAYS_DOCUMENT, BOTH = DOCUMENTS[0].read_text(encoding="utf-8"), "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


@pytest.mark.parametrize("kind", WAYS.values(), ids=WAYS)
def test_each_way_and_each_option_is_documented(kind):
    assert re.search(rf"`{kind.scheme}:", WAYS_DOCUMENT)
    assert [name for name in kind.options if f"`{name}`" not in BOTH] == []
    assert kind.about
    assert all(kind.options.values())
