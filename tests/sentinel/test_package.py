"""What the Solution says of itself, by the rules of Microsoft's content repository."""

import datetime as dt
import json
import re
from xml.etree import ElementTree as ET

import pytest

from deploy.sentinel.generator.content import HOME

SOLUTION = HOME / "solution"
CONTENTS = json.loads((SOLUTION / "Data" / "Solution_Otoscope.json").read_text(encoding="utf-8"))
METADATA = json.loads((SOLUTION / CONTENTS["Metadata"]).read_text(encoding="utf-8"))
CONNECTOR = json.loads((SOLUTION / "Data Connectors" / "OtoscopeSensor.json").read_text(encoding="utf-8"))
FOLDERS = ("Data Connectors", "Parsers", "Analytic Rules", "Hunting Queries", "Workbooks", "Watchlists")


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_contents_name_each_file_and_no_other(folder):
    there = {path.relative_to(SOLUTION).as_posix() for path in (SOLUTION / folder).rglob("*.*")}
    assert set(CONTENTS[folder]) == there
    assert there


def test_the_contents_follow_the_rules_of_the_repository():
    assert re.fullmatch(r"[A-Za-z0-9 ]+", CONTENTS["Name"])
    assert CONTENTS["Version"].startswith("3.")
    assert CONTENTS["TemplateSpec"] is False
    assert "Microsoft Sentinel" in CONTENTS["Description"]
    assert re.fullmatch(r".+ - [\w.]+@[\w.]+\.example", CONTENTS["Author"])
    assert f"| {CONTENTS['Version']} |" in (SOLUTION / "ReleaseNotes.md").read_text(encoding="utf-8")


def test_the_metadata_follow_the_rules_of_the_repository():
    assert re.fullmatch(r"[a-z][a-z0-9]{0,49}", METADATA["publisherId"])
    assert "sentinel" in METADATA["offerId"]
    assert len(METADATA["offerId"]) <= 50
    assert dt.date.fromisoformat(METADATA["firstPublishDate"]) <= dt.datetime.now(dt.UTC).date()
    assert "Internet of Things (IoT)" in METADATA["categories"]["domains"]
    assert set(METADATA["support"]) == {"name", "email", "tier", "link"}


def test_each_query_of_the_connector_is_about_our_events_in_exact_case():
    asked = [
        *(row["baseQuery"] for row in CONNECTOR["graphQueries"]),
        *(row["lastDataReceivedQuery"] for row in CONNECTOR["dataTypes"]),
        *(text for row in CONNECTOR["connectivityCriterias"] for text in row["value"]),
    ]
    assert len(asked) == 3
    assert all('DeviceVendor == "Otoscope" and DeviceProduct == "Sensor"' in text for text in asked)
    assert [row["name"] for row in CONNECTOR["dataTypes"]] == ["CommonSecurityLog (OtoscopeSensor)"]
    assert {row["type"] for row in CONNECTOR["connectivityCriterias"]} == {"IsConnectedQuery"}
    samples = [row["query"] for row in CONNECTOR["sampleQueries"]]
    assert samples
    assert all(text.startswith(("OtoscopeEvents", "OtoscopeAlerts", "OtoscopeAssets")) for text in samples)


def test_the_logo_is_small_and_only_draws():
    logo = (SOLUTION / "Logo" / "Otoscope.svg").read_bytes()
    assert len(logo) <= 5_000
    root = ET.fromstring(logo)  # noqa: S314 - our own file
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "rect", "path", "circle"}
    assert not any("href" in name or name.startswith("on") for element in root.iter() for name in element.attrib)


def test_what_is_given_to_sentinel_is_ascii():
    assert [path.name for path in SOLUTION.rglob("*.*") if path.is_file() and not path.read_bytes().isascii()] == []
