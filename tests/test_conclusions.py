"""What is concluded step by step is what is concluded at once, whatever changed and in whatever steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensor.baseline.learn import learn
from sensor.baseline.model import Baseline
from sensor.capture import open_capture
from sensor.conclusions import Conclusions
from sensor.conduits.model import Conduit, Pin, Site, Zone
from sensor.knowledge import Knowledge
from sensor.observations import Observations, observe
from sensor.pipeline import conclude

PCAPS = sorted(Path("pcaps").glob("*.pcap*"))
PLANTS = sorted(Path("pcaps/plants").glob("*.pcap"))
KINDS = ("endpoints", "conversations", "operations", "facts", "anomalies")


def told(known: Knowledge) -> dict[str, Any]:
    """All that is known, parties as they are now."""
    ends = {
        number: (row.client.address, row.client.asset, row.server.address, row.server.asset, row.operations)
        for number, row in known.dialogues.items()
    }
    return {
        "holders": known.resolution.holders,
        "log": known.resolution.log,
        "addresses": known.resolution.by_address,
        "profiles": known.profiles,
        "assets": list(known.assets.items()),
        "dialogues": list(ends.items()),
        "violations": known.violations,
        "changes": [(row.difference, row.what, row.usual, row.asset, row.known, row.deed and row.deed.row) for row in known.changes],
        "fresh": known.fresh,
        "alerts": known.alerts,
        "incidents": known.incidents,
        "left out": known.left_out,
    }


def assert_same(step: Knowledge, whole: Knowledge) -> None:
    """Told apart by part, so that a difference can be read."""
    one, other = told(step), told(whole)
    for name in one:
        assert one[name] == other[name], name


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the engine, some of whose values are others."""

    of: Any
    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.values[name] if name in self.values else getattr(self.of, name)


@cache
def whole(path: Path) -> Observations:
    return observe(open_capture(path))


@cache
def half_known(path: Path) -> Baseline:
    """A baseline that lacks every other asset and exchange."""
    usual = learn(conclude(whole(path)), learning_days=0)
    return Baseline(usual.first, usual.last, 0, usual.assets[::2], usual.exchanges[::2])


def site_of(path: Path) -> Site:
    """Zones, pins and conduits for what is in a capture."""
    assets = [asset for asset in conclude(whole(path)).assets.values() if asset.ips]
    pins = tuple(Pin(asset.ips[0], name=f"Pin {place}", level=float(place % 4)) for place, asset in enumerate(assets[:3]))
    zones = (Zone("one", subnets=("10.0.0.0/8",)), Zone("two", levels=(1.0, 2.0)))
    return Site(pins=pins, zones=zones, conduits=(Conduit("one", "two"),))


@pytest.mark.parametrize("path", [*PCAPS, *PLANTS], ids=lambda path: path.name)
def test_any_split_into_batches_gives_the_same(path: Path) -> None:
    random = Random(path.name)  # noqa: S311 - no secrets
    for packets in (1, random.randrange(2, 50), random.randrange(50, 2000)):
        observations, conclusions = Observations(), Conclusions()
        for step, batch in enumerate(open_capture(path, batch_packets=packets)):
            observations.add(batch)
            if step < 20 or random.random() < 0.01:
                assert_same(conclusions.update(observations), conclude(observations))
        assert_same(conclusions.update(observations), conclude(observations))


def changes(random: Random, observations: Observations, source: Observations) -> Iterator[None]:
    """Rows come, go on, change and go, at random."""
    for _ in range(random.randrange(1, 12)):
        kind = random.choice(KINDS)
        rows, given = getattr(observations, kind), getattr(source, kind)
        if not given:
            continue
        number = random.choice(list(given))
        match random.randrange(6):
            case 0 if number in rows:
                del rows[number]
            case 1:
                rows[number] = given[number]
            case _ if number in rows:
                rows[number] = Row(rows[number], dict(_otherwise(random, kind, rows[number], given)))
        yield


def _otherwise(random: Random, kind: str, row: Any, given: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    """What may be different in a row from now on: mostly how long it went on, at times what another row says."""
    yield "last", row.last + random.choice((0, 1, 1_000_000_000, 70_000_000_000, 90_000_000_000_000))
    other = given[random.choice(list(given))]
    if kind == "operations":
        yield "requests", row.requests + random.randrange(300)
        yield "responses", row.responses + random.randrange(300)
        yield from ((name, getattr(other, name)) for name in random.sample(("function", "unit", "errors", "conversation", "unanswered"), 1))
    if kind == "conversations":
        yield "packets", (row.packets[0] + random.randrange(300), random.choice((0, row.packets[1] + 200)))
        names = ("client_ip", "server_ip", "client_mac", "protocol", "port", "by_port", "refused", "vlan", "first")
        yield from ((name, getattr(other, name)) for name in random.sample(names, random.randrange(2)))
    if kind == "endpoints":
        yield from ((name, getattr(other, name)) for name in random.sample(("ip", "mac", "hops", "vlan", "first"), random.randrange(2)))
    if kind == "facts":
        yield from (
            (name, getattr(other, name)) for name in random.sample(("value", "mac", "ip", "key", "source", "first"), random.randrange(2))
        )
    if kind == "anomalies":
        yield "count", row.count + random.randrange(100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from([*PCAPS, *PLANTS]), seed=st.integers(0, 1 << 32), based=st.booleans(), sited=st.booleans())
def test_any_change_of_rows_gives_the_same(path: Path, seed: int, based: bool, sited: bool) -> None:  # noqa: FBT001 - hypothesis gives them
    random, source = Random(seed), whole(path)  # noqa: S311 - no secrets
    site, baseline = site_of(path) if sited else None, half_known(path) if based else None
    observations, conclusions = Observations(), Conclusions(site, baseline)
    observations.statistics = source.statistics
    for kind in KINDS:
        rows = getattr(source, kind)
        getattr(observations, kind).update({number: row for number, row in rows.items() if random.random() < 0.7})
    assert_same(conclusions.update(observations), conclude(observations, site, baseline))
    for _ in range(6):
        list(changes(random, observations, source))
        assert_same(conclusions.update(observations), conclude(observations, site, baseline))


def test_nothing_new_is_the_same_knowledge() -> None:
    observations, conclusions = observe(open_capture(PLANTS[0])), Conclusions()
    assert conclusions.update(observations) is conclusions.update(observations)
