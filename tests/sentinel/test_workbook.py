"""The workbook: what the portal would refuse, or show as nothing."""

import json
import re

import pytest

from deploy.sentinel.generator.content import HOME
from deploy.sentinel.workbook import make as workbook
from sensor.detections.techniques import TECHNIQUES

WORKBOOK = json.loads((HOME / "solution" / "Workbooks" / "Otoscope.json").read_text(encoding="utf-8"))
QUERIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((HOME / "kql" / "workbook").glob("*.kql"))}
PLACEHOLDER = re.compile(r"\{([A-Za-z]+)(?::\w+)?\}")
TABS = ["Inventory", "Levels and conduits", "Alerts", "ATT&CK for ICS", "Sensor health", "Setup check"]


def items(node):
    """Every item, those in groups too."""
    for item in node["items"]:
        yield item
        if item["type"] == workbook.GROUP:
            yield from items(item["content"])


def of_type(kind):
    return [item for item in items(WORKBOOK) if item["type"] == kind]


def parameters():
    return {row["name"]: row for item in of_type(workbook.PARAMETERS) for row in item["content"]["parameters"]}


def picked():
    return {item["content"]["exportParameterName"] for item in of_type(workbook.QUERY) if "exportParameterName" in item["content"]}


def test_it_is_what_the_portal_takes():
    assert WORKBOOK["version"] == "Notebook/1.0"
    assert {item["content"]["version"] for item in of_type(workbook.QUERY)} == {"KqlItem/1.0"}
    assert WORKBOOK["fallbackResourceIds"] == []
    names = [item["name"] for item in items(WORKBOOK) if item["type"] != workbook.TEXT]
    assert len(names) == len(set(names))


def test_each_tab_shows_a_group_and_each_group_has_a_tab():
    (links,) = of_type(workbook.LINKS)
    assert [link["linkLabel"] for link in links["content"]["links"]] == TABS
    assert {link["cellValue"] for link in links["content"]["links"]} == {"Tab"}
    shown = [group["conditionalVisibility"] for group in of_type(workbook.GROUP)]
    assert shown == [{"parameterName": "Tab", "comparison": "isEqualTo", "value": tab} for tab in TABS]


def test_each_query_stands_in_the_workbook_once_and_is_the_one_of_its_file():
    shown = {item["name"]: item["content"]["query"] for item in of_type(workbook.QUERY)}
    asked = {f"{name}s": row["query"] for name, row in parameters().items() if f"{name}s" in QUERIES}
    assert shown | asked == {name: text.strip() for name, text in QUERIES.items()}
    assert all(shown.values())


def test_the_parameters_are_time_site_sensor_severity_and_workspace():
    assert {"Workspace", "TimeRange", "Site", "Sensor", "Severity"} == set(parameters())


@pytest.mark.parametrize("item", of_type(workbook.QUERY), ids=lambda item: item["name"])
def test_each_parameter_that_a_query_names_exists(item):
    known = set(parameters()) | picked()
    assert set(PLACEHOLDER.findall(json.dumps(item["content"]))) <= known
    if "conditionalVisibility" in item:
        assert item["conditionalVisibility"]["parameterName"] in picked()


@pytest.mark.parametrize("item", of_type(workbook.QUERY), ids=lambda item: item["name"])
def test_each_query_asks_the_chosen_workspaces_for_the_chosen_time_or_more(item):
    content = item["content"]
    assert content["crossComponentResources"] == ["{Workspace}"]
    assert content.get("timeContextFromParameter") == "TimeRange" or content["timeContext"]["durationMs"] == 90 * workbook.DAY


@pytest.mark.parametrize("item", of_type(workbook.QUERY), ids=lambda item: item["name"])
def test_each_query_is_narrowed_by_what_can_be_chosen(item):
    text = item["content"]["query"]
    whole = {"SetupChecks", "SetupSettings", "ByProduct"}  # about the workspace, or Defender for IoT's alerts too
    assert item["name"] in whole or {"Site", "Sensor"} <= set(PLACEHOLDER.findall(text))
    if "summarize arg_max(SensorTime, *) by SensorId, AlertId" in text:
        assert "{Severity}" in text


def test_what_was_clicked_on_cannot_end_a_string_of_the_query():
    for name, text in QUERIES.items():
        for parameter in picked():
            found = re.findall(r"[^ ]*\{" + parameter + r"[^}]*\}[^ ]*", text)
            assert all(f'base64_decode_tostring("{{{parameter}:base64}}")' in one for one in found), name
    for name in ("Sites", "Sensors"):
        allowed = re.search(r'matches regex @"\^\[(.*)\]\+\$"', QUERIES[name])
        assert allowed
        assert not set("'\"\\") & set(allowed[1].replace(r"\w", ""))


def test_one_that_is_clicked_on_is_a_column_and_shows_something():
    needed = {item["conditionalVisibility"]["parameterName"] for item in of_type(workbook.QUERY) if "conditionalVisibility" in item}
    assert needed == picked()


def test_no_query_reaches_for_a_workspace_by_name():
    assert [name for name, text in QUERIES.items() if re.search(r"\b(workspace|app|adx|arg)\s*\(", text)] == []


@pytest.mark.parametrize("name", ["AttackMatrix", "AttackTechniques"])
def test_the_matrix_has_each_technique_by_its_name(name):
    rows = re.findall(r'^ {4}"([^"]+)", "(T\d{4})", "([^"]+)",?$', QUERIES[name], re.MULTILINE)
    assert {technique: text for _, technique, text in rows} == TECHNIQUES
    assert len(rows) == QUERIES[name].count('", "T0')


def test_both_tables_of_techniques_are_the_same_and_each_tactic_is_a_column():
    tables = [QUERIES[name].partition("];")[0] for name in ("AttackMatrix", "AttackTechniques")]
    assert tables[0] == tables[1]
    tactics = re.findall(r'^ {4}"([^"]+)", "T', tables[0], re.MULTILINE)
    columns = re.findall(r"\['([^']+)'\] = take_anyif\(Cell, Tactic == \"\1\"\)", QUERIES["AttackMatrix"])
    assert columns == list(dict.fromkeys(tactics))
