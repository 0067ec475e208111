"""What a database knows that metrics tell: its baseline, its size, and how far its destinations have got."""

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sensor.baseline.file import parse
from sensor.baseline.model import Baseline
from sensor.metrics.model import Sources

if TYPE_CHECKING:
    from sensor.store import Store


def with_database(sources: Sources, store: "Store") -> Sources:
    """The sources, and this open database beside them, whose baseline holds where there is no other."""
    return replace(
        sources,
        baseline=lambda: sources.baseline() or _baseline(store),
        destinations=store.outbox.states,
        database_octets=store.octets,
        outbox_octets=store.outbox.octets,
    )


def _baseline(store: "Store") -> Baseline | None:
    content = store.baseline()
    return None if content is None else _parsed(content)


@lru_cache(maxsize=1)
def _parsed(content: bytes) -> Baseline:
    """A large plant's takes seconds, metrics are read every few, and it changes once an hour at the most."""
    return parse(content.decode(), "the database's baseline")
