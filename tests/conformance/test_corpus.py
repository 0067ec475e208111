"""Real captures of others against what Wireshark counts in them.

The corpus lies beside the repository and is not part of it; where it is, every capture must agree with Wireshark,
function by function, in who is client and in what devices say of themselves. Where one cannot, differences.toml has
the exact differences with the reason why Wireshark or Otoscope is right; a difference that went away must leave it.
"""

import csv
import importlib.util
import json
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

from sensor.protocols import PROTOCOLS

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY.parent / "shared" / "corpus"
DIFFERENCES = Path(__file__).with_name("differences.toml")

VALIDATOR = jsonschema.Draft202012Validator(json.loads((REPOSITORY / "docs/replay.schema.json").read_text(encoding="utf-8")))


def rows() -> list[dict[str, str]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "split.tsv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@cache
def comparison() -> ModuleType:
    """The corpus's own way to compare."""
    specification = importlib.util.spec_from_file_location("compare", CORPUS / "compare.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@cache
def accepted() -> dict[str, list[str]]:
    """Differences that are listed, by file."""
    table = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))
    return {row["file"]: sorted(row["differences"]) for row in table.get("capture", [])}


def differences(truth: dict, document: dict) -> list[str]:
    result = comparison().compare(truth, document)
    lines = [f"{protocol} {difference}" for protocol, (_, _, found) in result["protocols"].items() for difference in found]
    lines += [f"direction {difference}" for difference in result["direction"]]
    lines += [f"identity missing: {text!r}" for text in result["identity"][2]]
    for ours, theirs in (("packets", "packets"), ("octets", "bytes_on_wire"), ("truncated_records", "truncated_frames")):
        if document["capture"][ours] != truth["capture"][theirs]:
            lines.append(f"capture {ours}: Wireshark {truth['capture'][theirs]}, otoscope {document['capture'][ours]}")
    return sorted(lines)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this repository")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["path"])
def test_wireshark_agrees(replay, row):
    truth = json.loads((CORPUS / row["truth"]).read_text(encoding="utf-8"))
    assert differences(truth, replay(CORPUS / row["path"])) == accepted().get(row["path"], [])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this repository")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["path"])
def test_the_document_keeps_its_contract(replay, row):
    document = replay(CORPUS / row["path"])
    VALIDATOR.validate(document)
    spoken = {row["protocol"] for row in document["operations"] + document["conversations"] if row["protocol"]}
    assert spoken | set(document["protocols"]) <= set(PROTOCOLS)
    documented = (REPOSITORY / "docs/observations.md").read_text(encoding="utf-8")
    assert [row["kind"] for row in document["anomalies"] if f"`{row['kind']}`" not in documented] == []


def test_each_listed_difference_names_its_reason():
    table = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))
    for row in table.get("capture", []):
        assert set(row) == {"file", "differences", "reason"}, row
        assert row["differences"], row["file"]
        assert len(row["reason"].split()) >= 5, row["file"]
    files = [row["file"] for row in table.get("capture", [])]
    assert files == sorted(set(files))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this repository")
def test_no_difference_is_listed_of_a_capture_that_is_not_there():
    assert set(accepted()) <= {row["path"] for row in rows()}
