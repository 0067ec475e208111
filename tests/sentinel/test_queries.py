"""Every query that is shipped, as the Kusto language service reads it."""

import json
import re
import tomllib

import pytest

from deploy.sentinel.generator.content import HOME, queries
from deploy.sentinel.generator.rules import hunting, rule
from tests.sentinel import kusto


@pytest.fixture(scope="module")
def answers():
    return kusto.ask(kusto.everything())


def test_every_query_is_right_in_syntax_and_types(answers):
    assert {name.partition("/")[0] for name in answers} == {"functions", "rules", "hunting", "workbook"}
    assert {name: answer.diagnostics for name, answer in answers.items() if answer.diagnostics} == {}
    assert [name for name, answer in answers.items() if not answer.columns] == []


def test_the_check_finds_what_is_wrong():
    wrong = {
        "OtoscopeEvents | where Alertname == 'a'": "KS142",  # the case of a column
        "OtoscopeEvent | take 1": "KS204",
        "CommonSecurityLog | extend Sum = DestinationPort + Activity": "KS106",  # a port is a number
        "OtoscopeEvents | where datetime_diff('day', SensorTime, AlertId) > 1": "KS107",
        "OtoscopeEvents | extend Length = string_length(AlertId)": "KS211",
        "OtoscopeRaised() | take 1": "KS119",  # without its window
        "OtoscopeEvents | | take 1": "KS176",
        "_GetWatchlist('OtoscopeSettings') | where Value == '1'": "KS142",  # fails where there is no such list
    }
    answers = kusto.ask({query: query for query in wrong})
    assert {query: answer.diagnostics[0].split()[0] for query, answer in answers.items() if answer.diagnostics} == wrong


@pytest.mark.parametrize(
    "name", [f"rules/{query.name}" for query in queries("rules")] + [f"hunting/{query.name}" for query in queries("hunting")]
)
def test_columns_that_a_rule_names_are_there(answers, name):
    kind, _, stem = name.partition("/")
    (query,) = (query for query in queries(kind) if query.name == stem)
    columns = answers[name].columns
    row = (rule if kind == "rules" else hunting)(query)
    named = {field["columnName"] for mapping in row["entityMappings"] for field in mapping["fieldMappings"]}
    assert {columns.get(column) for column in named} <= {"string"}, "an entity is a text"
    named |= {*row.get("customDetails", {}).values()}
    override = row.get("alertDetailsOverride", {})
    formats = f"{override.get('alertDisplayNameFormat')} {override.get('alertDescriptionFormat')}"
    named |= {*re.findall(r"\{\{(\w+)\}\}", formats)}
    if override:
        named |= {override["alertSeverityColumnName"], *(one["value"] for one in override["alertDynamicProperties"])}
    assert named <= {*columns}
    assert {*row.get("incidentConfiguration", {}).get("groupingConfiguration", {}).get("groupByCustomDetails", ())} <= {
        *row.get("customDetails", {})
    }


def test_details_are_of_types_that_sentinel_takes(answers):
    for query in queries("rules"):
        columns = answers[f"rules/{query.name}"].columns
        details = rule(query)["customDetails"]
        assert {columns[column] for column in details.values()} <= {"string", "int", "long", "real", "datetime", "bool"}, query.name


def test_asim_gives_what_the_schema_demands_with_and_without_filters(answers):
    plain, filtering = (answers[f"functions/{name}AlertEventOtoscopeSensor"].columns for name in ("ASim", "vim"))
    mandatory = {"EventUid", "EventCount", "EventStartTime", "EventEndTime", "EventType", "EventProduct", "EventVendor", "EventSchema"}
    recommended = {"AlertName", "AttackTactics", "AttackTechniques", "ThreatCategory", "EventSeverity", "DvcHostname", "DvcIpAddr", "DvcId"}
    assert mandatory | recommended | {"EventSchemaVersion"} <= {*plain}
    assert plain == filtering
    assert plain["EventCount"] == "int"
    assert plain["EventStartTime"] == plain["EventEndTime"] == "datetime"


def test_workbook_asks_only_what_is_checked():
    text = (HOME / "solution/Workbooks/Otoscope.json").read_text()
    asked = {query.text.strip() for query in queries("workbook")}

    def walk(item):
        if isinstance(item, dict):
            if "query" in item and "queryType" in item:
                yield item["query"]
            for value in item.values():
                yield from walk(value)
        elif isinstance(item, list):
            for value in item:
                yield from walk(value)

    found = {query.strip() for query in walk(json.loads(text)) if "Otoscope" in query}
    assert found
    assert found <= asked


def test_columns_that_the_workbook_names_are_there(answers):
    layout = tomllib.loads((HOME / "workbook/layout.toml").read_text())
    for row in (row for tab in layout["tabs"] for row in tab["items"] if "query" in row):
        columns = answers[f"workbook/{row['query']}"].columns
        named = {*row.get("fields", ()), *(row[key] for key in ("link", "states") if key in row)}
        named |= {row["pick"]["column"]} if "pick" in row else set()
        assert named <= {*columns}, row["query"]
        if "heat" in row:
            assert row["query"] == "ZoneMatrix" or any(re.search(row["heat"], column) for column in columns), (
                "a matrix has the zones as columns"
            )


def test_functions_give_the_same_columns_for_both_products(answers):
    # A union of a text and a number would be two columns, Level_real and Level_string.
    for name in ("OtoscopeAlerts", "OtoscopeAssets"):
        columns = answers[f"functions/{name}"].columns
        assert [column for column in columns if re.search(r"_(string|int|long|real|dynamic|datetime)$", column)] == []
