"""What was observed so far: the batches of a capture, merged by the keys of their rows."""

from sensor.capture import Anomaly, Batch, Capture, Conversation, Endpoint, Fact, Operation, Statistics


class Observations:
    """Everything that was observed so far: the batches of a capture, merged by their rows' keys."""

    def __init__(self) -> None:
        self.endpoints: dict[tuple[str | None, str | None, int | None], Endpoint] = {}
        self.conversations: dict[int, Conversation] = {}
        self.operations: dict[int, Operation] = {}
        self.facts: dict[tuple[str | None, str | None, int | None, str, str, str, str], Fact] = {}
        self.anomalies: dict[tuple[int, str, str, str], Anomaly] = {}
        self.statistics: Statistics | None = None

    def add(self, batch: Batch) -> None:
        """Take over what is new or has changed."""
        self.endpoints |= {(row.mac, row.ip, row.vlan): row for row in batch.endpoints}
        self.conversations |= {row.id: row for row in batch.conversations}
        self.operations |= {row.id: row for row in batch.operations}
        self.facts |= {(row.mac, row.ip, row.vlan, row.unit, row.key, row.value, row.source): row for row in batch.facts}
        self.anomalies |= {(row.conversation, row.protocol, row.kind, row.detail): row for row in batch.anomalies}
        self.statistics = batch.statistics
        if removed := set(batch.removed_conversations):
            self._remove(removed)

    def _remove(self, removed: set[int]) -> None:
        """Drop conversations that were merged into others, with all that hangs on them."""
        for conversation in removed:
            self.conversations.pop(conversation, None)
        self.operations = {key: row for key, row in self.operations.items() if row.conversation not in removed}
        self.anomalies = {key: row for key, row in self.anomalies.items() if row.conversation not in removed}


def observe(capture: Capture) -> Observations:
    """Read a capture to its end. Raises what reading it raises."""
    observations = Observations()
    for batch in capture:
        observations.add(batch)
    return observations
