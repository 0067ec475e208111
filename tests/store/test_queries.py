"""Every filter gives what a look at all rows gives, in both databases in the same order."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from sensor.detections.model import Severity
from sensor.errors import StoreError
from sensor.inventory.model import Field, Level
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, SORTS, VIOLATIONS, Query, Run, Store
from tests.store.rows import ALL, NOON, SECOND, alert, asset, because, everything, field, incident, with_findings

RUN = Run("monday")


@pytest.fixture(scope="session")
def plant(demo):
    """The demo capture with levels, zones and alerts, whatever the stages that find them say."""
    assets = {}
    for number, known in enumerate(demo.assets.values()):
        level = Level([0.0, 1.0, 2.0, 3.5, None][number % 5], 0.9)
        kind = Field(["plc", "hmi", "unknown"][number % 3], 0.9, (because("plc"),))
        vendor = field(["Siemens AG", "Rockwell", "50 %_off"][number % 3])
        assets[known.id] = replace(known, level=level, kind=kind, zone=f"cell {number % 4}", fields={"vendor": vendor})
    dialogues = {}
    for name, talk in demo.dialogues.items():
        client, server = (replace(end, asset=assets.get(end.id)) for end in (talk.client, talk.server))
        dialogues[name] = replace(talk, client=client, server=server)
    ids = list(assets)
    alerts = tuple(
        alert(
            f"alert{number}",
            severity=Severity(number % 5),
            rule=f"ot.rule.{number % 3}",
            source=ids[number],
            first=NOON + number * SECOND,
            last=NOON + (number + 2) * SECOND,
        )
        for number in range(10)
    )
    incidents = (incident(*alerts[:3]), replace(incident(*alerts[3:5], name="i2"), severity=Severity.LOW, actor=ids[1]))
    return with_findings(replace(demo, assets=assets, dialogues=dialogues), alerts=alerts, incidents=incidents)


@pytest.fixture
def store(database, plant):
    with Store.open(database) as opened:
        opened.save(plant, RUN)
        yield opened


def ends(row: dict) -> list[str]:
    if isinstance(row.get("client"), dict):
        return [row[end]["ip"] or row[end]["mac"] for end in ("client", "server")]
    if "client" in row:
        return [end for end in (row["client"], row["server"]) if end]
    if "source_ip" in row:
        return [end for end in (row["source_ip"], row["target_ip"]) if end]
    return [*row["ips"], *row["macs"]]


def inside(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network)
    except ValueError:
        return address.startswith(network)


@pytest.mark.parametrize("network", ["10.20.1.12", "10.20.1.0/24", "10.0.0.0/8", "192.0.2.1", "00:1b:1b:01:00:0c", "00:1b:1b"])
@pytest.mark.parametrize("kind", [ASSETS, CONVERSATIONS, OPERATIONS, ALERTS], ids=lambda kind: kind.name)
def test_addresses(store, kind, network):
    rows = store.find(kind, Query()).rows
    assert rows
    expected = [row for row in rows if any(inside(end, network) for end in ends(row))]
    assert store.find(kind, Query(ip=network)).rows == expected


ROWS_THAT = {
    "levels": (ASSETS, Query(levels=("1", "3.5")), lambda row: row["level"] in (1, 3.5)),
    "an unknown level": (ASSETS, Query(levels=("unknown", "0")), lambda row: row["level"] in (None, 0)),
    "zones": (ASSETS, Query(zones=("cell 1", "cell 3")), lambda row: row["zone"] in ("cell 1", "cell 3")),
    "types": (ASSETS, Query(types=("hmi",)), lambda row: row["type"] == "hmi"),
    "a vendor in any case": (ASSETS, Query(vendor="sIEMENS"), lambda row: row["vendor"] == "Siemens AG"),
    "wildcards are none": (ASSETS, Query(vendor="%_"), lambda row: row["vendor"] == "50 %_off"),
    "protocols of an asset": (ASSETS, Query(protocols=("modbus",)), lambda row: "modbus" in row["services"] + row["clients_of"]),
    "all at once": (ASSETS, Query(types=("hmi",), levels=("1",)), lambda row: row["type"] == "hmi" and row["level"] == 1),
    "protocols": (CONVERSATIONS, Query(protocols=("modbus", "dnp3")), lambda row: row["protocol"] in ("modbus", "dnp3")),
    "intents": (OPERATIONS, Query(intents=("write", "control")), lambda row: row["intent"] in ("write", "control")),
    "severity": (ALERTS, Query(severity="high"), lambda row: row["severity"] in ("high", "critical")),
    "severity of incidents": (INCIDENTS, Query(severity="high"), lambda row: row["severity"] == "critical"),
    "rules": (ALERTS, Query(rules=("ot.rule.1", "ot.rule.2")), lambda row: row["rule"] != "ot.rule.0"),
    "ids": (ALERTS, Query(ids=("alert3", "alert7", "none")), lambda row: row["id"] in ("alert3", "alert7")),
    "nothing": (ASSETS, Query(zones=("'; --",)), lambda _row: False),
}


@pytest.mark.parametrize(("kind", "query", "wanted"), ROWS_THAT.values(), ids=ROWS_THAT)
def test_filters(store, kind, query, wanted):
    rows = store.find(kind, Query()).rows
    answer = store.find(kind, query)
    assert answer.rows == [row for row in rows if wanted(row)]
    assert answer.total == len(answer.rows) < len(rows)


def test_what_holds_of_an_asset_holds_of_what_it_does(store, plant):
    def of(ends: tuple[str | None, ...]) -> bool:
        return any(name in plant.assets and plant.assets[name].zone == "cell 1" for name in ends)

    talks = store.find(CONVERSATIONS, Query()).rows
    expected = [row for row in talks if of((row["client_asset"], row["server_asset"]))]
    assert store.find(CONVERSATIONS, Query(zones=("cell 1",))).rows == expected != talks
    ids = {row["id"] for row in expected}
    operations = store.find(OPERATIONS, Query()).rows
    assert store.find(OPERATIONS, Query(zones=("cell 1",))).rows == [row for row in operations if row["conversation"] in ids] != operations
    alerts = store.find(ALERTS, Query()).rows
    assert store.find(ALERTS, Query(zones=("cell 1",))).rows == [row for row in alerts if of((row["source"], row["target"]))] != alerts
    assert [row["id"] for row in store.find(INCIDENTS, Query(zones=("cell 1",))).rows] == ["i2"]


def test_conversations_by_what_was_done_in_them(store):
    done = {row["conversation"] for row in store.find(OPERATIONS, Query(intents=("write",))).rows}
    assert {row["id"] for row in store.find(CONVERSATIONS, Query(intents=("write",))).rows} == done != set()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_rows_one_by_one_are_the_same(store, kind, monkeypatch):
    monkeypatch.setattr("sensor.store.queries._TOGETHER", 2)
    for query in (Query(), Query(limit=5), Query(sort="-last", offset=1)):
        assert list(store.each(kind, query)) == store.find(kind, query).rows


def test_times(store):
    rows = store.find(ALERTS, Query()).rows
    first = NOON + 4 * SECOND
    assert store.find(ALERTS, Query(until=first)).total == sum(int(row["id"][5:]) <= 4 for row in rows)
    assert store.find(ALERTS, Query(since=NOON + 12 * SECOND)).total == 0
    assert {row["id"] for row in store.find(ALERTS, Query(since=first, until=first)).rows} == {"alert2", "alert3", "alert4"}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_pages_add_up_in_every_order(store, kind):
    for sort in (*SORTS[kind.name], *(f"-{name}" for name in SORTS[kind.name])):
        whole = store.find(kind, Query(sort=sort))
        pages = [store.find(kind, Query(sort=sort, limit=7, offset=offset)) for offset in range(0, whole.total, 7)]
        assert [row for page in pages for row in page.rows] == whole.rows
        assert {page.total for page in pages} <= {whole.total}
    with pytest.raises(StoreError, match=f"{kind.name} cannot be sorted by body; by "):
        store.find(kind, Query(sort="body"))


def test_both_databases_answer_in_the_same_order(tmp_path, new_postgres, plant):
    names = ("b", "B", "a", "ä", "Z", "_", "-", "🏭", "\0")
    plant = with_findings(plant, alerts=plant.alerts, assets=tuple(asset(f"named {name}", name=name) for name in names))
    with Store.open(tmp_path / "plant.db") as one, Store.open(new_postgres()) as other:
        for store in (one, other):
            store.save(plant, RUN)
        assert everything(one) == everything(other)
        for kind in ALL:
            for sort in SORTS[kind.name]:
                assert one.find(kind, Query(sort=sort)).rows == other.find(kind, Query(sort=sort)).rows


def test_worst_and_highest_first(store):
    severities = [row["severity"] for row in store.find(ALERTS, Query()).rows]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low", "info"].index)
    packets = [sum(row["packets"]) for row in store.find(CONVERSATIONS, Query()).rows]
    assert packets == sorted(packets, reverse=True)
    levels = [row["level"] for row in store.find(ASSETS, Query()).rows]
    assert levels == sorted(levels, key=lambda level: (level is None, level))
    addresses = [ip_address(row["ips"][0]) for row in store.find(ASSETS, Query(sort="address")).rows if row["ips"]]
    assert addresses == sorted(addresses)


def test_an_asset_is_explained_by_id_address_or_name(store, plant):
    known = next(row for row in plant.assets.values() if row.ips == ("10.20.1.12",))
    told = store.explain("10.20.1.12")
    assert told.asset["id"] == known.id
    assert store.explain(known.id) == told
    macs = [mac for row in plant.assets.values() for mac in row.macs]
    alone = next(row for row in plant.assets.values() if row.macs and macs.count(row.macs[0]) == 1)
    assert store.explain(alone.macs[0].upper()).asset["id"] == alone.id
    assert told.asset["evidence"]["vendor"]["evidence"][0]["because"] == "says so itself"
    assert {row["address"] for row in told.neighbours} >= {"10.20.1.100", "10.20.1.110"}
    assert {row["serves"] for row in told.neighbours if row["address"] == "10.20.1.110"} == {True}
    back = store.explain("10.20.1.110").neighbours
    assert {row["serves"] for row in back if row["address"] == "10.20.1.12"} == {False}
    assert [row["source"] for row in store.explain(next(iter(plant.assets))).alerts] == [next(iter(plant.assets))]


def test_several_that_are_meant_are_listed_and_near_ones_named(store, demo):
    store.save(with_findings(demo, assets=(asset("one"), asset("two"), asset("three", name="Mixer"))), RUN)
    assert {row["id"] for row in store.explain("boiler plc").matches} == {"one", "two"}
    assert {row["id"] for row in store.explain("OILER").matches} == {"one", "two"}
    assert store.explain("mixer").asset["id"] == "three"
    unknown = store.explain("Mixar", nearest=True)
    assert (unknown.asset, unknown.matches, unknown.nearest[0]) == (None, (), "Mixer")
    assert store.explain("10.20.1.199", nearest=True).nearest


def test_units_are_named_with_what_they_are_behind(store, demo):
    store.save(with_findings(demo, assets=(asset("one"), asset("one/7", parent="one", unit="7", addresses=(), name="Meter"))), RUN)
    assert [row["name"] for row in store.explain("one").units] == ["Meter"]
    assert store.explain("Meter").asset["parent"] == "one"


def test_violations_can_be_listed(store):
    assert store.find(VIOLATIONS, Query(severity="low", ip="10.0.0.0/8", limit=5)).rows == []
