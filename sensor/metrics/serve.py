"""`/metrics` over HTTP, for Prometheus to read: one small server in threads of its own."""

import errno
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, SHUT_RDWR, socket
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from sensor.errors import ListenError
from sensor.metrics.collect import registry
from sensor.metrics.model import Sources

DEFAULT_PORT = 9815
_LISTEN = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_LARGEST_PORT = 65_535
_AT_ONCE = 8
"""Connections that are served at once; more are closed at once, so that nobody can have threads without number."""
_PATIENCE_SECONDS = 10.0
"""After that a connection is cut, however busily it is used."""
_REASONS = {
    errno.EADDRINUSE: "the port is taken: stop what listens there, or give another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "that needs more rights: give a port above 1023",
}

_Request = socket | tuple[bytes, socket]
_Address = tuple[str, int]
_Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def address_of(text: str) -> tuple[str, int]:
    """An address of this machine, `localhost` for its own, and a port. Raises ValueError where it is none."""
    found = _LISTEN.fullmatch(text)
    address: IPv4Address | IPv6Address | None = None
    with suppress(ValueError):
        if found is not None:
            four = "127.0.0.1" if found["four"] == "localhost" else found["four"]
            address = IPv6Address(found["six"]) if found["six"] else IPv4Address(four)
    if found is None or address is None or int(found["port"] or 0) > _LARGEST_PORT:
        raise ValueError(f"{text[:60]!r} is no ADDRESS[:PORT], such as 127.0.0.1:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}")
    return str(address), int(found["port"] or DEFAULT_PORT)


@contextmanager
def serving(sources: Sources, address: str = "127.0.0.1", port: int = DEFAULT_PORT) -> Iterator[int]:
    """Serve while the block runs, and give it the port (another one where 0 was asked for).

    Raises ListenError where nobody can listen there.
    """
    try:
        server = _Server(address, port)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise ListenError(f"cannot listen at {shown(address, port)}: {reason}") from error
    server.set_app(_at_metrics(make_wsgi_app(registry(sources))))
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown(address: str, port: int) -> str:
    """Address and port as a URL has them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _at_metrics(application: _Application) -> _Application:
    """The application at its path, and at no other."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            return application(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"The metrics are at /metrics.\n"]

    return answer


class _Handler(WSGIRequestHandler):
    """One request; none is logged."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class calls it so
        """Prometheus asks every few seconds: that is no news."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, port: int) -> None:
        self.address_family = AF_INET6 if ip_address(address).version == 6 else AF_INET
        self._since: dict[_Request, float] = {}
        """When each connection began that is being served."""
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Without asking anybody for the name of the address, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def process_request(self, request: _Request, client_address: _Address) -> None:
        """In a thread of its own, where there is room."""
        if len(self._since) >= _AT_ONCE:
            self.shutdown_request(request)
            return
        self._since[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except BaseException:  # as where there can be no more threads
            del self._since[request]
            raise

    def process_request_thread(self, request: _Request, client_address: _Address) -> None:
        """Then there is room for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._since[request]

    def service_actions(self) -> None:
        """Twice a second: cut off who takes too long, as one who sends an octet now and then to hold a thread."""
        late = time.monotonic() - _PATIENCE_SECONDS
        for request, since in list(self._since.items()):
            if since < late and isinstance(request, socket):
                with suppress(OSError):  # it has ended meanwhile
                    request.shutdown(SHUT_RDWR)

    def handle_error(self, request: _Request, client_address: _Address) -> None:
        """Who hangs up in the middle is no error of ours."""
