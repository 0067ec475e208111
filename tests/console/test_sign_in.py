"""Only who belongs is let in, and may do what their role says."""

import re
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sensor.console.gate import Gate
from sensor.store import Role, Store
from tests.console.conftest import PASSWORD, csrf, running

PAGES = ("/", "/map", "/assets", "/alerts", "/incidents", "/conversations", "/operations", "/violations", "/conduits", "/baseline",
         "/exports", "/sensor", "/audit")  # fmt: skip


@pytest.mark.parametrize("path", [*PAGES, "/people", "/password", "/assets.csv", "/alerts.json", "/events", "/alerts/nothing"])
def test_who_is_not_signed_in_sees_the_form_only_and_comes_back_to_where_they_wanted(console, path):
    with console.client() as client:
        answer = client.get(path)
        assert answer.url.path == "/sign-in"
        assert "water" not in answer.text.lower()
        to = re.search(r'name="to" value="([^"]*)"', answer.text)[1]
        back = client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": PASSWORD, "to": to}, follow_redirects=False)
        assert back.headers["location"] == path


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1"]
)
def test_signing_in_leads_nowhere_else(console, place):
    with console.client(params={}) as client:
        answer = client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": PASSWORD, "to": place}, follow_redirects=False)
        assert answer.headers["location"] == "/"


def test_the_first_admin_has_to_choose_a_password(tmp_path):
    Store.open(tmp_path / "new.db").close()
    with running(tmp_path / "new.db") as console:
        given = re.search(r"one-time password: (\S+)", console.printed)[1]
        with console.signed_in("admin", given) as client:
            for path in PAGES:
                assert client.get(path).url.path == "/password"
            for new, again, why in (
                ("short", "short", "at least 12"),
                ("my name is admin, really", "my name is admin, really", "without the name"),
                ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "cannot guess"),
                (PASSWORD, PASSWORD + "!", "not the same"),
                (given, given, "the one that you have now"),
            ):
                answer = client.post("/password", data={"csrf": csrf(client, "/password"), "old": given, "new": new, "again": again})
                assert answer.status_code == 400
                assert why in answer.text
            proof = csrf(client, "/password")
            answer = client.post("/password", data={"csrf": proof, "old": given, "new": PASSWORD, "again": PASSWORD})
            assert answer.url.path == "/"
            assert client.get("/people").status_code == 200
        with console.client() as other:
            assert other.post("/sign-in", data={"name": "admin", "password": given}).status_code == 401
    with running(tmp_path / "new.db") as console:
        assert "password" not in console.printed


def test_a_password_that_nobody_has_used_is_given_again(tmp_path):
    Store.open(tmp_path / "new.db").close()
    with running(tmp_path / "new.db") as console:
        first = re.search(r"one-time password: (\S+)", console.printed)[1]
    with running(tmp_path / "new.db") as console:
        second = re.search(r"one-time password: (\S+)", console.printed)[1]
        assert first != second
        with console.client() as client:
            assert client.post("/sign-in", data={"name": "admin", "password": first}).status_code == 401
        with console.signed_in("admin", second):
            pass


def test_who_guesses_has_to_wait_and_others_have_not(console):
    with console.client() as client:
        for _ in range(5):
            answer = client.post("/sign-in", data={"name": "nobody", "password": "wrong"})
            assert answer.status_code == 401
            assert "Name or password are wrong" in answer.text
        assert "Too many attempts" in client.post("/sign-in", data={"name": "nobody", "password": "wrong"}).text
    with console.signed_in("viewer-of-the-plant"):
        pass


def test_many_guesses_at_once_are_no_way_around_the_wait(water):
    with running(water) as console, console.client() as client, ThreadPoolExecutor(24) as several:
        asked = [several.submit(client.post, "/sign-in", data={"name": "nobody", "password": f"guess {number}"}) for number in range(48)]
        said = [answer.result().text for answer in asked]
    assert sum("Name or password are wrong" in text for text in said) <= 5
    assert sum("Too many" in text for text in said) >= 43


def test_who_signs_in_again_and_again_need_not_wait(water):
    with running(water) as console:
        for _ in range(30):
            with console.signed_in("viewer-of-the-plant"):
                pass


def test_failures_do_not_fill_the_log(tmp_path):
    with Store.open(tmp_path / "plant.db") as store:
        gate = Gate(store, secure=False)
        for number in range(300):
            gate.note_failure("somebody unknown", f"192.0.2.{number}")
        assert 100 <= len(store.audit()) <= 200  # an hour may end meanwhile


def test_a_right_password_is_not_taken_while_one_has_to_wait(water):
    with running(water) as console, console.client() as client:
        for _ in range(6):
            client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": "wrong"})
        answer = client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": PASSWORD})
        assert answer.status_code == 401
        assert "Too many attempts" in answer.text


def test_signing_out_ends_the_session(console):
    with console.signed_in("viewer-of-the-plant") as client:
        kept = dict(client.cookies)
        assert client.post("/sign-out", data={"csrf": csrf(client, "/")}).url.path == "/sign-in"
        with console.client(cookies=kept) as other:
            assert other.get("/").url.path == "/sign-in"


def test_the_cookie_is_for_this_console_alone(console):
    with console.client() as client:
        answer = client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": PASSWORD}, follow_redirects=False)
        cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    with Store.open(console.database) as store:
        secret = re.match(r"otoscope=([^;]+)", answer.headers["set-cookie"])[1]
        assert store.accounts.session(secret, idle=60, longest=60).person.name == "viewer-of-the-plant"
        assert secret.encode() not in console.database.read_bytes()
        assert store.accounts.session(secret, idle=-1, longest=60) is None
        assert store.accounts.session(secret, idle=60, longest=-1) is None


@pytest.mark.parametrize(
    "path", ["/sign-in", "/", "/assets", "/static/console.js", "/static/page.css", "/nothing", "/api/v1/health", "/api/v1/openapi.json"]
)
def test_every_answer_is_protected(viewer, path):
    headers = viewer.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers
    if "static" not in path:
        assert "no-store" in headers["cache-control"] or "private" in headers["cache-control"]


def test_forms_of_other_sites_are_not_obeyed(analyst, admin):
    [alert] = analyst.get("/api/v1/alerts", params={"rows": 1}).json()["rows"]
    path = f"/alerts/{alert['id']}"
    data = {"csrf": csrf(analyst, path), "action": "mute"}
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert analyst.post(path, data=data, headers=headers).status_code == 403
    for proof in ("", "x", csrf(admin, path)):
        assert analyst.post(path, data=data | {"csrf": proof}).status_code == 403
    assert analyst.get(f"/api/v1/alerts/{alert['id']}").json()["status"] == "open"


def test_too_much_is_not_read(analyst):
    assert analyst.post("/sign-in", content=b"x" * 70_000, headers={"content-type": "application/x-www-form-urlencoded"}).status_code == 413

    def endless():
        for _ in range(100):
            yield b"name=" + b"x" * 10_000

    answer = analyst.post("/sign-in", content=endless(), headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (400, 401, 413, 422)


def test_who_may_only_look_cannot_judge_or_let_people_in(viewer, analyst):
    [alert] = viewer.get("/api/v1/alerts", params={"rows": 1}).json()["rows"]
    path = f"/alerts/{alert['id']}"
    assert "<textarea" not in viewer.get(path).text
    for client, target, data in (
        (viewer, path, {"action": "mute"}),
        (viewer, "/baseline", {"alert": alert["id"]}),
        (viewer, "/exports", {"name": "siem"}),
        (viewer, "/people", {"action": "add", "name": "friend", "role": "admin"}),
        (analyst, "/people", {"action": "role", "name": "analyst-of-the-plant", "role": "admin"}),
    ):
        assert client.post(target, data=data | {"csrf": csrf(client, "/")}).status_code == 403
        assert client.get("/people").status_code == 403
    assert viewer.get(f"/api/v1/alerts/{alert['id']}").json()["status"] == "open"


def test_an_admin_lets_people_in_and_out(console, admin):
    def act(action, **data):
        return admin.post("/people", data={"csrf": csrf(admin, "/people"), "action": action, **data})

    given = re.search(r"<code>([a-z2-9-]{20,})</code>", act("add", name="Käthe", role="analyst").text)[1]
    with console.signed_in("Käthe", given) as client:
        assert client.get("/").url.path == "/password"
        assert "already" in act("add", name="Käthe").text
        proof = csrf(client, "/password")
        assert client.post("/password", data={"csrf": proof, "old": given, "new": PASSWORD, "again": PASSWORD}).url.path == "/"
        assert "analyst" in client.get("/").text
        act("role", name="Käthe", role="viewer")
        assert client.get("/people").status_code == 403
        act("disable", name="Käthe")
        assert client.get("/").url.path == "/sign-in"
        assert client.post("/sign-in", data={"name": "Käthe", "password": PASSWORD}).status_code == 401
    act("enable", name="Käthe")
    with console.signed_in("Käthe"):
        pass
    again = re.search(r"<code>([a-z2-9-]{20,})</code>", act("reset", name="Käthe").text)[1]
    with console.signed_in("Käthe", again):
        pass
    assert act("nonsense", name="Käthe").status_code == 422
    log = admin.get("/audit").text
    for what in ("add analyst", "make viewer", "disable", "enable", "password", "sign in"):
        assert what in log


def test_the_last_admin_stays_one(tmp_path):
    with Store.open(tmp_path / "one.db") as store:
        store.accounts.add("guest", Role.VIEWER, "x", None)
        store.accounts.disable("guest", None, disabled=True)  # there is no admin whom that could be
        store.accounts.add("only", Role.ADMIN, "x", None)
        for change in (
            lambda: store.accounts.set_role("only", Role.VIEWER, None),
            lambda: store.accounts.disable("only", None, disabled=True),
        ):
            with pytest.raises(Exception, match="last one who may let people in"):
                change()
        assert store.accounts.person("only").role is Role.ADMIN
        assert not store.accounts.person("only").disabled


def test_over_tls_with_a_certificate_of_its_own(water, tmp_path):
    config = tmp_path / "otoscope.toml"
    config.write_text(f'[console]\nself_signed = true\nfolder = "{tmp_path}/own"\n')
    with running(water, "--config", str(config)) as console:
        assert console.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(tmp_path / "own/certificate.pem"))
        assert (tmp_path / "own/key.pem").stat().st_mode & 0o777 == 0o600
        with httpx.Client(base_url=console.url, verify=trust, timeout=60) as client:
            answer = client.post("/sign-in", data={"name": "viewer-of-the-plant", "password": PASSWORD})
            assert answer.headers["set-cookie"].startswith("__Host-otoscope=")
            assert "secure" in answer.headers["set-cookie"].lower()
            assert int(answer.headers["strict-transport-security"].removeprefix("max-age=")) > 10_000_000
            assert client.get("/").status_code == 200
        first = (tmp_path / "own/certificate.pem").read_bytes()
    with running(water, "--config", str(config)):
        assert (tmp_path / "own/certificate.pem").read_bytes() == first


def otoscope(*arguments):
    return subprocess.run([sys.executable, "-m", "sensor", *arguments], capture_output=True, text=True, check=False)


def test_what_is_wrong_is_said(water, tmp_path, console):
    port = console.url.rpartition(":")[2]
    done = otoscope("console", "--database", str(water), "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert "cannot listen at" in done.stderr
    done = otoscope("console", "--database", str(tmp_path / "none.db"))
    assert done.returncode == 1
    assert "there is no such database" in done.stderr
    done = otoscope("console", "--database", str(water), "--listen", "plant:80")
    assert done.returncode == 1
    assert "ADDRESS[:PORT]" in done.stderr
    config = tmp_path / "otoscope.toml"
    config.write_text(f'[console]\ncertificate_file = "{config}"\n')
    done = otoscope("console", "--database", str(water), "--config", str(config))
    assert done.returncode == 1
    assert "[console] certificate_file" in done.stderr


def test_people_are_let_in_by_the_command_line(console):
    done = otoscope("console", "add", "colleague", "--role", "analyst", "--database", str(console.database))
    given = re.search(r"one-time password: (\S+)", done.stdout)[1]
    with console.signed_in("colleague", given):
        pass
    done = otoscope("console", "password", "colleague", "--database", str(console.database))
    again = re.search(r"one-time password: (\S+)", done.stdout)[1]
    with console.signed_in("colleague", again):
        pass
    assert "there is no stranger" in otoscope("console", "password", "stranger", "--database", str(console.database)).stderr
