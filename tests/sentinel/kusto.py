"""The Kusto language service: what it says of a query in a workspace that has our functions."""

import json
import re
import subprocess
from dataclasses import dataclass

from deploy.sentinel.generator.content import HOME, Query, queries

WATCHLIST = "datatable(_DTItemId: string, LastUpdatedTimeUTC: datetime, SearchKey: string, WatchlistItem: dynamic)[]"
"""What _GetWatchlist gives of a list that is not there: a query must do without its columns."""
PARAMETERS = {
    r"\{TimeRange:grain\}": "1h",
    r"\{TimeRange:start\}": "datetime(2026-11-24)",
    r"\{\w+:base64\}": "eA==",
    r"\{(Site|Sensor|Severity)\}": "'a','b'",
}
"""What the workbook puts in before it asks."""
GIVEN = {"timespan": "5m", "string": "'a'", "bool": "false"}


@dataclass(frozen=True)
class Answer:
    """What is wrong with a query, and the columns that it gives with their types."""

    diagnostics: list[str]
    columns: dict[str, str]


def known_tables():
    """Microsoft's tables: columns by type."""
    return json.loads((HOME / "check/tables.json").read_text())


def tables():
    """The tables of the workspace as (column: type, ...): Microsoft's and ours, which is read from the template that makes it."""
    known = known_tables().items()
    schemas = {name: [(column, kind) for kind, columns in kinds.items() for column in columns] for name, kinds in known}
    made = json.loads((HOME / "arm/table-OtoscopeAssets_CL.json").read_text())["resources"][0]["properties"]["schema"]
    schemas[made["name"]] = [(column["name"], column["type"].lower()) for column in made["columns"]]
    return {name: f"({', '.join(f'{column}: {kind}' for column, kind in columns)})" for name, columns in schemas.items()}


def signature(query: Query):
    return f"({', '.join(f'{known.name}: {known.type}' + (known.default and f' = {known.default}') for known in query.parameters)})"


def functions():
    """Ours, and Sentinel's for watchlists."""
    own = [{"name": query.name, "parameters": signature(query), "body": f"{{\n{query.text}\n}}"} for query in queries("functions")]
    return [{"name": "_GetWatchlist", "parameters": "(name: string)", "body": f"{{{WATCHLIST}}}"}, *own]


def body(query: Query):
    """A function's body as a query: with values for its parameters."""
    values = (f"let {known.name} = {known.default or GIVEN[known.type]};\n" for known in query.parameters)
    return "".join(values) + query.text


def filled(text):
    """A query of the workbook as it is asked."""
    for pattern, value in PARAMETERS.items():
        text = re.sub(pattern, value, text)
    return text


def everything():
    """Every query that is shipped, by the path of its file without its end."""
    every = {f"functions/{query.name}": body(query) for query in queries("functions")}
    for kind in ("rules", "hunting"):
        every |= {f"{kind}/{query.name}": query.text for query in queries(kind)}
    return every | {f"workbook/{query.name}": filled(query.text) for query in queries("workbook")}


def ask(asked: dict[str, str]) -> dict[str, Answer]:
    """What the language service says of queries, by their names."""
    document = {
        "tables": tables(),
        "functions": functions(),
        "queries": [{"name": name, "query": text} for name, text in asked.items()],
    }
    done = subprocess.run(
        ["node", "check.js"], cwd=HOME / "check", input=json.dumps(document), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"deploy/sentinel/check has not run; `make test` installs what it needs:\n{done.stderr}"
    return {
        row["name"]: Answer([f"{one['code']} {one['message']}: {one['text']}" for one in row["diagnostics"]], row["columns"])
        for row in json.loads(done.stdout)
    }
