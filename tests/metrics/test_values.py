"""What the metrics say: the numbers of the capture, by labels that are few and never an address."""

import re
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sensor.baseline.learn import learn
from sensor.capture import open_capture
from sensor.conduits.model import Site, Zone
from sensor.detections.model import Engine, Severity
from sensor.errors import StoreError
from sensor.inventory.model import FIELDS, Kind
from sensor.metrics import METRICS, Durations, Sources, exposition
from sensor.metrics.plant import MOST_ZONE_PAIRS
from sensor.observations import Observations, observe
from sensor.pipeline import conclude
from sensor.protocols import PROTOCOLS, Intent
from sensor.store import ExportState
from tests import samples
from tests.report.hostile import hostile_plant
from tests.report.plant import plant

ROOT = Path(__file__).parents[2]
WATER = ROOT / "pcaps/plants/water.pcap"
CAPTURES = sorted((ROOT / "pcaps").rglob("*.pcap*"))


def known_of(*captures, site=None):
    with open_capture(*captures) as capture:
        return conclude(observe(capture), site)


@pytest.fixture(scope="module")
def water():
    return known_of(WATER)


def read(sources):
    """Value by name and labels, as Prometheus would have it."""
    text = exposition(sources)
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found, f"{key} is told twice: Prometheus would refuse all of it"
            found[key] = sample.value
    return found


def of(known):
    return read(Sources(knowledge=lambda: known))


def value(found, name, **labels):
    return found[(name, *sorted(labels.items()))]


def total(found, name):
    return sum(number for key, number in found.items() if key[0] == name)


def test_the_water_works_in_numbers(water):
    found = of(water)
    assert value(found, "otoscope_packets_total") == 6177
    assert value(found, "otoscope_bytes_total") == 748_121
    assert value(found, "otoscope_messages_total", protocol="modbus") == 434
    assert value(found, "otoscope_last_packet_timestamp_seconds") == pytest.approx(1_795_477_900.004886)
    assert value(found, "otoscope_response_time_seconds_count", protocol="modbus") == 217
    assert value(found, "otoscope_response_time_seconds_bucket", protocol="modbus", le="0.0025") == 0
    assert value(found, "otoscope_response_time_seconds_bucket", protocol="modbus", le="0.005") == 217
    assert value(found, "otoscope_response_time_seconds_sum", protocol="modbus") == pytest.approx(0.56203)
    assert value(found, "otoscope_assets", level="1", type="plc") == 4
    assert total(found, "otoscope_assets") == 27
    assert value(found, "otoscope_open_alerts", severity="critical", engine="policy") == 2
    assert value(found, "otoscope_open_alerts", severity="critical", engine="operational") == 0, "it can be seen to rise"
    assert total(found, "otoscope_open_alerts") == len(water.alerts)
    assert value(found, "otoscope_violations", source_zone="level 4", target_zone="level 1", intent="write") == 1
    assert value(found, "otoscope_baseline_phase", phase="none") == 1
    assert value(found, "otoscope_unreadable_metrics") == 0


def test_what_is_lost_counted_twice_or_not_known_is_told():
    found = of(known_of(ROOT / "pcaps/tcp-lost.pcap"))
    assert value(found, "otoscope_lost_segments_total") > 0
    lost, seen = value(found, "otoscope_lost_segments_total"), value(found, "otoscope_tcp_segments_total")
    assert value(found, "otoscope_loss_ratio") == pytest.approx(lost / (lost + seen))


def test_where_nothing_is_known_nothing_is_told_of_it_and_no_traffic_is_zero(tmp_path):
    assert {key[0] for key in of(None) if not key[0].startswith("otoscope_batch_duration_seconds")} == {
        "otoscope_build_info", "otoscope_baseline_phase", "otoscope_unreadable_metrics",
    }  # fmt: skip
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(samples.pcap([]))
    [batch] = open_capture(empty)
    found = read(Sources(knowledge=lambda: None, statistics=lambda: batch.statistics))
    assert value(found, "otoscope_packets_total") == 0, "a rule can tell that there is no traffic"
    assert value(found, "otoscope_loss_ratio") == 0
    assert value(found, "otoscope_table_dropped_rows_total", table="flows") == 0
    assert not [key for key in found if key[0] in ("otoscope_last_packet_timestamp_seconds", "otoscope_kernel_dropped_packets_total")]


def test_counters_and_histograms_never_go_back():
    observations, before, times = Observations(), {}, Durations()
    with open_capture(WATER, ROOT / "pcaps/plants/flat.pcap", batch_packets=250) as capture:
        for batch in capture:
            with times.measured():
                observations.add(batch)
            found = read(Sources(knowledge=lambda: None, statistics=lambda: observations.statistics, batches=times))
            counted = {key: number for key, number in found.items() if key[0].endswith(("_total", "_bucket", "_count", "_sum"))}
            assert [key for key, number in counted.items() if number < before.get(key, 0)] == []
            assert before.keys() <= counted.keys()
            before = counted
    assert value(before, "otoscope_batch_duration_seconds_count") > 20
    assert value(before, "otoscope_batch_duration_seconds_sum") > 0


def test_buckets_add_up(water):
    times = Durations()
    for seconds in (0, 0.001, 0.0011, 3, 10, 11, 1e9):
        times.observe(seconds)
    found = read(Sources(knowledge=lambda: water, batches=times))
    counts = {dict(key[1:])["le"]: number for key, number in found.items() if key[0] == "otoscope_batch_duration_seconds_bucket"}
    assert (counts["0.001"], counts["0.0025"], counts["5.0"], counts["10.0"], counts["+Inf"]) == (2, 3, 4, 5, 7)
    assert list(counts.values()) == sorted(counts.values())
    assert value(found, "otoscope_batch_duration_seconds_count") == 7


def interface(name, **changes):
    return SimpleNamespace(**{"name": name, "condition": "capturing", "packets": 10, "dropped": 0, "ring_fill": 125} | changes)


def state(name, **changes):
    url, error = "tcp://10.1.2.3:514", "10.1.2.3: connection refused"
    usual = ExportState(
        name, url, waiting=3, lag_seconds=41.5, sent=10, dropped=1, refused=2, failures=7, connected=False, last_error=error
    )
    return replace(usual, **changes)


def test_each_destination_is_told(water):
    states = [state("siem"), state("files", waiting=0, lag_seconds=0, connected=True)]
    found = read(Sources(knowledge=lambda: water, destinations=lambda: states))
    told = {key[0].removeprefix("otoscope_export_"): number for key, number in found.items() if ("destination", "siem") in key}
    assert told == {
        "waiting_events": 3, "lag_seconds": 41.5, "sent_events_total": 10, "dropped_events_total": 1, "refused_events": 2,
        "failures_total": 7, "connected": 0,
    }  # fmt: skip
    assert value(found, "otoscope_export_connected", destination="files") == 1


def test_what_the_live_sensor_knows_better_outweighs_the_knowledge(water):
    found = read(Sources(
        knowledge=lambda: water, open_alerts=lambda: water.alerts[:1], interfaces=lambda: [interface("eth1", dropped=5)],
        database_octets=lambda: 10, outbox_octets=lambda: 4,
    ))  # fmt: skip
    assert total(found, "otoscope_open_alerts") == 1
    assert value(found, "otoscope_kernel_dropped_packets_total") == 5
    assert (value(found, "otoscope_database_size_bytes"), value(found, "otoscope_outbox_size_bytes")) == (10, 4)
    assert total(read(Sources(knowledge=lambda: water, open_alerts=tuple)), "otoscope_open_alerts") == 0


@pytest.mark.parametrize(("days", "phase"), [(14, "learning"), (0.5, "operation")])
def test_the_phase_of_the_baseline_is_by_the_time_of_the_traffic(water, days, phase):
    usual = replace(learn(water), learning_days=days)
    found = read(Sources(knowledge=lambda: water, baseline=lambda: usual))
    assert {dict(key[1:])["phase"]: number for key, number in found.items() if key[0] == "otoscope_baseline_phase"} == {
        name: float(name == phase) for name in ("none", "learning", "operation")
    }


def test_each_interface_is_told(water):
    found = read(Sources(knowledge=lambda: water, interfaces=lambda: [
        interface("eth1", dropped=2), interface("eth2", condition="no_link", packets=7, dropped=1, ring_fill=0),
    ]))  # fmt: skip
    told = {key[0].removeprefix("otoscope_interface_"): number for key, number in found.items() if ("interface", "eth1") in key}
    assert told == {"up": 1, "packets_total": 10, "dropped_packets_total": 2, "ring_fill_ratio": 0.125}
    assert value(found, "otoscope_interface_up", interface="eth2") == 0
    assert value(found, "otoscope_kernel_dropped_packets_total") == 3


def test_what_cannot_be_read_costs_only_itself(water):
    def locked():
        raise StoreError("the database is locked")

    def mistaken():
        raise RuntimeError("dictionary changed size during iteration")

    found = read(Sources(knowledge=lambda: water, database_octets=locked, destinations=locked, outbox_octets=mistaken))
    assert value(found, "otoscope_packets_total") == 6177
    assert value(found, "otoscope_unreadable_metrics") == 9
    assert not [key for key in found if key[0].startswith(("otoscope_export", "otoscope_database"))]


def test_units_of_a_gateway_are_no_devices():
    known = plant()
    devices = sum(asset.parent is None for asset in known.assets.values())
    assert devices < len(known.assets)
    assert total(of(known), "otoscope_assets") == devices


# Labels ------------------------------------------------------------------------------------------------------------


ZONES = {"none", "outside", *(f"level {level}" for level in ("0", "1", "2", "3", "3.5", "4"))}
TABLES = {"anomalies", "conversations", "datagrams", "endpoints", "facts", "flows", "memories", "operations", "pending"}
BOUNDS = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"}
WORDS = {
    "protocol": PROTOCOLS.keys(), "transport": {"tcp", "udp", "icmp", "ip", "ethernet"}, "table": TABLES, "le": BOUNDS,
    "level": {"0", "1", "2", "3", "3.5", "4", "5", "unknown"}, "type": set(Kind), "field": set(FIELDS),
    "severity": set(map(str, Severity)), "engine": set(Engine), "intent": {"none", *Intent}, "source_zone": ZONES, "target_zone": ZONES,
    "phase": {"none", "learning", "operation"}, "version": {version("otoscope")},
}  # fmt: skip
"""All that labels say where there is no site file."""


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_no_label_holds_an_address_or_a_text_from_the_wire(capture):
    found = of(known_of(capture))
    labels = {(name, text) for key in found for name, text in key[1:]}
    assert {(name, text) for name, text in labels if text not in WORDS[name]} == set()
    assert len(found) < 1000


def test_names_from_the_wire_reach_no_label():
    before, after = of(plant()), of(hostile_plant())
    free = {"source_zone", "target_zone", "intent"}  # which that plant has made up, too
    assert {key for key in after if free.isdisjoint(dict(key[1:]))} == {key for key in before if free.isdisjoint(dict(key[1:]))}


def test_zones_are_the_operators_and_their_pairs_are_bounded(water):
    [row, *_] = water.violations
    many = [replace(row, source_zone=f"cell {number}", intent=None) for number in range(2000)]
    often = [replace(row, source_zone="packing", target_zone='hall "7"\n\\', intent="write")] * 9
    water = replace(water, violations=(*many, *often))
    found = {key: number for key, number in of(water).items() if key[0] == "otoscope_violations"}
    assert value(found, "otoscope_violations", source_zone="packing", target_zone='hall "7"\\n\\', intent="write") == 9
    assert value(found, "otoscope_violations", source_zone="other", target_zone="other", intent="none") == 2001 - MOST_ZONE_PAIRS
    assert (len(found), sum(found.values())) == (MOST_ZONE_PAIRS + 1, 2009)


def test_violations_name_the_zones_of_the_site_file():
    site = Site(zones=(Zone("process", levels=(0, 1)), Zone("control room", levels=(2, 3))))
    found = of(known_of(WATER, site=site))
    zones = {text for key in found if key[0] == "otoscope_violations" for name, text in key[1:] if name != "intent"}
    assert "process" in zones


# Form --------------------------------------------------------------------------------------------------------------


def test_promtool_finds_nothing_to_say(water):
    states = [state("siem")]
    everything = Sources(
        knowledge=lambda: water, interfaces=lambda: [interface("eth1")], transactions=lambda: (1, 2),
        destinations=lambda: states, database_octets=lambda: 1, outbox_octets=lambda: 1,
        evidence=lambda: {"kept": 1},
    )  # fmt: skip
    text = exposition(everything)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    told = {family.name for family in text_string_to_metric_families(text)}
    assert told == {metric.name.removesuffix("_total") for metric in METRICS}, "each metric is told by somebody"


def test_each_metric_stands_in_the_document():
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = [
        f"| `{metric.name}` | {metric.type} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.unit} | {metric.about} |"
        for metric in METRICS
    ]
    assert [row for row in rows if row not in text] == []
    assert set(re.findall(r"^\| `(otoscope_\w+)`", text, re.MULTILINE)) == {metric.name for metric in METRICS}
