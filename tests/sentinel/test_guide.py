"""The guide says of each rule, setting and template what it is, and counts right."""

import csv
import re

from deploy.sentinel.generator.content import HOME, queries

GUIDE = (HOME.parents[1] / "docs" / "sentinel.md").read_text(encoding="utf-8")


def rows(heading):
    """The rows of the first table under a heading, a list of cells each."""
    part = GUIDE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_each_rule_has_a_row_that_says_what_to_ask_and_whom_to_call():
    told = rows("What each rule means, and what to do")
    assert sorted(row[0] for row in told) == sorted(query.about["name"].removeprefix("Otoscope - ") for query in queries("rules"))
    assert all(len(row) == 4 and all(row) for row in told)


def test_each_setting_is_explained_with_its_default():
    told = {}
    for names, defaults, _ in rows("Thresholds"):
        told |= dict(zip(re.findall(r"`(\w+)`", names), defaults.split(", "), strict=True))
    settings = csv.DictReader((HOME / "watchlists" / "OtoscopeSettings.csv").read_text(encoding="utf-8").splitlines())
    assert told == {row["Setting"]: row["Value"] for row in settings}


def test_each_template_is_named():
    assert [path.name for path in (HOME / "arm").glob("*.json") if f"`{path.name}`" not in GUIDE] == []


def test_each_function_is_explained():
    assert [query.name for query in queries("functions") if not re.search(rf"^\| .*`{query.name}[`(]", GUIDE, re.MULTILINE)] == []


def test_what_is_distributed_is_counted_right():
    functions, rules, hunting = (len(queries(kind)) for kind in ("functions", "rules", "hunting"))
    few, all_ = functions + rules, functions + rules + hunting + 1
    text = " ".join(GUIDE.split())
    assert (
        f"There are {functions} functions and {rules} rules, {few} items: a publish of 2,000 operations reaches {2000 // few} members"
        in text
    )
    assert f"with {hunting} hunting queries and the workbook, {all_} items, it reaches {2000 // all_}" in text


def test_the_pointer_beside_the_content_leads_to_the_guide_and_names_each_folder():
    pointer = (HOME / "README.md").read_text(encoding="utf-8")
    assert [target for target in re.findall(r"\]\(([^)]+)\)", pointer) if not (HOME / target).is_file()] == []
    folders = {path.name for path in HOME.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert [name for name in folders if f"`{name}/" not in pointer] == []
