"""The watchlists: CSV files of watchlists/, as the resources that create them."""

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
