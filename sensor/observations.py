"""What was observed so far: the batches of a capture, merged by the ids of their rows."""

from collections.abc import Iterable, MutableMapping
from typing import Any

from sensor.capture import Anomaly, Batch, Capture, Conversation, Endpoint, Fact, Operation, Statistics


class Observations:
    """Everything that was observed so far: the batches of a capture, merged by the ids of their rows.

    It holds no more than the engine's tables do, however long the capture.
    """

    def __init__(self) -> None:
        self.endpoints: dict[int, Endpoint] = {}
        self.conversations: dict[int, Conversation] = {}
        self.operations: dict[int, Operation] = {}
        self.facts: dict[int, Fact] = {}
        self.anomalies: dict[int, Anomaly] = {}
        self.statistics: Statistics | None = None

    def add(self, batch: Batch) -> None:
        """Take over what is new or has changed, and drop what is gone."""
        self._remove(batch.removed)
        self.endpoints |= {row.id: row for row in batch.endpoints}
        self.conversations |= {row.id: row for row in batch.conversations}
        self.operations |= {row.id: row for row in batch.operations}
        self.facts |= {row.id: row for row in batch.facts}
        self.anomalies |= {row.id: row for row in batch.anomalies}
        self.statistics = batch.statistics

    def _remove(self, ids: Iterable[int]) -> None:
        kinds: tuple[MutableMapping[int, Any], ...]
        kinds = (self.endpoints, self.conversations, self.operations, self.facts, self.anomalies)
        for number in ids:
            for rows in kinds:
                if rows.pop(number, None) is not None:
                    break


def observe(capture: Capture) -> Observations:
    """Read a capture to its end. Raises what reading it raises."""
    observations = Observations()
    for batch in capture:
        observations.add(batch)
    return observations
