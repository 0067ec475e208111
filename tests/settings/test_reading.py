"""The settings: each is documented, and the defaults hold what the document says."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensor.errors import SettingsError
from sensor.settings import load_settings, parse_settings

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_of_the_document_is_right():
    exports = (DOCS / "exports.md").read_text(encoding="utf-8")
    [example] = [block for block in re.findall(r"```toml\n(.*?)```", exports, re.DOTALL) if "[outbox]" in block]
    settings = parse_settings(example.replace('ca_file = "/etc/otoscope/ca.pem"\n', ""))
    assert [one.name for one in settings.destinations()] == ["sentinel", "splunk"]
    assert settings.identity().site == "plant-a"


WRONG = [
    ("[capture]\nworkers = 0\n", "2:1: capture.workers: 0 is out of range: write 1 to 64"),
    ("[store]\nretain_days = -1\n", "2:1: store.retain_days: -1 is out of range: write more than 0, up to 36,500"),
    ("[store]\nretain_days = inf\n", "2:1: store.retain_days: a number is needed: write retain_days = 400"),
    ("[store]\n\nretain_megabytes = nan\n", "3:1: store.retain_megabytes: a number is needed"),
    ("[log]\nlevel = 'wraning'\n", "2:1: log.level: 'wraning' is not known: did you mean warning?"),
    ("[captures]\n", "1:2: captures: there is no such setting: did you mean capture?"),
    ("[capture]\ninterface = 'eth1'\n", "2:1: capture.interface: there is no such setting: it belongs into [sensor]"),
    ("[capture]\nworker = 2\n", "2:1: capture.worker: there is no such setting: did you mean workers?"),
    ("[metrics]\nlisten = '1.2.3.4:70000'\n", "2:1: metrics.listen: '1.2.3.4:70000' is no ADDRESS[:PORT]"),
    ("capture.workers = '4'\n", "1:9: capture.workers: a whole number is needed, without quotes: write workers = 1"),
    ("capture = {promiscuous = 1}\n", "1:12: capture.promiscuous: true or false is needed"),
    ("[capture]\ninterfaces = 'eth1'\n", '2:1: capture.interfaces: a list is needed, in brackets: write interfaces = ["eth1"]'),
    ("[capture]\ninterfaces = [\n  'eth1',\n  5,\n]\n", "4:3: capture.interfaces.2: a text is needed"),
    ("[capture]\ninterfaces = ['eth1', 'eth1']\n", "2:1: capture.interfaces: 'eth1' is named twice"),
    ("[capture]\ninterfaces = ['eth1 eth2']\n", "2:1: capture.interfaces: 'eth1 eth2' is no name of an interface"),
    ("[capture.limits]\n'flows' = 0\n", "2:1: capture.limits.flows: 0 is out of range: write 1 or more"),
    ("[capture.limits]\nflow = 1\n", "1:10: capture.limits: 'flow' is not a limit: did you mean flows?"),
    ("capture = 3\n", "1:1: capture: a table is needed"),
    ("[sensor]\naddress = '10.20.0'\n", "2:1: sensor.address: '10.20.0' is no IPv4 address"),
    ("[sensor]\nconsole = 'sensor.example.net'\n", "2:1: sensor.console: links begin with https://"),
    ("[store]\nretain_megabytes = 511\n", "[outbox] megabytes (256) must be half of [store] retain_megabytes (511) or less"),
    ("[store]\ndatabase = ''\n", "2:1: store.database: is empty"),
    ("[exports.siem]\nform = 'cef'\n", '1:10: exports.siem.url: is missing: write url = "tcp://'),
    ("[exports.siem]\nurl = 'tcp://h:70000'\n", "2:1: exports.siem.url: is no URL, or its port is none from 0 to 65535"),
    ("[exports.siem]\nurl = 'tcp://h'\nform = 'cfe'\n", "3:1: exports.siem.form: 'cfe' is not a form: did you mean cef?"),
    ("[exports.siem]\nurl = 'tcp://h'\nevents = ['alert', 'assets']\n", "3:20: exports.siem.events.2: 'assets' is not known"),
    ("[exports.siem]\nurl = 'tcp://h'\nevents = []\n", "3:1: exports.siem.events: "),
    (
        "[exports.siem]\nurl = 'tls://h'\nca_fil = 'x'\n",
        "3:1: exports.siem.ca_fil: 'ca_fil' is not a setting of tls: did you mean ca_file?",
    ),
    ("[exports.siem]\nurl = 'tls://h'\nca_file = '/none'\n", "3:1: exports.siem.ca_file: /none: no such file"),
    ("[exports.a]\nurl = 'file:x'\n[exports.b]\nurl = 'file:x'\n", "4:1: exports.b.url: a writes to the same file"),
    ("[exports.'a b']\nurl = 'tcp://h'\n", "1:10: exports.a b: 'a b' is no name for a destination"),
    ("a = 1\nname = plant\n", "2:8: Invalid value: texts stand in quotes"),
    ("[log]\nlevel = 'info'\nlevel = 'debug'\n", "3:16: Cannot overwrite a value: this key stands twice"),
    ("\n[log\n", "2:5: "),
    ("a = " + "[" * 5000, "nested too deep"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_said_with_its_place(text, said):
    with pytest.raises(SettingsError) as error:
        parse_settings(text, "otoscope.toml")
    assert str(error.value).startswith("otoscope.toml:")
    assert said in str(error.value).removeprefix("otoscope.toml:")


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(SettingsError) as error:
        parse_settings("[capture]\nworkers = 65\nring = 1\n[log]\nlevel = 1\n", "o.toml", {"OTOSCOPE_CAPTURE__WORKER": "1"})
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "OTOSCOPE_CAPTURE__WORKER",
        "o.toml:2:1",
        "o.toml:3:1",
        "o.toml:5:1",
    ]


@pytest.mark.parametrize("octets", [b"\xef\xbb\xbf[log]\r\nlevel = 'debug'\r\n", b"[log]\nlevel = 'debug'"])
def test_files_of_other_editors_are_read(octets, tmp_path):
    (tmp_path / "otoscope.toml").write_bytes(octets)
    assert load_settings(tmp_path / "otoscope.toml").log.level == "debug"


def test_what_cannot_be_read_is_said(tmp_path):
    file = tmp_path / "otoscope.toml"
    with pytest.raises(SettingsError, match=r"otoscope\.toml: there is no such file: otoscope init"):
        load_settings(file)
    file.write_bytes(b"[sensor]\nsite = 'K\xf6ln'\n")
    with pytest.raises(SettingsError, match=r"otoscope\.toml:2: is no UTF-8 text"):
        load_settings(file)


KEYS = st.sampled_from(["capture", "exports", "siem", "url", "workers", "limits", "flows", "events", "interfaces", "x", "'a b'"])
VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "1.5",
        "nan",
        "true",
        "1979-05-27",
        "'tcp://h'",
        "'file:x'",
        "'https://'",
        "'::'",
        "[]",
        "[1, 'a']",
        "[['a']]",
        "{}",
        "{x = 1}",
        "''",
    ]
)
LINES = st.lists(KEYS, min_size=1, max_size=3).map(".".join)


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    st.lists(LINES.map("[{}]".format) | LINES.map("[[{}]]".format) | st.tuples(LINES, VALUES).map(" = ".join), max_size=5).map("\n".join)
)
def test_whatever_stands_in_the_file_is_read_or_said_with_its_place(text):
    try:
        parse_settings(text, "otoscope.toml")
    except SettingsError as error:
        lines = str(error).splitlines()
        assert [line for line in lines if not re.match(r"otoscope\.toml:\d+:\d+: .", line)] == []
