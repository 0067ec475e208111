"""What is known of a device, from whom, and what nobody asked."""

from pathlib import Path

import pytest

from sensor.capture import open_capture
from sensor.inventory import vendors
from sensor.inventory.fields import fields_of, host_name
from sensor.inventory.model import FIELDS, Address, Asset
from sensor.inventory.profile import profile
from sensor.inventory.resolve import Holder
from sensor.knowledge import Knowledge
from sensor.observations import observe
from sensor.pipeline import conclude
from tests.inventory.rows import Fact

PCAPS = Path(__file__).parents[2] / "pcaps"
MAC = "00:1b:1b:00:00:0a"


def _known(name: str) -> Knowledge:
    return conclude(observe(open_capture(PCAPS / name)))


def _asset(known: Knowledge, ip: str) -> Asset:
    return next(asset for asset in known.assets.values() if ip in asset.ips)


def _fields(*facts: Fact, mac: str = MAC) -> dict:
    told = profile("a", (), facts, (0, 1))
    return dict(fields_of(told, Holder("a", (Address(mac, "10.0.0.1", None, 0, 1),), 0, 1)))


def test_a_plc_that_was_asked_says_who_it_is():
    fields = _asset(_known("s7comm-engineer.pcap"), "10.20.1.12").fields
    told = {"vendor": "Siemens", "model": "CPU 315-2 PN/DP", "order_number": "6ES7 315-2EH14-0AB0", "firmware": "V3.2.6", "mode": "run"}
    assert {name: fields[name].value for name in told} == told
    assert {evidence.source for evidence in fields["order_number"].evidence} == {"s7comm"}
    assert fields["serial"].confidence > 0.8


def test_what_nobody_asked_is_never_queried_and_what_was_asked_in_vain_is_not():
    known = _known("enip-identity.pcap")
    fields = _asset(known, "10.20.1.13").fields
    assert (fields["hardware"].value, fields["hardware"].queried) == (None, True)
    assert (fields["location"].value, fields["location"].queried) == (None, False)
    assert not any(_asset(known, "10.20.1.100").fields[name].queried for name in ("vendor", "model", "serial", "mode"))


def test_every_field_is_there_whatever_was_seen():
    assert set(_fields()) == set(FIELDS)


def test_what_the_device_says_outweighs_its_mac_prefix_and_both_remain_as_evidence():
    vendor = _fields(Fact(MAC, None, "vendor", "SICK AG", "enip"))["vendor"]
    assert vendor.value == "SICK"
    assert [(row.says, row.source) for row in vendor.evidence] == [("SICK", "enip"), ("Siemens", "mac prefix")]
    assert _fields()["vendor"].value == "Siemens"


@pytest.mark.parametrize(
    "mac", ["00:0c:29:00:00:01", "08:00:27:00:00:01", "52:54:00:00:00:01", "00:15:5d:00:00:01", "02:00:00:00:00:01", "00:00:00:00:00:02"]
)
def test_virtual_machines_and_made_up_macs_have_no_vendor(mac: str):
    assert _fields(mac=mac)["vendor"].value is None


def test_the_last_of_changing_values_counts():
    facts = [Fact(MAC, None, "mode", "run", "s7comm", last=5), Fact(MAC, None, "mode", "stop", "s7comm", first=6, last=9)]
    mode = _fields(*facts)["mode"]
    assert (mode.value, [row.says for row in mode.evidence]) == ("stop", ["stop", "run"])


def test_an_order_number_tells_model_and_vendor():
    fields = _fields(Fact(None, None, "order_number", "6ES7 315-2EH14-0AB0", "pn_io_cm"), mac="02:00:00:00:00:01")
    assert (fields["model"].value, fields["vendor"].value) == ("S7-300 CPU 315", "Siemens")
    assert _fields(Fact(None, None, "model", "1756-L61/B LOGIX5561", "cip"))["vendor"].value == "Rockwell Automation"


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("SNICKLEFRITZ.picklesworth.local", "smb", "SNICKLEFRITZ"),
        ("plc1.line2", "pn_dcp", "plc1.line2"),
        ("WORKGROUP", "nbns", None),
        ("10.0.0.1", "dns", None),
        ("LDS-Maui-16714._opcua-tcp._tcp.local", "mdns", None),
        ("%n%n%n", "pn_dcp", None),
        ("localhost.localdomain", "dhcp", None),
    ],
)
def test_host_names_are_names_of_hosts(text: str, source: str, name: str | None):
    assert host_name(text, source) == name


@pytest.mark.parametrize(
    ("key", "value", "source", "system"),
    [
        ("vendor_class", "MSFT 5.0", "dhcp", "Windows"),
        ("software", "OpenSSH_for_Windows_8.1", "ssh", "Windows"),
        ("software", "OpenSSH_6.7p1 Debian-3", "ssh", "Debian Linux"),
        ("software", "Microsoft-IIS/10.0", "http", "Windows"),
        ("operating_system", "6.1", "browser", "Windows 7 or Server 2008 R2"),
        ("tcp_stack", "ttl 128, window 8192, mss 1460, scale 8, options mss nop ws nop nop sack", "tcp", "Windows"),
    ],
)
def test_operating_systems(key: str, value: str, source: str, system: str):
    assert _fields(Fact(MAC, None, key, value, source))["operating_system"].value == system


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("SIEMENS AG", "Siemens"),
        ("Rockwell Automation/Allen-Bradley", "Rockwell Automation"),
        ("TELEMECANIQUE ELECTRIQUE", "Schneider Electric"),
        ("Festo AG & Co. KG", "Festo"),
        ("Acme Controls, Inc.", "Acme Controls"),
        ("Intelligent Platforms, LLC.", "GE"),
        ("Abbott Laboratories", "Abbott Laboratories"),
        ("Inc.", "Inc."),
    ],
)
def test_a_vendor_has_one_spelling(name: str, normal: str):
    assert vendors.normal(name) == normal


def test_vendors_by_number():
    assert vendors.by_number("pn_io_cm", "0x015a") == "GE"
    assert vendors.by_number("cip", "1") == "Rockwell Automation"
    assert vendors.by_number("pn_dcp", "0x002a") == "Siemens"
    assert vendors.by_number("pn_dcp", "nonsense") is None


def test_facts_of_a_unit_are_the_units():
    known = _known("demo.pcap")
    gateway = _asset(known, "10.20.1.11")
    unit = known.assets[f"{gateway.id}/unit-1"]
    assert (unit.text("model"), gateway.text("model")) == ("SW-1200-8DI", None)
    assert unit.parent == gateway.id
