"""Inventories for other systems: what the commands write is taken in as those systems would, hostile names included."""

import csv
import io
import ipaddress
import json
import os
import re
import subprocess
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from click import ClickException
from hypothesis import given
from hypothesis import strategies as st

from sensor.cli.written import opened_files
from sensor.conduits.site import load_site
from sensor.exports.inventory import INVENTORIES
from sensor.exports.inventory.cells import harmless
from sensor.exports.inventory.servicenow import CLASSES
from sensor.exports.inventory.watchlist import SEARCH_KEY
from sensor.findings import asset_row
from sensor.inventory.model import Address, Kind
from sensor.store import Run, Store
from tests.conftest import COMMAND
from tests.store.conftest import PCAPS, known_of
from tests.store.rows import NOON, asset, field, with_findings

WATER = PCAPS / "plants/water.pcap"
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r")

# What the import forms of NetBox 4.2 to 4.7 know: all columns that we may use, by what is required; and how long a text may be.
NETBOX = {
    "1-custom-fields": (
        {"name", "type", "object_types"},
        {"label", "group_name", "description", "weight", "search_weight", "filter_logic", "ui_visible", "ui_editable"},
    ),
    "2-manufacturers": ({"name", "slug"}, {"description"}),
    "3-device-roles": ({"name", "slug", "color"}, {"vm_role", "description"}),
    "4-device-types": ({"manufacturer", "model", "slug"}, {"u_height", "part_number", "comments"}),
    "5-devices": ({"role", "manufacturer", "device_type", "status", "site"}, {"name", "serial", "asset_tag", "description", "comments"}),
    "6-interfaces": ({"device", "name", "type"}, {"enabled", "description"}),
    "7-mac-addresses": ({"mac_address"}, {"device", "interface", "is_primary", "description"}),
    "8-ip-addresses": ({"address", "status"}, {"device", "interface", "is_primary", "dns_name", "description"}),
}
LONGEST = {"name": 100, "slug": 100, "model": 100, "manufacturer": 100, "role": 100, "device": 64, "serial": 50, "label": 50, "site": 100}


def read(text):
    return list(csv.DictReader(io.StringIO(text), strict=True))


def netbox(directory):
    return {path.stem: read(path.read_bytes().decode()) for path in sorted(Path(directory).iterdir())}


def take_in(tables):
    """As NetBox does: file after file, each row valid, unique, and about what is there already. What a device is then."""
    assert list(tables) == list(NETBOX)
    for name, (required, optional) in NETBOX.items():
        for row in tables[name]:
            assert set(row) - required - optional <= {f"cf_{field['name']}" for field in tables["1-custom-fields"]}
            assert all(row[column] for column in required)
            assert not [column for column, limit in LONGEST.items() if len(row.get(column, "")) > limit]
            assert all(text == text.strip() for text in row.values())
    for custom in tables["1-custom-fields"]:
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", custom["name"])
    for name, identity in (
        ("2-manufacturers", ["name"]),
        ("2-manufacturers", ["slug"]),
        ("3-device-roles", ["name"]),
        ("4-device-types", ["manufacturer", "model"]),
        ("4-device-types", ["manufacturer", "slug"]),
        ("6-interfaces", ["device", "name"]),
        ("8-ip-addresses", ["address"]),
    ):
        assert max(Counter(tuple(row[column] for column in identity) for row in tables[name]).values(), default=1) == 1, name
    assert all(
        re.fullmatch(r"[-a-zA-Z0-9_]+", row["slug"])
        for name in ("2-manufacturers", "3-device-roles", "4-device-types")
        for row in tables[name]
    )
    return devices(tables)


def devices(tables):
    makers, roles = ({row["name"] for row in tables[name]} for name in ("2-manufacturers", "3-device-roles"))
    types = {(row["manufacturer"], row["model"]) for row in tables["4-device-types"]}
    assert {maker for maker, _ in types} <= makers
    found = {row["name"]: {**row, "primary": {}, "interfaces": {}} for row in tables["5-devices"]}
    assert len({name.lower() for name in found}) == len(tables["5-devices"])
    for row in found.values():
        assert len(row["name"]) <= 64
        assert row["role"] in roles
        assert (row["manufacturer"], row["device_type"]) in types
    for row in tables["6-interfaces"]:
        found[row["device"]]["interfaces"][row["name"]] = []
    for row in tables["7-mac-addresses"]:
        found[row["device"]]["interfaces"][row["interface"]].append(row["mac_address"])
    for row in tables["8-ip-addresses"]:
        address = ipaddress.ip_interface(row["address"])
        found[row["device"]]["interfaces"][row["interface"]].append(str(address.ip))
        # Each row sets the primary address of its family, or takes it away.
        found[row["device"]]["primary"][address.version] = str(address.ip) if row["is_primary"] == "true" else None
    return found


@pytest.fixture(scope="module")
def water():
    return known_of("plants/water.pcap")


@pytest.mark.parametrize(
    "capture", ["plants/water.pcap", "plants/dmz.pcap", "plants/flat.pcap", "demo.pcap", "arp-conflict.pcap", "ipv6.pcap"]
)
def test_netbox_takes_in_every_asset(otoscope, tmp_path, capture):
    done = otoscope("assets", PCAPS / capture, "--format", "netbox", "--output", tmp_path / "files", "--site-name", "Works 1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    taken = take_in(netbox(tmp_path / "files"))
    assets = json.loads(otoscope("assets", PCAPS / capture, "--all", "--format", "json").stdout)
    by_id = {row["cf_otoscope_id"]: row for row in taken.values()}
    assert set(by_id) == {row["id"] for row in assets}
    spoken_for = set()
    for row in assets:
        device = by_id[row["id"]]
        assert (device["site"], device["status"], device["serial"]) == ("Works 1", "active", row["serial"] or "")
        assert device["cf_purdue_level"] == ("" if row["level"] is None else str(row["level"]))
        addresses = {address for many in device["interfaces"].values() for address in many}
        assert addresses <= {*row["ips"], *row["macs"]}
        assert {*row["macs"]} <= addresses
        spoken_for |= addresses
        for version, primary in device["primary"].items():
            own = [ip for ip in row["ips"] if ipaddress.ip_address(ip).version == version and ip in addresses]
            assert primary == own[0]
    assert {ip for row in assets for ip in row["ips"]} <= spoken_for


def test_servicenow_has_a_row_for_each_asset(otoscope):
    rows = read(otoscope("assets", WATER, "--format", "servicenow", "--site-name", "Works 1").stdout)
    assets = {row["id"]: row for row in json.loads(otoscope("assets", WATER, "--all", "--format", "json").stdout)}
    assert Counter(row["correlation_id"] for row in rows) == Counter(assets.keys())
    assert [assets[row["correlation_id"]]["last"] for row in rows] == sorted((row["last"] for row in assets.values()), reverse=True)
    for row in rows:
        told = assets[row["correlation_id"]]
        assert (row["name"], row["serial_number"], row["manufacturer"]) == (told["name"], told["serial"] or "", told["vendor"] or "")
        assert (row["firmware_version"], row["model_id"]) == (told["firmware"] or "", told["model"] or "")
        assert (row["sys_class_name"], row["ot_asset_type"]) == (CLASSES[Kind(told["type"])], told["type"])
        assert (row["ip_address"], row["mac_address"]) == tuple(next(iter(told[name]), "") for name in ("ips", "macs"))
        assert (row["discovery_source"], row["u_site"]) == ("Otoscope", "Works 1")
        assert row["purdue_level"] == ("" if told["level"] is None else f"{told['level']:g}")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["first_discovered"])
        assert row["first_discovered"] <= row["last_discovered"]


def test_every_type_of_device_has_a_class():
    assert set(CLASSES) == set(Kind)


def test_the_watchlist_has_each_address_once(otoscope, tmp_path):
    done = otoscope("assets", WATER, "--format", "watchlist", "--output", tmp_path / "plant.csv", "--site-name", "Works 1")
    assert (done.returncode, done.stdout) == (0, "")
    rows = read((tmp_path / "plant.csv").read_text(encoding="utf-8"))
    assets = json.loads(otoscope("assets", WATER, "--all", "--format", "json").stdout)
    assert sorted(row[SEARCH_KEY] for row in rows) == sorted({ip for row in assets for ip in row["ips"]})
    of_plc = next(row for row in rows if row[SEARCH_KEY] == "10.30.1.11")
    [plc] = [row for row in assets if "10.30.1.11" in row["ips"]]
    assert (of_plc["AssetId"], of_plc["DeviceType"], float(of_plc["PurdueLevel"])) == (plc["id"], plc["type"], plc["level"])
    assert of_plc["Protocols"].split(",") == sorted({*plc["services"], *plc["clients_of"]})


@pytest.mark.parametrize("form", ["csv", "servicenow", "watchlist", "netbox"])
def test_a_database_and_its_captures_say_the_same(otoscope, tmp_path, water, form):
    with Store.open(tmp_path / "plant.db") as store:
        store.save(water, Run("monday"))
    for name, source in (("kept", ("--database", tmp_path / "plant.db")), ("read", (WATER,))):
        done = otoscope("assets", *source, "--format", form, "--all", "--site-name", "Works", "--output", tmp_path / name)
        assert done.returncode == 0, done.stderr
    kept, read_again = (sorted((tmp_path / name).glob("*.csv")) or [tmp_path / name] for name in ("kept", "read"))
    assert [path.read_bytes() for path in kept] == [path.read_bytes() for path in read_again]


def test_an_empty_inventory_has_its_columns(otoscope, tmp_path):
    for form, inventory in INVENTORIES.items():
        done = otoscope("assets", PCAPS / "pcap-empty.pcap", "--format", form, "--site-name", "Works", "--output", tmp_path / form)
        assert done.returncode == 0, done.stderr
        written = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / form).glob("*")} or {
            form: (tmp_path / form).read_text()
        }
        assert {name: text.splitlines()[0].split(",") for name, text in written.items()} == {
            name: list(columns) for name, columns in inventory.tables.items()
        }
        assert all(len(text.splitlines()) == 1 for name, text in written.items() if name != "1-custom-fields")


def test_filters_hold_for_inventories_too(otoscope):
    rows = read(otoscope("assets", WATER, "--format", "servicenow", "--kind", "plc", "--limit", "2").stdout)
    assert [row["ot_asset_type"] for row in rows] == ["plc", "plc"]


def test_the_site_file_gives_the_name(otoscope, tmp_path):
    (tmp_path / "site.toml").write_text('[site]\nname = "Waterworks North"\n', encoding="utf-8")
    assert load_site(str(tmp_path / "site.toml")).name == "Waterworks North"
    rows = read(otoscope("assets", WATER, "--site", tmp_path / "site.toml", "--format", "watchlist").stdout)
    assert {row["Site"] for row in rows} == {"Waterworks North"}


def test_what_is_missing_is_said_before_the_work_is_done(otoscope, tmp_path):
    for options, said in (
        (["--format", "netbox", "--output", tmp_path / "x"], "--site-name"),
        (["--format", "netbox", "--site-name", "Works"], "--output DIRECTORY"),
        (["--output", tmp_path / "x"], "--format"),
    ):
        done = otoscope("assets", tmp_path / "missing.pcap", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over_unasked_and_nothing_by_half(otoscope, tmp_path):
    (tmp_path / "plant.csv").write_text("mine", encoding="utf-8")
    options = ("assets", WATER, "--format", "watchlist", "--output", tmp_path / "plant.csv")
    done = otoscope(*options)
    assert (done.returncode, (tmp_path / "plant.csv").read_text()) == (1, "mine")
    assert "--force" in done.stderr
    failed = otoscope("assets", tmp_path / "missing.pcap", *options[2:], "--force")
    assert (failed.returncode, (tmp_path / "plant.csv").read_text()) == (1, "mine")
    assert otoscope(*options, "--force").returncode == 0
    assert (tmp_path / "plant.csv").read_text().startswith("IpAddress,")
    assert [path.name for path in tmp_path.iterdir()] == ["plant.csv"]


def test_links_folders_and_devices_are_not_written_over(otoscope, tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe"):
        done = otoscope("assets", WATER, "--format", "watchlist", "--force", "--output", tmp_path / name)
        assert done.returncode == 1
        assert f"{tmp_path / name} is a link, a folder or a device: --force writes over files only" in done.stderr
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "folder", "link", "mine", "pipe"]


def test_of_several_files_all_are_written_or_none(tmp_path):
    """The second one cannot be put in place: somebody has made a folder there meanwhile."""
    first, second, third = (tmp_path / name for name in ("1.csv", "2.csv", "3.csv"))

    def write(targets):
        with opened_files(targets) as files:
            for file in files:
                file.write(b"now")
            second.mkdir(exist_ok=True)

    third.write_bytes(b"before")
    for targets in ([third, first, second], [first, second, third]):
        with pytest.raises(ClickException, match=r"2\.csv cannot be written: Is a directory"):
            write(targets)
        assert third.read_bytes() == b"before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["2.csv", "3.csv"]


def test_the_file_that_cannot_be_written_is_named(otoscope, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for options, said in (
        (["--format", "csv", "--output", "/proc/plant.csv"], "/proc/plant.csv cannot be written"),
        (["--format", "csv", "--output", tmp_path / "file" / "plant.csv"], f"{tmp_path / 'file'} cannot be written"),
        (["--format", "netbox", "--output", "/proc/1", "--site-name", "W"], "/proc/1/1-custom-fields.csv cannot be written"),
    ):
        done = otoscope("assets", WATER, *options)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert said in done.stderr


@pytest.mark.parametrize("form", ["csv", "json", "watchlist"])
def test_a_full_disk_is_said(form):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, "assets", WATER, "--all", "--format", form], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 1
    assert b"standard output cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


# Hostile texts -----------------------------------------------------------------------------------------------------


def as_rows(*assets):
    """As the database has them."""
    return [{**asset_row(row), "addresses": [asdict(address) for address in row.addresses]} for row in assets]


def written(form, rows, site="Works"):
    inventory = INVENTORIES[form]
    files = {name: io.StringIO() for name in inventory.tables}
    for name, columns in inventory.tables.items():
        csv.writer(files[name]).writerow(columns)
    for name, cells in inventory.lines(rows, site):
        assert len(cells) == len(inventory.tables[name])
        csv.writer(files[name]).writerow(cells)
    return {name: read(file.getvalue()) for name, file in files.items()}


def runs(cell):
    """Would a spreadsheet that reads the raw text take any part of it for a formula, whatever its separator?"""
    return any(part.lstrip(' "').startswith(FORMULA) for part in re.split(r"[;,|\t\r\n]", cell)) or cell.startswith(FORMULA)


def test_a_cell_is_no_formula_whatever_the_separator():
    for text in (
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "  =1",
        "a;=1",
        'a";"=1',
        "a,+1",
        "a|@x",
        "\uff1d1",
        'x\n"-1"',
        "a\t=cmd|'/c calc'!A1",
    ):
        assert runs(text), text
        assert not runs(harmless(text)), harmless(text)
        assert harmless(text).replace("'", "") == text.replace("'", "")
    for text in ("10.20.1.12", "a-b", "S7-1200", "V4.2.1", "aa:bb:cc:00:00:01", "2026-03-02T14:30:00Z", "1,204 requests"):
        assert harmless(text) == text


@given(st.text())
def test_no_text_becomes_a_formula(text):
    assert not runs(harmless(text))


texts = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "=cmd|'/c calc'!A1",
            "a;=1",
            "plc",
            "PLC",
            "plc [0]",
            "Foo",
            "foo",
            "Foo!",
            "  ",
            "\x00",
            "\ud800",
            "\u202eevil",
            "a\nb,c",
            "x" * 5000,
            "<script>",
            "'",
        ]
    ),
)
fields = st.dictionaries(st.sampled_from(["vendor", "model", "serial", "firmware", "hostname", "order_number"]), texts.map(field))
macs = st.sampled_from([None, "00:1b:1b:00:00:01", "00:1b:1b:00:00:02"])
ips = st.sampled_from([None, "10.0.0.1", "10.0.0.2", "192.0.2.9", "2001:db8::1", "fe80::1", "10.0.0.255"])
places = st.lists(st.builds(lambda mac, ip: Address(mac, ip, None, NOON, NOON), macs, ips), max_size=5).map(tuple)
hostile = st.lists(st.tuples(texts, fields, places, texts), max_size=8).map(
    lambda parts: as_rows(*(asset(f"{i}", name=n, fields=f, addresses=a, zone=z) for i, (n, f, a, z) in enumerate(parts)))
)


@given(hostile, texts)
def test_netbox_takes_in_whatever_was_on_the_wire(rows, site):
    tables = written("netbox", rows, "Works" + site)
    taken = take_in(tables)
    assert {row["cf_otoscope_id"] for row in taken.values()} == {row["id"] for row in rows}
    ips = {address.split("/")[0] for table in tables["8-ip-addresses"] for address in [table["address"]]}
    assert ips == {ip for row in rows for ip in row["ips"]}


@pytest.mark.parametrize("form", sorted(INVENTORIES))
@given(rows=hostile)
def test_every_cell_is_one_harmless_line(form, rows):
    for table in written(form, rows).values():
        for row in table:
            for cell in row.values():
                assert not runs(cell)
                assert cell.isprintable()


@pytest.mark.parametrize("turned", [False, True])
def test_an_address_is_that_of_the_asset_that_had_it_last(turned):
    """The laptop is seen to this day, but its first address is the drive's meanwhile."""
    laptop = asset("a1", name="laptop", addresses=(had("10.0.0.7", 50), had("10.0.0.8", 0)), last=NOON + 90)
    drive = asset("b1", name="drive", addresses=(had("10.0.0.6", 60), had("10.0.0.7", 70)), last=NOON + 70)
    rows = as_rows(*((drive, laptop) if turned else (laptop, drive)))
    watched = {row["IpAddress"]: row["Name"] for row in written("watchlist", rows)["watchlist"]}
    assert watched == {"10.0.0.6": "drive", "10.0.0.7": "drive", "10.0.0.8": "laptop"}
    tables = written("netbox", rows)
    take_in(tables)
    assert {row["address"]: (row["device"], row["is_primary"]) for row in tables["8-ip-addresses"]} == {
        "10.0.0.6/32": ("drive", "true"),
        "10.0.0.7/32": ("drive", "false"),
        "10.0.0.8/32": ("laptop", "true"),
    }


def had(ip, last):
    return Address("00:1b:1b:00:00:01", ip, None, NOON, NOON + last)


def test_names_of_many_assets_may_be_the_same():
    rows = as_rows(*(asset(f"{number:010}", name="PLC", addresses=()) for number in range(12_000)))
    assert len(take_in(written("netbox", rows))) == 12_000


def test_a_hostile_capture_of_a_database_is_harmless_in_every_form(otoscope, tmp_path, water):
    formula = '=HYPERLINK("http://evil.example","x")'
    named = asset(name=formula, fields={"vendor": field("x;=1+1"), "model": field("@SUM(1)\t=2")}, zone="+zone")
    with Store.open(tmp_path / "plant.db") as store:
        store.save(with_findings(water, assets=(named,)), Run("monday"))
    for form in ("csv", *INVENTORIES):
        done = otoscope(
            "assets", "--database", tmp_path / "plant.db", "--all", "--format", form, "--site-name", "W", "--output", tmp_path / form
        )
        assert done.returncode == 0, done.stderr
        files = sorted((tmp_path / form).glob("*.csv")) or [tmp_path / form]
        cells = [cell for path in files for line in csv.reader(io.StringIO(path.read_bytes().decode())) for cell in line]
        assert not [cell for cell in cells if runs(cell)]
        assert any("'=HYPERLINK" in cell for cell in cells)
