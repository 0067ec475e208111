"""JSON to a real HTTP server, which answers as those do."""

import email.utils
import gzip
import html
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from contextlib import suppress

import pytest

from sensor.errors import DeliveryError, RefusedError, SettingsError
from sensor.events import Sensor
from sensor.exports.destination import Destination
from sensor.exports.forwarder import Forwarder
from sensor.exports.ways import WAYS
from sensor.settings import destination_of
from sensor.store import Bounds, Store
from sensor.telling import health_event
from tests.exports.receivers import free_port

EVENTS = [json.dumps({"number": number, "text": "Käserei"}, ensure_ascii=False).encode() + b"\n" for number in range(10)]


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it gets. answers: status, headers and body of the next ones; then 200. most: events that it takes at once."""

    daemon_threads = False

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_port
        self.requests, self.taken, self.answers = [], [], []
        self.most, self.poison = 1000, set()
        self.connections = 0
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def get_request(self):
        self.connections += 1
        connection, address = super().get_request()
        connection.settimeout(5)
        return connection, address

    def handle_error(self, request, address):
        """A broken connection is not for the screen."""

    def judge(self, events):
        if self.answers:
            return self.answers.pop(0)
        if len(events) > self.most:
            return 413, {}, b""
        if any(event.get("details", event)["number"] in self.poison for event in events):
            return 400, {}, b'{"error":\n "number is wrong"}'
        self.taken += events
        return 200, {}, b"{}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        lines = self.headers["Content-Type"] == "application/x-ndjson"
        events = [json.loads(line) for line in plain.splitlines()] if lines else json.loads(plain)
        self.server.requests.append((self.path, self.headers, body))
        status, headers, answer = self.server.judge(events)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def serving():
    made = []

    def serve(context=None):
        server = Server(context)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.append((server, thread))
        return server

    yield serve
    for server, thread in made:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def opened():
    made = []

    def open_way(port, scheme="http", path="/hooks/secret", host="localhost", **options):
        destination = Destination(name="hook", scheme=scheme, host=host, port=port, path=path, form="ocsf", options=options)
        made.append(WAYS[scheme].open(destination))
        return made[-1]

    yield open_way
    for way in made:
        way.close()


def numbers(server):
    return [event["number"] for event in server.taken]


def test_a_batch_is_one_post_of_an_array(serving, opened):
    server = serving()
    way = opened(server.port)
    way.deliver(EVENTS[:6])
    way.deliver([])
    way.deliver(EVENTS[6:])
    assert way.unsure() == 0
    way.finish()
    assert server.taken == [json.loads(event) for event in EVENTS]
    (path, headers, body), _ = server.requests
    assert (path, headers["Content-Type"], headers["Authorization"]) == ("/hooks/secret", "application/json", None)
    assert json.loads(body) == [json.loads(event) for event in EVENTS[:6]]
    assert server.connections == 1


def test_lines_instead_of_an_array(serving, opened):
    server = serving()
    opened(server.port, body="lines").deliver(EVENTS)
    assert server.requests[0][2] == b"".join(EVENTS)
    assert numbers(server) == list(range(10))


def test_the_path_is_not_shown():
    shown = Destination(name="hook", scheme="https", host="fd00::1", port=8443, path="/hooks/secret?sig=secret", form="ocsf").url
    assert shown == "https://[fd00::1]:8443/…"


def test_compressed(serving, opened):
    server = serving()
    opened(server.port, gzip="yes").deliver(EVENTS * 50)
    assert len(server.requests[0][2]) < len(b"".join(EVENTS * 50)) / 5
    assert len(server.taken) == 500


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", "/"),
        ("/a b/ü", "/a%20b/%C3%BC"),
        ("/a?sig=x%2By&b=1", "/a?sig=x%2By&b=1"),
        ("/a\r\nX: y", "/a%0D%0AX%3A%20y".replace("%3A", ":")),
    ],
)
def test_paths(serving, opened, path, asked):
    server = serving()
    opened(server.port, path=path).deliver(EVENTS[:1])
    assert server.requests[0][0] == asked


def test_the_token_is_read_each_time(serving, opened, tmp_path):
    server, token = serving(), tmp_path / "token"
    token.write_text("first\n")
    way = opened(server.port, token_file=str(token))
    way.deliver(EVENTS[:1])
    token.write_text("second\n")
    way.deliver(EVENTS[:1])
    assert [headers["Authorization"] for _, headers, _ in server.requests] == ["Bearer first", "Bearer second"]
    token.unlink()
    with pytest.raises(DeliveryError, match=r"token_file: .*token"):
        way.deliver(EVENTS[:1])


# Answers -----------------------------------------------------------------------------------------------------------


def test_too_many_at_once_go_in_parts_and_in_order(serving, opened):
    server = serving()
    server.most = 3
    opened(server.port).deliver(EVENTS)
    assert numbers(server) == list(range(10))


@pytest.mark.parametrize("poison", [0, 4, 9])
def test_one_that_is_refused_is_found_and_those_before_it_have_arrived(serving, opened, poison):
    server = serving()
    server.poison = {poison}
    way = opened(server.port)
    with pytest.raises(RefusedError, match=r"HTTP 400: it does not take this event; it says: .*number is wrong") as failure:
        way.deliver(EVENTS)
    assert failure.value.index == poison
    if poison:
        assert numbers(server) == list(range(poison))
    else:  # another one is taken first, to know that it is this one that is wrong
        assert len(server.taken) == 1
        server.taken.clear()
    if EVENTS[poison + 1 :]:
        way.deliver(EVENTS[poison + 1 :])
    assert numbers(server) == [number for number in range(10) if number != poison]


def handed_over(way, events):
    """As the forwarder does: those that are refused, by their place."""
    refused, at = [], 0
    while at < len(events):
        try:
            way.deliver(events[at:])
            break
        except RefusedError as error:
            refused.append(at + error.index)
            at += error.index + 1
    return refused


def test_where_only_one_is_taken_all_others_are_refused(serving, opened):
    server = serving()
    server.poison = set(range(9))
    assert handed_over(opened(server.port), EVENTS) == list(range(9))
    assert set(numbers(server)) == {9}


MANY = [json.dumps({"number": number}).encode() + b"\n" for number in range(500)]


def test_a_receiver_that_takes_nothing_has_nothing_refused(serving, opened):
    server = serving()
    server.poison = set(range(500))
    way = opened(server.port)
    for attempt in range(2):
        with pytest.raises(DeliveryError, match=r"it takes none of them: look at form and body: HTTP 400.*number is wrong") as failure:
            way.deliver(MANY)
        assert not isinstance(failure.value, RefusedError)
        assert len(server.requests) <= 40 * (attempt + 1)
    server.poison = set()
    way.deliver(MANY)
    assert numbers(server) == list(range(500))


def test_the_one_that_is_taken_is_found_in_the_end(serving, opened):
    server = serving()
    server.poison = set(range(100)) - {50}
    way = opened(server.port)
    for _ in range(5):
        with suppress(DeliveryError):
            assert handed_over(way, MANY[:100]) == [number for number in range(100) if number != 50]
            return
    pytest.fail("it was not found")


@pytest.mark.parametrize("poison", [set(), {0}, {9}])
def test_a_receiver_that_took_some_before_and_takes_nothing_now(serving, opened, poison):
    server = serving()
    server.poison = poison
    way = opened(server.port)
    assert handed_over(way, EVENTS) == list(poison)
    server.poison = set(range(500))
    with pytest.raises(DeliveryError, match="it takes none of them"):
        handed_over(way, MANY)


def test_one_alone_is_refused_once_something_else_was_taken(serving, opened):
    server = serving()
    server.poison = {0}
    way = opened(server.port)
    with pytest.raises(DeliveryError, match="it takes none of them"):
        handed_over(way, EVENTS[:1])
    way.deliver(EVENTS[1:2])
    assert handed_over(way, EVENTS[:1]) == [0]
    with pytest.raises(DeliveryError, match="it takes none of them"):
        handed_over(way, EVENTS[:1])


def test_what_was_refused_is_sent_once_more_with_all_that_were(serving, tmp_path):
    server = serving()
    server.poison = {3, 4, 5, 6}
    destination = destination_of(f"http://127.0.0.1:{server.port}/hook?form=json", "hook")
    with Store.open(tmp_path / "plant.db") as store:
        store.outbox.register([destination], Bounds())
        forwarder = Forwarder(destination, Sensor(id="sns-1", name="sensor", version="1"), store.outbox)
        store.outbox.tell([health_event("heartbeat", "Sensor heartbeat", 1, figures={"number": number}) for number in range(10)])
        assert forwarder.step()
        assert store.outbox.states()[0].refused == 4
        server.poison = {4}
        server.taken.clear()
        store.outbox.nudge("hook")
        forwarder.step()
        assert {event["details"]["number"] for event in server.taken} == {3, 5, 6}
        assert store.outbox.states()[0].refused == 1
        forwarder.finish()


def test_one_that_is_too_large_is_refused(serving, opened):
    server = serving()
    server.most = 0
    with pytest.raises(RefusedError, match="HTTP 413") as failure:
        opened(server.port).deliver(EVENTS)
    assert failure.value.index == 0


@pytest.mark.parametrize(
    ("status", "headers", "hint", "wait"),
    [
        (429, {"Retry-After": "7"}, "it asks for less", 7),
        (503, {"Retry-After": "999999999999999999999"}, "it is not available just now", 3600),
        (503, {"Retry-After": "soon"}, "it is not available just now", None),
        (503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, "it is not available just now", 0),
        (500, {}, "it failed: look at its own log; it says", None),
        (401, {}, "it does not accept our token: look at token_file", None),
        (403, {}, "it forbids this: look at token_file", None),
        (404, {}, "nothing takes events at this path: look at the URL", None),
        (418, {}, "it does not take this", None),
        (302, {"Location": "http://127.0.0.1:1/hooks/secret?sig=9"}, r'it sends us to "http://127\.0\.0\.1:1", where we do not go', None),
    ],
)
def test_answers_that_say_later(serving, opened, status, headers, hint, wait):
    server = serving()
    server.answers = [(status, headers, b"because\x1b[31m\r\nof that")]
    way = opened(server.port)
    with pytest.raises(DeliveryError, match=f"HTTP {status}: {hint}") as failure:
        way.deliver(EVENTS)
    assert not isinstance(failure.value, RefusedError)
    assert failure.value.wait == wait
    assert str(failure.value).isprintable()
    assert "/hooks/secret" not in str(failure.value)
    way.deliver(EVENTS)
    assert numbers(server) == list(range(10))


PATH = "/hooks/T0 ü/xyz%2Fzyx?sig=abc%2Bdef&n=1234567"
BEARER = "Token-9f86d081884c7d65+/="
SAID = (
    "POST {path} HTTP/1.1 Authorization: Bearer {token}",
    "no such hook: {unquoted}",
    "{quoted} {escaped}",
    "<p>{html}</p>",
    "xyz/zyx is not known, nor is ABC%2bDEF nor abc+def",
    '{{"path": "{escaped}", "token": "Token-9f86d081884c7d65+\\/="}}',
    '{{"token": "Token-9f86d081884c7d65\\u002B/="}}',
)


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
@pytest.mark.parametrize("said", SAID)
def test_an_answer_that_repeats_the_request_tells_nobody_its_secrets(serving, opened, tmp_path, status, said):
    server = serving()
    (tmp_path / "token").write_text(BEARER)
    way = opened(server.port, path=PATH, token_file=str(tmp_path / "token"))
    way.deliver(EVENTS[:1])
    asked = server.requests[0][0]
    unquoted = urllib.parse.unquote(PATH)
    html_ = html.escape(asked)
    answer = said.format(
        path=asked, token=BEARER, unquoted=unquoted, quoted=urllib.parse.quote(PATH, safe=""), escaped=asked.replace("/", "\\/"), html=html_
    )
    server.answers = [(status, {}, answer.encode())] * 50
    with pytest.raises(DeliveryError, match=f"HTTP {status}: .*…") as failure:
        way.deliver(EVENTS)
    for secret in ("xyz", "zyx", "abc", "def", "1234567", "9f86d0"):
        assert secret not in str(failure.value).lower()


def test_the_beginning_of_a_long_token_is_not_shown(serving, opened, tmp_path):
    server = serving()
    (tmp_path / "token").write_text("eyJ" + "k" * 10_000)
    server.answers = [(401, {}, b"not valid: eyJ" + b"k" * 10_000)]
    with pytest.raises(DeliveryError, match="it says: … "):
        opened(server.port, token_file=str(tmp_path / "token")).deliver(EVENTS)


@pytest.mark.parametrize("location", ["/hooks/secret", "//[", "https://siem.example:x/secret", "https://secret", ""])
def test_where_a_server_sends_us_is_shown_without_the_path(serving, opened, location):
    server = serving()
    server.answers = [(307, {"Location": location}, b"")]
    with pytest.raises(DeliveryError, match="HTTP 307: it sends us to") as failure:
        opened(server.port).deliver(EVENTS)
    assert "secret" not in str(failure.value)


@pytest.fixture
def saying():
    """A server that says, to whoever asks it, what it is told, an octet each tenth of a second where `slowly`."""
    made = []

    def serve(text, slowly=b""):
        server = socket.create_server(("127.0.0.1", 0))

        def answer():
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        connection.recv(65_536)
                        connection.sendall(text)
                        for octet in slowly:
                            time.sleep(0.1)
                            connection.sendall(bytes([octet]))

        thread = threading.Thread(target=answer)
        thread.start()
        made.append((server, thread))
        return server.getsockname()[1]

    yield serve
    for server, thread in made:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize(
    "text", [b"POST /hooks/secret HTTP/1.1\r\n\r\n", b"HTTP/1.1 500 x\r\n/hooks/secret\r\nnothing\r\n\r\n/hooks/secret"]
)
def test_what_is_no_answer_tells_no_secret_either(saying, opened, capfd, caplog, text):
    caplog.set_level("DEBUG")
    with pytest.raises(DeliveryError) as failure:
        opened(saying(text)).deliver(EVENTS)
    assert "secret" not in str(failure.value) + caplog.text + "".join(capfd.readouterr())


SLOWLY = b"x" * 600
"""It would take a minute."""


@pytest.mark.parametrize("header", [b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"Connection: close"])
def test_a_batch_is_delivered_however_slowly_the_rest_of_the_answer_comes(saying, opened, header):
    way = opened(saying(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n", SLOWLY))
    way.deliver(EVENTS)
    way.deliver(EVENTS)


def test_what_is_said_slowly_is_not_waited_for(saying, opened):
    with pytest.raises(DeliveryError, match="HTTP 500: it failed"):
        opened(saying(b"HTTP/1.1 500 x\r\nContent-Length: 1000\r\n\r\n", SLOWLY)).deliver(EVENTS)


def test_a_status_that_comes_slowly_is_none(saying, opened):
    with pytest.raises(DeliveryError, match=r"no answer within 0\.5 s"):
        opened(saying(b"HTTP/1.1 200 OK\r\nX: ", SLOWLY), timeout="0.5").deliver(EVENTS)


def test_a_date_to_come_back_at(serving, opened):
    server = serving()
    server.answers = [(503, {"Retry-After": email.utils.formatdate(time.time() + 600, usegmt=True)}, b"")]
    with pytest.raises(DeliveryError) as failure:
        opened(server.port).deliver(EVENTS)
    assert 0 < failure.value.wait <= 600


def test_an_answer_that_is_long_is_not_read(serving, opened):
    server = serving()
    server.answers = [(500, {}, b"x" * 50_000_000)]
    way = opened(server.port)
    with pytest.raises(DeliveryError, match="HTTP 500") as failure:
        way.deliver(EVENTS)
    assert len(str(failure.value)) < 500
    way.deliver(EVENTS)
    assert numbers(server) == list(range(10))


# What is wrong -----------------------------------------------------------------------------------------------------


def test_nobody_listens(opened):
    with pytest.raises(DeliveryError, match=r"^http://localhost:\d+/…: nothing listens there"):
        opened(free_port()).deliver(EVENTS)


def test_a_name_that_nobody_knows(opened):
    with pytest.raises(DeliveryError, match="this name of a host is not known"):
        opened(80, host="nobody.invalid").deliver(EVENTS)


def test_a_server_that_says_nothing(listening_only, opened):
    with pytest.raises(DeliveryError, match=r"no answer within 0\.2 s"):
        opened(listening_only, timeout="0.2").deliver(EVENTS)


@pytest.fixture
def listening_only():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_settings_that_are_wrong(opened, tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("one\ntwo\n")
    with pytest.raises(SettingsError, match="everybody on the way could read the token: use https"):
        opened(80, host="siem.example", token_file=str(tmp_path / "two"))
    for options, hint in (
        ({"token_file": str(tmp_path / "none")}, "token_file: .*none"),
        ({"token_file": str(tmp_path / "empty")}, "there must be a token in it"),
        ({"token_file": str(tmp_path / "two")}, "there must be a token in it"),
        ({"body": "xml"}, "body: 'xml' is neither"),
        ({"gzip": "maybe"}, "gzip: 'maybe' is neither"),
        ({"timeout": "never"}, "is no number of seconds"),
    ):
        with pytest.raises(SettingsError, match=hint):
            opened(80, **options)
    with pytest.raises(SettingsError, match="https:// needs a host"):
        WAYS["https"].open(Destination(name="hook", scheme="https", form="ocsf"))
    with pytest.raises(SettingsError, match="takes JSON, which cef is not"):
        WAYS["https"].open(Destination(name="hook", scheme="https", host="siem.example"))
    with pytest.raises(SettingsError, match="header and framing are syslog's"):
        WAYS["https"].open(Destination(name="hook", scheme="https", host="siem.example", form="ocsf", framing="octet"))


# TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def context(certificates):
    def make(name="localhost", *, mutual=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.issue(f"web-{name}", name).values())
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificates.authority())
        return context

    return make


def test_https(serving, opened, certificates, context):
    server = serving(context())
    opened(server.port, "https", ca_file=certificates.authority()).deliver(EVENTS)
    assert numbers(server) == list(range(10))


def test_https_of_another_name(serving, opened, certificates, context):
    server = serving(context("siem.example"))
    with pytest.raises(DeliveryError, match="for another name: give that name as server_name"):
        opened(server.port, "https", ca_file=certificates.authority()).deliver(EVENTS)
    opened(server.port, "https", ca_file=certificates.authority(), server_name="siem.example").deliver(EVENTS)
    assert numbers(server) == list(range(10))


@pytest.mark.parametrize("authority", ["theirs", None])
def test_https_that_is_not_trusted(serving, opened, certificates, context, authority):
    server = serving(context())
    options = {} if authority is None else {"ca_file": certificates.authority(authority)}
    with pytest.raises(DeliveryError, match="CA that is not trusted here: give that CA's certificate as ca_file"):
        opened(server.port, "https", **options).deliver(EVENTS)
    assert server.requests == []


def test_https_with_a_pinned_certificate(serving, opened, certificates, context):
    server = serving(context("siem.example"))
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificates.authority().replace("ours", "web-siem.example")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().partition("=")[2]
    opened(server.port, "https", fingerprint=printed).deliver(EVENTS)
    assert numbers(server) == list(range(10))
    with pytest.raises(DeliveryError, match="another fingerprint"):
        opened(server.port, "https", fingerprint="ab" * 32).deliver(EVENTS)
    assert len(server.requests) == 1


def test_https_with_a_certificate_of_both(serving, opened, certificates, context):
    server = serving(context(mutual=True))
    with pytest.raises(DeliveryError, match=r"want.* certificate of us"):
        opened(server.port, "https", ca_file=certificates.authority()).deliver(EVENTS)
    ours = certificates.issue("hook", "sensor")
    opened(server.port, "https", ca_file=certificates.authority(), **ours).deliver(EVENTS)
    assert numbers(server) == list(range(10))


def test_https_to_a_server_of_http(serving, opened, certificates):
    with pytest.raises(DeliveryError, match="it does not speak TLS on this port"):
        opened(serving().port, "https", ca_file=certificates.authority()).deliver(EVENTS)
