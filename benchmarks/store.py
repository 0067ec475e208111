"""Time the database at the size of a large plant: `python -m benchmarks.store [DATABASE]`.

12,000 assets and 100,000 conversations with an operation each are saved, then a batch that changes 1 % of them, then one that changes
nothing; the database is opened again, and every question of the command line is asked. The rows are stand-ins for those of the engine,
with the same attributes.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sensor.capture import Conversation, Operation
from sensor.conduits.model import Site
from sensor.detections.model import Alert, Engine, Severity
from sensor.inventory.model import FIELDS, Address, Asset, Evidence, Field, Kind, Level
from sensor.inventory.resolve import Resolution
from sensor.knowledge import Dialogue, Knowledge, Party
from sensor.observations import Observations
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, Query, Run, Store

ASSET_COUNT, CONVERSATION_COUNT, ALERT_COUNT = 12_000, 100_000, 2_000
START = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)  # as of the engine's rows: one that has changed is another
class Talk:
    """Stands in for a conversation of the engine."""

    id: int
    client_mac: str | None
    client_ip: str | None
    server_mac: str | None
    server_ip: str | None
    port: int
    packets: tuple[int, int]
    last: int
    transport: str = "tcp"
    vlan: int | None = 10
    protocol: str | None = "modbus"
    by_port: bool = False
    octets: tuple[int, int] = (64_000, 58_000)
    first: int = START
    connections: int = 1
    refused: int = 0
    retransmissions: tuple[int, int] = (0, 0)
    out_of_order: tuple[int, int] = (0, 0)
    lost_segments: tuple[int, int] = (0, 0)
    lost_octets: tuple[int, int] = (0, 0)
    duplicates: tuple[int, int] = (0, 0)
    round_trip_time: int | None = 1_200_000
    most_in_a_minute: int = 40


@dataclass(frozen=True, slots=True, eq=False)  # as of the engine's rows: one that has changed is another
class Request:
    """Stands in for an operation of the engine."""

    id: int
    conversation: int
    requests: int
    last: int
    function: int = 3
    object: str = "HR 40001-40010"
    protocol: str = "modbus"
    subfunction: int | None = None
    unit: str = "1"
    responses: int = 500
    errors: int = 0
    unanswered: int = 0
    statuses: tuple[tuple[int, int], ...] = ()
    response_time: tuple[int, int, int] | None = (1_000_000, 2_000_000, 9_000_000)
    most_in_a_minute: tuple[int, int] = (12, 0)
    episodes: tuple[tuple[int, int, int, int], ...] = ()
    first: int = START


def address(number: int) -> str:
    """The IP of an asset."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def asset(number: int) -> Asset:
    """An asset with a field's evidence, and a level's."""
    evidence = (Evidence("Siemens", "says so itself over S7comm (SZL 0x001c)", "s7comm", 3.0, START, START),) * 2
    known = {
        name: Field(f"{name} {number % 50}", 0.9, evidence) if place < 6 else Field(queried=False) for place, name in enumerate(FIELDS)
    }
    because = tuple(Evidence("1", f"answers Modbus ({many} responses)", "modbus", 2.0, START, START) for many in range(4))
    return Asset(
        id=f"{number:010x}",
        name=f"Device {number}",
        addresses=(
            Address(f"00:1b:1b:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}", address(number), 10, START, START),
        ),
        fields=known,
        kind=Field(Kind.PLC, 0.95, evidence),
        level=Level(float(number % 5), 0.9, settled=True, evidence=because),
        zone=f"cell {number % 40}",
        services=("modbus",),
        first=START,
        last=START + number,
    )


class Plant:
    """A large plant, in which time can pass."""

    def __init__(self) -> None:
        self.random = random.Random(4)
        self.observations = Observations()
        self.assets = [asset(number) for number in range(ASSET_COUNT)]
        self.talks = [self._talk(number) for number in range(CONVERSATION_COUNT)]
        self.requests = [Request(CONVERSATION_COUNT + number, number, 500, START) for number in range(CONVERSATION_COUNT)]
        self.alerts = [self._alert(number) for number in range(ALERT_COUNT)]

    def _talk(self, number: int) -> Talk:
        client, server = self.random.randrange(ASSET_COUNT), number % ASSET_COUNT
        return Talk(number, None, address(client), None, address(server), 502 + number // ASSET_COUNT, (number % 977, 500), START + number)

    def _alert(self, number: int) -> Alert:
        message = f"Device {number} was stopped by Device {number + 1}"
        one, other = self.assets[number], self.assets[number + 1]
        ends = {"source": one.id, "target": other.id, "source_ip": one.ips[0], "target_ip": other.ips[0]}
        severity = Severity(number % 5)
        return Alert(f"a{number:09x}", "ot.plc.stop", "PLC stop", Engine.OPERATIONAL, severity, message, START, START + number, 1, **ends)

    def change(self, share: float) -> None:
        """A share of everything goes on."""
        for rows in (self.assets, self.talks, self.requests, self.alerts):
            for place in self.random.sample(range(len(rows)), int(len(rows) * share)):
                row: Any = rows[place]
                rows[place] = replace(row, last=row.last + SECOND)

    def knowledge(self) -> Knowledge:
        """All that is known of it now."""
        known = Knowledge(Site(), self.observations, Resolution(), alerts=tuple(self.alerts))
        known.observations.conversations = {row.id: cast("Conversation", row) for row in self.talks}
        known.observations.operations = {row.id: cast("Operation", row) for row in self.requests}
        # New objects with the same content, as concluding once more makes them.
        known.assets = {row.id: replace(row) for row in self.assets}
        by_ip = {row.ips[0]: row for row in known.assets.values()}
        known.dialogues = {
            talk.id: Dialogue(
                cast("Conversation", talk),
                Party(talk.client_ip or "", by_ip.get(talk.client_ip or "")),
                Party(talk.server_ip or "", by_ip.get(talk.server_ip or "")),
                (cast("Operation", request),),
            )
            for talk, request in zip(self.talks, self.requests, strict=True)
        }
        return known


QUESTIONS: dict[str, Callable[[Store], object]] = {
    "assets": lambda store: store.find(ASSETS, Query(limit=50)),
    "assets, all": lambda store: store.find(ASSETS, Query()),
    "assets --level 1 --vendor": lambda store: store.find(ASSETS, Query(levels=("1",), vendor="VENDOR 7", limit=50)),
    "assets --ip": lambda store: store.find(ASSETS, Query(ip="10.0.3.0/24")),
    "conversations": lambda store: store.find(CONVERSATIONS, Query(limit=50)),
    "conversations --zone": lambda store: store.find(CONVERSATIONS, Query(zones=("cell 3",), limit=50)),
    "conversations --intent": lambda store: store.find(CONVERSATIONS, Query(intents=("read",), limit=50)),
    "operations": lambda store: store.find(OPERATIONS, Query(limit=50)),
    "operations --ip --level": lambda store: store.find(OPERATIONS, Query(ip="10.0.3.0/24", levels=("2",), limit=50)),
    "alerts --severity": lambda store: store.find(ALERTS, Query(severity="high", statuses=("open",), limit=50)),
    "incidents": lambda store: store.find(INCIDENTS, Query(limit=50)),
    "explain": lambda store: store.explain("10.0.3.7"),
    "explain, unknown": lambda store: store.explain("Devize 7"),
}


@contextmanager
def timed(what: str, limit: float) -> Iterator[None]:
    """Print how long it took, and whether that is within the limit."""
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"{what:32} {seconds * 1000:9.1f} ms {'' if seconds < limit else f'  more than {limit * 1000:.0f} ms'}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", help="path or URL of a new database; a temporary SQLite file if left out")
    arguments = parser.parse_args()
    plant = Plant()
    run = Run("benchmark")
    with tempfile.TemporaryDirectory() as directory:
        where = arguments.database or Path(directory) / "plant.db"
        with Store.open(where) as store:
            with timed("first save", 60):
                store.save(plant.knowledge(), run)
            for _ in range(3):
                plant.change(0.01)
                known = plant.knowledge()
                with timed("save, 1 % changed", 0.2):
                    store.save(known, run)
            known = plant.knowledge()
            with timed("save, nothing changed", 0.2):
                store.save(known, run)
        with timed("open, with digests", 5):
            store = Store.open(where)
            store.begin(run)
        with store:
            for what, question in QUESTIONS.items():
                with timed(what, 1):
                    question(store)
            plant.change(0.01)
            known = plant.knowledge()
            with timed("first save after opening", 10):
                store.save(known, run)
            if not arguments.database:
                print(f"{'size':32} {Path(where).stat().st_size / 1e6:9.1f} MB")


if __name__ == "__main__":
    main()
