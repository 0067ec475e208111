"""`otoscope log`, as a person asks it."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sensor.transactions import COLUMNS, SCHEMA
from tests import samples

ROOT = Path(__file__).parents[2]
WIDE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "400"}
DEMO = ROOT / "pcaps" / "demo.pcap"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The transaction log of the demo, its rows as JSON beside it."""
    folder = tmp_path_factory.mktemp("log")
    run("replay", "--rows", "1", "--transactions", folder, DEMO)
    return folder


def run(*arguments, returns=0):
    done = subprocess.run(
        [sys.executable, "-m", "sensor", *map(str, arguments)], cwd=ROOT, env=WIDE, capture_output=True, text=True, check=False
    )
    assert done.returncode == returns, done.stderr
    return done.stderr if returns else done.stdout


def rows(log, *filters):
    return json.loads(run("log", log, "--format", "json", "--all", *filters))


def test_all_rows_are_told_hour_by_hour_in_the_order_of_time(log):
    found = rows(log)
    assert len(found) == sum(pq.read_metadata(path).num_rows for path in log.rglob("*.parquet"))
    assert list(found[0]) == SCHEMA.names
    assert [row["ts"] for row in found] == sorted(row["ts"] for row in found)


def test_each_filter_leaves_out_the_others(log):
    found = rows(log)
    for filters, holds in {
        ("--protocol", "s7comm", "--protocol", "dnp3"): lambda row: row["service"] in {"s7comm", "dnp3"},
        ("--address", "10.20.1.12"): lambda row: "10.20.1.12" in {row["id.orig_h"], row["id.resp_h"]},
        ("--address", "00:0C:29:10:01:64"): lambda row: "00:0c:29:10:01:64" in {row["orig_l2_addr"], row["resp_l2_addr"]},
        ("--function", "WRITE"): lambda row: "write" in row["func"].lower(),
        ("--function", "16"): lambda row: row["code"] == "16",
        ("--intent", "control", "--intent", "write"): lambda row: row["intent"] in {"control", "write"},
        ("--outcome", "rejected", "--protocol", "modbus"): lambda row: row["outcome"] == "rejected" and row["service"] == "modbus",
        ("--since", "2026-11-23T08:01"): lambda row: row["ts"] >= "2026-11-23T08:01",
        ("--until", "2026-11-23T08:00:30"): lambda row: row["ts"] <= "2026-11-23T08:00:30",
        ("--since", "2026-11-23T10:00+02:00", "--until", "2026-11-23T08:00:10Z"): lambda row: row["ts"] < "2026-11-23T08:00:10",
    }.items():
        wanted = [row for row in found if holds(row)]
        assert 0 < len(wanted) < len(found), filters
        assert rows(log, *filters) == wanted, filters
    assert rows(log, "--function", "no such function") == rows(log, "--since", "2027-01-01") == []


def test_a_table_is_short_and_says_that_there_is_more(log):
    shown = run("log", log, "--limit", "3", "--function", "write").splitlines()
    assert len(shown) == 5
    assert shown[0].split() == ["Time", "(UTC)", "Client", "Server", "Protocol", "Unit", "Function", "Object", "Outcome", "ms"]
    assert shown[-1].startswith("… more")
    assert len(run("log", log, "--all", "--intent", "read").splitlines()) > 400
    assert run("log", log, "--protocol", "none").strip() == "nothing like that was recorded"


def test_csv_has_all_columns_and_no_formulas(tmp_path, modbus_pcap):
    capture = tmp_path / "=cmd|' !A1.pcap"
    capture.write_bytes(modbus_pcap.read_bytes())
    run("replay", "--transactions", tmp_path / "log", capture)
    heading, first, *others = csv.reader(io.StringIO(run("log", tmp_path / "log", "--format", "csv")))
    assert heading == SCHEMA.names
    assert len(others) == 3
    assert first[heading.index("func")] == "Read Holding Registers"
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in first)


def test_names_of_captures_do_not_reach_the_terminal_as_they_are(tmp_path, modbus_pcap):
    capture = tmp_path / "a\x1b[31m.pcap"
    capture.write_bytes(modbus_pcap.read_bytes())
    run("replay", "--transactions", tmp_path / "log", capture)
    assert "\x1b" not in rows(tmp_path / "log")[0]["source"]


def test_of_several_captures_each_row_names_its_own(tmp_path, modbus_pcap):
    other = tmp_path / "other.pcap"
    other.write_bytes(samples.pcap(samples.dialogue(samples.MODBUS_TURNS), samples.FIRST + 10**12))
    run("replay", "--transactions", tmp_path / "log", modbus_pcap, other)
    assert [Path(row["source"]).name for row in rows(tmp_path / "log")] == ["modbus.pcap"] * 4 + ["other.pcap"] * 4


def test_what_is_not_there_is_said(tmp_path):
    assert "there is no transaction log" in run("log", tmp_path / "nothing", returns=1)
    settings = tmp_path / "otoscope.toml"
    settings.write_text("")
    assert "names no folder" in run("log", "--config", settings, returns=2)
    settings.write_text(f'[transactions]\nfolder = "{tmp_path}"\n')
    assert "nothing like that" in run("log", "--config", settings)


@pytest.mark.parametrize("arguments", [["log", "folder"], ["replay", "--transactions", "folder", str(DEMO)]], ids=lambda words: words[0])
def test_without_the_library_the_extra_is_named(tmp_path, arguments):
    code = f"import sys; sys.modules['pyarrow'] = None; sys.path.insert(0, {str(ROOT)!r}); from sensor.cli import main; main({arguments!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'otoscope[log]'" in done.stderr


def test_each_column_is_documented_as_it_is():
    text = (ROOT / "docs/log.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"| `{column.name}` | {column.type} | {column.meaning} | {column.zeek} |" in text


def test_the_folder_of_the_transaction_log_is_looked_at(tmp_path):
    settings = tmp_path / "otoscope.toml"
    (tmp_path / "file").write_text("")
    for folder, found in (("log", "ok   transaction log: "), ("file/log", "BAD  transaction log: ")):
        settings.write_text(f'[transactions]\nfolder = "{tmp_path / folder}"\n[store]\ndatabase = "{tmp_path / "plant.db"}"\n')
        done = subprocess.run(
            [sys.executable, "-m", "sensor", "doctor", "--config", settings, "--seconds", "0"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found in done.stdout
