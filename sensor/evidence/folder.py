"""The folder of evidence: a capture for each alert, readable by the sensor alone, bounded in size and age."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensor.errors import CaptureError, EvidenceError
from sensor.evidence.pcap import to_pcap
from sensor.evidence.wanted import everything
from sensor.frames import Frame, pick_frames
from sensor.settings.evidence import MOST_FRAMES, MOST_KIBIBYTES, EvidenceSettings

_NAME = re.compile(r"[0-9a-f]{1,64}")
"""Ids of alerts, of which names of files are made."""
_HEADER = 24
"""Octets of a capture before its first frame."""
_DAY = 86_400.0
_ENOUGH = 0.9
"""Of the bound, once it was reached: not each new capture has to look for an old one that goes."""
_UNFINISHED = 3600.0
"""Seconds after which nobody writes to a temporary file any more."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    octets: int
    written: float


class Folder:
    """The captures of alerts, by their ids. What cannot be done raises EvidenceError."""

    def __init__(self, path: Path, settings: EvidenceSettings, is_open: Callable[[], Collection[str]] = tuple) -> None:
        """is_open: ids of alerts that nobody has dealt with; theirs go last where there is too much."""
        self.path = path
        self._settings = settings
        self._is_open = is_open
        self._octets: int | None = None

    def of(self, alert: str) -> Path:
        """Where the capture of an alert lies, or would."""
        if not _NAME.fullmatch(alert):
            raise EvidenceError(f"{alert!r} is not the id of an alert")
        return self.path / f"{alert}.pcap"

    def has(self, alert: str) -> bool:
        """Is there one? A file without a frame, as a power cut may leave it, is none."""
        try:
            return self.of(alert).stat().st_size > _HEADER
        except FileNotFoundError:
            return False
        except OSError as error:
            raise EvidenceError(f"{self.path} cannot be read: {error.strerror}") from error

    def find(self, beginning: str) -> str | None:
        """The id of the only alert that has a capture and whose id begins so; None where there is none."""
        if not _NAME.fullmatch(beginning):
            return None
        found = [file.path.stem for file in self._files() if file.path.name.startswith(beginning)]
        if beginning in found:
            return beginning
        if len(found) > 1:
            raise EvidenceError(f"the captures of {len(found):,} alerts begin with {beginning}: write more of the id")
        return found[0] if found else None

    def read(self, alert: str) -> list[Frame]:
        """The frames of the capture of an alert."""
        try:
            [frames] = pick_frames([str(self.of(alert))], [everything(MOST_FRAMES, MOST_KIBIBYTES << 10)])
        except CaptureError as error:
            raise EvidenceError(str(error)) from error
        return frames

    def keep(self, alert: str, frames: Sequence[Frame]) -> None:
        """Write the capture of an alert, in place of the one that there is: all of it, or nothing."""
        path = self.of(alert)
        temporary = path.with_suffix(".new")
        octets = to_pcap(frames)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600, exist_ok=False)
            temporary.write_bytes(octets)
            temporary.replace(path)
        except OSError as error:
            _forget(temporary)
            raise EvidenceError(f"{path} cannot be written: {error.strerror}") from error
        self._octets = (sum(file.octets for file in self._files()) if self._octets is None else self._octets) + len(octets)
        if self._octets > self._settings.megabytes * 1_000_000:
            self.tidy()

    def tidy(self) -> int:
        """Remove what is too old, then, where there is too much, the oldest, that of open alerts last. How many captures that were."""
        now, most = time.time(), self._settings.megabytes * 1_000_000
        files = self._files()
        gone = [file for file in files if now - file.written > self._settings.days * _DAY]
        left = [file for file in files if file not in gone]
        total = sum(file.octets for file in left)
        if total > most:
            still_open = set(self._is_open())
            left.sort(key=lambda file: (file.path.stem in still_open, file.written))
            while left and total > most * _ENOUGH:
                file = left.pop(0)
                total -= file.octets
                gone.append(file)
        try:
            for file in gone:
                file.path.unlink(missing_ok=True)
            for path in self.path.glob("*.new"):
                if now - path.stat().st_mtime > _UNFINISHED:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise EvidenceError(f"evidence cannot be removed from {self.path}: {error.strerror}") from error
        self._octets = total
        return len(gone)

    def _files(self) -> list[_File]:
        try:
            if not self.path.exists():
                return []
            found = []
            for path in self.path.iterdir():
                if path.suffix == ".pcap" and _NAME.fullmatch(path.stem):
                    known = path.stat()
                    found.append(_File(path, known.st_size, known.st_mtime))
        except PermissionError as error:
            raise EvidenceError(f"{self.path} may not be read: it is for the sensor's user and root alone") from error
        except OSError as error:
            raise EvidenceError(f"{self.path} cannot be read: {error.strerror}") from error
        return sorted(found, key=lambda file: (file.written, file.path.name))


def _forget(temporary: Path) -> None:
    """As far as that goes: the disk may refuse everything."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return
