"""What an asset is called, what the operator pins to it, and what lives outside."""

import pytest

from sensor.conduits.model import Pin, Site
from sensor.inventory.model import Address, Asset, Field
from sensor.inventory.names import is_outside, pin_matches, with_pins
from sensor.inventory.resolve import Holder
from tests.detections.rows import Fact


def _holder(*ips: str | None, mac: str | None = "00:1b:1b:00:00:0a") -> Holder:
    return Holder("a1", tuple(Address(mac, ip, 20, 0, 9 - place) for place, ip in enumerate(ips)), 0, 9)


def _asset(holder: Holder, **fields: str) -> Asset:
    return Asset(holder.id, "", holder.addresses, fields={name: Field(value) for name, value in fields.items()})


@pytest.mark.parametrize(
    "match", ["a1", "10.20.1.12", "10.20.1.0/24", "00:1b:1b:00:00:0a", "00-1B-1B-00-00-0A", "00:1b:1b", "00:1B:1B:", "vlan 20", "BOILER"]
)
def test_a_pin_means_an_asset_by_whatever_tells_it(match: str):
    holder = _holder("10.20.1.12")
    assert pin_matches(Pin(match), _asset(holder, hostname="boiler"))


@pytest.mark.parametrize("match", ["a2", "10.20.1.1", "10.20.2.0/24", "00:1b:1c", "00:1b:1", "vlan 2", "boil", "", "10.20.1.12/99"])
def test_a_pin_means_nothing_else(match: str):
    assert not pin_matches(Pin(match), _asset(_holder("10.20.1.12"), hostname="boiler"))


def test_the_best_name():
    holder = _holder("fe80::1", "10.20.1.12")
    assert with_pins(_asset(holder), holder, Site()).name == "10.20.1.12"
    assert with_pins(_asset(holder, model="CPU 315-2 PN/DP"), holder, Site()).name == "CPU 315-2 PN/DP 10.20.1.12"
    assert with_pins(_asset(holder, model="CPU 315-2 PN/DP", hostname="boiler"), holder, Site()).name == "boiler"
    assert with_pins(_asset(_holder(None)), _holder(None), Site()).name == "00:1b:1b:00:00:0a"
    pinned = with_pins(
        _asset(holder), holder, Site(pins=(Pin("10.20.1.12", name="Boiler PLC", kind="plc", criticality="high", tags=("sis",)),))
    )
    assert (pinned.name, pinned.kind.value, pinned.criticality, pinned.tags) == ("Boiler PLC", "plc", "high", ("sis",))


def test_outside_is_what_has_a_public_address_that_is_not_home():
    assert is_outside(_holder("8.8.8.8"), Site())
    assert not is_outside(_holder("8.8.8.8"), Site(home=("8.8.8.0/24",)))
    assert not is_outside(_holder("10.1.2.3"), Site())
    assert is_outside(_holder("10.1.2.3"), Site(outside=("10.1.0.0/16",)))
    assert not is_outside(_holder("224.0.1.1"), Site())


def test_what_announces_its_address_on_the_link_is_no_outside():
    announced = Fact(1, "142.1.2.3", "address", "142.1.2.3", "arp")
    assert not is_outside(_holder("142.1.2.3"), Site(), (announced,))
    assert is_outside(_holder("142.1.2.4"), Site(), (announced,))
    assert is_outside(_holder("142.1.2.3"), Site(outside=("142.1.2.0/24",)), (announced,))
