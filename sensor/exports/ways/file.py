"""Lines in a file, which is turned over when it is large; or on standard output.

The file is opened for each batch: whoever moves or removes it meanwhile does no harm. A line is in it whole and on the disk,
or not at all. Who writes to it or turns it over holds its lock: several may deliver to one file.
"""

import errno
import fcntl
import gzip
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sensor.errors import DeliveryError, SettingsError
from sensor.exports.destination import Destination
from sensor.exports.options import whole_number, yes
from sensor.exports.reasons import explain

OPTIONS: Mapping[str, str] = {
    "megabytes": "size at which the file is turned over to FILE.1 and a new one is begun (100)",
    "keep": "how many that were turned over are kept (10), 1000 at the most",
    "gzip": '"yes": those that were turned over are compressed (no)',
}

STANDARD_OUTPUT = ("-", "/dev/stdout")
LONGEST = 1 << 20
"""Octets at the end of a file in which its last line must begin."""
MOST_KEPT = 1000
PATIENCE = 10.0
"""Seconds that others may hold the file."""
_STANDARD_OUTPUT_LOCK = threading.Lock()


class File:
    """Lines that are appended to a file."""

    def __init__(self, destination: Destination) -> None:
        self._path = Path(destination.path)
        self._limit = whole_number(destination.options, "megabytes", 100) * 1_000_000
        self._keep = whole_number(destination.options, "keep", 10, MOST_KEPT)
        self._gzip = yes(destination.options, "gzip")
        try:
            self._look()
        except (OSError, ValueError) as error:
            raise SettingsError(f"{self._path} cannot be looked at: {getattr(error, 'strerror', None) or error}") from error

    def _look(self) -> None:
        if self._path.is_dir():
            raise SettingsError(f"{self._path} is a folder: give the name of a file in it")
        if not self._path.parent.is_dir():
            raise SettingsError(f"the folder {self._path.parent} does not exist: make it")
        if self._path.exists() and not self._path.is_file():
            raise SettingsError(f"{self._path} is no file")

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Append them, and return when the disk has them."""
        octets = lines(messages)
        try:
            # Where a link leads to is turned over, not the link.
            path = self._path.resolve()
            turned = False
            while True:
                with _held(path) as descriptor:
                    if not 0 < os.fstat(descriptor).st_size > self._limit - len(octets):
                        _append(descriptor, path, octets)
                        if turned and self._gzip:
                            _compress(path.with_name(f"{path.name}.1"))
                        return
                    _turn_over(path, self._keep)
                    turned = True
        except OSError as error:
            raise DeliveryError(f"{self._path}: {explain(error)}") from None

    def unsure(self) -> int:
        """None: the disk has them."""
        return 0

    def finish(self) -> None:
        """The disk has them."""

    def close(self) -> None:
        """Nothing stays open."""


class StandardOutput:
    """Lines for whoever reads our standard output."""

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Write them."""
        rest = memoryview(lines(messages))
        try:
            with _STANDARD_OUTPUT_LOCK:
                while rest:
                    rest = rest[os.write(1, rest) :]
        except BrokenPipeError:
            raise DeliveryError("standard output: nobody reads it any more") from None
        except OSError as error:
            raise DeliveryError(f"standard output: {explain(error)}") from None

    def unsure(self) -> int:
        """None that we would know of."""
        return 0

    def finish(self) -> None:
        """It is written."""

    def close(self) -> None:
        """It is not ours to close."""


def lines(messages: Sequence[bytes]) -> bytes:
    """Messages as lines, each with its end."""
    return b"".join(message if message.endswith(b"\n") else message + b"\n" for message in messages)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """The file, open, and ours alone."""
    until = time.monotonic() + PATIENCE
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DeliveryError(f"{path} is no file")
            if _is_ours(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)
        if time.monotonic() > until:
            raise DeliveryError(f"{path}: another program holds it, and does not let go of it")
        time.sleep(0.02)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Two that write would take each other's beginnings of lines for half ones, and one may have turned it over since we opened it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _append(descriptor: int, path: Path, octets: bytes) -> None:
    whole = _whole(descriptor, path)
    os.ftruncate(descriptor, whole)
    try:
        rest = memoryview(octets)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):  # then the next one mends it
            os.ftruncate(descriptor, whole)
        raise
    if not whole:
        _keep_names(path.parent)


def _whole(descriptor: int, path: Path) -> int:
    """Octets up to the end of the last whole line: after it stands what we wrote when we crashed."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, LONGEST, max(0, size - LONGEST))
    if tail and b"\n" not in tail:
        raise DeliveryError(f"{path}: these are no lines: it is not a file of ours, or nothing but half a line; move it away")
    return size - len(tail) + tail.rfind(b"\n") + 1


def _turn_over(path: Path, keep: int) -> None:
    """FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on; what is beyond those that are kept is removed."""
    for number, suffix in sorted(_turned(path), reverse=True):
        old = path.with_name(f"{path.name}.{number}{suffix}")
        if number < keep:
            old.rename(path.with_name(f"{path.name}.{number + 1}{suffix}"))
        else:
            old.unlink()
    path.rename(path.with_name(f"{path.name}.1"))
    _keep_names(path.parent)


def _turned(path: Path) -> Iterator[tuple[int, str]]:
    """The numbers and endings of those that were turned over; larger numbers, such as dates, are of others."""
    shape = re.compile(re.escape(path.name) + r"\.([1-9][0-9]{0,3})((?:\.gz)?)")
    for name in [entry.name for entry in path.parent.iterdir()]:
        if (found := shape.fullmatch(name)) and int(found[1]) <= MOST_KEPT:
            yield int(found[1]), found[2]


def _compress(path: Path) -> None:
    """As far as that can be done: what cannot be compressed is kept as it is, and no reason not to deliver."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with path.open("rb") as source, unfinished.open("wb") as target:
            with gzip.open(target, "wb", compresslevel=6) as compressed:
                shutil.copyfileobj(source, compressed, 1 << 20)
            os.fchmod(target.fileno(), stat.S_IMODE(path.stat().st_mode))
            os.fsync(target.fileno())
        unfinished.rename(path.with_name(f"{path.name}.gz"))
        path.unlink()
    except OSError:
        with suppress(OSError):
            unfinished.unlink()


def _keep_names(folder: Path) -> None:
    """Names of files are of their folder, which the disk must have too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot
            raise
    finally:
        os.close(descriptor)


def file(destination: Destination) -> File | StandardOutput:
    """A way into a file, or to standard output."""
    if not destination.path or destination.host or "\0" in destination.path:
        raise SettingsError("file: needs a path: file:/var/log/otoscope/alerts.log, or file:- for standard output")
    return StandardOutput() if destination.path in STANDARD_OUTPUT else File(destination)
