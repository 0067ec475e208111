"""The same content as ARM templates, and one template that brings all of it into a workspace."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.sentinel.generator.content import HOME, Query, identity, queries
from deploy.sentinel.generator.rules import hunting, rule
from deploy.sentinel.generator.solution import is_asim
from deploy.sentinel.watchlists import make as watchlists
from deploy.sentinel.workbook import make as workbook

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
WORKSPACE = {"type": "string", "metadata": {"description": "Name of the Log Analytics workspace that Sentinel runs on"}}
LOCATION = {"type": "string", "defaultValue": "[resourceGroup().location]", "metadata": {"description": "Region of the workspace"}}
THRESHOLDS = {
    "type": "string",
    "defaultValue": "write",
    "allowedValues": ["write", "keep"],
    "metadata": {"description": "keep: leave the watchlist of thresholds as it is, as when this was deployed before"},
}
DURATIONS = {"5m": "PT5M", "15m": "PT15M", "1h": "PT1H", "1d": "P1D"}
ORDER = (
    "table-OtoscopeAssets_CL",
    "watchlists",
    "parsers",
    "hunting",
    "rules",
    "workbook",
    "dcr-cef",
    "dcr-assets-direct",
    "dcr-events-direct",
)
"""What all-in-one deploys, each after all before it. An association of a rule with a forwarder names a machine and is not among it."""
GIVEN = {
    "workspace": "[parameters('workspace')]",
    "workspaceName": "[parameters('workspace')]",
    "workspaceResourceId": "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]",
    "location": "[parameters('location')]",
}
"""What all-in-one gives each template that asks for it."""


def files() -> Iterator[tuple[str, str]]:
    """(path, text) of each."""
    made = {
        "parsers": template(list(_functions())),
        "hunting": template([_search(query.name, _hunting(query)) for query in queries("hunting")]),
        "rules": template([_rule(query) for query in queries("rules")]),
        "watchlists": json.loads(watchlists.text()),
        "workbook": template([_workbook()], {"location": LOCATION}),
    }
    for name, document in made.items():
        yield f"arm/{name}.json", to_json(document)
    yield "arm/all-in-one.json", to_json(all_in_one(made))


def to_json(document: object) -> str:
    """As it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def template(resources: list[dict[str, Any]], parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Of resources of a workspace."""
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": WORKSPACE, **(parameters or {})},
        "resources": resources,
    }


def literal(properties: dict[str, Any]) -> dict[str, Any]:
    """A text that ARM must not take for an expression begins with another bracket."""
    return {key: f"[{value}" if isinstance(value, str) and value.startswith("[") else value for key, value in properties.items()}


def all_in_one(made: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Each template as a deployment within this one."""
    resources = [_deployment(name, made.get(name) or _written(name), ORDER[: ORDER.index(name)]) for name in ORDER]
    (lists,) = (resource for resource in resources if resource["name"] == "otoscope-watchlists")
    lists["condition"] = "[equals(parameters('thresholds'), 'write')]"
    return template(resources, {"location": LOCATION, "thresholds": THRESHOLDS})


def _written(name: str) -> dict[str, Any]:
    """A template that a person wrote."""
    document: dict[str, Any] = json.loads((HOME / "arm" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _deployment(name: str, inner: dict[str, Any], before: Sequence[str]) -> dict[str, Any]:
    asked = {key: {"value": GIVEN[key]} for key in inner["parameters"] if key in GIVEN}
    unknown = [key for key, known in inner["parameters"].items() if key not in GIVEN and "defaultValue" not in known]
    if unknown:
        raise ValueError(f"arm/{name}.json asks for {', '.join(unknown)}, which all-in-one cannot give")
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": f"otoscope-{name}",
        "dependsOn": [f"[resourceId('Microsoft.Resources/deployments', 'otoscope-{other}')]" for other in before],
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "parameters": asked, "template": inner},
    }


def _functions() -> Iterator[dict[str, Any]]:
    known = queries("functions")
    for query in known:
        needed = [other.name for other in known if other is not query and other.name in query.text]
        yield _search(query.name, _function(query), needed)


def _function(query: Query) -> dict[str, Any]:
    parameters = ",".join(f"{known.name}:{known.type}{'=' if known.default else ''}{known.default}" for known in query.parameters)
    return {
        "displayName": query.name,
        "category": "ASIM" if is_asim(query) else "Microsoft Sentinel Parser",
        "functionAlias": query.name,
        **({"functionParameters": parameters} if parameters else {}),
        "query": query.text,
        "version": 2,
        "tags": [{"name": "description", "value": query.about["description"]}],
    }


def _hunting(query: Query) -> dict[str, Any]:
    row = hunting(query)
    tags = {
        "description": row["description"],
        "tactics": ",".join(row["tactics"]),
        "techniques": ",".join(row.get("relevantTechniques", [])),
    }
    return {
        "displayName": row["name"],
        "category": "Hunting Queries",
        "query": query.text,
        "version": 2,
        "tags": [{"name": name, "value": value} for name, value in tags.items() if value],
    }


def _search(name: str, properties: dict[str, Any], needed: list[str] | None = None) -> dict[str, Any]:
    kind = "Microsoft.OperationalInsights/workspaces/savedSearches"
    return {
        "type": kind,
        "apiVersion": "2023-09-01",
        "name": f"[concat(parameters('workspace'), '/{name}')]",
        **({"dependsOn": [f"[resourceId('{kind}', parameters('workspace'), '{other}')]" for other in needed]} if needed else {}),
        "properties": {"etag": "*", **literal(properties)},
    }


def _rule(query: Query) -> dict[str, Any]:
    row = rule(query)
    shared = (
        "description",
        "severity",
        "query",
        "tactics",
        "entityMappings",
        "eventGroupingSettings",
        "customDetails",
        "alertDetailsOverride",
    )
    properties = {
        "displayName": row["name"],
        "enabled": True,
        "queryFrequency": DURATIONS[row["queryFrequency"]],
        "queryPeriod": DURATIONS[row["queryPeriod"]],
        "triggerOperator": "GreaterThan",
        "triggerThreshold": row["triggerThreshold"],
        "suppressionDuration": "PT1H",
        "suppressionEnabled": False,
        "techniques": row.get("relevantTechniques", []),
        "templateVersion": row["version"],
        "incidentConfiguration": row["incidentConfiguration"],
        **{key: row[key] for key in shared},
    }
    return {
        "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
        "apiVersion": "2023-12-01-preview",
        "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{row['id']}')]",
        "kind": row["kind"],
        "properties": literal(properties),
    }


def _workbook() -> dict[str, Any]:
    return {
        "type": "Microsoft.Insights/workbooks",
        "apiVersion": "2022-04-01",
        "name": f"[guid(resourceGroup().id, parameters('workspace'), '{identity('workbook', 'Otoscope')}')]",
        "location": "[parameters('location')]",
        "kind": "shared",
        "properties": {
            "displayName": "Otoscope",
            "category": "sentinel",
            "version": "1.0",
            "sourceId": GIVEN["workspaceResourceId"],
            "serializedData": json.dumps(workbook.workbook(), ensure_ascii=True, separators=(",", ":")),
        },
    }
