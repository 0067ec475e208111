"""`otoscope site`, `conduits` and `rules`, as a person uses them."""

import json
from pathlib import Path

PCAPS = Path(__file__).parents[1] / "pcaps"
DEMO = PCAPS / "demo.pcap"


def test_from_a_capture_to_a_policy_that_it_keeps(otoscope, tmp_path):
    site, policy = tmp_path / "site.toml", tmp_path / "policy.toml"
    assert otoscope("site", "init", DEMO, "-o", site).returncode == 0
    assert "is sound" in otoscope("site", "check", site).stdout
    assert otoscope("conduits", "suggest", DEMO, "-o", policy).returncode == 0
    planned = otoscope("conduits", "plan", policy, DEMO)
    told = [line for line in planned.stdout.splitlines() if "→ 10." in line]
    assert planned.returncode == 1
    assert told
    assert all(line.startswith("10.20.1.66 →") for line in told)  # nobody knows what it is, and it tries to change things
    rows = json.loads(otoscope("conduits", DEMO, "--site", policy, "--format", "json").stdout)
    assert all(not row["violating"] for row in rows if {row["from"], row["to"]} == {"supervisory", "control"})


def test_a_plan_says_what_a_narrower_policy_flags(otoscope, tmp_path):
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    otoscope("conduits", "suggest", DEMO, "-o", old)
    new.write_text(old.read_text().replace('intents = ["write"]', 'intents = ["read"]'))
    done = otoscope("conduits", "plan", new, DEMO, "--site", old)
    assert done.returncode == 1
    assert "Newly flagged" in done.stdout
    assert "write" in done.stdout
    back = otoscope("conduits", "plan", old, DEMO, "--site", new)
    assert (back.returncode, "Cleared" in back.stdout) == (0, True)


def test_rules_are_tried_on_captures(otoscope, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[[rule]]\nname = "setpoints"\nwhen = { intents = ["write"], objects = ["HR 40000-40100"], outcomes = ["accepted"] }\n')
    done = otoscope("rules", "test", site, DEMO)
    assert "Write Multiple Registers" in done.stdout
    assert "10.20.1.11" in done.stdout


def test_a_wrong_site_file_is_said(otoscope, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text("[[zone]]\nname = 'a'\nlevel = 1\n")
    done = otoscope("replay", "--site", site, DEMO)
    assert done.returncode == 1
    assert "site.toml:3" in done.stderr
    assert "levels" in done.stderr


def test_exit_codes_tell_a_bad_file_from_a_finding(otoscope, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[[zone]]\nname = 'a'\nlevel = 1\n")
    planned, checked = otoscope("conduits", "plan", wrong, DEMO), otoscope("site", "check", wrong)
    assert (planned.returncode, checked.returncode) == (2, 1)
    assert all("wrong.toml:3" in done.stderr for done in (planned, checked))
    assert otoscope("conduits", "plan", tmp_path / "none.toml", DEMO).returncode == 2
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert otoscope("conduits", "plan", empty, DEMO).returncode == 0


def test_a_file_that_exists_is_not_written_over_unasked(otoscope, tmp_path):
    edited = tmp_path / "site.toml"
    for command in (("site", "init"), ("conduits", "suggest")):
        edited.write_text("# mine\n")
        done = otoscope(*command, DEMO, "-o", edited)
        assert done.returncode == 1
        assert "--force" in done.stderr
        assert edited.read_text() == "# mine\n"
        assert otoscope(*command, DEMO, "-o", edited, "--force").returncode == 0
        assert "[site]" in edited.read_text()


def test_the_matrix_is_a_grid_where_it_fits_and_marks_what_is_not_allowed(otoscope, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[[zone]]\nname = "plant"\nlevels = [1]\n[[zone]]\nname = "desk"\nlevels = [2]\n')
    wide, narrow, piped = (otoscope("conduits", DEMO, "--site", site, **columns) for columns in ({"COLUMNS": "100"}, {"COLUMNS": "30"}, {}))
    assert "│ ! write" in wide.stdout
    assert all("│" not in done.stdout for done in (narrow, piped))
    assert "desk → plant" in piped.stdout
    assert "! write" in piped.stdout
