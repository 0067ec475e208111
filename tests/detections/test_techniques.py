"""Every technique that the package names has a name, and none that was withdrawn is among them."""

import re
from pathlib import Path

import sensor
from sensor.detections.techniques import TECHNIQUES, technique

WITHDRAWN = {"T0808", "T0810", "T0818", "T0824", "T0825", "T0833", "T0841", "T0844", "T0850", "T0854", "T0870", "T0875"}


def test_every_technique_has_a_name_and_none_is_withdrawn():
    named = {found for path in Path(sensor.__file__).parent.rglob("*.py") for found in re.findall(r"\bT0\d{3}\b", path.read_text())}
    assert named - TECHNIQUES.keys() == set()
    assert named & WITHDRAWN == set()
    assert technique("T0858") == "T0858 Change Operating Mode"
    assert technique("T9999") == "T9999"
