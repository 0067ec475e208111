"""`otoscope baseline`, as a person uses it."""

import json
import re
from pathlib import Path

PCAPS = Path(__file__).parents[1] / "pcaps"


def test_learn_look_differ_accept(otoscope, tmp_path):
    file = tmp_path / "baseline.toml"
    done = otoscope("baseline", "export", PCAPS / "modbus-functions.pcap", "-o", file)
    assert done.returncode == 0, done.stderr
    assert "review it" in done.stderr
    shown = otoscope("baseline", "show", file)
    assert "Read Holding Registers" in shown.stdout
    assert otoscope("baseline", "diff", file, PCAPS / "modbus-functions.pcap").returncode == 0
    differs = otoscope("baseline", "diff", file, PCAPS / "demo.pcap")
    assert differs.returncode == 1
    assert "10.20.1.66" in differs.stdout
    assert otoscope("baseline", "accept", file, PCAPS / "demo.pcap").returncode == 0
    assert otoscope("baseline", "diff", file, PCAPS / "demo.pcap").returncode == 0


def test_the_file_goes_to_standard_output_too(otoscope):
    done = otoscope("baseline", "export", PCAPS / "modbus-functions.pcap")
    assert done.stdout.startswith("# What is usual")


def test_what_is_wrong_is_said(otoscope, tmp_path):
    missing = otoscope("baseline", "diff", tmp_path / "none.toml", PCAPS / "demo.pcap")
    assert (missing.returncode, "none.toml" in missing.stderr) == (1, True)
    nothing = otoscope("baseline", "export", tmp_path / "none.pcap")
    assert (nothing.returncode, "none.pcap" in nothing.stderr) == (1, True)
    file = tmp_path / "baseline.toml"
    otoscope("baseline", "export", PCAPS / "modbus-functions.pcap", "-o", file)
    nobody = otoscope("baseline", "accept", file, PCAPS / "demo.pcap", "--only", "10.9.9.9")
    assert (nobody.returncode, "10.9.9.9" in nobody.stderr) == (1, True)


def test_a_file_that_cannot_be_written_stays_as_it_was(otoscope, tmp_path):
    done = otoscope("baseline", "export", PCAPS / "modbus-functions.pcap", "-o", tmp_path / "nowhere" / "baseline.toml")
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True)


def test_a_database_keeps_its_baseline_and_tells_what_is_new(otoscope, tmp_path):
    database, file = tmp_path / "plant.db", tmp_path / "baseline.toml"
    otoscope("baseline", "export", PCAPS / "modbus-functions.pcap", "--learning-days", "0", "-o", file)
    assert otoscope("baseline", "import", file, "--database", database).returncode == 0
    assert otoscope("baseline", "export", "--database", database).stdout == file.read_text()
    known = otoscope("replay", "--database", database, "--format", "json", PCAPS / "modbus-functions.pcap")
    assert not [row for row in json.loads(known.stdout)["alerts"] if row["rule"].startswith("ot.baseline")]
    new = otoscope("replay", "--database", database, "--format", "json", PCAPS / "demo.pcap")
    rules = {row["rule"] for row in json.loads(new.stdout)["alerts"]}
    assert {"ot.baseline.asset", "ot.baseline.exchange"} <= rules
    told = otoscope("alerts", "--database", database, "--rule", "ot.baseline.asset", "--format", "json")
    assert "10.20.1.66" in told.stdout


def test_a_baseline_that_is_still_learning_takes_in_what_it_sees(otoscope, tmp_path):
    database, file = tmp_path / "plant.db", tmp_path / "baseline.toml"
    otoscope("baseline", "export", PCAPS / "modbus-functions.pcap", "--learning-days", "36500", "-o", file)
    file.write_text(re.sub("^first = [0-9]+", "first = 0", file.read_text(), flags=re.MULTILINE))
    otoscope("baseline", "import", file, "--database", database)
    done = otoscope("replay", "--database", database, "--format", "json", PCAPS / "demo.pcap")
    assert not [row for row in json.loads(done.stdout)["alerts"] if row["rule"].startswith("ot.baseline")]
    assert "10.20.1.66" in otoscope("baseline", "export", "--database", database).stdout


def test_a_missing_asset_without_a_name_is_named_once(otoscope, tmp_path):
    file = tmp_path / "baseline.toml"
    otoscope("baseline", "export", PCAPS / "demo.pcap", "-o", file)
    shown = otoscope("baseline", "diff", file, PCAPS / "plants" / "water.pcap").stdout
    missing = [re.findall(r"[0-9.]{7,}", line) for line in shown.splitlines() if "was not seen" in line]
    assert ["10.20.1.11"] in missing
