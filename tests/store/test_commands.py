"""The commands that ask a database, as people and scripts run them."""

import csv
import getpass
import io
import json
import shutil

import pytest

from sensor.store import ALERTS, Query, Run, Store
from tests.store.conftest import PCAPS
from tests.store.rows import alert, asset, field, incident, with_findings

DEMO = PCAPS / "demo.pcap"
LISTS = ("assets", "conversations", "operations", "alerts", "incidents")


@pytest.fixture
def plant_db(tmp_path, otoscope):
    """A database that replay has made."""
    done = otoscope("replay", DEMO, "--database", tmp_path / "plant.db", "--rows", "1")
    assert done.returncode == 0, done.stderr
    assert "plant.db: " in done.stderr
    return tmp_path / "plant.db"


@pytest.fixture
def findings_db(tmp_path, demo):
    """A database with alerts and a hostile name."""
    formula = '=HYPERLINK("http://evil.example","x")'
    hostile = asset(name=formula, fields={"vendor": field("+1 \x1b[31m"), "model": field('a,"b"\nc')}, zone="@cell")
    with Store.open(tmp_path / "findings.db") as store:
        alerts = (alert(), alert("ffff0000", message="a stranger scans", source_ip="192.0.2.10"))
        store.save(with_findings(demo, alerts=alerts, incidents=(incident(*alerts),), assets=(hostile,)), Run("monday"))
    return tmp_path / "findings.db"


@pytest.mark.parametrize("name", LISTS)
def test_a_database_and_its_captures_answer_alike(otoscope, plant_db, name):
    kept = otoscope(name, "--database", plant_db, "--all", "--format", "json")
    read = otoscope(name, DEMO, "--all", "--format", "json")
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout == read.stdout
    assert isinstance(json.loads(kept.stdout), list)


@pytest.mark.parametrize("name", ["assets", "alerts", "incidents"])
def test_rows_are_those_of_the_replay_document(otoscope, replay, plant_db, name):
    rows = json.loads(otoscope(name, "--database", plant_db, "--all", "--format", "json").stdout)
    expected = replay(DEMO)[name]
    ours = [{key: row[key] for key in row if key not in ("status", "assignee")} for row in rows]
    assert sorted(ours, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("name", LISTS)
def test_every_format_has_every_row(otoscope, findings_db, name):
    options = (name, "--database", findings_db, "--all")
    rows = json.loads(otoscope(*options, "--format", "json").stdout)
    lines = list(csv.reader(io.StringIO(otoscope(*options, "--format", "csv").stdout)))
    assert len(lines) == len(rows) + 1 > 1
    assert {len(line) for line in lines} == {len(lines[0])}
    table = otoscope(*options, COLUMNS="200").stdout
    assert f"{len(rows):,} {name[:-1]}" in table
    assert "more (--all" not in table


def test_a_spreadsheet_runs_nothing(otoscope, findings_db):
    done = otoscope("assets", "--database", findings_db, "--all", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    [hostile] = [row for row in rows if row["id"] == "0123456789"]
    assert hostile["name"] == '\'=HYPERLINK("http://evil.example","x")'
    assert (hostile["zone"], hostile["model"]) == ("'@cell", 'a,"b"\nc')
    assert hostile["vendor"].startswith("'+1")


def test_a_terminal_obeys_nothing(otoscope, findings_db):
    for arguments in (("assets",), ("explain", "0123456789")):
        done = otoscope(*arguments, "--database", findings_db)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "HYPERLINK" in done.stdout


def test_filters_and_limits(otoscope, plant_db):
    def rows(*arguments):
        return json.loads(otoscope(*arguments, "--database", plant_db, "--format", "json").stdout)

    assert len(rows("operations", "--limit", "3")) == 3
    assert {row["intent"] for row in rows("operations", "--intent", "write", "--intent", "control", "--all")} == {"write", "control"}
    assert {row["protocol"] for row in rows("conversations", "--protocol", "dnp3")} == {"dnp3"}
    assert all("10.20.1.12" in (row["client"]["ip"], row["server"]["ip"]) for row in rows("conversations", "--ip", "10.20.1.12"))
    assert rows("conversations", "--since", "2030-01-01") == rows("conversations", "--until", "2001-01-01T10:00") == []
    up, down = ([row["ips"] for row in rows("assets", "--sort", order, "--all") if row["ips"]] for order in ("address", "-address"))
    assert up == down[::-1]
    assert "… 38 more (--all shows all)" in otoscope("conversations", "--limit", "3", "--database", plant_db).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("assets", "--level", "7"), "'7' is none of 0, 1, 2, 3, 3.5, 4, 5, unknown"),
        (("assets", "--since", "yesterday"), "'yesterday' is no time like 2026-03-02"),
        (("assets", "--sort", "colour"), "by level, address, name"),
        (("assets", "--limit", "0"), "0 is not in the range"),
        (("alerts", "--severity", "awful"), "'awful' is not one of"),
        (("explain", "10.20.1.222"), "there is no asset 10.20.1.222; there are 10.20.1."),
        (("alerts", "close", "nonesuch"), "there is no alert nonesuch"),
        (("alerts", "comment", "nonesuch"), "Missing option '--comment'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(otoscope, plant_db, arguments, said):
    done = otoscope(*arguments, OTOSCOPE_DATABASE=str(plant_db))
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_database_is_the_named_one_then_the_environments_then_the_usual_one(otoscope, plant_db, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = otoscope("assets")
    assert missing.returncode == 1
    assert "otoscope.db: there is no such database (otoscope replay CAPTURE --database otoscope.db makes one)" in missing.stderr
    assert otoscope("assets", OTOSCOPE_DATABASE=str(plant_db)).stdout
    assert otoscope("assets", "--database", "none.db", OTOSCOPE_DATABASE=str(plant_db)).returncode == 1
    assert otoscope("assets", DEMO, OTOSCOPE_DATABASE="none.db").returncode == 0  # captures were asked for
    assert otoscope("assets", DEMO, "--database", plant_db).returncode == 2
    shutil.copy(plant_db, "otoscope.db")
    assert otoscope("assets").returncode == 0


def test_replay_again_adds_nothing(otoscope, plant_db):
    done = otoscope("replay", DEMO, "--database", plant_db, "--rows", "1")
    assert "plant.db: nothing new" in done.stderr


def test_what_cannot_be_kept_is_shown_all_the_same(otoscope, tmp_path):
    done = otoscope("replay", DEMO, "--database", tmp_path / "missing" / "plant.db", "--format", "json")
    assert done.returncode == 1
    assert "no such directory" in done.stderr
    assert json.loads(done.stdout)["conversations"]


def test_postgresql_by_url(otoscope, new_postgres):
    url = new_postgres()
    assert otoscope("replay", DEMO, "--database", url).returncode == 0
    assert otoscope("conversations", "--database", url, "--all").stdout == otoscope("conversations", DEMO, "--all").stdout


def test_people_judge_alerts(otoscope, findings_db):
    def run(*arguments):
        done = otoscope("alerts", *arguments, "--database", findings_db)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("learn", "a1b2c3d4", "ffff", "--comment", "usual on Mondays") == "a1b2c3d4: open → learned\nffff0000: open → learned\n"
    assert "learned" in run()
    assert json.loads(run("--open", "--format", "json")) == []
    assert run("comment", "ffff", "--comment", "asked the vendor") == "ffff0000: learned\n"
    assert run("open", "ffff") == "ffff0000: learned → open\n"
    with Store.open(findings_db) as store:
        assert [(row["who"], row["what"], row["comment"]) for row in store.audit("ffff0000")] == [
            (getpass.getuser(), "learn", "usual on Mondays"),
            (getpass.getuser(), "comment", "asked the vendor"),
            (getpass.getuser(), "open", ""),
        ]
        assert store.find(ALERTS, Query(statuses=("open",))).total == 1


def test_an_asset_is_explained(otoscope, findings_db):
    done = otoscope("explain", "192.0.2.10", "--database", findings_db)
    text = done.stdout
    for part in (
        "id 0123456789; 192.0.2.10, 00:1b:1b:00:00:01, VLAN 20",
        "Level 1  90 % sure",
        "+3.0  1",
        "-0.5  2",
        "answers S7comm",
        "asks others",
        "Type: plc",
        "Model: ",
        "Never queried",
        "firmware, hardware",
    ):
        assert part in text, part
    whole = json.loads(otoscope("explain", "192.0.2.10", "--database", findings_db, "--format", "json").stdout)
    assert whole["asset"]["evidence"]["level"]["against"][0]["because"] == "asks others"
    assert "10.20.1.110" in otoscope("explain", "10.20.1.12", DEMO).stdout.partition("Talks with")[2]


def test_several_assets_that_are_meant_are_listed(otoscope, findings_db):
    done = otoscope("explain", "10.20.1.1", "--database", findings_db)
    assert done.returncode == 1
    assert "10.20.1.1 may be any of these; name one by its id:" in done.stderr
    assert "10.20.1.15" in done.stderr


@pytest.mark.parametrize("arguments", [*((name,) for name in LISTS), ("alerts", "close"), ("explain",)])
def test_help_fits_a_terminal(otoscope, arguments):
    done = otoscope(*arguments, "--help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 85
    assert "--database" in done.stdout
