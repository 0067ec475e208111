"""The analytics rules: what they select, and what Sentinel's content repository demands of a rule."""

import csv
import re

import pytest

from deploy.sentinel.generator import catalogue
from deploy.sentinel.generator.catalogue import OTHERS
from deploy.sentinel.generator.content import HOME, queries
from deploy.sentinel.generator.rules import PERIOD, hunting, rule
from deploy.sentinel.generator.tactics import TACTICS, tactics_of
from sensor.detections.model import Severity
from sensor.detections.registry import DETECTORS
from sensor.detections.techniques import TECHNIQUES

RULES = queries("rules")
TYPES = {detector.id for detector in DETECTORS} | {type_ for type_, _, _ in OTHERS}
each_rule = pytest.mark.parametrize("query", RULES, ids=lambda query: query.name)
each_query = pytest.mark.parametrize("query", [*RULES, *queries("hunting")], ids=lambda query: query.name)


def types_in(text):
    return {name for name in re.findall(r'"(ot\.[a-z0-9_.]+)"', text) if not name.endswith(".")}


CATEGORY_OF = {row["id"]: row["category"] for row in catalogue.rows()}


def selected(query):
    """The types that a query lets through: by name, by how they begin, by category."""
    begins = tuple(re.findall(r'AlertType startswith "([^"]+)"', query.text))
    categories = set(re.findall(r'Category == "(\w+)"', query.text))
    by_rule = {type_ for type_ in TYPES if (begins and type_.startswith(begins)) or CATEGORY_OF[type_] in categories}
    return types_in(query.text) | by_rule


def minutes(text):
    return int(text[:-1]) * {"m": 1, "h": 60, "d": 1440}[text[-1]]


# What they select --------------------------------------------------------------------------------------------------


def test_every_type_that_a_query_names_exists():
    named = {
        name: types_in(query.text)
        for kind in ("functions", "rules", "hunting", "workbook")
        for query in queries(kind)
        for name in [query.name]
    }
    assert any(named.values())
    assert {name: sorted(types - TYPES) for name, types in named.items() if types - TYPES} == {}


def test_every_detector_that_matters_reaches_a_rule():
    named = {type_ for query in RULES for type_ in types_in(query.text)}
    matter = {detector.id for detector in DETECTORS if detector.enabled and detector.severity >= Severity.MEDIUM}
    assert matter - named == set()


def test_no_alert_makes_incidents_by_two_rules():
    seen = [type_ for query in RULES for type_ in selected(query)]
    assert sorted({type_ for type_ in seen if seen.count(type_) > 1}) == []
    operators = {name for query in RULES for name in re.findall(r"\b(?:AlertType|Category) (\S+)", query.text)}
    assert operators <= {"in", "==", "startswith"}, "another one is not seen above"


@each_rule
def test_a_rule_is_told_once_and_not_of_what_is_settled(query):
    if "OtoscopeRaised(" in query.text:
        # The window in which an alert counts as new is the time between two runs: nothing is missed, nothing comes twice.
        assert re.findall(r"OtoscopeRaised\((\w+)\)", query.text) == [query.about["frequency"]]
    else:
        assert query.name in {"SensorSilent", "ExportDropped"}
    assert minutes(PERIOD) > minutes(query.about["frequency"])


# Where they run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["functions", "rules", "hunting", "workbook"])
def test_every_query_is_of_any_workspace(kind):
    for query in queries(kind):
        assert not re.search(r"\bworkspace\s*\(|\bcluster\s*\(|\bexternaldata\b", query.text), query.name
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", query.text), query.name


def test_thresholds_are_those_of_the_watchlist_and_have_its_values_where_there_is_none():
    with (HOME / "watchlists/OtoscopeSettings.csv").open(newline="") as lines:
        watchlist = {row["Setting"]: row["Value"] for row in csv.DictReader(lines)}
    pattern = r'SearchKey == "(\w+)" \| project to(\w+)\(column_ifexists\("Value", ""\)\) \| take 1\), (\w+)\((\d+)\)\)'
    read = {}
    for query in [*queries("functions"), *RULES]:
        found = re.findall(pattern, query.text)
        assert all(kind == default for _, kind, default, _ in found), "coalesce takes values of one type only"
        assert len(found) == query.text.count("_GetWatchlist("), f"{query.name} reads the watchlist in another way"
        read |= {name: value for name, _, _, value in found}
    assert {name: float(value) for name, value in read.items()} == {name: float(watchlist[name]) for name in read}
    assert {*read} == {"MinimumSeverity", "SilentMinutes", "DroppedEvents"}


# What is said of them ----------------------------------------------------------------------------------------------


@each_query
def test_a_query_says_of_itself_what_sentinel_wants(query):
    row = rule(query) if query in RULES else hunting(query)
    assert re.fullmatch(r"Otoscope - [A-Z][^.]*", row["name"])
    assert len(row["name"]) <= 100
    assert not re.search(
        r" [A-Z](?!C\b|MZ\b|T\b|CK|TT)[a-z]+", row["name"].removeprefix("Otoscope - ")[1:].replace("Purdue", "").replace("ICS", "")
    ), "names are in sentence case"
    assert row["description"].startswith(("Identifies ", "This query searches for "))
    assert len(row["description"]) <= 255
    assert str(row).isascii()
    assert len(row["entityMappings"]) <= 10


@each_query
def test_techniques_belong_to_the_tactics(query):
    row = rule(query) if query in RULES else hunting(query)
    assert row["tactics"]
    assert {*row["tactics"]} <= {*TACTICS}
    of_tactics = {technique for tactic in row["tactics"] for technique in TACTICS[tactic].split()}
    techniques = row.get("relevantTechniques", [])
    assert {*techniques} <= of_tactics
    assert {*techniques} <= {*TECHNIQUES} | {"T0867", "T0863"}, "malware spreads so; nothing else on the wire shows it"
    if techniques:
        assert [tactic for tactic in row["tactics"] if not {*techniques} & {*TACTICS[tactic].split()}] == [], (
            "a tactic without its technique"
        )


@each_rule
def test_techniques_of_a_rule_are_those_of_its_detectors(query):
    detectors = [detector for detector in DETECTORS if detector.id in types_in(query.text)]
    known = {technique for detector in detectors for technique in detector.techniques}
    if detectors:
        assert {*query.listed("techniques")} <= known
        every = {technique for techniques in TACTICS.values() for technique in techniques.split()}
        assert sorted(known & every - {*query.listed("techniques")}) == []


@each_rule
def test_a_rule_keeps_to_the_limits(query):
    row = rule(query)
    assert row["severity"] in {"Informational", "Low", "Medium", "High"}
    assert 5 <= minutes(row["queryFrequency"]) <= minutes(row["queryPeriod"]) <= 14 * 1440
    assert len(row["query"]) <= 10_000
    assert len(row["customDetails"]) <= 20
    assert all(re.fullmatch(r"\w{1,20}", name) for name in row["customDetails"])
    override = row["alertDetailsOverride"]
    assert all(override[key].count("{{") <= 3 for key in ("alertDisplayNameFormat", "alertDescriptionFormat"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["id"])


def test_there_are_rules_for_what_a_soc_asks_first():
    assert len(RULES) >= 16
    assert {"SensorSilent", "CaptureLoss", "NoTraffic", "ExportDropped", "Incident", "Malware"} <= {query.name for query in RULES}
    assert len({rule(query)["id"] for query in RULES}) == len({rule(query)["name"] for query in RULES}) == len(RULES)


def test_every_technique_of_a_detector_has_a_tactic():
    assert [technique for detector in DETECTORS for technique in detector.techniques if not tactics_of(technique)] == []
