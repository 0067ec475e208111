"""Into a workspace by Microsoft's own clients: everything real but the other side."""

import json
import logging
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msal.managed_identity
import pytest
import trustme

from sensor.errors import DeliveryError, RefusedError, SettingsError
from sensor.events import Kind
from sensor.exports import run
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS, asset_row, sentinel_row
from sensor.exports.ways import WAYS, Way, ingestion
from sensor.settings import destination_of
from tests.exports.events import PLANTS, SENSOR, plant_events
from tests.exports.workspace import RULE, SECRET, TOKEN, Arc, Workspace, served

STREAMS = {"Custom-OtoscopeEvents": sentinel_row.COLUMNS, "Custom-OtoscopeAssets": asset_row.COLUMNS}
MOST = 1_000_000


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace(STREAMS).running() as running:
        yield running


@pytest.fixture(autouse=True)
def arc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arc]:
    """The agent writes its keys where only root may; here that is another directory."""
    monkeypatch.setitem(msal.managed_identity._supported_arc_platforms_and_their_prefixes, "linux", str(tmp_path))
    agent = Arc(tmp_path)
    with served(agent.handler()) as port:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/metadata/identity/oauth2/token")
        monkeypatch.setenv("IMDS_ENDPOINT", f"http://127.0.0.1:{port}")
        yield agent


@pytest.fixture
def opened(workspace: Workspace, tmp_path: Path) -> Iterator[object]:
    with ExitStack() as stack:

        def run(form: str = "commonsecuritylog", **options: str) -> Way:
            workspace.ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
            way = WAYS["ingestion"].open(destination(workspace.port, form, ca_file=str(tmp_path / "ca.pem"), **options))
            stack.callback(way.close)
            return way

        yield run


def destination(port: int, form: str = "commonsecuritylog", host: str = "localhost", framing: str = "lf", **options: str) -> Destination:
    kinds = frozenset({Kind.ASSET}) if form == "assets_table" else frozenset(Kind)
    given = {"rule_id": RULE, **options}
    return Destination(name="azure", scheme="ingestion", host=host, port=port, form=form, framing=framing, kinds=kinds, options=given)


def message(number: int, size: int = 0) -> bytes:
    """A row; `size` octets of text that does not compress."""
    text = random.Random(number).randbytes(size // 2).hex()  # noqa: S311 - no secret
    return json.dumps({"TimeGenerated": "2026-11-23T21:40:00.5121234Z", "ExtID": str(number), "Message": text}).encode()


def ids(workspace: Workspace) -> list[int]:
    return [int(row["ExtID"]) for row in workspace.rows]


def test_an_arc_server_sends_with_its_own_identity(workspace, arc, opened):
    way = opened()
    way.deliver([message(1), message(2)])
    way.deliver([message(3)])
    assert ids(workspace) == [1, 2, 3]
    assert arc.given == 1  # the token is kept
    assert way.unsure() == 0
    way.finish()


def test_rows_of_assets_have_a_stream_of_their_own(workspace, opened):
    row = {"TimeGenerated": "2026-11-23T21:40:00.5121234Z", "AssetId": "a-1", "PurdueLevel": 3.5, "IpAddresses": ["10.0.0.1"]}
    opened("assets_table").deliver([json.dumps(row).encode()])
    assert workspace.rows == [row]


def test_a_stream_may_be_named(workspace, opened):
    workspace.streams = {"Custom-Mine": sentinel_row.COLUMNS}
    opened(stream="Custom-Mine").deliver([message(1)])
    assert ids(workspace) == [1]


def test_requests_stay_under_what_the_service_takes(workspace, opened):
    workspace.most = MOST
    numbers = range(60)
    opened().deliver([message(number, 50_000) for number in numbers])
    assert ids(workspace) == list(numbers)
    assert workspace.answers == [204] * 4
    assert max(workspace.requests) < MOST / 1.5  # compressed
    assert workspace.truncated == 0


@pytest.mark.parametrize(("more", "requests"), [(0, 1), (1, 2)])
def test_a_request_may_be_as_large_as_its_limit_and_no_larger(more, requests, workspace, opened):
    first = message(1, 600_000)
    second = message(2)[:-2] + b"x" * (MOST - len(first) - len(message(2)) - len("[,]") + more) + b'"}'
    opened().deliver([first, second])
    assert workspace.answers == [204] * requests
    assert ids(workspace) == [1, 2]


@pytest.mark.parametrize(("more", "fine"), [(0, True), (1, False)])
def test_so_may_a_row(more, fine, workspace, opened):
    row = message(1)[:-2] + b"x" * (MOST - len(message(1)) - len("[]") + more) + b'"}'
    with nullcontext() if fine else pytest.raises(RefusedError):
        opened().deliver([row])
    assert ids(workspace) == [1] * fine


def test_a_service_that_takes_less_gets_halves(workspace, opened):
    workspace.most = 30_000
    opened().deliver([message(number, 8_000) for number in range(20)])
    assert ids(workspace) == list(range(20))


@pytest.mark.parametrize("most", [30_000, 2_000_000])
def test_a_row_that_is_too_large_is_refused_and_those_before_it_have_arrived(most, workspace, opened):
    workspace.most = most
    way = opened()
    rows = [message(0, 8_000), message(1, 8_000), message(2, 1_100_000), message(3, 8_000)]
    with pytest.raises(RefusedError, match="larger than the service takes") as refused:
        way.deliver(rows)
    assert refused.value.index == 2
    assert ids(workspace) == [0, 1]
    way.deliver(rows[3:])
    assert ids(workspace) == [0, 1, 3]


def test_without_the_role_the_error_names_it(workspace, opened):
    workspace.role = False
    way = opened()
    with pytest.raises(DeliveryError, match=r"403.*Monitoring Metrics Publisher on the data collection rule") as denied:
        way.deliver([message(1)])
    assert denied.value.wait is None
    assert len(workspace.requests) == 1
    workspace.role = True
    way.deliver([message(1)])
    assert ids(workspace) == [1]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"rule_id": "dcr-ffffffffffffffffffffffffffffffff"}, "404.*rule_id the immutable id"),
        ({"stream": "Custom-Other"}, "400.*declare this stream"),
    ],
)
def test_what_is_set_wrong_is_told_and_nothing_is_thrown_away(options, hint, opened):
    with pytest.raises(DeliveryError, match=hint) as error:
        opened(**options).deliver([message(1)])
    assert not isinstance(error.value, RefusedError)


def test_throttling_is_left_to_the_outbox(workspace, opened):
    workspace.script = [(429, {"Retry-After": "17"}), (503, {"Retry-After": "rubbish"}), (500, {}), (503, {"Retry-After": "1000000"})]
    way = opened()
    waits = []
    for _ in range(4):
        with pytest.raises(DeliveryError) as busy:
            way.deliver([message(1)])
        waits.append(busy.value.wait)
    assert waits == [17.0, None, None, 3600.0]
    assert len(workspace.requests) == 4  # no request more than asked for
    way.deliver([message(1)])
    assert ids(workspace) == [1]


@pytest.mark.parametrize("silent", [0, -1])
def test_no_answer_is_an_error(silent, workspace, opened):
    workspace.script = [(silent, {})]
    way = opened(timeout="0.5")
    with pytest.raises(DeliveryError, match=r"timed out|without response"):
        way.deliver([message(1)])
    workspace.done.set()
    assert len(workspace.requests) == 1
    way.deliver([message(1)])
    assert ids(workspace) == [1]


def test_a_wait_may_be_a_date(workspace, opened):
    workspace.script = [(429, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)})]
    with pytest.raises(DeliveryError) as busy:
        opened().deliver([message(1)])
    assert busy.value.wait == pytest.approx(600, abs=60)


def test_what_has_arrived_before_a_failure_is_not_sent_again(workspace, opened):
    rows = [message(number, 400_000) for number in range(6)]  # two to a request
    way = opened()
    failing = iter([False, True])
    check = workspace.check
    workspace.check = lambda *given: (500, "down") if next(failing, False) else check(*given)
    with pytest.raises(DeliveryError, match="500"):
        way.deliver(rows)
    assert ids(workspace) == [0, 1]
    way.deliver(rows[1:])  # the first has become too old meanwhile
    assert ids(workspace) == [0, 1, 2, 3, 4, 5]
    way.deliver(rows[:1])  # and whoever wants it twice gets it twice
    assert ids(workspace)[-1] == 0


def test_nor_is_what_has_arrived_before_a_refused_row(workspace, opened):
    rows = [message(0), message(1), message(2, 1_100_000), message(3), message(4)]
    way = opened()
    with pytest.raises(RefusedError):
        way.deliver(rows)
    workspace.script = [(500, {})]
    with pytest.raises(DeliveryError, match="500"):
        way.deliver(rows[3:])
    way.deliver([*rows[:2], *rows[3:]])
    assert ids(workspace) == [0, 1, 3, 4]


def test_a_service_that_is_not_there_is_an_error_and_later_not(workspace, tmp_path):
    workspace.ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    way = WAYS["ingestion"].open(destination(1, ca_file=str(tmp_path / "ca.pem")))
    with pytest.raises(DeliveryError, match=r"ingestion://localhost:1: .*refused"):
        way.deliver([message(1)])
    way.close()
    way.close()


def test_a_certificate_of_somebody_else_ends_it(workspace, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    way = WAYS["ingestion"].open(destination(workspace.port, ca_file=str(tmp_path / "other.pem")))
    with pytest.raises(DeliveryError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
        way.deliver([message(1)])
    assert workspace.requests == []


def test_without_an_agent_the_error_says_so(workspace, opened, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:1/token")
    with pytest.raises(DeliveryError, match=r"no token for this identity: .*refused"):
        opened().deliver([message(1)])
    assert workspace.requests == []


def test_a_key_of_the_agent_that_may_not_be_read_is_an_error(opened, monkeypatch, tmp_path):
    monkeypatch.setitem(msal.managed_identity._supported_arc_platforms_and_their_prefixes, "linux", str(tmp_path / "nothing"))
    with pytest.raises(DeliveryError, match=r"no token for this identity: .*challenge\.key"):
        opened().deliver([message(1)])


@pytest.mark.parametrize(("cloud", "audience"), [("government", "https://monitor.azure.us"), ("china", "https://monitor.azure.cn")])
def test_each_cloud_has_its_audience(cloud, audience, workspace, arc, opened):
    arc.audience = audience
    opened(cloud=cloud).deliver([message(1)])
    assert ids(workspace) == [1]


@pytest.fixture
def application(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An application's identity; the login service is the stand-in."""
    monkeypatch.setitem(ingestion.AUTHORITIES, "public", f"https://localhost:{workspace.port}")
    return {"tenant": "11111111-1111-1111-1111-111111111111", "client": "22222222-2222-2222-2222-222222222222"}


def test_an_application_shows_its_certificate(workspace, application, opened, tmp_path):
    own = trustme.CA().issue_cert("sensor", key_type=trustme.KeyType.RSA)
    path = tmp_path / "sensor.pem"
    own.private_key_and_cert_chain_pem.write_to_path(str(path))
    opened(certificate_file=str(path), **application).deliver([message(1)])
    assert ids(workspace) == [1]
    [login] = workspace.logins
    assert login["client_id"] == [application["client"]]
    assert "client_assertion" in login
    assert "client_secret" not in login


def test_an_application_may_have_a_secret_in_a_file(workspace, application, opened, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    opened(secret_file=str(path), **application).deliver([message(1)])
    assert ids(workspace) == [1]
    assert [login["client_secret"] for login in workspace.logins] == [[SECRET]]


def test_secrets_are_in_no_log_and_no_error(workspace, application, opened, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "secret"
    path.write_text(SECRET)
    way = opened(secret_file=str(path), **application)
    workspace.role = False
    with pytest.raises(DeliveryError) as denied:
        way.deliver([message(1)])
    path.write_text("wrong-and-secret")
    with pytest.raises(DeliveryError, match="Invalid client secret") as wrong:
        opened(secret_file=str(path), **application).deliver([message(1)])
    shown = caplog.text + "".join(capfd.readouterr()) + repr(denied.value) + repr(wrong.value)
    assert "dataCollectionRules" in caplog.text  # the clients do log
    assert not re.search(f"{SECRET}|{TOKEN}|wrong-and-secret", shown)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"rule_id": ""}, "rule_id: set the immutable id"),
        ({"rule_id": "/subscriptions/x"}, "rule_id: set the immutable id"),
        ({"stream": "Custom-x/../y"}, "stream: .* no stream's name"),
        ({"framing": "octet"}, "header and framing are syslog's"),
        ({"timeout": "soon"}, "timeout: 'soon' is no number"),
        ({"cloud": "german"}, "cloud: german is none"),
        ({"ca_file": "/nowhere/ca.pem"}, "ca_file: /nowhere/ca.pem"),
        ({"form": "cef"}, "form: cef has no table"),
        ({"host": ""}, "url: write ingestion://HOST"),
        ({"certificate_file": "/nowhere/sensor.pem"}, "tenant, client: both"),
        ({"certificate_file": "/nowhere/sensor.pem", "tenant": "t", "client": "c"}, "certificate_file: /nowhere/sensor.pem: No such file"),
        ({"secret_file": "/nowhere/secret", "tenant": "t", "client": "c"}, "secret_file: /nowhere/secret: No such file"),
        ({"secret_file": "/dev/null", "tenant": "t", "client": "c"}, "secret_file: /dev/null: "),
        ({"certificate_file": "/dev/null", "tenant": "t", "client": "c"}, "certificate_file: /dev/null: "),
        ({"secret_file": "/dev/null", "tenant": "a/b", "client": "c"}, "^tenant: a/b is no directory's id"),
        ({"certificate_file": "/dev/null", "tenant": "ü", "client": "c"}, "^tenant: ü is no directory's id"),
        ({"secret_file": "/x", "certificate_file": "/y"}, "secret_file: certificate_file is set too"),
    ],
)
def test_settings_that_are_wrong_are_told_before_anything_is_sent(options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        WAYS["ingestion"].open(destination(443, **options))


def test_the_table_of_assets_gets_nothing_else():
    wrong = Destination(name="azure", scheme="ingestion", host="h", form="assets_table", options={"rule_id": RULE})
    with pytest.raises(SettingsError, match=r'set events = \["asset"\]'):
        WAYS["ingestion"].open(wrong)


@pytest.mark.parametrize(("form", "events"), [("commonsecuritylog", "alert,incident,asset,health"), ("assets_table", "asset")])
def test_what_is_found_in_a_plant_gets_there_through_the_forwarder(form, events, workspace, tmp_path):
    workspace.ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    workspace.script = [(429, {"Retry-After": "0"})]
    workspace.most = 60_000  # it takes less at once than it says
    url = f"ingestion://localhost:{workspace.port}?form={form}&events={events}&rule_id={RULE}&ca_file={tmp_path / 'ca.pem'}"
    target = destination_of(url, "azure")
    told = [event for event in plant_events(PLANTS[-1]) if target.wants(event)]
    said = []
    assert run.send(told, [target], SENSOR, lambda *words: said.append(words)) == {}
    assert workspace.rows == [json.loads(FORMS[form].write(event, SENSOR, 1_000_000)) for event in told]
    assert len(told) > 10
    assert len(said) == 1  # it was throttled once


@pytest.mark.parametrize("form", ["commonsecuritylog", "assets_table"])
def test_a_destination_can_be_tried(form, workspace, tmp_path):
    workspace.ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    run.send_test(destination(workspace.port, form, ca_file=str(tmp_path / "ca.pem")), SENSOR)
    [row] = workspace.rows
    assert "ot.sensor.export_test" in json.dumps(row)


OPENING = f"""
import sys
from sensor.exports.destination import Destination
from sensor.exports.ways import WAYS
try:
    way = WAYS["ingestion"].open(
        Destination(name="azure", scheme="ingestion", host="localhost", form="commonsecuritylog", options={{"rule_id": "{RULE}"}})
    )
    way.deliver([b"{{}}"])
except Exception as error:
    print(type(error).__name__, error)
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


def test_without_the_clients_the_error_says_what_to_install():
    done = python("import sys; sys.modules['azure'] = None\n" + OPENING)
    assert done.stdout == "SettingsError Microsoft's clients are not installed: pip install 'otoscope[azure]'\n"


def test_the_clients_print_nothing_themselves():
    done = python(OPENING, IDENTITY_ENDPOINT="http://127.0.0.1:1/token", IMDS_ENDPOINT="http://127.0.0.1:1")
    assert done.stdout.startswith("DeliveryError ingestion://localhost: no token for this identity: ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_the_clients_are_loaded_only_where_they_are_used():
    code = "import sys, sensor.exports.ways; print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msal', 'requests')])"
    assert python(code).stdout == "[]\n"


def test_the_document_has_every_setting_and_every_hint():
    text = (Path(__file__).parents[3] / "docs" / "ingestion.md").read_text()
    assert [
        name
        for name in (*ingestion.OPTIONS, *ingestion.STREAMS, *ingestion.STREAMS.values(), *ingestion.AUDIENCES)
        if f"`{name}`" not in text
    ] == []
    assert [status for status in (*ingestion.HINTS, 413, 429) if f"| {status} |" not in text] == []
    assert [name for name in asset_row.COLUMNS if f"`{name}`" not in text] == []
