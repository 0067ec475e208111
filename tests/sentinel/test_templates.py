"""The templates for Azure Resource Manager: their shape, and that their columns are those that the sensor sends."""

import csv
import json
import re

import pytest
from jsonschema import Draft202012Validator

from deploy.sentinel.generator.content import HOME
from deploy.sentinel.watchlists.make import ABOUT
from sensor.exports.forms import asset_row, sentinel_row
from sensor.exports.ways.ingestion import STREAMS

TEMPLATES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HOME / "arm").glob("*.json"))}
DIRECT = {"dcr-assets-direct": asset_row, "dcr-events-direct": sentinel_row}
"""What the sensor sends by each rule."""

ROLE = "3913510d-42f4-4e42-8a64-420c390055eb"
"""Monitoring Metrics Publisher: the same in each tenant."""

RESOURCE = {
    "type": "object",
    "required": ["type", "apiVersion", "name", "properties"],
    "properties": {
        "type": {"pattern": r"^Microsoft\.[A-Za-z]+(/[A-Za-z]+)+$"},
        "apiVersion": {"pattern": r"^20\d\d-\d\d-\d\d(-preview)?$"},
        "name": {"type": "string", "minLength": 1},
        "location": {"const": "[parameters('location')]"},
        "dependsOn": {"type": "array", "items": {"type": "string", "pattern": r"^\[resourceId\("}},
        "properties": {"type": "object", "minProperties": 1},
    },
}
TEMPLATE = {
    "type": "object",
    "required": ["$schema", "contentVersion", "parameters", "resources"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"},
        "contentVersion": {"const": "1.0.0.0"},
        "parameters": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["type", "metadata"],
                "properties": {
                    "type": {"enum": ["string", "int"]},
                    "metadata": {
                        "type": "object",
                        "required": ["description"],
                        "additionalProperties": False,
                        "properties": {"description": {}},
                    },
                    "defaultValue": {},
                    "allowedValues": {"type": "array", "minItems": 2},
                    "minValue": {"type": "integer"},
                    "maxValue": {"type": "integer"},
                },
                "additionalProperties": False,
            },
        },
        "variables": {"type": "object"},
        "resources": {"type": "array", "minItems": 1, "items": RESOURCE},
        "outputs": {"type": "object"},
    },
}
RULE = {
    "type": "object",
    "required": ["description", "destinations", "dataFlows"],
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string"},
        "dataSources": {"type": "object", "required": ["syslog"]},
        "streamDeclarations": {
            "type": "object",
            "propertyNames": {"pattern": "^Custom-"},
            "additionalProperties": {
                "type": "object",
                "required": ["columns"],
                "properties": {
                    "columns": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["name", "type"],
                            "additionalProperties": False,
                            "properties": {
                                "name": {"pattern": "^[A-Za-z][A-Za-z0-9_]{0,44}$"},
                                "type": {"enum": ["string", "int", "long", "real", "boolean", "datetime", "dynamic"]},
                            },
                        },
                    }
                },
            },
        },
        "destinations": {
            "type": "object",
            "required": ["logAnalytics"],
            "properties": {
                "logAnalytics": {"items": {"properties": {"workspaceResourceId": {"const": "[parameters('workspaceResourceId')]"}}}}
            },
        },
        "dataFlows": {"type": "array", "items": {"required": ["streams", "destinations"]}},
    },
}


def resources(template, type_):
    return [resource for resource in template["resources"] if resource["type"] == type_]


def rules():
    return {
        name: found[0] for name, template in TEMPLATES.items() if (found := resources(template, "Microsoft.Insights/dataCollectionRules"))
    }


def columns(rows):
    return {row["name"]: row["type"] for row in rows}


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_has_the_shape_of_one(name):
    errors = [f"{list(error.path)}: {error.message}" for error in Draft202012Validator(TEMPLATE).iter_errors(TEMPLATES[name])]
    assert errors == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_a_template_asks_for_it_uses_and_what_it_uses_it_asks_for(name):
    template = TEMPLATES[name]
    text = json.dumps([template["resources"] if name != "all-in-one" else outer(template), template.get("outputs", {})])
    for kind in ("parameters", "variables"):
        assert set(re.findall(kind + r"\('(\w+)'\)", text)) == set(template.get(kind, {}))


def outer(template):
    """What all-in-one itself says, without the templates within it."""
    return [{**resource, "properties": resource["properties"]["parameters"]} for resource in template["resources"]]


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_names_a_tenant_a_subscription_or_a_region(name):
    text = json.dumps(TEMPLATES[name])
    assert not re.search(r"/(subscriptions|resourceGroups|tenants)/(?!\{)[^'\"\]]", text)
    assert not re.search(r"\b(west|north|east|south|central)?(europe|us|germany|uk)(west|north|east|south|central)?2?\b\"", text)
    if name in {"dcr-cef", "dcr-association", "table-OtoscopeAssets_CL", "watchlists", *DIRECT}:
        assert set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)) <= {ROLE}


@pytest.mark.parametrize("name", rules())
def test_each_data_collection_rule_has_the_shape_of_one(name):
    rule = rules()[name]["properties"]
    assert [error.message for error in Draft202012Validator(RULE).iter_errors(rule)] == []
    (flow,) = rule["dataFlows"]
    assert flow["destinations"] == [row["name"] for row in rule["destinations"]["logAnalytics"]]


def test_cef_is_taken_down_to_info_from_one_facility():
    rule = rules()["dcr-cef"]
    (syslog,) = rule["properties"]["dataSources"]["syslog"]
    assert rule["kind"] == "Linux"
    assert syslog["streams"] == rule["properties"]["dataFlows"][0]["streams"] == ["Microsoft-CommonSecurityLog"]
    assert syslog["logLevels"][0] == "Info"
    assert syslog["facilityNames"] == ["[parameters('facility')]"]
    assert TEMPLATES["dcr-cef"]["parameters"]["facility"]["defaultValue"] == "local4"


@pytest.mark.parametrize(("name", "form"), DIRECT.items(), ids=[*DIRECT])
def test_a_direct_rule_takes_what_is_sent_at_an_endpoint_of_its_own_and_who_sends_may_publish(name, form):
    stream = STREAMS[form.FORM.name]
    template, rule = TEMPLATES[name], rules()[name]
    assert rule["kind"] == "Direct"
    assert list(rule["properties"]["streamDeclarations"]) == rule["properties"]["dataFlows"][0]["streams"] == [stream]
    assert columns(rule["properties"]["streamDeclarations"][stream]["columns"]) == form.COLUMNS
    # A rule looks back a day from now: what a sensor could not send for longer counts from when it arrives. ReceiptTime is when it was.
    stamped = "source | extend TimeGenerated = now()"
    assert rule["properties"]["dataFlows"][0]["transformKql"] == (stamped if name == "dcr-events-direct" else "source")
    assert template["variables"] == {"publisher": ROLE}
    (role,) = resources(template, "Microsoft.Authorization/roleAssignments")
    assert role["scope"] in role["dependsOn"]
    assert template["outputs"]["stream"]["value"] == stream
    assert {"endpoint", "immutableId"} <= set(template["outputs"])


def test_the_association_knows_a_machine_in_azure_and_one_outside():
    found = resources(TEMPLATES["dcr-association"], "Microsoft.Insights/dataCollectionRuleAssociations")
    scopes = {resource["condition"]: resource["scope"] for resource in found}
    assert scopes == {
        "[equals(parameters('machineKind'), 'arc')]": "[resourceId('Microsoft.HybridCompute/machines', parameters('machine'))]",
        "[equals(parameters('machineKind'), 'vm')]": "[resourceId('Microsoft.Compute/virtualMachines', parameters('machine'))]",
    }
    assert set(TEMPLATES["dcr-association"]["parameters"]["machineKind"]["allowedValues"]) == {"arc", "vm"}


def test_the_table_of_the_inventory_has_the_columns_that_are_sent():
    (table,) = TEMPLATES["table-OtoscopeAssets_CL"]["resources"]
    known = columns(table["properties"]["schema"]["columns"])
    stream = columns(rules()["dcr-assets-direct"]["properties"]["streamDeclarations"]["Custom-OtoscopeAssets"]["columns"])
    assert known == {name: "dateTime" if type_ == "datetime" else type_ for name, type_ in stream.items()}
    assert table["properties"]["schema"]["name"] == "OtoscopeAssets_CL"
    assert rules()["dcr-assets-direct"]["properties"]["dataFlows"][0]["outputStream"] == "Custom-OtoscopeAssets_CL"
    assert not {"_ResourceId", "id", "_SubscriptionId", "TenantId", "Type", "UniqueId", "Title"} & set(known)


@pytest.mark.parametrize("name", ABOUT)
def test_a_watchlist_is_its_file(name):
    (found,) = [resource for resource in TEMPLATES["watchlists"]["resources"] if f"/{name}'" in resource["name"]]
    properties = found["properties"]
    assert properties["rawContent"] == (HOME / "watchlists" / f"{name}.csv").read_text(encoding="utf-8")
    assert properties["rawContent"].isascii()
    rows = list(csv.DictReader(properties["rawContent"].splitlines()))
    assert all(row[properties["itemsSearchKey"]] and row["Value"] and row["About"] for row in rows)


def test_each_setting_that_is_read_is_in_the_watchlist_and_each_in_it_is_read():
    rows = csv.DictReader((HOME / "watchlists" / "OtoscopeSettings.csv").read_text(encoding="utf-8").splitlines())
    queries = [path.read_text(encoding="utf-8") for path in (HOME / "kql").rglob("*.kql")]
    read = {name for text in queries for name in re.findall(r'(?:Setting|SearchKey) == "(\w+)"', text)}
    assert read == {row["Setting"] for row in rows}
