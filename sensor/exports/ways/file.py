"""Lines in a file, which is turned over when it is large; or on standard output.

The file is opened for each batch: whoever moves or removes it meanwhile does no harm. A line is in it whole and on the disk,
or not at all.
"""

import errno
import fcntl
import gzip
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sensor.errors import DeliveryError, SettingsError
from sensor.exports.destination import Destination
from sensor.exports.options import whole_number, yes
from sensor.exports.reasons import explain

OPTIONS: Mapping[str, str] = {
    "megabytes": "size at which the file is turned over to FILE.1 and a new one is begun (100)",
    "keep": "how many that were turned over are kept (10)",
    "gzip": '"yes": those that were turned over are compressed (no)',
}

STANDARD_OUTPUT = ("-", "/dev/stdout")
LONGEST = 1 << 20
"""Octets at the end of a file in which its last line must begin."""


class File:
    """Lines that are appended to a file."""

    def __init__(self, destination: Destination) -> None:
        self._path = Path(destination.path)
        self._limit = whole_number(destination.options, "megabytes", 100) * 1_000_000
        self._keep = whole_number(destination.options, "keep", 10)
        self._gzip = yes(destination.options, "gzip")
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
            if path.exists() and 0 < path.stat().st_size > self._limit - len(octets):
                _turn_over(path, self._keep, compress=self._gzip)
            _append(path, octets)
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


def _append(path: Path, octets: bytes) -> None:
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DeliveryError(f"{path} is no file")
        _alone(descriptor, path)
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
    finally:
        os.close(descriptor)
    if new:
        _keep_names(path.parent)


def _alone(descriptor: int, path: Path) -> None:
    """Two that write would take each other's beginnings of lines for half ones."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DeliveryError(f"{path}: another process writes to it: give each destination a file of its own") from None


def _whole(descriptor: int, path: Path) -> int:
    """Octets up to the end of the last whole line: after it stands what we wrote when we crashed."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, LONGEST, max(0, size - LONGEST))
    if tail and b"\n" not in tail:
        raise DeliveryError(f"{path}: these are no lines: it is not a file of ours, or nothing but half a line; move it away")
    return size - len(tail) + tail.rfind(b"\n") + 1


def _turn_over(path: Path, keep: int, *, compress: bool) -> None:
    """FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on; the last is removed."""
    for number in range(keep, 0, -1):
        for suffix in ("", ".gz"):
            old = path.with_name(f"{path.name}.{number}{suffix}")
            with suppress(FileNotFoundError):
                if number == keep:
                    old.unlink()
                else:
                    old.rename(path.with_name(f"{path.name}.{number + 1}{suffix}"))
    turned = path.with_name(f"{path.name}.1")
    path.rename(turned)
    _keep_names(path.parent)
    if compress:
        with suppress(OSError):  # it is kept as it is: no reason not to deliver
            _compress(turned)


def _compress(path: Path) -> None:
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
        raise


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
