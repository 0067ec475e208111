"""The captures of this project: each says what its expectation says, and Wireshark has the same opinion."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pcaps.recipes import wireshark
from pcaps.recipes.expectation import flat

PCAPS = Path(__file__).parents[1] / "pcaps"
CAPTURES = sorted(path for path in PCAPS.iterdir() if ".pcap" in path.name)
EXPECTATIONS = sorted(PCAPS.glob("*.json"))
WIRESHARK_DIFFERS = {"tcp-cuts", "tcp-octets", "tcp-overlap", "tcp-reordered"}


def expectation(path):
    return json.loads(path.read_text(encoding="utf-8"))


def counted(document):
    """Requests, responses and Modbus exceptions by protocol and function code, counted as Wireshark does."""
    counts = Counter()
    for row in document["operations"]:
        protocol, code = row["protocol"], row["code"]
        counts[protocol, code, "request"] += row["requests"]
        answered = "129" if protocol == "dnp3" and code not in ("130", "131") else code
        counts[protocol, answered, "response"] += row["responses"]
        if protocol == "modbus":
            counts[protocol, code, "error"] += row["errors"]
    return +counts


def test_each_capture_has_its_expectation_and_each_expectation_its_capture():
    assert CAPTURES
    assert [expectation(path)["capture"] for path in EXPECTATIONS] == [path.name for path in CAPTURES]


@pytest.mark.parametrize("path", EXPECTATIONS, ids=lambda path: path.stem)
class TestCapture:
    def test_origin_and_recipe_are_told(self, path):
        wanted = expectation(path)
        assert wanted["shows"]
        assert wanted["origin"]
        assert wanted["recipe"]

    def test_functions_are_counted(self, path, replay):
        wanted, document = expectation(path), replay(PCAPS / expectation(path)["capture"])
        assert document["capture"]["packets"] == wanted["packets"]
        assert len(document["capture"]["warnings"]) == (path.stem == "pcap-cut")
        ours = counted(document)
        assert Counter({key: count for key, count in ours.items() if key[0] in wanted["protocols"]}) == flat(wanted["protocols"])

    def test_who_asks_whom(self, path, replay):
        wanted, document = expectation(path), replay(PCAPS / expectation(path)["capture"])
        ours = {(row["protocol"], row["client"], row["server"], row["transport"], row["port"]) for row in document["operations"]}
        theirs = {(row["protocol"], row["client"], row["server"], row["transport"], row["port"]) for row in wanted["conversations"]}
        assert {row for row in ours if row[0] in wanted["protocols"]} == theirs

    def test_devices_say_who_they_are(self, path, replay):
        wanted, document = expectation(path), replay(PCAPS / expectation(path)["capture"])
        ours = {(row["ip"], row["source"], row["value"]) for row in document["facts"]}
        assert {(row["ip"], row["source"], row["value"]) for row in wanted["facts"]} - ours == set()

    def test_what_is_wrong_is_told_and_nothing_else(self, path, replay):
        wanted, document = expectation(path), replay(PCAPS / expectation(path)["capture"])
        told = {(row["protocol"], row["kind"], row["detail"]) for row in document["anomalies"]}
        assert told == {(row["protocol"], row["kind"], row["detail"]) for row in wanted.get("anomalies", [])}

    def test_wireshark_agrees_with_the_expectation(self, path):
        wanted = expectation(path)
        seen = wireshark.seen(PCAPS / wanted["capture"], tuple(wanted.get("wireshark_decode_as", ())))
        assert seen.packets == wanted["packets"]
        agrees = seen.counts == flat(wanted["protocols"])
        # Where Wireshark 4.0 does not put the stream together, the recipe knows what is in it; the note says why.
        assert agrees is (path.stem not in WIRESHARK_DIFFERS), wanted.get("note")
