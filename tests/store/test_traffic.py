"""What a map and an overview are made of, summed up by the database, is what the capture holds."""

from collections import Counter
from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.console.pages.map import picture_from
from sensor.detections.model import Severity
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.report.picture import picture_of
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, Query, Store

PLANTS = sorted((Path(__file__).parents[2] / "pcaps/plants").glob("*.pcap"))


def known_of(plant):
    return conclude(observe(open_capture(str(plant))))


def summed(picture):
    """Conversations by who, whom and protocol, as the database sums them up; and what was wanted in them, where that is known."""
    conversations, intents = Counter(), {}
    for deal in picture.deals:
        place = (deal.source, deal.target, deal.protocol if deal.protocol not in ("tcp", "udp", "ip", "other", "ethernet") else "other")
        conversations[place] += deal.conversations
        intents.setdefault(place, set()).update(deal.requests)
    return conversations, {place: found - {None} for place, found in intents.items()}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda path: path.stem)
def test_the_database_sums_up_what_the_capture_holds(database, plant):
    known = known_of(plant)
    expected = picture_of(known)
    with Store.open(database) as store:
        store.save(known)
        found = picture_from(store, Query(), only=False)
    assert {(thing.id, thing.name, thing.kind, thing.level, thing.zone, thing.parent) for thing in found.things} == {
        (thing.id, thing.name, thing.kind, thing.level, thing.zone, thing.parent) for thing in expected.things
    }
    assert {thing.id: thing.addresses[:1] for thing in found.things} == {thing.id: thing.addresses[:1] for thing in expected.things}
    assert summed(found) == summed(expected)
    assert Counter(found.breaches) == Counter(expected.breaches)
    assert dict(found.alarms) == dict(expected.alarms)


def test_only_what_is_asked_for_is_drawn(database):
    known = known_of(PLANTS[-1])
    with Store.open(database) as store:
        store.save(known)
        whole = picture_from(store, Query(), only=False)
        writing = picture_from(store, Query(intents=("write",)), only=False)
        assert {intent for deal in writing.deals for intent in deal.requests} == {"write"}
        assert len(writing.things) < len(whole.things)
        forbidden = picture_from(store, Query(), only=True)
        assert not forbidden.deals
        assert {thing.id for thing in forbidden.things} == {end for row in forbidden.breaches for end in (row.source, row.target)}


def test_the_overview_counts_what_the_lists_hold(database):
    with Store.open(database) as store:
        assert store.overview().timeline == ()
        store.save(known_of(PLANTS[-1]))
        overview = store.overview()
        assert sum(overview.levels.values()) == sum(overview.types.values()) == sum(overview.zones.values())
        for level, number in overview.levels.items():
            rows = store.find(ASSETS, Query(levels=("unknown" if level is None else f"{level:g}",))).rows
            assert number == sum(row["parent"] is None for row in rows)
        assert sum(overview.open.values()) == store.find(ALERTS, Query(statuses=("open",))).total
        assert overview.conversations == store.find(CONVERSATIONS, Query()).total
        assert sum(sum(span.alerts.values()) for span in overview.timeline) == store.find(ALERTS, Query()).total
        assert sum(span.assets for span in overview.timeline) == sum(overview.levels.values())
        first, last = overview.timeline[0], overview.timeline[-1]
        assert (first.first, last.last) == (overview.first, overview.last)
        before = store.stamp()
        [alert] = store.find(ALERTS, Query(limit=1)).rows
        store.judge(alert["id"], "close", who="somebody")
        assert store.stamp() != before
        assert sum(store.overview().open.values()) == sum(overview.open.values()) - 1
        assert store.overview().open.get(Severity[alert["severity"].upper()], 0) == overview.open[Severity[alert["severity"].upper()]] - 1


def test_assets_are_found_by_text(database):
    with Store.open(database) as store:
        store.save(known_of(PLANTS[-1]))
        for text in ("intake", "INTAKE", "10.30.1.11", "siemens"):
            assert "10.30.1.11" in {ip for row in store.find(ASSETS, Query(text=text)).rows for ip in row["ips"]}
        assert store.find(ASSETS, Query(text="%")).total == 0
        assert store.find(ASSETS, Query(text="nobody")).total == 0
