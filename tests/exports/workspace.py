"""Stand-ins for what a sensor meets on the way into a workspace: the ingestion endpoint, the login service, the agent of an Arc server.

They hold what Microsoft documents: TLS, a bearer token for the right audience, the limits, the answers. No request leaves this machine.
"""

import base64
import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

MEGABYTE = 1_048_576
FIELD = 65_536
RULE = "dcr-0123456789abcdef0123456789abcdef"
TOKEN = "header.payload.signature"  # noqa: S105 - made up
SECRET = "not-to-be-seen"  # noqa: S105 - made up

TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and abs(value) < 2**31,
    "long": lambda value: isinstance(value, int) and abs(value) < 2**63,
    "real": lambda value: isinstance(value, int | float),
    "dynamic": lambda value: isinstance(value, dict | list),
    "datetime": lambda value: isinstance(value, str) and bool(datetime.fromisoformat(value)),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: object = None, headers: Mapping[str, str] | None = None) -> None:
        octets = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(handler: type[Handler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port where it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Workspace:
    """The ingestion endpoint of one data collection rule, and the login service beside it.

    streams: columns by stream. script: answers (status, headers) that come before any other; 0: none,
    the connection ends; below: none until `done` is set. most: octets of a request.
    requests: how long each was.
    """

    streams: Mapping[str, Mapping[str, str]]
    role: bool = True
    audience: str = "https://monitor.azure.com"
    most: int = MEGABYTE
    script: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    logins: list[dict[str, list[str]]] = field(default_factory=list)
    truncated: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    ca: trustme.CA = field(default_factory=trustme.CA)
    port: int = 0

    def check(self, path: str, token: str, packed: bytes, body: bytes) -> tuple[int, str]:
        """What the service says to a request."""
        parts = urlsplit(path)
        _, rules, rule, streams, stream = parts.path.split("/")
        resource = (rules, streams, parse_qs(parts.query)) == ("dataCollectionRules", "streams", {"api-version": ["2023-01-01"]})
        checks = (
            (resource, 404, "no such resource"),
            (token == f"Bearer {TOKEN}", 401, "Authentication failed"),
            (rule == RULE, 404, f"Data collection rule with immutable Id '{rule}' not found."),
            (self.role, 403, f"The authentication token does not have access to ingest data for the data collection rule '{rule}'."),
            (stream in self.streams, 400, f"Stream '{stream}' was not found"),
            (max(len(packed), len(body)) <= self.most, 413, f"Maximum allowed content length: {self.most} bytes"),
        )
        for fine, status, text in checks:
            if not fine:
                return status, text
        rows = json.loads(body)
        if not isinstance(rows, list) or not all(self.fits(stream, row) for row in rows):
            return 400, "Input does not match the stream"
        self.truncated += sum(len(str(value).encode()) > FIELD for row in rows for value in row.values())
        self.rows += rows
        return 204, ""

    def fits(self, stream: str, row: dict) -> bool:
        columns = self.streams[stream]
        return "TimeGenerated" in row and all(name in columns and TYPES[columns[name]](value) for name, value in row.items())

    def handler(self) -> type[Handler]:
        """For a server."""
        workspace = self

        class Endpoint(Handler):
            def do_GET(self) -> None:  # the login service says where it gives out tokens
                tenant = f"https://localhost:{workspace.port}{self.path.split('/v2.0')[0]}"
                endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "oauth2/v2.0/token"}
                self.answer(200, {"issuer": tenant, **{name: f"{tenant}/{end}" for name, end in endpoints.items()}})

            def do_POST(self) -> None:
                packed = self.body()
                if self.path.endswith("/oauth2/v2.0/token"):
                    self.login(parse_qs(packed.decode()))
                    return
                workspace.requests.append(len(packed))
                if workspace.script:
                    status, headers = workspace.script.pop(0)
                    workspace.answers.append(status)
                    if status <= 0:
                        self.close_connection = status == 0 or workspace.done.wait(30)
                        return
                    self.answer(status, {"error": {"code": "Scripted", "message": "as the test wants it"}}, headers)
                    return
                body = gzip.decompress(packed) if self.headers["Content-Encoding"] == "gzip" else packed
                status, text = workspace.check(self.path, self.headers["Authorization"] or "", packed, body)
                workspace.answers.append(status)
                self.answer(status, {"error": {"code": "OperationFailed", "message": text}} if text else None)

            def login(self, form: dict[str, list[str]]) -> None:
                workspace.logins.append(form)
                if form["scope"] != [f"{workspace.audience}/.default"]:
                    self.answer(400, {"error": "invalid_scope", "error_description": "AADSTS70011: no such scope"})
                elif form.get("client_secret", [SECRET]) != [SECRET]:
                    self.answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
                else:
                    self.answer(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

        return Endpoint

    @contextmanager
    def running(self) -> Iterator["Workspace"]:
        """With a certificate for localhost."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost").configure_cert(context)
        with served(self.handler(), context) as self.port:
            yield self


class Arc:
    """The local endpoint of the agent on an Arc server: it gives out tokens to whoever can read a file that it has just written."""

    def __init__(self, keys: Path, audience: str = "https://monitor.azure.com") -> None:
        self.key = keys / "challenge.key"
        self.audience = audience
        self.given = 0

    def handler(self) -> type[Handler]:
        """For a server."""
        arc = self

        class Endpoint(Handler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                if self.headers["Metadata"] != "true" or query.get("resource") != [arc.audience]:
                    self.answer(400, {"error": "invalid_request", "error_description": "wrong resource"})
                elif self.headers["Authorization"] is None:
                    arc.key.write_text(base64.b64encode(b"a nonce of the agent").decode())
                    self.answer(401, None, {"WWW-Authenticate": f"Basic realm={arc.key}"})
                elif self.headers["Authorization"] == f"Basic {arc.key.read_text()}":
                    arc.given += 1
                    token = {"access_token": TOKEN, "expires_in": "86400", "resource": arc.audience, "token_type": "Bearer"}
                    self.answer(200, token)
                else:
                    self.answer(401, {"error": "unauthorized", "error_description": "wrong challenge"})

        return Endpoint
