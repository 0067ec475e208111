"""Events as JSON to a URL, over HTTP or HTTPS: each batch one POST, which the answer proves."""

import gzip
import logging
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from sensor.errors import DeliveryError, RefusedError, SettingsError
from sensor.exports import tls
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.hiding import origin, secrets_of, shown
from sensor.exports.options import host, seconds, yes
from sensor.exports.reasons import explain
from sensor.exports.retry import retry_after

TIMEOUT = 30.0
ANSWER = 4096
"""Octets of an answer that are read."""
ANSWER_SECONDS = 1.0
"""So long is waited for what an answer says besides its status."""
PROBES = 20
"""So many of a batch are tried alone, to know whether it is one event that is refused, or all of them."""

OPTIONS: Mapping[str, str] = {
    "timeout": f"seconds that the other side may let us wait ({TIMEOUT:.0f})",
    "token_file": "file with a token that is sent as `Authorization: Bearer`; it is read each time, so it may be renewed",
    "body": '"array": one JSON array of the events (the usual); "lines": one event in each line (NDJSON)',
    "gzip": '"yes": the body is compressed (no)',
}

STATUS = {
    401: "it does not accept our token: look at token_file",
    403: "it forbids this: look at token_file, and at what its token may do",
    404: "nothing takes events at this path: look at the URL",
    405: "nothing takes events at this path: look at the URL",
    407: "a proxy wants a password, which is not supported: give a URL that leads there directly",
    408: "it got the request too slowly",
    429: "it asks for less",
    503: "it is not available just now",
}
TOO_LARGE = 413
TO_SPLIT = (400, TOO_LARGE, 422)
"""It does not want this batch: one event of it, or as many at once."""

logging.getLogger("urllib3.connection").disabled = True  # it would write out whole URLs, secret paths and all


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers: status, headers, and the beginning of what it says."""

    status: int
    headers: Mapping[str, str]
    said: bytes


class Webhook:
    """Batches of events to one URL."""

    def __init__(self, destination: Destination, *, secure: bool) -> None:
        if destination.framing != "lf" or destination.header not in (None, "none"):
            raise SettingsError(f"header and framing are syslog's: {destination.scheme} has none")
        if destination.form in FORMS and FORMS[destination.form].header != "none":
            raise SettingsError(f"form: {destination.scheme} takes JSON, which {destination.form} is not: write ocsf")
        options = destination.options
        self._host, self._secure = (host(destination, "HOST/PATH"), destination.port or (443 if secure else 80)), secure
        self._url = destination.url
        self._secrets = secrets_of(destination.path)
        path, mark, query = destination.path.partition("?")
        self._path = quote(path or "/", safe="/:@!$&'()*+,;=~") + mark + quote(query, safe="/?:@!$&'()*+,;=~%")
        self._options = options
        self._timeout = seconds(options, TIMEOUT)
        self._gzip = yes(options, "gzip")
        self._lines = options.get("body", "array") == "lines"
        if options.get("body", "array") not in ("array", "lines"):
            raise SettingsError(f'body: {options["body"]!r} is neither "array" nor "lines"')
        if "token_file" in options and not secure and destination.host not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError("token_file: everybody on the way could read the token: use https")
        self._sent = ""  # the token, as it was sent last
        self._token()
        self._connection: HTTPConnection | None = None
        self._takes = False  # some of the batch that is under way, of which one after the other may be refused
        self._took = False  # the batch before; it is not asked for twice
        self._turn = 0  # which ones of a batch are tried alone
        if secure:
            tls.context(options)  # to say now what is wrong with it

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Post them; in halves where they are too many or one of them is refused, until it is known which."""
        parts = [(0, len(messages))] if messages else []
        while parts:
            start, end = parts.pop()
            answer = self._post(messages[start:end])
            if not (refusal := self._judge(answer)):
                self._takes = True
            elif end - start > 1:
                middle = (start + end) // 2
                parts += [(middle, end), (start, middle)]
            else:
                if answer.status != TOO_LARGE:
                    self._compare(messages[start + 1 :], refusal)
                if end == len(messages):
                    self._end_batch()
                raise RefusedError(f"{self._url}: {refusal}", start)
        self._end_batch()

    def unsure(self) -> int:
        """None: each batch was answered."""
        return 0

    def finish(self) -> None:
        """Nothing is unsure."""
        self.close()

    def close(self) -> None:
        """Close."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _end_batch(self) -> None:
        self._took = self._took or self._takes
        self._takes = False

    def _compare(self, others: Sequence[bytes], refusal: str) -> None:
        """Raise DeliveryError where it takes no other event either: then it is not this one that is wrong."""
        if self._takes:
            return
        if not others and self._took:
            self._took = False
            return
        step = -(-len(others) // PROBES) or 1
        self._turn += 1
        for other in others[self._turn % step :: step]:
            if not self._judge(self._post([other])):
                self._takes = True
                return
        raise self._failure(f"it takes none of them: look at form and body: {refusal}")

    def _failure(self, why: str, wait: float | None = None) -> DeliveryError:
        """What to raise where all is to be sent again."""
        self._takes = False
        return DeliveryError(f"{self._url}: {why}", wait)

    def _post(self, messages: Sequence[bytes]) -> Answer:
        """What it answers. Raises DeliveryError where it does not."""
        try:
            body, headers = self._body(messages)
            connection = self._connected()
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it had all
                connection.request("POST", self._path, body, headers, preload_content=False)
            receiving = connection.sock  # the connection forgets it where the answer is the last one
            with _at_most(self._timeout, receiving):
                response = connection.getresponse()
            said = self._read(receiving, response)
        except (urllib3.exceptions.HTTPError, HTTPException, OSError) as error:
            self.close()
            raise self._failure(self._reason(error)) from None
        except SettingsError as error:  # a file that was right at first
            raise self._failure(str(error)) from None
        return Answer(response.status, response.headers, said)

    def _read(self, receiving: socket.socket, response: urllib3.HTTPResponse) -> bytes:
        """The beginning of what it says. The status counts without it; the connection goes on only where there is no more."""
        said = b""
        with suppress(urllib3.exceptions.HTTPError, HTTPException, OSError), _at_most(ANSWER_SECONDS, receiving):
            said = response.read(ANSWER, decode_content=False)
            if len(said) < ANSWER:
                return said
        self.close()
        return said

    def _judge(self, answer: Answer) -> str:
        """Why it refuses these; empty: it does not. Raises DeliveryError where they are to be sent again."""
        status = answer.status
        if 200 <= status < 300:
            return ""
        said = f"; it says: {self._shown(answer.said)}" if answer.said.strip() else ""
        if status in TO_SPLIT:
            return f"HTTP {status}: it does not take this event{said}"
        if 300 <= status < 400:
            where = self._shown(origin(answer.headers.get("location", "")))
            raise self._failure(f"HTTP {status}: it sends us to {where}, where we do not go by ourselves: give that URL")
        hint = STATUS.get(status, "it failed: look at its own log" if status >= 500 else "it does not take this")
        raise self._failure(f"HTTP {status}: {hint}{said}", retry_after(answer.headers.get("retry-after")))

    def _shown(self, said: str | bytes) -> str:
        """What others say, as far as people may read it."""
        text = said if isinstance(said, str) else said.decode("utf-8", "replace")
        return shown(text, (self._sent, *self._secrets))

    def _body(self, messages: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
        documents = [message.removesuffix(b"\n") for message in messages]
        body = b"\n".join([*documents, b""]) if self._lines else b"[" + b",".join(documents) + b"]"
        headers = {"Content-Type": "application/x-ndjson" if self._lines else "application/json", "User-Agent": "otoscope"}
        headers |= self._token()
        if self._gzip:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 6, mtime=0)
        return body, headers

    def _token(self) -> dict[str, str]:
        if "token_file" not in self._options:
            return {}
        path = self._options["token_file"]
        try:
            token = Path(path).read_bytes().strip()
        except (OSError, ValueError) as error:
            raise SettingsError(f"token_file: {path}: {(getattr(error, 'strerror', None) or str(error)).lower()}") from None
        if not token or len(token) > 16_384 or any(not 0x21 <= octet <= 0x7E for octet in token):
            raise SettingsError(f"token_file: {path}: there must be a token in it, and nothing else")
        self._sent = token.decode("ascii")
        return {"Authorization": f"Bearer {self._sent}"}

    def _connected(self) -> HTTPConnection:
        if self._connection is not None and self._connection.is_connected:
            return self._connection
        self.close()
        self._connection = self._made()
        self._connection.connect()
        return self._connection

    def _made(self) -> HTTPConnection:
        if not self._secure:
            return HTTPConnection(*self._host, timeout=self._timeout)
        return HTTPSConnection(
            *self._host,
            timeout=self._timeout,
            ssl_context=tls.context(self._options),
            server_hostname=self._options.get("server_name"),
            assert_fingerprint=tls.pinned(self._options) or None,
        )

    def _reason(self, error: Exception) -> str:
        causes = [cause for cause in (*error.args, error.__cause__, error) if isinstance(cause, OSError)]
        if causes and not isinstance(causes[0], TimeoutError):
            return explain(causes[0])
        if causes or isinstance(error, urllib3.exceptions.TimeoutError):
            return f"no answer within {self._timeout:g} s: is the host up, and do firewalls let us through?"
        said = self._shown(str(error))
        return f"{tls.OTHER}: {said}" if isinstance(error, urllib3.exceptions.SSLError) and tls.pinned(self._options) else said


@contextmanager
def _at_most(seconds: float, receiving: socket.socket) -> Iterator[None]:
    """End what is received inside after so long, however little comes at a time. Raises TimeoutError where that had to be done."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError):
            # Of a socket of TLS too the one below: its own is not for two threads.
            socket.socket.shutdown(receiving, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (urllib3.exceptions.HTTPError, HTTPException, OSError):
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError


def http(destination: Destination) -> Webhook:
    """A way over HTTP."""
    return Webhook(destination, secure=False)


def https(destination: Destination) -> Webhook:
    """A way over HTTPS."""
    return Webhook(destination, secure=True)
