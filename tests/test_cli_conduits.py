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
    assert otoscope("conduits", "plan", policy, DEMO).returncode == 0
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
