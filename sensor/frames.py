"""Frames themselves, for what happened: which are asked for, and those that captures hold. Imports the Rust module beside capture.py."""

from collections.abc import Iterable, Sequence

from sensor._dissectors import CaptureError as EngineError
from sensor._dissectors import Frame, Picker, Wanted
from sensor.errors import CaptureError

__all__ = ["Frame", "Wanted", "pick_frames"]

_SLICE_PACKETS = 16_384
"""Packets between two looks at signals."""


def pick_frames(paths: Iterable[str], wanted: Sequence[Wanted]) -> list[list[Frame]]:
    """What captures hold of each of those that are wanted. Raises CaptureError where one cannot be read."""
    picker = Picker(wanted)
    for path in paths:
        try:
            picker.open(path)
        except (EngineError, OSError) as error:
            raise CaptureError(path, str(error).removeprefix(f"{path}: ")) from error
        while picker.read(_SLICE_PACKETS):
            pass
    return picker.frames()
