"""Cells of CSV that no spreadsheet runs and no importer chokes on, whatever was on the wire."""

import csv
import re
from typing import Any, TextIO

from sensor import words

_FORMULA = re.compile(
    r"""
    (^ | [;,|"\t\r\n])          # where a cell begins, also for whoever takes another separator: semicolons, in much of Europe
    (?= \s* [=+\-@\uff1d\uff0b\uff0d\uff20] | (?<!.) [\t\r\n])
    """,
    re.VERBOSE,
)


def harmless(text: str) -> str:
    """A text with an apostrophe wherever a spreadsheet would take what follows for a formula."""
    return _FORMULA.sub(r"\1'", text)


def line(value: object, limit: int) -> str:
    """A text of one line, harmless, and at most so long; empty for None."""
    if value is None:
        return ""
    return harmless(words.plain(" ".join(str(value)[: 4 * limit].split())))[:limit].rstrip()


def cell(value: object) -> object:
    """A value of any kind as a cell, harmless."""
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    return harmless(value) if isinstance(value, str) else value


def writer(file: TextIO) -> Any:  # noqa: ANN401  the type of csv.writer has no name
    """What writes lines of CSV as RFC 4180 has it, but for the end of a line."""
    return csv.writer(file, lineterminator="\n")


def seconds(timestamp: str) -> str:
    """RFC 3339 as this package writes it, to the second."""
    return f"{timestamp[:19]}Z"


def date_and_time(timestamp: str) -> str:
    """RFC 3339 as this package writes it as "2026-03-02 14:30:00", in UTC."""
    return timestamp[:19].replace("T", " ")
