"""What is usual, and what is not: on captures of real stacks."""

from dataclasses import replace
from pathlib import Path

import pytest

from sensor.baseline.compare import Change, Difference, compare
from sensor.baseline.file import load, to_text
from sensor.baseline.learn import learn
from sensor.baseline.merge import merge
from sensor.baseline.model import Baseline, KnownAsset
from sensor.baseline.phase import advance
from sensor.capture import open_capture
from sensor.errors import BaselineError
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude

PCAPS = Path(__file__).parents[2] / "pcaps"


def known(name: str) -> Knowledge:
    return conclude(observe(open_capture(PCAPS / f"{name}.pcap")))


def known_after(packets: int, name: str, folder: Path) -> Knowledge:
    """What a sensor that was started so much later knows."""
    octets, place = (PCAPS / f"{name}.pcap").read_bytes(), 24
    for _ in range(packets):
        place += 16 + int.from_bytes(octets[place + 8 : place + 12], "little")
    (folder / "rest.pcap").write_bytes(octets[:24] + octets[place:])
    return conclude(observe(open_capture(folder / "rest.pcap")))


@pytest.fixture(scope="module")
def plant() -> Knowledge:
    return known("demo")


def kinds(changes: list[Change]) -> set[Difference]:
    return {change.difference for change in changes}


def test_what_was_learned_is_usual(plant):
    assert not list(compare(learn(plant), plant))


def test_the_file_holds_all_of_it(plant, tmp_path):
    path = tmp_path / "baseline.toml"
    path.write_text(to_text(learn(plant)))
    assert load(path) == learn(plant)


def test_the_file_holds_hostile_names(plant, tmp_path):
    usual = learn(plant)
    hostile = KnownAsset(address="10.0.0.1", name='"]\n[[asset]]\nname = "\x7f\x00\u202e\\', ips=("10.0.0.1",))
    path = tmp_path / "baseline.toml"
    path.write_text(to_text(replace(usual, assets=(hostile,))))
    assert load(path).assets == (hostile,)


def test_an_asset_that_was_not_there_is_new_and_learns_for_itself(plant):
    usual = learn(plant)
    fewer = replace(usual, assets=tuple(row for row in usual.assets if "10.20.1.66" not in row.ips))
    changes = list(compare(fewer, plant))
    assert kinds(changes) == {Difference.ASSET}
    assert changes[0].asset is not None
    assert changes[0].asset.ips == ("10.20.1.66",)


def test_without_a_learning_period_its_exchanges_are_told_too(plant):
    usual = learn(plant, learning_days=0)
    exchanges = tuple(row for row in usual.exchanges if row.client != "10.20.1.66")
    fewer = replace(usual, assets=tuple(row for row in usual.assets if "10.20.1.66" not in row.ips), exchanges=exchanges)
    assert Difference.EXCHANGE in kinds(list(compare(fewer, plant)))


def test_a_function_an_object_and_a_cadence_that_differ(plant):
    usual = learn(plant)
    place = next(place for place, row in enumerate(usual.exchanges) if (row.client, row.protocol) == ("10.20.1.100", "modbus"))
    exchange = usual.exchanges[place]
    first, second, *rest = exchange.functions
    assert first.seconds
    assert second.objects
    changed = (replace(first, seconds=first.seconds * 10), replace(second, objects=("HR 1",)), *rest[:-1])
    exchanges = (*usual.exchanges[:place], replace(exchange, functions=changed), *usual.exchanges[place + 1 :])
    found = kinds(list(compare(replace(usual, exchanges=exchanges), plant)))
    assert found == {Difference.CADENCE, Difference.OBJECT, Difference.FUNCTION}


@pytest.mark.parametrize("learned_first", [True, False])
def test_a_poll_whose_opening_was_not_seen_is_the_same_poll(learned_first, tmp_path):
    opened, midstream = known("mirrored-polling"), known_after(100, "mirrored-polling", tmp_path)
    units = [
        {row.row.unit for dialogue in plant.dialogues.values() for row in dialogue.deeds if row.row.protocol == "s7comm"}
        for plant in (opened, midstream)
    ]
    assert units == [{"rack 0 slot 2"}, {""}]
    usual, seen = (opened, midstream) if learned_first else (midstream, opened)
    unusual = {change.deed.function.name for change in compare(learn(usual, learning_days=0), seen) if change.deed}
    assert not unusual & {"Read variable", "Write variable"}


def test_whenever_the_sensor_begins_to_listen_a_poll_is_the_same_poll(tmp_path):
    usual = learn(known_after(120, "mirrored-polling", tmp_path), learning_days=0)
    for packets in range(121, 160):
        assert not [change for change in compare(usual, known_after(packets, "mirrored-polling", tmp_path)) if change.deed], packets


def test_who_writes_for_the_first_time(plant):
    usual = learn(plant)
    reading = tuple(replace(row, functions=()) if row.client == "10.20.1.110" else row for row in usual.exchanges)
    changes = [change for change in compare(replace(usual, exchanges=reading), plant) if change.difference is Difference.WRITER]
    assert {change.deed.client.address for change in changes if change.deed} == {"10.20.1.110"}


def test_what_is_missing_is_told(plant):
    usual = learn(plant)
    more = replace(usual, assets=(*usual.assets, KnownAsset(address="10.20.1.200", ips=("10.20.1.200",))))
    changes = list(compare(more, plant))
    assert [(change.difference, change.known.address) for change in changes if change.known] == [(Difference.MISSING, "10.20.1.200")]


def test_a_plant_is_learned_for_its_time_and_then_no_more(plant):
    second = 1 / 86_400
    half = advance(None, plant, learning_days=300 * second)
    assert not any("10.20.1.66" in row.ips for row in half.assets)  # it came after six minutes
    assert any("10.20.1.11" in row.ips for row in half.assets)
    assert Difference.ASSET in kinds(list(compare(replace(half, learning_days=0), plant)))
    assert advance(half, plant) == half  # the same again teaches nothing


def test_a_longer_period_learns_from_what_follows(plant):
    first = replace(advance(None, known("modbus-functions"), learning_days=100_000), first=0)
    assert {row.address for row in advance(first, plant).assets} > {row.address for row in first.assets}


def test_what_is_accepted_is_usual(plant):
    old = learn(known("modbus-functions"), learning_days=0)
    assert list(compare(old, plant))
    assert not list(compare(merge(old, learn(plant)), plant))


def test_only_what_one_asset_does_is_accepted(plant):
    old = learn(plant, learning_days=0)
    old = replace(old, exchanges=(), assets=tuple(row for row in old.assets if row.address != "10.20.1.66"))
    new = merge(old, learn(plant), lambda address: address == "10.20.1.66")
    assert any(row.address == "10.20.1.66" for row in new.assets)
    assert {row.client for row in new.exchanges} == {"10.20.1.66"}


def test_nothing_at_all_has_a_baseline():
    assert learn(known("pcap-empty")) == Baseline(first=0, last=0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is it a baseline"),
        ("no key", "line 1"),
        ('format = "otoscope.baseline/1"\nfirst = 1\nlast = "x"', "last"),
        ('format = "otoscope.baseline/1"\nfirst = 1\nlast = 2\n[[asset]]\nname = "a"', "assets.1.address"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(tmp_path, text, says):
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    with pytest.raises(BaselineError, match=says):
        load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BaselineError, match="No such file"):
        load(tmp_path / "none.toml")
