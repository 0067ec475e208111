"""The workbook: queries of kql/workbook/ and the layout in workbook/layout.toml, put together as the JSON that the portal takes."""

import json
import tomllib
from typing import Any

from deploy.sentinel.generator.content import HOME, identity

Json = dict[str, Any]

WORKSPACES = {"queryType": 0, "resourceType": "microsoft.operationalinsights/workspaces"}
DAY = 86_400_000
TIMES = [3_600_000, 14_400_000, 86_400_000, 259_200_000, 604_800_000, 1_209_600_000, 2_592_000_000, 7_776_000_000]
"""Milliseconds: an hour to ninety days."""

WORKSPACE_LIST = """\
resources
| where type =~ "microsoft.operationsmanagement/solutions" and name startswith "SecurityInsights("
| extend id = tolower(tostring(properties.workspaceResourceId))
| order by id asc
| summarize First = make_list(id, 1), All = make_list(id)
| mv-expand All
| project value = tostring(All), label = tostring(split(tostring(All), "/")[8]), selected = tostring(First) contains tostring(All)"""
"""Asked of the Resource Graph: the workspaces with Microsoft Sentinel."""

FILTER = {"timeContext": {"durationMs": 0}, "timeContextFromParameter": "TimeRange", "crossComponentResources": ["{Workspace}"]}
ALL = {"additionalResourceOptions": ["value::all"], "selectAllValue": "*", "showDefault": False}

TEXT, LINKS, QUERY, PARAMETERS, GROUP = 1, 11, 3, 9, 12
"""What an item is."""

HEATMAP, LINK, ICONS = 8, 7, 18
"""How a column is shown."""

STATES = {"well": "success", "look": "warning", "drops events": "warning", "no heartbeat": "warning", "silent": "critical"}


def query(name: str) -> str:
    """The text of a query, as the file has it."""
    return (HOME / "kql" / "workbook" / f"{name}.kql").read_text(encoding="utf-8").strip()


def parameter(name: str, kind: int, **more: object) -> Json:
    """One parameter."""
    return {"id": identity("workbook", name), "version": "KqlParameterItem/1.0", "name": name, "type": kind} | more


def choice(name: str, **source: object) -> Json:
    """A list to choose several of; all of them unless told."""
    several = {"isRequired": True, "multiSelect": True, "quote": "'", "delimiter": ",", "typeSettings": ALL}
    return parameter(name, 2, **several, **source, defaultValue="value::all", value=["value::all"])


def parameters() -> Json:
    """Workspaces, time, site, sensor and severity; a workspace of a subsidiary can be chosen where its data may be read."""
    severities = [{"value": name, "label": name} for name in ("High", "Medium", "Low", "Informational")]
    rows = [
        workspaces(),
        parameter(
            "TimeRange",
            4,
            label="Time",
            isRequired=True,
            value={"durationMs": 604_800_000},
            typeSettings={"selectableValues": [{"durationMs": time} for time in TIMES], "allowCustom": True},
        ),
        choice("Site", query=query("Sites"), **FILTER, **WORKSPACES),
        choice("Sensor", query=query("Sensors"), **FILTER, **WORKSPACES),
        choice("Severity", jsonData=json.dumps(severities)),
    ]
    content = {"version": "KqlParameterItem/1.0", "parameters": rows, "style": "pills", **WORKSPACES}
    return {"type": PARAMETERS, "content": content, "name": "parameters"}


def workspaces() -> Json:
    """Those that the reader may read; the first one unless told, as only a person knows which belong together."""
    return parameter(
        "Workspace",
        5,
        isRequired=True,
        multiSelect=True,
        quote="'",
        delimiter=",",
        query=WORKSPACE_LIST,
        crossComponentResources=["value::all"],
        typeSettings={"additionalResourceOptions": ["value::all"], "showDefault": False},
        queryType=1,
        resourceType="microsoft.resourcegraph/resources",
    )


def tabs(names: list[str]) -> Json:
    """The row of tabs: each sets the parameter that the groups look at."""
    links = [
        {
            "id": identity("workbook/tab", name),
            "cellValue": "Tab",
            "linkTarget": "parameter",
            "linkLabel": name,
            "subTarget": name,
            "style": "link",
        }
        for name in names
    ]
    return {"type": LINKS, "content": {"version": "LinkItem/1.0", "style": "tabs", "links": links}, "name": "tabs"}


def group(tab: Json) -> Json:
    """What one tab shows."""
    return {
        "type": GROUP,
        "content": {"version": "NotebookGroup/1.0", "groupType": "editable", "items": [item(row) for row in tab["items"]]},
        "conditionalVisibility": {"parameterName": "Tab", "comparison": "isEqualTo", "value": tab["name"]},
        "name": tab["name"],
    }


def item(row: Json) -> Json:
    """A text or the answer to a query."""
    if "text" in row:
        return {"type": TEXT, "content": {"json": row["text"].strip()}, "name": "text"}
    view = row.get("view", "table")
    content: Json = {"version": "KqlItem/1.0", "query": query(row["query"]), "size": 4 if view == "tiles" else 0, **FILTER, **WORKSPACES}
    if "days" in row:
        content = {name: value for name, value in content.items() if name != "timeContextFromParameter"}
        content["timeContext"] = {"durationMs": row["days"] * DAY}
    content |= {"title": row.get("title", ""), "noDataMessage": "Nothing in this time.", "visualization": view}
    if "pick" in row:
        content |= {"exportFieldName": row["pick"]["column"], "exportParameterName": row["pick"]["parameter"]}
    if view == "tiles":
        content["tileSettings"] = tile(row["fields"])
    if view == "table":
        content |= {"showExportToExcel": True, "gridSettings": {"rowLimit": 1000, "filter": True, "formatters": formatters(row)}}
    made = {"type": QUERY, "content": content, "customWidth": str(row.get("width", 100)), "name": row["query"]}
    if "needs" in row:
        made["conditionalVisibility"] = {"parameterName": row["needs"], "comparison": "isNotEqualTo"}
    return made


def tile(fields: list[str]) -> Json:
    """A title, a number, and what else there is to say."""
    settings: Json = {
        "titleContent": {"columnMatch": fields[0], "formatter": 1},
        "leftContent": {"columnMatch": fields[1], "formatter": 12, "formatOptions": {"palette": "auto"}},
        "showBorder": True,
    }
    return settings | ({"secondaryContent": {"columnMatch": fields[2], "formatter": 1}} if fields[2:] else {})


def formatters(row: Json) -> list[Json]:
    """How the columns of a table look."""
    made: list[Json] = []
    options: Json
    if "link" in row:
        options = {"linkTarget": "Url", "linkLabel": "Open at the sensor"}
        made.append({"columnMatch": f"^{row['link']}$", "formatter": LINK, "formatOptions": options})
    if "states" in row:
        grid: list[Json] = [
            {"operator": "==", "thresholdValue": value, "representation": icon, "text": "{0}{1}"} for value, icon in STATES.items()
        ]
        grid.append({"operator": "Default", "thresholdValue": None, "representation": "unknown", "text": "{0}{1}"})
        options = {"thresholdsOptions": "icons", "thresholdsGrid": grid}
        made.append({"columnMatch": f"^{row['states']}$", "formatter": ICONS, "formatOptions": options})
    if "heat" in row:
        made.append({"columnMatch": row["heat"], "formatter": HEATMAP, "formatOptions": {"min": 0, "palette": "orange"}})
    return made


def workbook() -> Json:
    """The whole of it."""
    layout = tomllib.loads((HOME / "workbook" / "layout.toml").read_text(encoding="utf-8"))
    head = {"type": TEXT, "content": {"json": f"## {layout['title']}"}, "name": "title"}
    items = [head, parameters(), tabs([tab["name"] for tab in layout["tabs"]]), *(group(tab) for tab in layout["tabs"])]
    return {
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": [],
        "fromTemplateId": "sentinel-Otoscope",
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def text() -> str:
    """As it is committed; it can be pasted into the portal's editor as well."""
    return json.dumps(workbook(), indent=2) + "\n"
