"""What is committed is what the generator makes, and is of a shape that Azure takes."""

import json
import re

import yaml

from deploy.sentinel.generator.__main__ import made, stale
from deploy.sentinel.generator.arm import ORDER, literal, template
from deploy.sentinel.generator.content import HOME, queries
from deploy.sentinel.generator.tactics import NEWER, TACTICS
from sensor.detections.registry import DETECTORS

FILES = made()


def test_committed_files_are_what_the_generator_makes():
    different = [name for name, text in FILES.items() if not (HOME / name).exists() or (HOME / name).read_bytes() != text.encode()]
    assert different == [], "`make sentinel` writes them"
    assert stale(FILES) == []


def test_yaml_is_ascii_and_holds_the_queries_as_they_are():
    documents = {name: text for name, text in FILES.items() if name.endswith(".yaml")}
    assert len(documents) > 30
    assert [name for name, text in documents.items() if not text.isascii()] == []
    for folder, kind, key in (
        ("Analytic Rules", "rules", "query"),
        ("Hunting Queries", "hunting", "query"),
        ("Parsers", "functions", "FunctionQuery"),
    ):
        texts = {query.text for query in queries(kind) if f"solution/{folder}/{query.name}.yaml" in FILES}
        loaded = {yaml.safe_load(text)[key] for name, text in documents.items() if name.startswith(f"solution/{folder}/")}
        assert loaded == texts


def test_catalogue_has_every_detector_and_its_categories():
    rows = {row["id"]: row for row in yaml.safe_load(FILES["catalog.yaml"])}
    assert {detector.id for detector in DETECTORS} <= {*rows}
    assert {"ot.asset.new", "ot.incident", "ot.sensor.heartbeat"} <= {*rows}
    assert rows["ot.plc.stop"]["tactics"] == ["Execution", "DefenseEvasion", "InhibitResponseFunction"]
    assert "Controller Stop" in rows["ot.plc.stop"]["defenderForIotTitles"]
    assert rows["ot.policy.safety_zone"]["sentinelSeverity"] == "High", "Sentinel has no critical"


# Azure ---------------------------------------------------------------------------------------------------------------


def templates():
    return {path.stem: json.loads(path.read_text()) for path in sorted((HOME / "arm").glob("*.json"))}


def resources(document):
    for resource in document["resources"]:
        yield resource
        if resource["type"] == "Microsoft.Resources/deployments":
            yield from resources(resource["properties"]["template"])


def test_all_in_one_must_be_given_the_workspace_and_nothing_else():
    document = templates()["all-in-one"]
    assert {*document["parameters"]} == {"workspace", "location", "thresholds"}
    assert [name for name, known in document["parameters"].items() if "defaultValue" not in known] == ["workspace"]


def test_all_in_one_can_leave_the_thresholds_of_a_workspace_alone():
    conditions = {resource["name"]: resource["condition"] for resource in templates()["all-in-one"]["resources"] if "condition" in resource}
    assert conditions == {"otoscope-watchlists": "[equals(parameters('thresholds'), 'write')]"}


def test_all_in_one_brings_parsers_before_what_asks_them():
    deployments = {resource["name"].removeprefix("otoscope-"): resource for resource in templates()["all-in-one"]["resources"]}
    assert [*deployments] == [*ORDER]
    for name in ("rules", "hunting", "workbook"):
        before = " ".join(deployments[name]["dependsOn"])
        assert "otoscope-parsers" in before
        assert "otoscope-watchlists" in before
    assert "otoscope-table-OtoscopeAssets_CL" in " ".join(deployments["dcr-assets-direct"]["dependsOn"])


def test_all_in_one_holds_what_the_other_templates_hold():
    every = templates()
    inner = {
        resource["name"].removeprefix("otoscope-"): resource["properties"]["template"] for resource in every["all-in-one"]["resources"]
    }
    assert inner == {name: every[name] for name in ORDER}
    assert {*every} - {*ORDER} == {"all-in-one", "dcr-association"}, "the association names a machine"


def test_functions_come_after_those_that_they_call():
    names = {query.name for query in queries("functions")}
    for resource in templates()["parsers"]["resources"]:
        own = resource["properties"]["functionAlias"]
        called = {name for name in names - {own} if re.search(rf"\b{name}\b", resource["properties"]["query"])}
        assert {name for name in names if f"'{name}')]" in " ".join(resource.get("dependsOn", []))} == called


def test_every_expression_names_what_the_template_has():
    for name, document in templates().items():
        if name == "all-in-one":
            continue
        used = {*re.findall(r"parameters\('(\w+)'\)", json.dumps(document))}
        assert used == {*document["parameters"]}, name
        for resource in resources(document):
            assert resource["apiVersion"], name
            assert resource["name"].startswith("["), f"{name}: a fixed name would be one of all tenants"


def test_no_template_holds_an_id_of_a_tenant():
    guids = {guid for text in FILES.values() for guid in re.findall(r"subscriptions/[0-9a-f-]{36}|tenants?/[0-9a-f-]{36}", text)}
    assert guids == set()


def test_a_text_that_looks_like_an_expression_is_none():
    assert literal({"query": "[1]", "name": "a"}) == {"query": "[[1]", "name": "a"}
    assert template([])["parameters"].keys() == {"workspace"}


def test_asim_knows_the_tactics_of_the_table():
    spelled = {"CommandAndControl": "Command and Control"}
    table = {
        spelled.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name): {*known.split(), *NEWER.get(name, "").split()}
        for name, known in TACTICS.items()
    }
    for query in queries("functions"):
        if query.name.startswith(("ASim", "vim")):
            rows = re.findall(r'iff\(AttackTechniques has_any \(([^)]*)\), "([^"]+), ", ""\)', query.text)
            assert {tactic: {*re.findall(r"T\d{4}", techniques)} for techniques, tactic in rows} == table
