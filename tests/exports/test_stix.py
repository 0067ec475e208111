"""STIX bundles: valid, the same every time, and saying no more than what was seen."""

import json
from collections import Counter

import pytest
import stix2
from hypothesis import given
from hypothesis import strategies as st
from stix2validator import ValidationOptions, validate_string

from sensor.cli.stix import _found
from sensor.exports.stix import bundle
from sensor.findings import alert_row, asset_row
from sensor.inventory.model import Address
from sensor.store import Query, Run, Store
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import NOON, SECOND, alert, asset, field, with_findings

WATER = PCAPS / "plants/water.pcap"


def made(*found):
    """A bundle of alerts with their assets, checked as OASIS checks it."""
    return valid("".join(bundle((alert_row(one), {row.id: asset_row(row) for row in assets}) for one, assets in found)))


def valid(text):
    result = validate_string(text, ValidationOptions(version="2.1"))
    assert result.is_valid, [str(error) for error in result.errors]
    objects = json.loads(text)["objects"]
    stix2.parse(text, allow_custom=False)
    names = [item["id"] for item in objects]
    assert len(names) == len(set(names))
    assert references(objects) <= set(names)
    return objects


def references(objects):
    one = {item[name] for item in objects for name in item if name.endswith("_ref")}
    return one | {reference for item in objects for name in item if name.endswith("_refs") for reference in item[name]}


def of_type(objects, kind):
    return [item for item in objects if item["type"] == kind]


@pytest.mark.parametrize(
    "capture", ["plants/water.pcap", "plants/dmz.pcap", "plants/substation.pcap", "arp-conflict.pcap", "pcap-empty.pcap"]
)
def test_a_capture_gives_a_valid_bundle_of_its_alerts(otoscope, capture):
    done = otoscope("stix", PCAPS / capture)
    assert (done.returncode, done.stderr) == (0, "")
    objects = valid(done.stdout)
    alerts = json.loads(otoscope("alerts", PCAPS / capture, "--all", "--format", "json").stdout)
    notes = {item["external_references"][0]["external_id"]: item for item in of_type(objects, "note")}
    assert set(notes) == {row["id"] for row in alerts}
    techniques = {item["id"]: item["external_references"][0]["external_id"] for item in of_type(objects, "attack-pattern")}
    sighted = Counter(techniques[item["sighting_of_ref"]] for item in of_type(objects, "sighting"))
    assert sighted == Counter(technique for row in alerts if row["source_ip"] or row["target_ip"] for technique in row["techniques"])
    assert otoscope("stix", PCAPS / capture).stdout == done.stdout


def test_an_alert_says_who_did_what_to_what():
    plc, laptop = asset("a" * 10), asset("b" * 10, name="Laptop", addresses=(Address("00:1b:1b:00:00:09", "10.20.1.66", None, NOON, NOON),))
    objects = made((alert(source=laptop.id, target=plc.id, target_ip="192.0.2.10", confidence=0.8), (plc, laptop)))
    addresses = {item["id"]: item["value"] for item in objects if item["type"].endswith("-addr")}
    [traffic], [observed], [sighting] = (of_type(objects, kind) for kind in ("network-traffic", "observed-data", "sighting"))
    assert (addresses[traffic["src_ref"]], addresses[traffic["dst_ref"]], traffic["protocols"][-1]) == (
        "10.20.1.66",
        "192.0.2.10",
        "s7comm",
    )
    assert traffic["id"] in observed["object_refs"]
    assert (observed["number_observed"], sighting["count"], sighting["confidence"]) == (2, 2, 80)
    assert sighting["description"] == alert().message
    [technique] = of_type(objects, "attack-pattern")
    assert (technique["name"], technique["external_references"][0]["url"][-5:]) == ("Change Operating Mode", "T0858")
    consists = {(item["source_ref"], addresses[item["target_ref"]]) for item in of_type(objects, "relationship")}
    ids = {item["name"]: item["id"] for item in of_type(objects, "infrastructure")}
    assert consists == {
        *((ids["Boiler PLC"], address) for address in ("192.0.2.10", "00:1b:1b:00:00:01")),
        *((ids["Laptop"], address) for address in ("10.20.1.66", "00:1b:1b:00:00:09")),
    }
    assert of_type(objects, "indicator") == []


def test_an_alert_that_is_counted_up_is_a_later_version_of_the_same():
    before, after = made((alert(), ())), made((alert(count=9, last=NOON + 60 * SECOND), ()))
    assert [item["id"] for item in before] == [item["id"] for item in after]
    [old], [new] = of_type(before, "sighting"), of_type(after, "sighting")
    assert (old["created"], old["count"], new["count"]) == (new["created"], 2, 9)
    assert old["modified"] < new["modified"]


@pytest.mark.parametrize(
    ("address", "outside", "severity", "indicates"),
    [
        ("8.8.4.4", True, "CRITICAL", True),
        ("2001:4860:4860::8844", True, "HIGH", True),
        ("8.8.4.4", True, "LOW", False),
        ("8.8.4.4", False, "CRITICAL", False),
        ("10.0.0.9", True, "CRITICAL", False),
    ],
)
def test_only_a_public_address_that_did_something_severe_is_an_indicator(address, outside, severity, indicates):
    stranger = asset("c" * 10, outside=outside, addresses=(Address(None, address, None, NOON, NOON),))
    found = alert(source=stranger.id, source_ip=address, severity=type(alert().severity)[severity])
    indicators = of_type(made((found, (stranger,))), "indicator")
    assert [address in item["pattern"] for item in indicators] == [True] * indicates


def test_the_sides_may_be_unknown():
    assert of_type(made((alert(source_ip=None), ())), "network-traffic") == []
    assert [item["type"] for item in made((alert(source_ip=None, target_ip=None, techniques=()), ()))] == ["identity", "note"]
    macs = made((alert(source_ip="00:1B:21:b3:e9:5d", target_ip="ff:ff:ff:ff:ff:ff", protocol=None), ()))
    assert [item["protocols"] for item in of_type(macs, "network-traffic")] == [["ethernet"]]


hostile = st.one_of(st.text(max_size=50), st.sampled_from(["\x00", "\ud800", "'] OR [x:y = '", '"}]}', "A" * 5000, "a\r\nb", "\u202e", ""]))


@given(hostile, hostile, st.lists(hostile, max_size=3), st.integers(0, 2**63))
def test_whatever_was_on_the_wire_is_text(name, message, evidence, count):
    strange = asset("d" * 10, name=name, zone=message, outside=True, fields={"vendor": field(name), "model": field(message)})
    found = alert(message=message, title=name, evidence=tuple(evidence), count=count, source=strange.id, target=strange.id)
    text = "".join(bundle([(alert_row(found), {strange.id: asset_row(strange)})]))
    objects = json.loads(text)["objects"]
    stix2.parse(text, allow_custom=False)
    assert text.isascii()
    assert Counter(item["type"] for item in objects)["infrastructure"] == 1


@pytest.fixture
def plant_db(tmp_path):
    with Store.open(tmp_path / "plant.db") as store:
        alerts = (alert("aaaa1111"), alert("bbbb2222", message="scans"), alert("bbbb3333", message="writes"))
        store.save(with_findings(known_of("demo.pcap"), alerts=alerts), Run("monday"))
        store.judge("bbbb3333", "learn")
    return tmp_path / "plant.db"


def told(done):
    assert done.returncode == 0, done.stderr
    return sorted(item["external_references"][0]["external_id"] for item in of_type(valid(done.stdout), "note"))


def test_what_people_have_learned_is_told_only_when_named(otoscope, plant_db):
    assert told(otoscope("stix", "--database", plant_db)) == ["aaaa1111", "bbbb2222"]
    assert told(otoscope("stix", "--database", plant_db, "--alert", "bbbb3")) == ["bbbb3333"]
    assert told(otoscope("stix", "--database", plant_db, "--alert", "aaaa1111", "--alert", "bbbb2")) == ["aaaa1111", "bbbb2222"]
    for beginning, said in (("bbbb", "several alerts"), ("cccc", "no alert")):
        done = otoscope("stix", "--database", plant_db, "--alert", beginning)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr


def test_a_file_is_whole_or_not_there(otoscope, plant_db, tmp_path):
    options = ("stix", "--database", plant_db, "--output", tmp_path / "bundle.json")
    assert otoscope(*options, "--alert", "cccc").returncode == 1
    assert not (tmp_path / "bundle.json").exists()
    assert otoscope(*options).returncode == 0
    assert valid((tmp_path / "bundle.json").read_text(encoding="utf-8"))
    assert "--force" in otoscope(*options).stderr
    assert otoscope(*options, "--force").returncode == 0


def test_many_alerts_are_all_told(otoscope, tmp_path):
    with Store.open(tmp_path / "plant.db") as store:
        alerts = tuple(alert(f"{number:08x}", message=f"number {number}") for number in range(450))
        store.save(with_findings(known_of("demo.pcap"), alerts=alerts), Run("monday"))
    done = otoscope("stix", "--database", tmp_path / "plant.db")
    assert Counter(item["type"] for item in json.loads(done.stdout)["objects"])["note"] == 450


def test_what_changes_while_it_is_written_leaves_nothing_out(tmp_path):
    with Store.open(tmp_path / "plant.db") as store:
        identities = [f"{number:08x}" for number in range(450)]
        store.save(with_findings(known_of("demo.pcap"), alerts=tuple(map(alert, identities))), Run("monday"))
        found = _found(store, Query(statuses=("open",)))
        told = [next(found)]
        for identity in identities[:50]:
            store.judge(identity, "learn")
        told += list(found)
    assert sorted(row["id"] for row, _ in told) == identities
    assert {row["status"] for row, _ in told} == {"open"}
