"""What systemd is told of a service (sd_notify(3)): that it is ready, that it lives, what it does. Nothing where nobody asked."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_MICROSECONDS = 1_000_000
_PATIENCE_SECONDS = 1.0
"""With one who does not read what he is told."""


class Notifier:
    """Tells who started the process, through the socket that it named in the environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environment.get("WATCHDOG_USEC", "")
        self._watchdog = int(usec) / _MICROSECONDS if mine and usec.isascii() and usec.isdigit() else 0.0
        self._beaten = 0.0

    def ready(self) -> None:
        """It does its work."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """It reads its settings anew; `ready` says when that is done."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends."""
        self._tell("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for people who look."""
        self._tell("STATUS=" + " ".join(text.split()))

    def alive(self) -> None:
        """It goes on; told to the watchdog, several times in its time so that a long step after it does not end us."""
        now = time.monotonic()
        if self._watchdog and now - self._beaten >= self._watchdog / 10:
            self._beaten = now
            self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(_PATIENCE_SECONDS)
            out.sendto(text.encode(), address)
