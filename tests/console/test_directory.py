"""Signing in with the company's directory, against a provider of OpenID Connect that runs."""

import json
import socket
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest

from sensor.console.passwords import hashed
from sensor.store import Role, Store
from tests.console.conftest import running

PEOPLE = (
    {"sub": "1", "preferred_username": "kaethe@plant.example", "roles": ["Otoscope.Analyst", "Otoscope.Viewer"]},
    {"sub": "2", "preferred_username": "guest@plant.example", "roles": ["Something.Else"]},
    {"sub": "3", "preferred_username": "local", "roles": ["Otoscope.Admin"]},
    {"sub": "4", "roles": ["Otoscope.Admin"]},
    {"sub": "5", "preferred_username": "boss@plant.example", "roles": "Otoscope.Admin"},
)


@pytest.fixture(scope="module")
def provider():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    users = [part for person in PEOPLE for part in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *users]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/.well-known/openid-configuration").raise_for_status()
                break
            time.sleep(0.1)
        yield url
        process.terminate()


@pytest.fixture(scope="module")
def console(provider, tmp_path_factory):
    place = tmp_path_factory.mktemp("directory")
    with Store.open(place / "plant.db") as store:
        store.accounts.add("local", Role.VIEWER, hashed("a password of this console"), None, must_change=False)
    (place / "secret").write_text("of the client\n")
    settings = f'issuer = "{provider}"\nclient_id = "otoscope"\nclient_secret_file = "{place}/secret"\nname = "the directory"\n'
    (place / "otoscope.toml").write_text(f"[directory]\n{settings}")
    with running(place / "plant.db", "--config", str(place / "otoscope.toml")) as console:
        yield console


def sign_in(client, subject, to="/"):
    """What a browser gets in the end, when this person says yes at the provider's page."""
    form = client.get("/sign-in/directory", params={"to": to})
    assert form.status_code == 200, form.text
    return client.post(str(form.url), data={"sub": subject})


def test_who_has_a_role_there_is_let_in_as_that(console):
    with console.client() as client:
        assert "directory" in client.get("/sign-in").text
        answer = sign_in(client, "1", "/assets?level=1")
        assert answer.url.path == "/assets"
        assert answer.url.params["level"] == "1"
        page = client.get("/").text
        assert "kaethe@plant.example" in page
        assert "analyst" in page
        assert "/password" not in page
        assert client.get("/people").status_code == 403
    with console.client() as client:
        sign_in(client, "5")
        assert "kaethe@plant.example" in client.get("/people").text
    with Store.open(console.database) as store:
        person = store.accounts.person("kaethe@plant.example")
        assert (person.role, person.password) == (Role.ANALYST, "")


def test_who_the_directory_vouches_for_has_no_password(console):
    with console.client() as client:
        sign_in(client, "1")
    with console.client() as client:
        for password in ("", "x"):
            assert client.post("/sign-in", data={"name": "kaethe@plant.example", "password": password}).status_code in (401, 422)


@pytest.mark.parametrize(
    ("subject", "why"),
    [("2", "gives you no role"), ("3", "signs in with a password here"), ("4", "gives you no role"), ("nobody", "gives you no role")],
)
def test_others_are_not(console, subject, why):
    with console.client() as client:
        answer = sign_in(client, subject)
        assert answer.status_code == 403
        assert why in answer.text
        assert client.get("/").url.path == "/sign-in"


def test_who_was_shut_out_stays_out(console):
    with console.client() as client:
        sign_in(client, "1")
        with Store.open(console.database) as store:
            store.accounts.disable("kaethe@plant.example", None, disabled=True)
            assert client.get("/").url.path == "/sign-in"
            assert sign_in(client, "1").status_code == 403
            store.accounts.disable("kaethe@plant.example", None, disabled=False)
        assert sign_in(client, "1").url.path == "/"


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied&error_description=%3Cscript%3E", "?code=x"])
def test_an_answer_that_nobody_has_asked_for_lets_nobody_in(console, query):
    with console.client() as client:
        answer = client.get(f"/sign-in/directory/answer{query}")
        assert answer.status_code == 403
        assert "<script>" not in answer.text
        assert client.get("/").url.path == "/sign-in"


def test_an_answer_to_somebody_else_lets_nobody_in(console):
    with httpx.Client(base_url=console.url, timeout=60) as client:
        asked = client.get("/sign-in/directory")
        given = client.post(asked.headers["location"], data={"sub": "1"})
        with console.client() as other:
            assert other.get(given.headers["location"]).status_code == 403
            assert other.get("/").url.path == "/sign-in"


def test_a_directory_that_is_away_is_said(tmp_path):
    Store.open(tmp_path / "plant.db").close()
    (tmp_path / "otoscope.toml").write_text('[directory]\nissuer = "http://127.0.0.1:9"\nclient_id = "otoscope"\n')
    with running(tmp_path / "plant.db", "--config", str(tmp_path / "otoscope.toml")) as console, console.client() as client:
        answer = client.get("/sign-in/directory")
        assert answer.status_code == 403
        assert "cannot be asked" in answer.text


def test_a_secret_that_cannot_be_read_is_said(tmp_path):
    Store.open(tmp_path / "plant.db").close()
    (tmp_path / "otoscope.toml").write_text(
        '[directory]\nissuer = "https://login.example"\nclient_id = "otoscope"\nclient_secret_file = "/nowhere"\n'
    )
    command = [
        sys.executable,
        "-m",
        "sensor",
        "console",
        "--database",
        str(tmp_path / "plant.db"),
        "--config",
        str(tmp_path / "otoscope.toml"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "[directory] client_secret_file" in done.stderr
    assert "/nowhere" in done.stderr
