"""Passwords: kept as Argon2 hashes, guessed at slowly."""

import secrets
import threading
import time
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 1024
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_urlsafe(32))
"""Checked where there is no such person, which takes as long."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes 64 MiB."""
_WAITING = threading.BoundedSemaphore(8)
_MOST_KNOWN = 10_000
_LIMITS = {"pair": 5, "address": 25, "name": 100}
"""Failures before the first wait."""
_LONGEST_WAIT = 900.0


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _AT_ONCE:
        return _HASHER.hash(password)


class BusyError(Exception):
    """Too many passwords are to be checked just now."""


def fits(password: str, kept: str) -> bool:
    """Is it the password that this was kept of? "" is kept of none. Raises BusyError: who waits holds up what others look at."""
    if not _WAITING.acquire(blocking=False):
        raise BusyError
    try:
        with _AT_ONCE:
            _HASHER.verify(kept or _NOBODY, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _WAITING.release()
    return bool(kept)


def trouble_with(password: str, name: str) -> str:
    """Why it is none that somebody may choose; "" where it is one."""
    if len(password) < SHORTEST:
        return f"at least {SHORTEST} characters: a sentence is fine"
    if len(password) > LONGEST:
        return f"at most {LONGEST:,} characters"
    if name.lower() in password.lower() or len(set(password)) < SHORTEST // 2:
        return "one that others cannot guess: without the name, and not the same characters again and again"
    return ""


def made_up() -> str:
    """A password to give to somebody, who changes it: 100 bits, without characters that look like others."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


class Attempts:
    """Failed attempts to sign in, and how long to wait after them.

    Who fails from one address at one name waits soon; who fails at many names or from many addresses later, so that nobody can shut out
    others with a few attempts. Bounded: those that were longest ago are forgotten.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, name: str, address: str) -> float:
        """Seconds until the next attempt is taken; 0 where it is now."""
        now = time.monotonic()
        with self._lock:
            return max(0.0, *(self._until(*key) - now for key in self._keys(name, address)))

    def begun(self, name: str, address: str) -> None:
        """Count one, before it is known how it ends: many at once are no way around the wait."""
        now = time.monotonic()
        with self._lock:
            for key in self._keys(name, address):
                count, at = self._failures.pop(key, (0, now))
                self._failures[key] = (count + 1 if now - at < 2 * _LONGEST_WAIT else 1, now)
            while len(self._failures) > _MOST_KNOWN:
                self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """It did not fail: forget the failures of that name from there, and this attempt in all."""
        with self._lock:
            pair, *others = self._keys(name, address)
            self._failures.pop(pair, None)
            for key in others:
                count, at = self._failures.get(key, (1, 0.0))
                self._failures[key] = (count - 1, at)

    def _until(self, kind: str, text: str) -> float:
        count, at = self._failures.get((kind, text), (0, 0.0))
        over = count - _LIMITS[kind]
        return 0.0 if over < 0 else at + min(_LONGEST_WAIT, 15.0 * 2 ** min(over, 10))

    @staticmethod
    def _keys(name: str, address: str) -> tuple[tuple[str, str], ...]:
        return ("pair", f"{name[:64]}\0{address}"), ("address", address), ("name", name[:64])
