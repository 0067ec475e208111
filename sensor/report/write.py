"""The report as a file: whole, or not at all."""

import errno
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from sensor.errors import OtoscopeError
from sensor.knowledge import Knowledge
from sensor.report.page import report


def write_report(known: Knowledge, files: Sequence[str], path: str | Path, warnings: Iterable[tuple[str, str]] = ()) -> None:
    """Write the report to `path`; what was there before stays until the new one is complete.

    Raises OtoscopeError where that cannot be done.
    """
    page = report(known, files, warnings).encode("utf-8", "backslashreplace")
    target = Path(path)
    try:
        _replace(target, page)
    except OSError as error:
        raise OtoscopeError(f"the report cannot be written to {target}: {_reason(error)}") from error


def _replace(target: Path, content: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    if target.exists() and not target.is_file():  # a device or a pipe: it cannot be replaced, only written to
        target.write_bytes(content)
        return
    target = target.resolve()  # of a link the file that it names
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _reason(error: OSError) -> str:
    """What is wrong, and what to do."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full: free some space, or name a file on another disk"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "no permission to write there: name a file in a directory that is yours"
        case errno.ENOENT | errno.ENOTDIR:
            return "there is no such directory: make it first"
        case errno.EISDIR:
            return "that is a directory: name a file in it"
        case errno.ENAMETOOLONG:
            return "the name is too long: choose a shorter one"
        case _:
            return f"{error.strerror or error}: choose another place"
