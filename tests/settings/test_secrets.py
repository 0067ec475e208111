"""Secrets: in files and credentials, and nowhere that anybody sees."""

import pytest

from sensor.errors import SettingsError
from sensor.settings import credentials, parse_settings

SECRET = "hunter2hunter2"  # noqa: S105 - nobody's


def webhook(key="credential:hook.token"):
    return f"[exports.hook]\nurl = 'https://127.0.0.1:9/{SECRET}'\ntoken_file = '{key}'\n"


@pytest.mark.parametrize("name", ["hook.token", "secrets_hook.token"])  # LoadCredential= of a file, and of a folder called "secrets"
def test_a_credential_is_the_file_that_systemd_hands_over(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / name).write_text(SECRET)
    [destination] = parse_settings(webhook()).destinations()
    assert destination.options["token_file"] == str(tmp_path / name)


def test_without_systemd_it_is_the_file_that_the_unit_would_hand_over(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(credentials, "FOLDER", tmp_path)
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{SECRET}")
    settings = parse_settings("[store]\ndatabase = 'postgresql://otoscope@db/plant?passfile=credential:pgpass'\n")
    assert settings.store.database == f"postgresql://otoscope@db/plant?passfile={tmp_path}/pgpass"


@pytest.mark.parametrize("path", ["credential:" + "k" * 300, "/srv/" + "0" * 300, "a\\u0000b"])
def test_a_path_that_cannot_be_looked_at_is_said(path, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match=r"otoscope\.toml:3:1: exports\.hook\.token_file: "):
        parse_settings(webhook(path), "otoscope.toml")
    with pytest.raises(SettingsError, match=r"exports\.file\.url: |exports\.file: "):
        parse_settings(f'[exports.file]\nurl = "file:/srv/{"0" * 300}"\n', "otoscope.toml")


@pytest.mark.parametrize("name", ["none", "../../etc/passwd", "", ".."])
def test_one_that_is_not_there_is_said_with_where_it_belongs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match=r"otoscope\.toml:3:1: exports\.hook\.token_file: .*credential.*/etc/otoscope/secrets/"):
        parse_settings(webhook(f"credential:{name}"), "otoscope.toml")
    with pytest.raises(SettingsError, match=r"otoscope\.toml:1:7: store\.database: passfile: .*credential"):
        parse_settings(f"store.database = 'postgresql://db/plant?passfile=credential:{name}'", "otoscope.toml")


@pytest.mark.parametrize(
    "text",
    [
        f"[store]\ndatabase = 'postgresql://otoscope:{SECRET}@db/plant'\n",
        f"[store]\ndatabase = 'postgresql://db/plant?password={SECRET}'\n",
        f"[store]\ndatabase = 'postgresql://[{SECRET}'\n",
        f"[exports.a]\nurl = 'https://user:{SECRET}@127.0.0.1/'\n",
        f"[exports.a]\nurl = 'https://user:{SECRET}@127.0.0.1:99999/'\n",
        f"[exports.a]\nurl = '{SECRET}'\n",
        f"[exports.a]\nurl = ['{SECRET}']\n",
        f"[exports.a]\nurl = 'tcp://127.0.0.1'\npassword = '{SECRET}'\n",
        f"[exports.a]\nurl = 'https://127.0.0.1/{SECRET}'\nform = 'cef'\n",
        f"[exports.a]\nurl = 'https://127.0.0.1/{SECRET}'\ntimeout = -1\n",
        f"[exports.a]\nurl = 'https://127.0.0.1/{SECRET}'\nheader = 5\n",
        f"[exports.a]\nurl = 'https://127.0.0.1/{SECRET}'\n'",
        f"[log]\ntoken = '{SECRET}'\n",
    ],
)
def test_no_error_shows_one(text):
    with pytest.raises(SettingsError) as error:
        parse_settings(text, "otoscope.toml")
    chain = [error.value]
    while (before := chain[-1].__cause__) is not None:
        chain.append(before)
    assert [str(one) for one in chain if SECRET in str(one)] == []


def test_no_command_shows_one(otoscope, tmp_path):
    (tmp_path / "hook.token").write_text(SECRET)
    config, database = tmp_path / "otoscope.toml", tmp_path / "plant.db"
    config.write_text(f"[store]\ndatabase = '{database}'\n[log]\nlevel = 'debug'\n{webhook()}")
    url = f"https://127.0.0.1:9/{SECRET}"
    environment = {"OTOSCOPE_EXPORTS__OTHER__URL": url, "CREDENTIALS_DIRECTORY": str(tmp_path), "OTOSCOPE_CONFIG": str(config)}
    said = []
    for command in (
        ("exports", "run", "--once"),
        ("config", "check"),
        ("doctor", "-i", "lo", "--seconds", "0"),
        ("exports",),
        ("exports", "--format", "json"),
        ("exports", "test", "hook"),
        ("run",),
        ("replay", "--to", f"{url}?form=cef", "none.pcap"),
    ):
        done = otoscope(*command, **environment)
        assert "Traceback" not in done.stderr
        said.append(done.stdout + done.stderr)
        assert SECRET not in said[-1], command
    assert "exports.other.url (OTOSCOPE_EXPORTS__OTHER__URL)" in said[1]
    assert "destination hook: " in said[1]
