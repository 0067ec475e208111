"""Which addresses are one thing: whatever a plant's network does with them."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.inventory.resolve import Resolution, resolve
from tests.inventory.rows import Endpoint, Fact, arp

NOBODY = "0.0.0.0"  # noqa: S104 - nobody's address
A, B, C, ROUTER = "00:1b:1b:00:00:0a", "00:1b:1b:00:00:0b", "00:1b:1b:00:0c:0c", "00:1e:4a:00:00:01"


def _one(known: Resolution, *keys: tuple[str | None, str | None, int | None]) -> bool:
    """Do all rows name the same holder?"""
    found = {known.find(*key) for key in keys}
    return len(found) == 1 and None not in found


def test_one_mac_is_one_thing_with_all_its_addresses():
    known = resolve([Endpoint(A, None), Endpoint(A, "10.0.0.1"), Endpoint(A, "fe80::1"), Endpoint(A, "2001:db8::1")], [])
    (holder,) = known.holders.values()
    assert {address.ip for address in holder.addresses} == {"10.0.0.1", "fe80::1", "2001:db8::1"}
    assert not holder.routes
    assert _one(known, (A, None, None), (A, "10.0.0.1", None), (None, "fe80::1", None))


def test_what_a_router_sends_for_others_is_told_apart_by_ip():
    rows = [Endpoint(ROUTER, "10.0.0.254"), Endpoint(ROUTER, "10.3.0.20"), Endpoint(A, "10.0.0.1")]
    known = resolve(rows, [arp(ROUTER, "10.0.0.254")])
    router = known.holders[known.find(ROUTER, "10.0.0.254", None)]
    behind = known.holders[known.find(ROUTER, "10.3.0.20", None)]
    assert (router.routes, behind.routes) == (True, False)
    assert [address.mac for address in behind.addresses] == [None], "a router's MAC is not its own"
    assert known.find(ROUTER, "10.9.9.9", None) is None, "what never sent is not the router"
    assert any(entry.what == f"{ROUTER} is a router" for entry in known.log)


def test_a_router_that_never_announced_itself_is_an_asset_without_ip():
    for ips in (("10.1.0.1", "10.1.0.2", "10.1.0.3"), ("10.1.0.1", "10.2.0.1"), ("10.1.0.1", "8.8.8.8")):
        known = resolve([Endpoint(ROUTER, ip) for ip in ips], [])
        routers = [holder for holder in known.holders.values() if holder.routes]
        assert [[(address.mac, address.ip) for address in holder.addresses] for holder in routers] == [[(ROUTER, None)]]
        assert len(known.holders) == len(ips) + 1


def test_a_single_host_of_the_internet_is_not_its_routers_mac():
    known = resolve([Endpoint(ROUTER, "8.8.8.8", hops=9)], [])
    assert known.holders[known.find(ROUTER, None, None)].routes
    assert known.find(ROUTER, "8.8.8.8", None) != known.find(ROUTER, None, None)
    (local,) = resolve([Endpoint(A, "140.140.60.50", hops=2)], []).holders.values()
    assert not local.routes, "a plant that uses public addresses at home"


def test_a_host_with_two_announced_addresses_is_no_router():
    rows = [Endpoint(A, "10.1.0.1"), Endpoint(A, "192.168.7.1"), Endpoint(A, "10.1.0.9")]
    known = resolve(rows, [arp(A, "10.1.0.1"), arp(A, "192.168.7.1")])
    (holder,) = known.holders.values()
    assert not holder.routes


def test_dhcp_moves_an_address_without_making_a_new_device():
    rows = [Endpoint(A, f"10.1.0.{number}", None, number, number) for number in (5, 6, 7)]
    facts = [Fact(A, None, "address", f"10.1.0.{number}", "dhcp", first=number) for number in (5, 6, 7)]
    (holder,) = resolve(rows, facts).holders.values()
    assert [address.ip for address in holder.addresses] == ["10.1.0.7", "10.1.0.6", "10.1.0.5"], "latest first"


def test_an_ip_that_moves_to_another_mac_leaves_two_devices_with_their_own_history():
    known = resolve([Endpoint(A, "10.1.0.5", None, 1, 10), Endpoint(B, "10.1.0.5", None, 20, 30)], [])
    assert known.find(A, "10.1.0.5", None) != known.find(B, "10.1.0.5", None)
    assert known.find(None, "10.1.0.5", None) is None, "nobody knows which of the two"
    assert any("moved from" in entry.because for entry in known.log)


def test_two_that_claim_an_ip_by_turns_stay_two():
    rows = [Endpoint(A, "10.1.0.5", None, 1, 30), Endpoint(B, None, None, 2, 20)]
    known = resolve(rows, [arp(A, "10.1.0.5", 1, 30), arp(B, "10.1.0.5", 2, 20)])
    assert len(known.holders) == 2
    assert known.find(A, "10.1.0.5", None) == known.find(A, None, None)


def test_the_same_ip_in_two_vlans_is_two_devices():
    known = resolve([Endpoint(A, "192.168.0.1", 10), Endpoint(B, "192.168.0.1", 20)], [])
    assert known.find(A, "192.168.0.1", 10) != known.find(B, "192.168.0.1", 20)
    assert known.find(C, "192.168.0.1", 20) == known.find(B, "192.168.0.1", 20)


def test_what_is_seen_on_its_link_and_through_a_router_is_one():
    rows = [
        Endpoint(A, "10.1.0.5", 10),
        Endpoint(ROUTER, "10.1.0.5", 20),
        Endpoint(ROUTER, "10.1.0.6", 20),
        Endpoint(ROUTER, "10.2.0.6", 20),
    ]
    known = resolve(rows, [arp(ROUTER, "10.9.0.1", vlan=20)])
    assert _one(known, (A, "10.1.0.5", 10), (ROUTER, "10.1.0.5", 20))
    assert known.find(ROUTER, "10.1.0.5", 20) != known.find(ROUTER, None, 20)


def test_addresses_that_nobody_owns_are_no_devices():
    rows = [Endpoint(A, NOBODY), Endpoint(A, "169.254.3.4"), Endpoint(A, "::"), Endpoint(A, "10.1.0.5")]
    (holder,) = resolve(rows, []).holders.values()
    assert {address.ip for address in holder.addresses} == {"169.254.3.4", "10.1.0.5"}
    assert resolve([Endpoint("01:00:5e:00:00:01", None), Endpoint("00:00:00:00:00:00", None), Endpoint(None, NOBODY)], []).holders == {}


def test_the_mac_of_a_virtual_router_is_nobodys():
    for mac in ("00:00:5e:00:01:07", "00:00:0c:07:ac:01"):
        known = resolve([Endpoint(mac, None), Endpoint(mac, "10.1.0.254"), Endpoint(mac, "10.2.0.7")], [])
        assert all(address.mac is None for holder in known.holders.values() for address in holder.addresses)
        assert known.find(mac, "10.1.0.254", None) != known.find(mac, "10.2.0.7", None)


def test_captures_without_macs_are_told_apart_by_ip():
    known = resolve([Endpoint(None, "10.0.0.1"), Endpoint(None, "10.0.0.2"), Endpoint("00:00:00:00:00:00", "127.0.0.1")], [])
    assert len(known.holders) == 3
    assert known.find(None, "10.0.0.2", None) is not None
    assert known.find("00:00:00:00:00:00", "127.0.0.1", None) is not None


def test_the_same_serial_number_is_one_device():
    rows = [Endpoint(A, "10.1.0.5"), Endpoint(B, "10.2.0.5")]
    facts = [Fact(A, "10.1.0.5", "serial", "S C-X4U421302009", "s7comm", unit="rack 0 slot 2")]
    facts.append(Fact(B, "10.2.0.5", "serial", "S C-X4U421302009", "s7comm_plus"))
    known = resolve(rows, facts)
    assert len(known.holders) == 1
    assert [entry.because for entry in known.log if "serial" in entry.because] == ["both have the s7comm serial number S C-X4U421302009"]


def test_nonsense_serial_numbers_join_nothing():
    for serial in ("0", "0x00000000", "", "1234", "12345678", "FFFFFFFF", "unknown", "S C-C2UR28922012"):
        facts = [Fact(mac, None, "serial", serial, "cip") for mac in (A, B)]
        assert len(resolve([Endpoint(A, None), Endpoint(B, None)], facts).holders) == 2, serial


def test_cloned_serial_numbers_of_devices_that_are_there_at_once_join_nothing():
    facts = [Fact(mac, None, "serial", "00524d8e", "cip") for mac in (A, C)]
    assert len(resolve([Endpoint(A, None, last=9), Endpoint(C, None, first=5, last=20)], facts).holders) == 2
    assert len(resolve([Endpoint(A, None, last=9), Endpoint(C, None, first=15, last=20)], facts).holders) == 1, "a new network module"


def test_the_ports_of_a_switch_are_one():
    facts = [Fact(mac, None, "address", C, "lldp") for mac in (A, B)]
    assert len(resolve([Endpoint(A, None), Endpoint(B, None), Endpoint(C, "10.0.0.2")], facts).holders) == 1


_MACS = st.sampled_from([None, A, B, ROUTER, "00:00:5e:00:01:07", "01:00:5e:00:00:01", "00:00:00:00:00:00"])
_IPS = st.sampled_from(
    [None, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.1.0.1", "8.8.8.8", NOBODY, "169.254.1.1", "fe80::1", "2001:db8::1", "ff02::1"]
)
_VLANS = st.sampled_from([None, 10, 20])
_TIMES = st.integers(0, 50)


def _distinct(rows: list[Endpoint]) -> list[Endpoint]:
    return list({(row.mac, row.ip, row.vlan): row for row in rows}.values())


_ROWS = st.lists(st.builds(Endpoint, _MACS, _IPS, _VLANS, _TIMES, st.integers(50, 60)), max_size=12).map(_distinct)
_CLAIMS = st.lists(st.builds(arp, st.sampled_from([A, B, ROUTER]), st.sampled_from(["10.0.0.1", "10.1.0.1"]), _TIMES, st.integers(50, 60)))
_SERIALS = st.lists(st.builds(Fact, _MACS, _IPS, st.just("serial"), st.sampled_from(["00524d8e", "0"]), st.just("cip")), max_size=3)


@settings(deadline=None)
@given(_ROWS, _CLAIMS, _SERIALS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Endpoint], claims: list[Fact], serials: list[Fact], chance: random.Random):
    facts = claims + serials
    shuffled_rows, shuffled_facts = chance.sample(rows, len(rows)), chance.sample(facts, len(facts))
    one, other = resolve(rows, facts), resolve(shuffled_rows, shuffled_facts)
    assert (one.holders, one.log, one.by_address) == (other.holders, other.log, other.by_address)


@settings(deadline=None)
@given(_ROWS, _ROWS, _CLAIMS)
def test_later_rows_change_no_id_unless_they_join_two(rows: list[Endpoint], later: list[Endpoint], claims: list[Fact]):
    known = {(row.mac, row.ip, row.vlan) for row in rows}
    new = [replace(row, first=row.first + 100, last=row.last + 100) for row in later if (row.mac, row.ip, row.vlan) not in known]
    before, after = resolve(rows, claims), resolve(rows + new, claims)
    joined = [entry for entry in after.log if "nobody else has it" in entry.because]
    assert len(before.holders.keys() - after.holders.keys()) <= len(joined)


@settings(deadline=None)
@given(_ROWS, _CLAIMS)
def test_every_row_of_a_device_finds_it(rows: list[Endpoint], claims: list[Fact]):
    known = resolve(rows, claims)
    for row in rows:
        name = known.find(row.mac, row.ip, row.vlan)
        assert name is None or name in known.holders
        if row.mac in (A, B, ROUTER):
            assert name is not None
