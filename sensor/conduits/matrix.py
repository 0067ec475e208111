"""Who asks whom for what, zone by zone: observed, and what of it the policy allows."""

from collections import Counter
from dataclasses import dataclass, field

from sensor.conduits.acts import acts
from sensor.conduits.judge import Judge
from sensor.knowledge import Knowledge

NOWHERE = "no zone"


@dataclass(slots=True)
class Cell:
    """What one zone asks of another: how often, by intent; of that what is a violation; and the intents that conduits declare."""

    observed: Counter[str] = field(default_factory=Counter)
    violating: Counter[str] = field(default_factory=Counter)
    declared: set[str] = field(default_factory=set)
    protocols: set[str] = field(default_factory=set)


def matrix(known: Knowledge) -> dict[tuple[str, str], Cell]:
    """Cells by (from, to), only those in which something was observed or declared."""
    judging = Judge(known.site, known.assets.values())
    cells: dict[tuple[str, str], Cell] = {}
    for dialogue in known.dialogues.values():
        for act in acts(dialogue):
            cell = cells.setdefault((act.client.zone or NOWHERE, act.server.zone or NOWHERE), Cell())
            times = sum(count for _, _, count in act.times)
            cell.observed[act.intent] += times
            cell.protocols.add(act.protocol)
            if judging.of(act) is not None:
                cell.violating[act.intent] += times
    for conduit in known.site.conduits:
        for source, target in ((conduit.source, conduit.target), *(((conduit.target, conduit.source),) if conduit.both else ())):
            cells.setdefault((source, target), Cell()).declared |= set(conduit.intents or ("any",))
    return cells
