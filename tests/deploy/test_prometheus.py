"""The alert rules, the configuration and the dashboard: each metric in them is told by the exporter, and Prometheus takes them."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensor.metrics import DEFAULT_PORT, METRICS
from sensor.metrics.model import Type
from tests import conftest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/prometheus"
RULES = (DEPLOY / "otoscope.rules.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "deploy/grafana/otoscope.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(f"{panel['title']}: {target['expr']}", target) for panel in PANELS for target in panel["targets"]]
WATER = ROOT / "pcaps/plants/water.pcap"

OF_PROMETHEUS = {"instance", "job", "alertname"}


def labels_by_series():
    found = {}
    for metric in METRICS:
        if metric.type is Type.HISTOGRAM:
            found |= {f"{metric.name}{suffix}": set(metric.labels) for suffix in ("_sum", "_count")}
            found[f"{metric.name}_bucket"] = {*metric.labels, "le"}
        else:
            found[metric.name] = set(metric.labels)
    return found


LABELS = labels_by_series()


def rules():
    """Expressions by alert."""
    found = re.findall(r"- alert: (\w+)\n\s+expr: (?:\|\n)?(.*?)\n\s+(?:for|labels):", RULES, re.DOTALL)
    assert len(found) == RULES.count("- alert:")
    return found


def check(expression):
    """Whether each metric is told, with the labels that are asked for."""
    names = set(re.findall(r"\botoscope_\w+", expression))
    assert names <= LABELS.keys()
    for name, matchers in re.findall(r"\b(otoscope_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*=~?", matchers)) <= LABELS[name] | OF_PROMETHEUS, name
    known = set().union(*(LABELS[name] for name in names)) | OF_PROMETHEUS
    for listed in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        assert set(re.split(r",\s*", listed)) <= known
    return known


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# Rules -------------------------------------------------------------------------------------------------------------


def test_prometheus_takes_the_rules_and_the_configuration():
    promtool("check", "rules", "otoscope.rules.yml")
    promtool("check", "config", "prometheus.yml")
    assert f"127.0.0.1:{DEFAULT_PORT}" in (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")


def test_the_rules_fire_for_what_they_are_for_and_for_nothing_else():
    promtool("test", "rules", "otoscope.test.yml")


def test_each_alert_has_a_test_in_which_it_fires():
    fires = set(re.findall(r'alertname="(\w+)"', (DEPLOY / "otoscope.test.yml").read_text(encoding="utf-8")))
    assert fires == {alert for alert, _ in rules()}


@pytest.mark.parametrize(("alert", "expression"), rules())
def test_each_metric_of_a_rule_is_told(alert, expression):
    known = check(expression)
    [text] = re.findall(rf"- alert: {alert}\n(.*?)(?:\n\n|\Z)", RULES, re.DOTALL)
    assert set(re.findall(r"\$labels\.(\w+)", text)) <= known
    assert re.search(r"labels: \{severity: (critical|warning|info)\}", text)
    assert "summary:" in text
    assert "description:" in text


def test_each_series_of_the_tests_is_told():
    text = (DEPLOY / "otoscope.test.yml").read_text(encoding="utf-8")
    for series in re.findall(r"series: '(otoscope_[^']*)'", text):
        check(series)


# Dashboard ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [target for _, target in TARGETS], ids=[name for name, _ in TARGETS])
def test_each_metric_of_the_dashboard_is_told(target):
    known = check(target["expr"])
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known
    assert 'instance=~"$instance"' in target["expr"]


def test_the_dashboard_shows_every_metric_but_those_that_others_stand_for():
    shown = {name for _, target in TARGETS for name in re.findall(r"\botoscope_\w+", target["expr"])}
    missing = {metric.name for metric in METRICS if metric.type is not Type.HISTOGRAM} - shown
    assert missing == {
        "otoscope_last_packet_timestamp_seconds", "otoscope_loss_ratio", "otoscope_lost_bytes_total", "otoscope_cut_messages_total",
        "otoscope_dropped_buffers_total", "otoscope_unrecognised_packets", "otoscope_left_out_endpoints", "otoscope_unreadable_metrics",
    }  # fmt: skip


def test_the_dashboard_can_be_imported_anywhere():
    assert (DASHBOARD["uid"], DASHBOARD["id"]) == ("otoscope", None)
    assert DASHBOARD["schemaVersion"] >= 39
    [source, instance] = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    everywhere = {"type": "prometheus", "uid": "${datasource}"}
    assert instance["datasource"] == everywhere
    assert all(panel["datasource"] == everywhere for panel in PANELS)
    assert all(target["datasource"] == everywhere for _, target in TARGETS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_panel_of_the_dashboard_covers_another():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells


# A real Prometheus -------------------------------------------------------------------------------------------------


@contextmanager
def ended(*command, **options):
    """A process that is gone when the block is over."""
    with subprocess.Popen(list(map(str, command)), **options) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Ask a Prometheus that has scraped `otoscope metrics --listen`, with our rules: its API by path."""
    folder = tmp_path_factory.mktemp("prometheus")
    with ended(conftest.COMMAND, "metrics", WATER, "--listen", "127.0.0.1:0", stderr=subprocess.PIPE, text=True) as exporter:
        target = re.search(r"http://(\S+)/metrics", exporter.stderr.readline())[1]
        configuration = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8")
        (folder / "prometheus.yml").write_text(configuration.replace(f"127.0.0.1:{DEFAULT_PORT}", target).replace("15s", "1s"))
        shutil.copy(DEPLOY / "otoscope.rules.yml", folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}")
        with (folder / "log").open("w") as log, ended("prometheus", *options, stdout=log, stderr=log):

            def ask(path, **query):
                url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return json.load(answer)["data"]

            wait_for(lambda: ask("query", query="ALERTS{alertstate='firing'}")["result"], folder / "log")
            yield ask


def wait_for(condition, log):
    """Until it holds; scrapes and rules take a second each."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if condition():
                return
        except OSError:
            pass  # it has not begun to listen
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_prometheus_has_scraped_our_values(prometheus):
    def value(query):
        [row] = prometheus("query", query=query)["result"]
        return float(row["value"][1])

    assert value('up{job="otoscope"}') == 1
    assert value("otoscope_packets_total") == 6177
    assert value('otoscope_assets{level="1", type="plc"}') == 4
    assert value('sum(otoscope_response_time_seconds_count{protocol="modbus"})') == 217
    assert 0.0025 < value('histogram_quantile(0.95, otoscope_response_time_seconds_bucket{protocol="modbus"})') <= 0.005


def test_prometheus_evaluates_each_rule_and_alerts(prometheus):
    found = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in found} == {alert for alert, _ in rules()}
    assert [rule["lastError"] for rule in found if rule.get("lastError")] == []
    [alert] = [alert for alert in prometheus("alerts")["alerts"] if alert["labels"]["alertname"] == "OtoscopeCriticalAlert"]
    assert alert["annotations"]["summary"].startswith("3 critical alerts are open at 127.0.0.1:")


def test_prometheus_answers_each_panel_of_the_dashboard(prometheus):
    for name, target in TARGETS:
        query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        assert prometheus("query", query=query)["resultType"] == "vector", name
