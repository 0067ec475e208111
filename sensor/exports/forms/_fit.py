"""Lines of keys and values that are no longer than allowed."""

from collections.abc import Callable, Mapping, Sequence

from sensor.exports.forms._text import clip_octets

_LENGTHS = (2048, 1024, 512, 256, 128, 64)
"""Octets that the longest values are cut to, one step after the other, until the line fits; numbers and addresses are shorter than all."""


def fitted(values: Mapping[str, str], first: Sequence[str], limit: int, line: Callable[[Mapping[str, str]], str]) -> str:
    """The line of these values, at most so many octets. `line` escapes them, so that no escape is ever cut in two.

    What is too long is shortened: the values of the keys `first`, each until it is gone; then what is longer than 2,048 octets to that,
    1,024, and so on to 64; at last what stands last is left out.
    """
    kept = dict(values)

    def excess() -> int:
        return len(line(kept).encode()) - limit

    for key in first:
        while key in kept and (octets := excess()) > 0:
            half = (octets + 1) // 2  # escaped it may be twice as long: never more is cut than must be
            kept[key] = clip_octets(kept[key], len(kept[key].encode()) - half)
            if not kept[key]:
                del kept[key]
    for most in _LENGTHS:
        if excess() > 0:
            kept = {key: clip_octets(value, most) for key, value in kept.items()}
    while excess() > 0 and kept:
        kept.popitem()
    return line(kept)
