"""The API: what its description says holds, whatever is asked; programs are let in by tokens."""

import json
import re

import pytest
import schemathesis
from click.testing import CliRunner
from schemathesis.specs.openapi.checks import ignored_auth

from sensor.cli import main
from sensor.store import Role, Store
from tests.console.conftest import csrf

LISTS = ("assets", "alerts", "incidents", "conversations", "operations", "violations")


@pytest.fixture(scope="module")
def tokens(console):
    """One for each role."""
    with Store.open(console.database) as store:
        return {role: store.accounts.issue(f"{role} of the tests", role, 1, "somebody") for role in Role}


@pytest.fixture
def program(console, tokens):
    """A program that may only look."""
    with console.client(headers={"authorization": f"Bearer {tokens[Role.VIEWER]}"}) as client:
        yield client


def test_what_the_description_says_holds_whatever_is_asked(console, tokens, program):
    """Made-up requests, right and wrong ones; ids of what is there are among them."""
    described = program.get("/api/v1/openapi.json").json()
    for name in ("assets", "alerts", "incidents"):
        known = [row["id"] for row in program.get(f"/api/v1/{name}").json()["rows"]]
        [parameter] = [row for row in described["paths"][f"/{name}/{{identity}}"]["get"]["parameters"] if row["in"] == "path"]
        parameter["schema"]["examples"] = known
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=f"{console.url}/api/v1")
    asked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        for case in operations_of(operation):
            answer = case.call(headers={"authorization": f"Bearer {tokens[Role.ANALYST]}"})
            case.validate_response(answer, excluded_checks=[ignored_auth])  # who is let in is tested below
            asked.add((operation.label, answer.status_code))
    assert {label for label, status in asked if status == 200} >= {f"GET /{name}" for name in LISTS}


def operations_of(operation):
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415  only here

    cases = []

    @settings(
        max_examples=25, database=None, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def collect(case):
        cases.append(case)

    collect()
    return cases


@pytest.mark.parametrize("name", LISTS)
def test_pages_by_cursor_hold_every_row_once(program, name):
    whole = program.get(f"/api/v1/{name}", params={"rows": 500}).json()
    assert whole["next"] is None
    assert whole["total"] == len(whole["rows"])
    for sort in ("", "-last", "first"):
        rows, cursor = [], ""
        while cursor is not None:
            answer = program.get(f"/api/v1/{name}", params={"rows": 7, "cursor": cursor, "sort": sort}).json()
            rows += answer["rows"]
            cursor = answer["next"]
        assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, whole["rows"]))
        if not sort:
            assert rows == whole["rows"]


def test_sorted_by_what_may_be_missing_no_row_is_lost(program):
    for sort in ("level", "-level", "vendor", "-vendor", "address", "zone"):
        rows, cursor = [], ""
        while cursor is not None:
            answer = program.get("/api/v1/assets", params={"rows": 3, "cursor": cursor, "sort": sort}).json()
            rows += [row["id"] for row in answer["rows"]]
            cursor = answer["next"]
        assert len(rows) == len(set(rows)) == answer["total"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10",
        "bnVsbA",
        "WzEsMl0",
        "W251bGwsMSwieCJd",
        "IiI",
        "W3RydWUsICIwMCIsICJrIl0",
        "W0luZmluaXR5LCAiMDAiLCAiayJd",
    ],
)
def test_a_cursor_of_another_question_is_refused(program, cursor):
    answer = program.get("/api/v1/assets", params={"cursor": cursor})
    assert answer.status_code == 409
    assert "cursor" in answer.json()["error"]


def test_a_cursor_beyond_all_rows_has_none_behind_it(program):
    answer = program.get("/api/v1/assets", params={"cursor": "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAsICIwMCIsICJrIl0"})  # level 10**30
    assert answer.status_code == 200
    assert all(row["level"] is None for row in answer.json()["rows"])


def test_rows_are_those_of_the_command_line(console, program):
    for name in ("assets", "alerts", "incidents", "conversations", "operations"):
        done = CliRunner().invoke(main, [name, "--database", str(console.database), "--format", "json", "--all"])
        assert program.get(f"/api/v1/{name}", params={"rows": 500}).json()["rows"] == json.loads(done.stdout)
        assert program.get(f"/{name}.json").url.path == "/sign-in"


def test_downloads_are_those_of_the_command_line(console, viewer):
    for name in ("assets", "alerts", "incidents", "conversations", "operations"):
        for form in ("csv", "json"):
            done = CliRunner().invoke(main, [name, "--database", str(console.database), "--format", form, "--all"])
            answer = viewer.get(f"/{name}.{form}")
            assert answer.text == done.stdout
            assert "attachment" in answer.headers["content-disposition"]


def test_nothing_new_is_not_sent_again(program, analyst):
    answer = program.get("/api/v1/alerts")
    tag = answer.headers["etag"]
    same = program.get("/api/v1/alerts", headers={"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")
    assert program.get("/api/v1/alerts", params={"rows": 3}, headers={"if-none-match": tag}).status_code == 200
    alert = answer.json()["rows"][0]["id"]
    analyst.post(f"/alerts/{alert}", data={"csrf": csrf(analyst, f"/alerts/{alert}"), "action": "assign", "comment": "Käthe"})
    new = program.get("/api/v1/alerts", headers={"if-none-match": tag})
    assert new.status_code == 200
    assert new.json()["rows"][0]["assignee"] == "Käthe"


def test_who_has_no_token_learns_nothing(console):
    with console.client() as client:
        for name in (*LISTS, "health", "assets/10.30.1.11", "alerts/x"):
            for headers in ({}, {"authorization": "Bearer otoscope_x"}, {"authorization": "Basic YTpi"}):
                answer = client.get(f"/api/v1/{name}", headers=headers)
                assert answer.status_code == 401
                assert set(answer.json()) == {"error"}


def test_a_token_does_what_its_role_says_and_no_more(console, tokens, program):
    [alert] = program.get("/api/v1/alerts", params={"rows": 1, "sort": "first"}).json()["rows"]
    path = f"/api/v1/alerts/{alert['id']}/judgements"
    assert program.post(path, json={"action": "close"}).status_code == 403
    with console.client(headers={"authorization": f"Bearer {tokens[Role.ANALYST]}"}) as client:
        assert client.post(path, json={"action": "close", "comment": "fixed"}).json() == {"id": alert["id"], "was": "open", "now": "closed"}
        assert client.post(path, json={"action": "comment"}).status_code == 422
        assert client.post(path, json={"action": "explode"}).status_code == 422
        assert client.post("/api/v1/alerts/none/judgements", json={"action": "close"}).status_code == 404
        assert client.post(path, json={"action": "open"}).json()["now"] == "open"
    with Store.open(console.database) as store:
        assert [row["who"] for row in store.audit(alert["id"])] == ["token analyst of the tests"] * 2


def test_a_session_of_the_console_may_only_look(analyst):
    [alert] = analyst.get("/api/v1/alerts", params={"rows": 1}).json()["rows"]
    assert analyst.post(f"/api/v1/alerts/{alert['id']}/judgements", json={"action": "close"}).status_code == 403


def test_tokens_end(console, admin):
    def act(action, **data):
        return admin.post("/people", data={"csrf": csrf(admin, "/people"), "action": action, **data})

    given = re.search(r"<code>(otoscope_[\w-]+)</code>", act("issue", name="Grafana", role="viewer", days="30").text)[1]
    headers = {"authorization": f"Bearer {given}"}
    with console.client(headers=headers) as client:
        assert client.get("/api/v1/health").json()["assets"] == 30
        identity = re.search(r'Grafana.*?name="name" value="([0-9a-f]{64})"', admin.get("/people").text, re.DOTALL)[1]
        act("revoke", name=identity)
        assert client.get("/api/v1/health").status_code == 401
    with Store.open(console.database) as store:
        assert given.encode() not in console.database.read_bytes()
        old = store.accounts.issue("old", Role.VIEWER, 0, "somebody")
        assert store.accounts.token(old) is None


def test_an_asset_is_found_by_what_people_call_it(program):
    by_name = program.get("/api/v1/assets/Intake").json()
    assert by_name["asset"]["ips"] == ["10.30.1.11"]
    assert by_name == program.get("/api/v1/assets/10.30.1.11").json() == program.get(f"/api/v1/assets/{by_name['asset']['id']}").json()
    assert {"neighbours", "units", "history", "alerts"} <= set(by_name)
    assert program.get("/api/v1/assets/nowhere").status_code == 404


def test_pages_that_are_open_are_told_of_what_is_new(viewer, analyst):
    with viewer.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("data: "))
        [alert] = analyst.get("/api/v1/alerts", params={"rows": 1}).json()["rows"]
        analyst.post(f"/alerts/{alert['id']}", data={"csrf": csrf(analyst, "/"), "action": "comment", "comment": "seen"})
        second = next(line for line in lines if line.startswith("data: "))
        assert first != second
