"""The console as a process: listens, serves, ends when it is told to."""

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn

from sensor.console.application import application
from sensor.console.certificate import certificate
from sensor.console.passwords import hashed, made_up
from sensor.errors import ListenError
from sensor.metrics.serve import shown
from sensor.settings import Settings
from sensor.store import Role, Store

_FIRST = "admin"
_AT_ONCE = 128
_QUIET_SECONDS = 5


def first_admin(store: Store) -> str:
    """The one-time password of the first admin; "" where somebody has signed in before."""
    accounts = store.accounts
    persons = accounts.persons()
    if not persons:
        password = made_up()
        accounts.add(_FIRST, Role.ADMIN, hashed(password), "otoscope")
        return password
    if all(person.last is None for person in persons) and any(person.name == _FIRST for person in persons):
        password = made_up()
        accounts.set_password(_FIRST, hashed(password), "otoscope", must_change=True)
        return password
    return ""


def serve(store: Store, settings: Settings, address: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the URL. Raises ListenError, and SettingsError where a certificate is none."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what is no HTTP may come from anybody, as often as they like
    wanted = settings.console
    secure = bool(wanted.certificate_file) or wanted.self_signed or not ip_address(address).is_loopback
    files = certificate(settings) if secure else None
    listening = _listen(address, port)
    with listening:
        host, bound = listening.getsockname()[:2]
        options = uvicorn.Config(
            application(store, settings, secure=secure),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_AT_ONCE,
            timeout_keep_alive=_QUIET_SECONDS,
            timeout_graceful_shutdown=_QUIET_SECONDS,
            ssl_certfile=files[0] if files else None,
            ssl_keyfile=files[1] if files else None,
        )
        server = _Server(options)
        with server.capture_signals():
            ready(f"{'https' if secure else 'http'}://{shown(host, bound)}/")
            server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """One that ends well when it is told to, and does not hand the signal on."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Obey while the block runs."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(_AT_ONCE)
    except OSError as error:
        listening.close()
        raise ListenError(f"cannot listen at {shown(address, port)}: {(error.strerror or str(error)).lower()}") from error
    return listening
