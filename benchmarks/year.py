"""A year of a plant in accelerated time: `python -m benchmarks.year [--days 365] [--retain-days 30] [--megabytes 60] [DATABASE]`.

Each hour of capture time ends with a save and a step of retention, as the service does it (with `--step 6` every sixth, which is
quicker); of one day a week each five minutes are a save, in which some of what is steady goes on. Every hour strangers come and are
forgotten by the engine, hosts come and go, assets change, alerts are raised, and people deal with most of them. One destination takes
everything, one is away for weeks on end, and refuses some. Every week the sensor starts again as a run of its own, and a recording is
added. A line for each week says how large everything is, and how much time of the processor it took: what others do on the machine does
not count. It fails where the size leaves its bound, an open alert is gone, a table grows for ever, or a step takes longer and longer.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from benchmarks.store import SECOND, START, Request, Talk, address, asset
from sensor.capture import Conversation, Operation, Statistics
from sensor.conduits.model import Site
from sensor.detections.model import Alert, Engine, Incident, Severity
from sensor.inventory.resolve import Merge, Resolution
from sensor.knowledge import Dialogue, Knowledge, Party
from sensor.observations import Observations
from sensor.settings import destination_of
from sensor.store import ALERTS as ALERT_ROWS
from sensor.store import Bounds, Query, Run, Store
from sensor.store.backup import contents

HOUR = 3600 * SECOND
WEEK, DAY, FIVE_MINUTES = 7 * 24, 24, 300 * SECOND
STEADY, GUESTS, STRANGERS, REMEMBERED, ALERTS = 40, 300, 10, 12, 2
"""Assets that are always there, and that come and go; conversations, hours and alerts of an hour."""
ONE_STAYS_OPEN = 20


@dataclass
class Totals:
    """Stands in for the statistics of the engine."""

    first: int
    last: int
    packets: int = 0
    octets: int = 0
    counters: dict[str, int] = field(default_factory=lambda: {"evicted_conversations": 1})


@dataclass
class Week:
    """What was measured."""

    megabytes: float
    on_disk: float
    save: float
    small: float
    retain: float
    rows: dict[str, int]


class Plant:
    """A plant in which hours pass."""

    def __init__(self, steady: int = STEADY, step: int = 1) -> None:
        self.step = step
        self.random = random.Random(7)
        self.hour = self.fives = self.begun = 0
        self.assets = {row.id: row for row in map(asset, range(steady))}
        self.steady_assets = steady
        self.stay_open: set[str] = set()
        self.start_again()

    def start_again(self) -> None:
        """The engine knows nothing, and begins to count."""
        self.begun = self.hour
        self.observations = Observations()
        steady = self.steady_assets
        self.steady = {number: self._talk(number, number % steady, number // 2 % steady) for number in range(steady * 4)}
        self.strangers: dict[int, Talk] = {}
        self.alerts: dict[str, Alert] = {}
        self.incidents: tuple[Incident, ...] = ()
        self.log: tuple[Merge, ...] = ()

    @property
    def now(self) -> int:
        """In capture time."""
        return START + self.hour * self.step * HOUR + self.fives * FIVE_MINUTES

    def _talk(self, number: int, client: int, server: int) -> Talk:
        return Talk(number, None, address(client), None, address(server), 502 + number // 50_000, (1, 1), self.now, first=self.now)

    def pass_an_hour(self) -> None:
        """Something happens."""
        self.hour, self.fives = self.hour + 1, 0
        packets = (self.hour - self.begun) * 3600
        self.steady = {key: replace(row, last=self.now, packets=(packets, packets)) for key, row in self.steady.items()}
        first = 1_000_000 + self.hour * STRANGERS
        self.strangers |= {number: self._talk(number, number % 60_000, number % 97) for number in range(first, first + STRANGERS)}
        self.strangers = dict(list(self.strangers.items())[-STRANGERS * REMEMBERED :])
        for key in self.random.sample(list(self.assets), 3):
            self.assets[key] = replace(self.assets[key], zone=f"cell {self.random.randrange(40)}", last=self.now)
        if self.hour % DAY == 0:  # one comes that nobody sees again
            visitor = replace(asset(200_000 + self.hour), first=self.now, last=self.now)
            self.assets[visitor.id] = visitor
            self.assets.pop(asset(200_000 + self.hour - DAY).id, None)
        guest = replace(asset(100_000 + self.hour % GUESTS), first=self.now, last=self.now)
        self.assets[guest.id] = guest
        self.assets.pop(asset(100_000 + (self.hour - REMEMBERED) % GUESTS).id, None)
        self.log = (*self.log[-REMEMBERED:], Merge(guest.id, guest.name, "had the address"))
        self._raise_alerts()

    def pass_five_minutes(self) -> None:
        """Some of what is steady goes on, and so does an alert."""
        self.fives += 1
        for key in self.random.sample(list(self.steady), len(self.steady) // 4):
            row = self.steady[key]
            self.steady[key] = replace(row, last=self.now, packets=(row.packets[0] + 300, row.packets[1] + 300))
        for alert in list(self.alerts.values())[-1:]:
            self.alerts[alert.id] = replace(alert, count=alert.count + 1, last=self.now)

    def _raise_alerts(self) -> None:
        found = {row.id: row for row in map(self._alert, range(ALERTS))}
        again = {key: replace(row, count=row.count + 1, last=self.now) for key, row in list(self.alerts.items())[-2 * ALERTS :]}
        self.alerts = dict([*(self.alerts | again | found).items()][-ALERTS * REMEMBERED :])
        first = next(iter(found))
        self.stay_open |= {first} if self.hour % ONE_STAYS_OPEN == 0 else set()
        self.incidents = (
            *self.incidents[-REMEMBERED:],
            Incident(f"incident {self.hour}", "They belong together", Severity.HIGH, tuple(found), None, self.now, self.now),
        )

    def _alert(self, number: int) -> Alert:
        one, other = list(self.assets.values())[:2]
        ends = {"source": one.id, "target": other.id, "source_ip": one.ips[0], "target_ip": other.ips[0]}
        name = f"{self.hour:06x}{number:04x}"
        return Alert(
            name, "ot.plc.stop", "PLC stop", Engine.OPERATIONAL, Severity(number % 5), "It was stopped", self.now, self.now, 1, **ends
        )

    def knowledge(self) -> Knowledge:
        """All that is known now."""
        talks = self.steady | self.strangers
        self.observations.conversations = {key: cast("Conversation", row) for key, row in talks.items()}
        requests = {10_000_000 + key: Request(10_000_000 + key, key, row.packets[0], row.last) for key, row in talks.items()}
        self.observations.operations = {key: cast("Operation", row) for key, row in requests.items()}
        self.observations.statistics = cast("Statistics", Totals(START + self.begun * self.step * HOUR, self.now))
        known = Knowledge(Site(), self.observations, Resolution(log=self.log), alerts=tuple(self.alerts.values()), incidents=self.incidents)
        known.assets = dict(self.assets)
        by_ip = {row.ips[0]: row for row in known.assets.values()}
        known.dialogues = {
            key: Dialogue(
                cast("Conversation", row),
                Party(row.client_ip or "", by_ip.get(row.client_ip or "")),
                Party(row.server_ip or "", by_ip.get(row.server_ip or "")),
                (),
            )
            for key, row in talks.items()
        }
        return known


class Sensor:
    """What the service does with a plant, hour by hour."""

    def __init__(self, where: str, *, days: float, megabytes: float, outbox: float = 2, plant: Plant | None = None) -> None:
        self.where, self.days, self.megabytes = where, days, megabytes
        self.outbox = outbox
        self.plant = plant or Plant()
        self.week = WEEK // self.plant.step
        self.starts = 0
        self.store = self._start()
        self.saves: list[float] = []
        self.small: list[float] = []
        self.retains: list[float] = []
        self.size = 0.0

    def _start(self) -> Store:
        self.starts += 1
        self.run = Run(f"live sensor {self.starts}", series="live sensor ")
        store = Store.open(self.where)
        wanted = [destination_of(f"file:{name}.log", name) for name in ("siem", "away")]
        store.outbox.register(wanted, Bounds(megabytes=self.outbox, days=30))
        return store

    def live(self, hours: int, week: int = 0) -> Iterator[Week]:
        """Hours pass; what was measured in each week, which has so many of them."""
        self.week = week or self.week
        for hour in range(1, hours + 1):
            if hour % self.week < min(DAY / self.plant.step, self.week / 7):
                self._five_minutes(11)
            self._hour()
            if hour % self.week == 0:
                yield self._week()
                self._start_again()
        self.store.close()

    def _hour(self) -> None:
        self.plant.pass_an_hour()
        self.saves.append(self._save())
        self._people_and_destinations()
        begun = time.process_time()
        kept = self.store.retain(days=self.days, megabytes=self.megabytes, now=self.plant.now)
        self.retains.append(time.process_time() - begun)
        self.size = max(self.size, kept.megabytes)

    def _five_minutes(self, times: int) -> None:
        for _ in range(times):
            self.plant.pass_five_minutes()
            self.small.append(self._save())

    def _save(self) -> float:
        known = self.plant.knowledge()
        start = time.process_time()
        self.store.save(known, self.run)
        return time.process_time() - start

    def _people_and_destinations(self) -> None:
        # What was closed and has happened again is open again, and is closed once more.
        for name in open_alerts(self.store) - self.plant.stay_open:
            self.store.judge(name, "mute" if name.endswith("1") else "close", "seen", "anna")
        self._deliver("siem")
        if self.plant.hour // self.week % 4 == 3:
            self._deliver("away")

    def _deliver(self, name: str) -> None:
        """All that waits; one in each portion is refused."""
        number = self.store.outbox.cursor(name)
        while (portion := self.store.outbox.after(name, number, 500)).events:
            if name == "away":
                self.store.outbox.refuse(name, *portion.events[0], "it will not")
            number = portion.upto
            self.store.outbox.advance(name, number, len(portion.events))

    def _week(self) -> Week:
        path = Path(self.where)
        files = [path, path.with_name(f"{path.name}-wal")] if "://" not in self.where else []
        on_disk = sum(file.stat().st_size for file in files if file.exists()) / 1e6
        times = (1000 * statistics.median(times[-self.week :] or [0.0]) for times in (self.saves, self.small, self.retains))
        return Week(self.store.octets() / 1e6, on_disk, *times, contents(self.where))

    def _start_again(self) -> None:
        """The sensor is updated; and somebody adds a recording of the week, which saw the same."""
        self.store.save(self.plant.knowledge(), Run(f"recording of hour {self.plant.hour}"))
        self.store.close()
        self.plant.start_again()
        self.store = self._start()


def grown(weeks: list[Week]) -> list[str]:
    """What has grown in the last third of the time though it had its full size long before."""
    middle, late = weeks[len(weeks) // 3 : 2 * len(weeks) // 3], weeks[2 * len(weeks) // 3 :]
    names = {name for week in weeks for name in week.rows} - {"alerts", "audit"}  # some stay open; bounded by number
    found = []
    for name in sorted(names):
        before, after = (max(week.rows.get(name, 0) for week in part) for part in (middle, late))
        if after > 1.2 * before + 100:
            found.append(f"{name}: {before:,} rows, later {after:,}")
    return found


def slower(weeks: list[Week]) -> list[str]:
    """What takes longer than it did when everything had its full size."""
    middle, late = weeks[len(weeks) // 3 : 2 * len(weeks) // 3], weeks[2 * len(weeks) // 3 :]
    found = []
    for name in ("save", "small", "retain"):
        before, after = (statistics.median(getattr(week, name) for week in part) for part in (middle, late))
        if after > 1.5 * before:
            found.append(f"{name}: {before:.1f} ms, later {after:.1f} ms")
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", help="path or URL of a new database; a temporary SQLite file if left out")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--retain-days", type=float, default=60)
    parser.add_argument("--megabytes", type=float, default=60)
    parser.add_argument("--step", type=int, default=1, help="hours from one save to the next")
    arguments = parser.parse_args()
    weeks: list[Week] = []
    with tempfile.TemporaryDirectory() as directory:
        where = arguments.database or str(Path(directory) / "plant.db")
        sensor = Sensor(where, days=arguments.retain_days, megabytes=arguments.megabytes, plant=Plant(step=arguments.step))
        for week in sensor.live(arguments.days * 24 // arguments.step):
            weeks.append(week)
            rows = ", ".join(f"{name} {number:,}" for name, number in week.rows.items())
            times = f"save {week.save:5.1f} ms, small one {week.small:5.1f} ms, retain {week.retain:5.1f} ms"
            print(f"week {len(weeks):2} {week.megabytes:6.1f} MB ({week.on_disk:.1f} on disk), {times}; {rows}", flush=True)
        with Store.open(where) as store:
            lost = sensor.plant.stay_open - open_alerts(store)
    failures = [*grown(weeks), *slower(weeks), *(f"open alert {name} is gone" for name in sorted(lost))]
    if sensor.size > arguments.megabytes:
        failures.append(f"{sensor.size:.1f} MB are more than {arguments.megabytes} MB")
    print("\n".join(failures) or f"Never larger than {sensor.size:.1f} MB after a step of retention.")
    sys.exit(bool(failures))


def open_alerts(store: Store) -> set[str]:
    """Their ids."""
    rows: list[dict[str, Any]] = store.find(ALERT_ROWS, Query(statuses=("open",))).rows
    return {row["id"] for row in rows}


if __name__ == "__main__":
    main()
