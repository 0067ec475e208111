"""The watchlists: CSV files of watchlists/, as the template that creates them."""

import json
from typing import Any

from deploy.sentinel.generator.content import HOME

ABOUT = {"OtoscopeSettings": "Thresholds of Otoscope's analytics rules and hunting queries. What is missing has its default."}
"""By name: what it is for."""


def watchlist(name: str) -> dict[str, Any]:
    """One list; its first column is its key."""
    content = (HOME / "watchlists" / f"{name}.csv").read_text(encoding="utf-8")
    return {
        "type": "Microsoft.OperationalInsights/workspaces/providers/Watchlists",
        "apiVersion": "2023-11-01",
        "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{name}')]",
        "properties": {
            "displayName": name,
            "watchlistAlias": name,
            "description": ABOUT[name],
            "provider": "Otoscope",
            "source": f"{name}.csv",
            "sourceType": "Local file",
            "numberOfLinesToSkip": 0,
            "itemsSearchKey": content.partition(",")[0],
            "contentType": "text/csv",
            "rawContent": content,
        },
    }


def text() -> str:
    """As it is committed."""
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": {"type": "string", "metadata": {"description": "Name of the workspace of Microsoft Sentinel"}}},
        "resources": [watchlist(name) for name in ABOUT],
    }
    return json.dumps(template, indent=2) + "\n"
