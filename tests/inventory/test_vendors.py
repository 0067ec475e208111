"""Vendors by MAC prefix: read from netaddr's files, as netaddr reads them."""

import pytest
from netaddr import EUI
from netaddr.eui import ieee

from sensor.inventory.vendors import by_mac, registered

NUMBERS = sorted(ieee.OUI_INDEX)


def test_a_prefix_is_told_as_netaddr_tells_it() -> None:
    for number in NUMBERS[::97] + [NUMBERS[-1]]:
        prefix = number.to_bytes(3, "big").hex(":")
        assert registered(prefix) == EUI(f"{prefix}:00:00:00").oui.registration()["org"], prefix


@pytest.mark.parametrize("mac", ["02:00:00:00:00:01", "01:80:c2:00:00:0e", "00:50:56:00:00:01", "fc:ff:ff:00:00:00"])
def test_made_up_group_virtual_and_unregistered_addresses_have_no_vendor(mac: str) -> None:
    assert by_mac(mac) is None


def test_a_vendor_has_one_spelling() -> None:
    assert by_mac("00:1b:1b:00:00:01") == "Siemens"
