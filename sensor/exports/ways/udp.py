"""One message in each datagram (RFC 5426): nothing is proven, and what is lost is lost."""

import errno
import os
import socket
import time
from collections.abc import Mapping, Sequence

from sensor.errors import DeliveryError, RefusedError
from sensor.exports.destination import Destination
from sensor.exports.options import host
from sensor.exports.reasons import explain

PORT = 514
SETTLE = 0.05
"""Seconds within which a host that is near says that nothing listens there."""

OPTIONS: Mapping[str, str] = {}


class Datagrams:
    """Messages to a host, each for itself."""

    def __init__(self, destination: Destination) -> None:
        self._url = destination.url
        self._address = (host(destination, f"HOST:{PORT}"), destination.port or PORT)
        self._socket: socket.socket | None = None
        self._again = 0

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Send them. A host that says that nothing listens there is heard where it says so at once, or before the next ones."""
        try:
            sender = self._socket or self._connect()
            _hear(sender)
            for index, message in enumerate(messages):
                _send(sender, message, index, self._url)
            time.sleep(SETTLE)
            _hear(sender)
        except OSError as error:
            self.close()
            raise DeliveryError(f"{self._url}: {explain(error)}") from None
        except DeliveryError:
            self.close()
            raise

    def unsure(self) -> int:
        """None: what a datagram came to is never known."""
        return 0

    def finish(self) -> None:
        """Nothing can be made sure of."""
        self.close()

    def close(self) -> None:
        """Close."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, kind, protocol)
        self._socket.connect(address)  # for the kernel to tell us what the host answers
        return self._socket


def _send(sender: socket.socket, message: bytes, index: int, url: str) -> None:
    try:
        sender.send(message.removesuffix(b"\n"))
    except OSError as error:
        if error.errno != errno.EMSGSIZE:
            raise
        raise RefusedError(f"{url}: {len(message)} octets are too many for a datagram: use tcp or tls", index) from None


def _hear(sender: socket.socket) -> None:
    """Raises OSError where the host has answered that it does not take them."""
    if pending := sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(pending, os.strerror(pending))


def datagrams(destination: Destination) -> Datagrams:
    """A way over UDP."""
    return Datagrams(destination)
