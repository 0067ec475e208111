"""Objects in the words of the field ("HR 40001-40010", "DB1.DBX0.0", "Tag Pump1"), as ranges: what was touched, within what may be."""

import re
from collections.abc import Iterable
from functools import lru_cache

_NUMBERED = re.compile(r"(.*?)([0-9]{1,12})(?:-([0-9]{1,12}))?", re.DOTALL)

Span = tuple[str, int, int]
"""What stands before the number, and the first and last number."""


@lru_cache(maxsize=65536)
def span(text: str) -> Span | None:
    """The numbers that an object's text ends with; None where it ends with none, or with no range."""
    match = _NUMBERED.fullmatch(text)
    if match is None:
        return None
    first, last = int(match[2]), int(match[3] or match[2])
    return (match[1], first, last) if first <= last else None


def collapse(objects: Iterable[str]) -> tuple[str, ...]:
    """The same objects in as few ranges as there are: "HR 40001-40010" and "HR 40008-40020" are "HR 40001-40020"."""
    spans: dict[str, list[tuple[int, int]]] = {}
    others = set()
    for text in set(objects):
        if (known := span(text)) is None:
            others.add(text)
        else:
            spans.setdefault(known[0], []).append(known[1:])
    ranges = [_text(prefix, first, last) for prefix, numbers in spans.items() for first, last in _joined(numbers)]
    return tuple(sorted({*others, *ranges}))


def within(text: str, ranges: Iterable[str]) -> bool:
    """Is an object one of these, or part of one of these ranges?"""
    known = span(text)
    for wider in ranges:
        if text == wider:
            return True
        other = span(wider)
        if known and other and known[0] == other[0] and other[1] <= known[1] and known[2] <= other[2]:
            return True
    return False


def _joined(numbers: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(numbers):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _text(prefix: str, first: int, last: int) -> str:
    return f"{prefix}{first}" if first == last else f"{prefix}{first}-{last}"
