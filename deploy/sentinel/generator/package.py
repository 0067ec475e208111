"""The table of contents of the Sentinel Solution."""

import json
from collections.abc import Iterator

from deploy.sentinel.generator.content import HOME, queries
from deploy.sentinel.generator.solution import is_asim
from deploy.sentinel.watchlists import make as watchlists

VERSION = "3.0.0"
"""Of the package; the build tools of Microsoft's repository want a 3 at its front."""

DESCRIPTION = (
    "Otoscope is a passive, open-source network sensor for plants: it says which devices exist and at which Purdue level, who asks whom "
    "to do what, and what is wrong or dangerous. This solution brings its alerts, "
    "incidents, inventory and health into Microsoft Sentinel.\n\n"
    "It depends on the solution Common Event Format, whose data connector CEF via AMA collects the events. It works beside Microsoft "
    "Defender for IoT: the function OtoscopeAlerts unites both."
)


def files() -> Iterator[tuple[str, str]]:
    """(path, text)."""
    for name in watchlists.ABOUT:
        yield f"solution/Watchlists/{name}/{name}.json", watchlists.text()
    document = {
        "Name": "Otoscope",
        "Author": "Otoscope maintainers - maintainers@otoscope.example",
        "Logo": '<img src="https://raw.githubusercontent.com/Azure/Azure-Sentinel/master/Logos/Otoscope.svg" width="75px" height="75px">',
        "Description": DESCRIPTION,
        "Data Connectors": [f"Data Connectors/{path.name}" for path in sorted((HOME / "solution" / "Data Connectors").glob("*.json"))],
        "Parsers": [f"Parsers/{query.name}.yaml" for query in queries("functions") if not is_asim(query)],
        "Analytic Rules": [f"Analytic Rules/{query.name}.yaml" for query in queries("rules")],
        "Hunting Queries": [f"Hunting Queries/{query.name}.yaml" for query in queries("hunting")],
        "Workbooks": ["Workbooks/Otoscope.json"],
        "Watchlists": [f"Watchlists/{name}/{name}.json" for name in watchlists.ABOUT],
        "dependentDomainSolutionIds": ["azuresentinel.azure-sentinel-solution-commoneventformat"],
        "BasePath": "Solutions/Otoscope",
        "Version": VERSION,
        "Metadata": "SolutionMetadata.json",
        "TemplateSpec": False,
        "Is1PConnector": False,
    }
    yield "solution/Data/Solution_Otoscope.json", json.dumps(document, indent=2) + "\n"
