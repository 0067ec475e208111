"""Who talks with whom for what, summed up: the lines of the map and the cells of the matrix."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sensor.inventory.profile import meaning
from sensor.knowledge import Dialogue, Knowledge
from sensor.protocols import Intent
from sensor.report.text import STRENGTH

_WEIGHTS = {intent: len(STRENGTH) - place for place, intent in enumerate(STRENGTH)}


@dataclass(slots=True)
class Flow:
    """All conversations from one place to another.

    requests: by intent; of services that are not taken apart the number of conversations, under None.
    """

    source: str
    target: str
    conversations: int = 0
    requests: Counter[Intent | None] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)

    @property
    def strongest(self) -> Intent | None:
        """The intent that weighs most."""
        return max(self.requests, key=weight, default=None)

    def add(self, protocol: str, requests: Mapping[Intent | None, int], conversations: int = 1) -> None:
        """Count conversations."""
        self.conversations += conversations
        self.protocols[protocol] += conversations
        self.requests.update(requests)


def weight(intent: Intent | None) -> int:
    """How much an intent changes at the other end."""
    return _WEIGHTS[intent]


def intents(dialogue: Dialogue) -> Counter[Intent | None]:
    """How often a client wanted what; under None that it used a service which is not taken apart."""
    found: Counter[Intent | None] = Counter()
    for row in dialogue.operations:
        found[meaning(row.protocol, row.function, row.subfunction).intent] += max(row.requests, row.responses)
    return found or Counter({None: 1})


def between_assets(known: Knowledge) -> Iterator[tuple[int, Dialogue]]:
    """Conversations of which both ends are known, with their ids: not those to groups, to all, or to who never answered."""
    return ((key, dialogue) for key, dialogue in known.dialogues.items() if dialogue.client.asset and dialogue.server.asset)
