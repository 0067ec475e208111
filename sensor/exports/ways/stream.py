"""Messages on a stream: plain TCP and TLS (RFC 6587, RFC 5425).

A receiver of syslog acknowledges nothing. What can be known: its kernel has acknowledged the octets; it has not ended the
connection since, nor refused our certificate (in TLS 1.3 that comes after the handshake); and at the end, that it closed
its half after ours, which it does once it has read everything. What was sent shortly before a connection ended otherwise
is sent again.
"""

import errno
import fcntl
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from sensor.errors import DeliveryError, SettingsError
from sensor.exports import tls
from sensor.exports.destination import Destination
from sensor.exports.options import host, seconds
from sensor.exports.reasons import explain

PORT = 514
TLS_PORT = 6514
TIMEOUT = 10.0
PROVEN = 10.0
"""Seconds that a connection must have stayed open after a message for it to count as read."""

UNACKNOWLEDGED = 0x5411  # SIOCOUTQ of Linux: not acknowledged by the other side's kernel
UNSENT = 0x894B  # SIOCOUTQNSD: of those, not even sent, as it has no room for them

PIECE = 1 << 16
READS = 16
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

OPTIONS: Mapping[str, str] = {"timeout": f"seconds that the other side may let us wait without any progress ({TIMEOUT:.0f})"}

BROKEN = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)


class Stream:
    """Messages to a host on one connection after another.

    A receiver that hangs keeps its connection: it would take the half of a message that it has for a whole one when that is
    closed. The other half goes first when it reads again.
    """

    def __init__(self, destination: Destination, port: int, *, secure: bool) -> None:
        self._url = destination.url
        self._address = (host(destination, f"HOST:{port}"), destination.port or port)
        self._options = destination.options
        self._secure = secure
        self._timeout = seconds(destination.options, TIMEOUT)
        self._connection: socket.socket | None = None
        self._rest = memoryview(b"")  # of what the connection is to get
        # When messages were sent (whole seconds), and how many; until they are sure, or are to be sent again.
        self._recent: deque[tuple[int, int]] = deque()
        self._again = False
        self._ended = ""
        if secure:
            tls.context(self._options)  # to say now what is wrong with it

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Send them, and wait until the other side's kernel has them; then the connection must still stand."""
        if self._again:
            self._recent.clear()
            self._again = False
        with self._failing():
            self._still()
            connection = self._connection or self._connect()
            self._drain(connection)
            self._rest = memoryview(b"".join(messages))
            self._drain(connection)
        now = int(time.monotonic())
        before = self._recent.pop()[1] if self._recent and self._recent[-1][0] == now else 0
        self._recent.append((now, before + len(messages)))

    def unsure(self) -> int:
        """Those that were sent a short while before the connection was last seen to stand, or after that."""
        try:
            if self._connection is not None:
                self._look(self._connection)
        except OSError as error:
            self._ended = self._reason(error)  # the next use says it
            self.close()
        return sum(count for _, count in self._recent)

    def finish(self) -> None:
        """Close our half, and wait until the other side closes its half: it has read everything then."""
        with self._failing():
            self._still()
            if (connection := self._connection) is None:
                return
            self._drain(connection)
            with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):  # it has closed, with TLS's good-bye or without
                self._end(connection)
        self._recent.clear()
        self.close()

    def close(self) -> None:
        """Close at once."""
        connection, self._connection, self._rest = self._connection, None, memoryview(b"")
        if connection is None:
            return
        with suppress(OSError):
            if isinstance(connection, ssl.SSLSocket) and connection.version():
                connection.settimeout(0)
                connection.unwrap()
        with suppress(OSError):
            connection.close()

    def _still(self) -> None:
        """Raises DeliveryError where the connection has ended since it was used last."""
        ended, self._ended = self._ended, ""
        if ended:
            raise DeliveryError(ended)

    def _connect(self) -> socket.socket:
        began = time.monotonic()
        plain = socket.create_connection(self._address, self._timeout)
        self._connection = plain
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3), (socket.TCP_NODELAY, 1)):
            plain.setsockopt(socket.IPPROTO_TCP, option, value)
        if not self._secure:
            return plain
        name = self._options.get("server_name", self._address[0])
        secure = tls.context(self._options).wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        self._connection = secure
        secure.do_handshake()
        tls.check(secure.getpeercert(binary_form=True), tls.pinned(self._options))
        # A refusal of our certificate takes as long to arrive as the answers before it did.
        deadline = min(2 * time.monotonic() - began, began + self._timeout) + 0.2
        while time.monotonic() < deadline:
            self._look(secure)
            time.sleep(0.01)
        return secure

    def _look(self, connection: socket.socket) -> None:
        """Raises OSError where the other side has ended the connection. Where it stands, messages of a while ago are sure."""
        connection.settimeout(0)
        try:
            for _ in range(READS):  # what it says besides is of no interest
                if not connection.recv(PIECE):
                    raise ConnectionAbortedError(errno.ECONNABORTED, "closed")
        except NOTHING_YET:
            pass
        finally:
            connection.settimeout(self._timeout)
        while self._recent and self._recent[0][0] < time.monotonic() - PROVEN - 1:
            self._recent.popleft()

    def _drain(self, connection: socket.socket) -> None:
        """Wait until the other side's kernel has everything. Raises OSError without progress, and when the connection ends."""
        self._look(connection)
        while self._rest:
            self._rest = self._rest[connection.send(self._rest[:PIECE]) :]
        before, deadline, pause = -1, 0.0, 0.0005
        while (waiting := _queued(connection, UNACKNOWLEDGED)) > 0:
            if waiting != before:
                before, deadline = waiting, time.monotonic() + self._timeout
            elif time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
            self._look(connection)
        self._look(connection)

    def _end(self, connection: socket.socket) -> None:
        """Close our half, and read until the other side has closed its half."""
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(0)
            with suppress(*NOTHING_YET):
                connection.unwrap()  # says that we are done; the answer is read below
        # SSLSocket's own would forget that it speaks TLS.
        socket.socket.shutdown(connection, socket.SHUT_WR)
        connection.settimeout(self._timeout)
        deadline = time.monotonic() + self._timeout
        with suppress(TimeoutError):
            while time.monotonic() < deadline:
                if not connection.recv(PIECE):
                    return
        raise DeliveryError(f"it has not closed the connection {self._timeout:g} s after we did: it may not have read everything")

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What goes wrong is told as a DeliveryError, and ends the connection; a receiver that hangs keeps it."""
        hangs = False
        try:
            yield
        except OSError as error:
            reason, hangs = self._reason(error), self._hangs(error)
        except (DeliveryError, SettingsError) as error:  # of settings: a file that was right at first
            reason = str(error)
        except BaseException:
            self.close()
            raise
        else:
            return
        self._again = True
        if not hangs:
            self.close()
        raise DeliveryError(f"{self._url}: {reason}") from None

    def _hangs(self, error: OSError) -> bool:
        """Does its kernel answer, and only nobody there reads? What was sent is acknowledged then, the rest waits with us."""
        if self._connection is None or not isinstance(error, TimeoutError) or error.errno is not None:
            return False
        unsent = _queued(self._connection, UNSENT)
        return unsent > 0 and unsent == _queued(self._connection, UNACKNOWLEDGED)

    def _reason(self, error: OSError) -> str:
        if not isinstance(error, ssl.SSLError) and self._connection is not None:
            # A sender sees a broken connection; why it was broken may lie there unread.
            try:
                self._look(self._connection)
            except ssl.SSLError as better:
                error = better
            except OSError:
                pass
        if isinstance(error, TimeoutError):
            return self._slow(error)
        reason = explain(error)
        return f"{reason}; it may want another certificate of us" if self._secure and error.errno in BROKEN else reason

    def _slow(self, error: OSError) -> str:
        if self._hangs(error):
            return f"it has not read for {self._timeout:g} s: look whether the receiver hangs or has a full queue"
        if (
            self._connection is not None
            and self._secure
            and not (isinstance(self._connection, ssl.SSLSocket) and self._connection.version())
        ):
            return f"no answer to our TLS handshake within {self._timeout:g} s: does it speak TLS on this port?"
        return f"no answer within {self._timeout:g} s: is the host up, and do firewalls let us through?"


def _queued(connection: socket.socket, which: int) -> int:
    """Octets that our kernel still holds."""
    [octets] = struct.unpack("i", fcntl.ioctl(connection.fileno(), which, b"\0\0\0\0"))
    return int(octets)


def plain(destination: Destination) -> Stream:
    """A way over TCP."""
    return Stream(destination, PORT, secure=False)


def secure(destination: Destination) -> Stream:
    """A way over TLS."""
    return Stream(destination, TLS_PORT, secure=True)
