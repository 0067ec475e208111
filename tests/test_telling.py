"""What is told of a thing is no longer than somebody can take, however much there is of it."""

from dataclasses import replace

from sensor.events import Change, encode
from sensor.findings import asset_row, incident_row
from sensor.inventory.model import Address
from sensor.telling import asset_event, incident_event
from tests.store.rows import NOON, alert, asset, incident


def test_an_incident_of_very_many_alerts_says_how_many():
    story = incident(*(alert(f"{number:06}") for number in range(50_000)))
    event = incident_event(incident_row(story), {}, Change.RAISED, NOON)
    assert event.count == 50_000
    assert event.details["alerts"] == [f"{number:06}" for number in range(100)]
    assert len(encode(event)) < 10_000


def test_an_asset_with_very_many_addresses_is_told_with_some():
    """A router's interface, or a host that takes every address of a net."""
    addresses = tuple(Address("00:1b:1b:00:00:01", f"10.0.{number >> 8}.{number & 255}", None, NOON, NOON) for number in range(20_000))
    before, row = asset_row(asset()), asset_row(replace(asset(), addresses=addresses))
    event = asset_event(row, Change.CHANGED, NOON, {"ips": [before["ips"], row["ips"]]})
    assert event.details["ips"] == [f"10.0.0.{number}" for number in range(100)]
    assert event.details["changes"] == {"ips": [["192.0.2.10"], event.details["ips"]]}
    assert event.message == f"Boiler PLC: ips: 192.0.2.10 → {', '.join(f'10.0.0.{number}' for number in range(10))} and 19,990 more"
    assert len(encode(event)) < 10_000
