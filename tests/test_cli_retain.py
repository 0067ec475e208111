"""`otoscope retain`, and a site file for the commands that ask."""

import json
from pathlib import Path

PCAPS = Path(__file__).parents[1] / "pcaps"
DEMO = PCAPS / "demo.pcap"


def test_what_is_old_leaves_the_database_and_open_alerts_stay(otoscope, tmp_path):
    database = tmp_path / "plant.db"
    otoscope("replay", "--database", database, PCAPS / "modbus-functions.pcap")
    otoscope("replay", "--database", database, PCAPS / "plants" / "water.pcap")
    before = json.loads(otoscope("alerts", "--database", database, "--all", "--format", "json").stdout)
    done = otoscope("retain", "--database", database, "--days", "0.1")
    assert done.returncode == 0
    assert "operations" in done.stdout
    assert json.loads(otoscope("alerts", "--database", database, "--all", "--format", "json").stdout) == before


def test_retain_needs_a_bound_and_a_database(otoscope, tmp_path):
    assert otoscope("retain", "--database", tmp_path / "none.db").returncode == 2
    missing = otoscope("retain", "--database", tmp_path / "none.db", "--days", "1")
    assert (missing.returncode, "none.db" in missing.stderr) == (1, True)


def test_commands_that_read_captures_take_a_site_file(otoscope, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[[pin]]\nmatch = "10.20.1.66"\nname = "Stranger"\nlevel = 4\n')
    rows = json.loads(otoscope("assets", DEMO, "--site", site, "--format", "json", "--all").stdout)
    assert [(row["level"], row["level_pinned"]) for row in rows if row["name"] == "Stranger"] == [(4.0, True)]
    assert "the site file says so" in otoscope("explain", "Stranger", DEMO, "--site", site).stdout
    wrong = otoscope("assets", "--database", tmp_path / "x.db", "--site", site)
    assert (wrong.returncode, "--site goes with captures" in wrong.stderr) == (2, True)
