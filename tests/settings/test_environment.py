"""Variables of the environment: each key has one, it holds instead of the file, and one that says nothing is named."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensor.errors import SettingsError
from sensor.settings import Settings, parse_settings, read_settings
from sensor.settings.environment import variables_of

FILE = """
[capture]
interfaces = ["eth1"]
workers = 2
[exports.my-Siem]
url = "tcp://127.0.0.1:1"
timeout = 5
"""

EACH = {
    "SENSOR__ID": ("sns-1", lambda settings: settings.sensor.id, "sns-1"),
    "SENSOR__NAME": ("here", lambda settings: settings.sensor.name, "here"),
    "SENSOR__SITE": ("007", lambda settings: settings.sensor.site, "007"),
    "SENSOR__ADDRESS": ("10.0.0.1", lambda settings: settings.sensor.address, "10.0.0.1"),
    "SENSOR__INTERFACE": ("", lambda settings: settings.sensor.interface, None),
    "SENSOR__CONSOLE": ("https://here", lambda settings: settings.sensor.console, "https://here"),
    "CAPTURE__INTERFACES": ('["eth1", "eth2"]', lambda settings: settings.capture.interfaces, ["eth1", "eth2"]),
    "CAPTURE__WORKERS": ("4", lambda settings: settings.capture.workers, 4),
    "CAPTURE__FILTER": ("not port 22", lambda settings: settings.capture.filter, "not port 22"),
    "CAPTURE__SNAP_LENGTH": ("96", lambda settings: settings.capture.snap_length, 96),
    "CAPTURE__RING_MEBIBYTES": ("8", lambda settings: settings.capture.ring_mebibytes, 8),
    "CAPTURE__BUSY_POLL_MICROSECONDS": ("50", lambda settings: settings.capture.busy_poll_microseconds, 50),
    "CAPTURE__PROMISCUOUS": ("False", lambda settings: settings.capture.promiscuous, False),
    "CAPTURE__HARDWARE_TIME": ("1", lambda settings: settings.capture.hardware_time, True),
    "CAPTURE__LIMITS": ('{"flows": 9}', lambda settings: settings.capture.limits, {"flows": 9}),
    "STORE__DATABASE": ("x.db", lambda settings: settings.store.database, "x.db"),
    "STORE__RETAIN_DAYS": ("1.5", lambda settings: settings.store.retain_days, 1.5),
    "STORE__RETAIN_MEGABYTES": ("600", lambda settings: settings.store.retain_megabytes, 600),
    "SITE__FILE": ("site.toml", lambda settings: settings.site.file, "site.toml"),
    "SITE__LEARNING_DAYS": ("0", lambda settings: settings.site.learning_days, 0),
    "EVIDENCE__FOLDER": ("kept", lambda settings: settings.evidence.folder, "kept"),
    "EVIDENCE__RING_MEBIBYTES": ("0", lambda settings: settings.evidence.ring_mebibytes, 0),
    "EVIDENCE__RING_MINUTES": ("5", lambda settings: settings.evidence.ring_minutes, 5),
    "EVIDENCE__SECONDS_BEFORE": ("2.5", lambda settings: settings.evidence.seconds_before, 2.5),
    "EVIDENCE__SECONDS_AFTER": ("0", lambda settings: settings.evidence.seconds_after, 0),
    "EVIDENCE__FRAMES": ("9", lambda settings: settings.evidence.frames, 9),
    "EVIDENCE__KIBIBYTES": ("64", lambda settings: settings.evidence.kibibytes, 64),
    "EVIDENCE__MEGABYTES": ("10", lambda settings: settings.evidence.megabytes, 10),
    "EVIDENCE__DAYS": ("7", lambda settings: settings.evidence.days, 7),
    "METRICS__LISTEN": ("", lambda settings: settings.metrics.listen, ""),
    "LOG__LEVEL": ("debug", lambda settings: settings.log.level, "debug"),
    "LOG__FORM": ("json", lambda settings: settings.log.form, "json"),
    "TRANSACTIONS__FOLDER": ("log", lambda settings: settings.transactions.folder, "log"),
    "TRANSACTIONS__MINUTES": ("1", lambda settings: settings.transactions.minutes, 1),
    "TRANSACTIONS__RETAIN_DAYS": ("7", lambda settings: settings.transactions.retain_days, 7),
    "TRANSACTIONS__RETAIN_MEGABYTES": ("50", lambda settings: settings.transactions.retain_megabytes, 50),
    "CONSOLE__LISTEN": ("127.0.0.1:1", lambda settings: settings.console.listen, "127.0.0.1:1"),
    "CONSOLE__SELF_SIGNED": ("yes", lambda settings: settings.console.self_signed, True),
    "CONSOLE__CERTIFICATE_FILE": ("c.pem", lambda settings: settings.console.certificate_file, "c.pem"),
    "CONSOLE__KEY_FILE": ("k.pem", lambda settings: settings.console.key_file, "k.pem"),
    "CONSOLE__FOLDER": ("own", lambda settings: settings.console.folder, "own"),
    "DIRECTORY__ISSUER": ("https://login.example", lambda settings: settings.directory.issuer, "https://login.example"),
    "DIRECTORY__CLIENT_ID": ("42", lambda settings: settings.directory.client_id, "42"),
    "DIRECTORY__CLIENT_SECRET_FILE": ("secret", lambda settings: settings.directory.client_secret_file, "secret"),
    "DIRECTORY__NAME": ("ours", lambda settings: settings.directory.name, "ours"),
    "DIRECTORY__NAME_CLAIM": ("email", lambda settings: settings.directory.name_claim, "email"),
    "DIRECTORY__ROLE_CLAIM": ("groups", lambda settings: settings.directory.role_claim, "groups"),
    "DIRECTORY__VIEWERS": ("a, b", lambda settings: settings.directory.viewers, ["a", "b"]),
    "DIRECTORY__ANALYSTS": ("c", lambda settings: settings.directory.analysts, ["c"]),
    "DIRECTORY__ADMINS": ("[]", lambda settings: settings.directory.admins, []),
    "OUTBOX__MEGABYTES": ("1", lambda settings: settings.outbox.megabytes, 1),
    "OUTBOX__DAYS": ("2", lambda settings: settings.outbox.days, 2),
    "EXPORTS__NAME__URL": ("udp://127.0.0.1", lambda settings: settings.exports["name"].url, "udp://127.0.0.1"),
    "EXPORTS__NAME__FORM": ("leef", lambda settings: settings.exports["name"].form, "leef"),
    "EXPORTS__NAME__HEADER": ("none", lambda settings: settings.exports["name"].header, "none"),
    "EXPORTS__NAME__FRAMING": ("octet", lambda settings: settings.exports["name"].framing, "octet"),
    "EXPORTS__NAME__FACILITY": ("user", lambda settings: settings.exports["name"].facility, "user"),
    "EXPORTS__NAME__EVENTS": ("alert, incident", lambda settings: settings.exports["name"].events, ["alert", "incident"]),
    "EXPORTS__NAME__LEAST": ("high", lambda settings: settings.exports["name"].least, "high"),
}


@pytest.mark.parametrize("name", list(variables_of(Settings)))
def test_each_key_has_its_variable(name):
    text, look, wanted = EACH[name.removeprefix("OTOSCOPE_")]
    variables = {"OTOSCOPE_EXPORTS__NAME__URL": "tcp://127.0.0.1", name: text}
    if name.startswith("OTOSCOPE_EXPORTS"):
        assert look(parse_settings(FILE, variables=variables)) == wanted
    else:
        assert look(parse_settings("", variables={name: text})) == wanted


def test_a_variable_holds_instead_of_the_file_and_nothing_else_changes():
    variables = {
        "OTOSCOPE_CAPTURE__INTERFACES": "eth2,eth3",
        "OTOSCOPE_CAPTURE__LIMITS__FLOWS": "7",
        "OTOSCOPE_EXPORTS__MY_SIEM__TIMEOUT": "9",
        "OTOSCOPE_CONFIG": "/elsewhere.toml",
        "OTOSCOPE_DATABASE": "other.db",
        "HOME": "/root",
    }
    settings = parse_settings(FILE, variables=variables)
    assert settings.capture.interfaces == ["eth2", "eth3"]
    assert (settings.capture.workers, settings.capture.limits) == (2, {"flows": 7})
    [destination] = settings.destinations()
    assert (destination.name, destination.options["timeout"]) == ("my-Siem", "9")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("OTOSCOPE_CAPTURE__WORKERS", "many", "OTOSCOPE_CAPTURE__WORKERS: a whole number is needed"),
        ("OTOSCOPE_CAPTURE__WORKERS", "65", "OTOSCOPE_CAPTURE__WORKERS: capture.workers: 65 is out of range: write 1 to 64"),
        ("OTOSCOPE_CAPTURE__PROMISCUOUS", "perhaps", "true or false is needed"),
        ("OTOSCOPE_STORE__RETAIN_DAYS", "nan", "OTOSCOPE_STORE__RETAIN_DAYS: store.retain_days: a number is needed"),
        ("OTOSCOPE_CAPTURE__INTERFACES", '["eth1"', "is no JSON: write a list as"),
        ("OTOSCOPE_CAPTURE__INTERFACES", "[1]", "OTOSCOPE_CAPTURE__INTERFACES: capture.interfaces.1: a text is needed"),
        ("OTOSCOPE_CAPTURE__WORKER", "2", "OTOSCOPE_CAPTURE__WORKER: there is no such setting: did you mean OTOSCOPE_CAPTURE__WORKERS?"),
        ("OTOSCOPE_CAPTURE__RING", "2", "did you mean OTOSCOPE_CAPTURE__RING_MEBIBYTES?"),
        ("OTOSCOPE_CAPTUER__WORKERS", "2", "did you mean OTOSCOPE_CAPTURE__WORKERS?"),
        ("OTOSCOPE_EXPORTS__URL", "tcp://h", "there is no such setting: did you mean OTOSCOPE_EXPORTS__NAME__URL?"),
        ("OTOSCOPE_EXPORTS__MY_SIEM__FOMR", "cef", "OTOSCOPE_EXPORTS__MY_SIEM__FOMR: exports.my-Siem.fomr: 'fomr' is not a setting of tcp"),
        ("OTOSCOPE_EXPORTS__OTHER__FORM", "cef", "exports.other.url: is missing"),
        ("OTOSCOPE_LOG__FORM__", "text", "there is no such setting"),
    ],
)
def test_what_is_wrong_with_a_variable_is_said(name, text, said):
    with pytest.raises(SettingsError) as error:
        parse_settings(FILE, "otoscope.toml", {name: text})
    assert said in str(error.value)


def test_one_that_may_be_somebody_elses_is_named_and_no_error(tmp_path, monkeypatch):
    (tmp_path / "otoscope.toml").write_text(FILE)
    monkeypatch.setenv("OTOSCOPE_WORKERS", "4")
    monkeypatch.setenv("OTOSCOPE_PORT_9815_TCP", "tcp://10.0.0.1:9815")
    monkeypatch.setenv("OTOSCOPE_CAPTURE__WORKERS", "3")
    read = read_settings(tmp_path / "otoscope.toml")
    assert set(read.strangers) == {"OTOSCOPE_WORKERS", "OTOSCOPE_PORT_9815_TCP"}
    assert "did you mean OTOSCOPE_CAPTURE__WORKERS?" in read.strangers["OTOSCOPE_WORKERS"]
    assert read.variables == {"capture.workers": "OTOSCOPE_CAPTURE__WORKERS"}


PARTS = st.lists(st.sampled_from([*"abZ_", "CAPTURE", "EXPORTS", "LIMITS", "FLOWS", "SITE", "FILE", "__"]), max_size=6).map("".join)


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        PARTS.map("OTOSCOPE_{}".format), st.text(max_size=8) | st.sampled_from(["[" * 9000, '{"flows": {}}', "[[]]"]), max_size=3
    )
)
def test_no_variable_breaks_it(variables):
    try:
        parse_settings(FILE, "otoscope.toml", variables)
    except SettingsError as error:
        assert str(error)  # noqa: PT017 - most of them are wrong, and say so


def test_values_are_read_as_json_has_them():
    assert parse_settings("", variables={"OTOSCOPE_CAPTURE__INTERFACES": json.dumps(["ä1"])}).capture.interfaces == ["ä1"]
