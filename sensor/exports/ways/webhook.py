"""Events as JSON to a URL, over HTTP or HTTPS: each batch one POST, which the answer proves."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import urllib3

from sensor.errors import DeliveryError, RefusedError, SettingsError
from sensor.exports import tls
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.options import host, seconds, yes
from sensor.exports.reasons import explain
from sensor.exports.retry import retry_after

TIMEOUT = 30.0
ANSWER = 4096
"""Octets of an answer that are read."""

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
TO_SPLIT = (400, 413, 422)
"""It does not want this batch: one event of it, or as many at once."""


class Webhook:
    """Batches of events to one URL."""

    def __init__(self, destination: Destination, *, secure: bool) -> None:
        if destination.framing != "lf" or destination.header not in (None, "none"):
            raise SettingsError(f"header and framing are syslog's: {destination.scheme} has none")
        if destination.form in FORMS and FORMS[destination.form].header != "none":
            raise SettingsError(f"form: {destination.scheme} takes JSON, which {destination.form} is not: write ocsf")
        options = destination.options
        port = destination.port or (443 if secure else 80)
        self._host, self._secure = (host(destination, "HOST/PATH"), port), secure
        # Paths of webhooks are often secrets: no error shows them.
        self._shown = f"{destination.scheme}://{destination.host}:{port}"
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
        self._token()
        self._pool: urllib3.HTTPConnectionPool | None = None
        if secure:
            tls.context(options)  # to say now what is wrong with it

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Post them; in halves where they are too many or one of them is refused, until it is known which."""
        parts = [(0, len(messages))] if messages else []
        while parts:
            start, end = parts.pop()
            refusal = self._post(messages[start:end])
            if not refusal:
                continue
            if end - start == 1:
                raise RefusedError(f"{self._shown}: {refusal}", start)
            middle = (start + end) // 2
            parts += [(middle, end), (start, middle)]

    def unsure(self) -> int:
        """None: each batch was answered."""
        return 0

    def finish(self) -> None:
        """Nothing is unsure."""
        self.close()

    def close(self) -> None:
        """Close."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _post(self, messages: Sequence[bytes]) -> str:
        """Why these are refused; empty: they are not. Raises DeliveryError where they are to be sent again."""
        body, headers = self._body(messages)
        try:
            pool = self._pool or self._open()
            response = pool.urlopen("POST", self._path, body=body, headers=headers, redirect=False, preload_content=False)
            answer = response.read(ANSWER, decode_content=False)
            if len(answer) < ANSWER:
                response.release_conn()
            else:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.close()
            raise DeliveryError(f"{self._shown}: {self._reason(error)}") from None
        except SettingsError as error:  # a file that was right at first
            raise DeliveryError(f"{self._shown}: {error}") from None
        return self._judge(response.status, response.headers, answer)

    def _judge(self, status: int, headers: Mapping[str, str], answer: bytes) -> str:
        if 200 <= status < 300:
            return ""
        said = f"; it says: {_printable(answer)}" if answer.strip() else ""
        if status in TO_SPLIT:
            return f"HTTP {status}: it does not take this event{said}"
        if 300 <= status < 400:
            where = _printable(headers.get("location", "").encode())
            raise DeliveryError(
                f"{self._shown}: HTTP {status}: it sends us to {where or 'another URL'}, where we do not go by ourselves: give that URL"
            )
        hint = STATUS.get(status, "it failed: look at its own log" if status >= 500 else "it does not take this")
        raise DeliveryError(f"{self._shown}: HTTP {status}: {hint}{said}", retry_after(headers.get("retry-after")))

    def _body(self, messages: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
        documents = [message.removesuffix(b"\n") for message in messages]
        body = b"\n".join([*documents, b""]) if self._lines else b"[" + b",".join(documents) + b"]"
        headers = {"Content-Type": "application/x-ndjson" if self._lines else "application/json", "User-Agent": "otoscope"}
        try:
            headers |= self._token()
        except SettingsError as error:
            raise DeliveryError(f"{self._shown}: {error}") from None
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
        except OSError as error:
            raise SettingsError(f"token_file: {path}: {(error.strerror or str(error)).lower()}") from None
        if not token or len(token) > 16_384 or any(not 0x21 <= octet <= 0x7E for octet in token):
            raise SettingsError(f"token_file: {path}: there must be a token in it, and nothing else")
        return {"Authorization": f"Bearer {token.decode('ascii')}"}

    def _open(self) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(self._timeout)
        if not self._secure:
            self._pool = urllib3.HTTPConnectionPool(*self._host, timeout=timeout, retries=False)
            return self._pool
        self._pool = urllib3.HTTPSConnectionPool(
            *self._host,
            timeout=timeout,
            retries=False,
            ssl_context=tls.context(self._options),
            server_hostname=self._options.get("server_name"),
            assert_fingerprint=tls.pinned(self._options) or None,
        )
        return self._pool

    def _reason(self, error: Exception) -> str:
        causes = [cause for cause in (*error.args, error.__cause__, error) if isinstance(cause, OSError)]
        if causes and not isinstance(causes[0], TimeoutError):
            return explain(causes[0])
        if causes or isinstance(error, urllib3.exceptions.TimeoutError):
            return f"no answer within {self._timeout:g} s: is the host up, and do firewalls let us through?"
        said = _printable(str(error).encode())
        return f"{tls.OTHER}: {said}" if isinstance(error, urllib3.exceptions.SSLError) and tls.pinned(self._options) else said


def _printable(octets: bytes, most: int = 200) -> str:
    """What others say, on one line."""
    text = " ".join(octets[: 4 * most].decode("utf-8", "replace").split())
    return json.dumps("".join(character if character.isprintable() else "?" for character in text)[:most], ensure_ascii=False)


def http(destination: Destination) -> Webhook:
    """A way over HTTP."""
    return Webhook(destination, secure=False)


def https(destination: Destination) -> Webhook:
    """A way over HTTPS."""
    return Webhook(destination, secure=True)
