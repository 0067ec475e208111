"""Where everything stands in a TOML document, which the standard library's reader does not tell.

What is read here was read by `tomllib` before, so nothing has to be judged: keys, brackets and strings are enough to go by.
"""

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys, and numbers of the items of arrays."""

_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_STRING = re.compile(r'''"""(?:\\[\s\S]|[^\\])*?"""{1,3}|\'\'\'[\s\S]*?\'\'\'{1,3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'''')
_OTHER = re.compile(r"[^,\]}#\n]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_ERROR_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


def places(text: str) -> dict[Path, Place]:
    """Of each key, table and item of an array in a TOML document; of a table that is named several times the first."""
    reader = _Reader(_clean(text))
    reader.document()
    ends = [match.start() for match in re.finditer("\n", reader.text)]
    found = {}
    for path, at in reader.found.items():
        line = bisect_left(ends, at)
        found[path] = Place(line + 1, at - (ends[line - 1] if line else -1))
    return found


def place_of_error(text: str, error: tomllib.TOMLDecodeError) -> tuple[Place, str]:
    """Where a text is no TOML, and what is wrong with it."""
    match = _ERROR_PLACE.search(str(error))
    if match is not None and match[1]:
        return Place(int(match[1]), int(match[2])), str(error)[: match.start()]
    lines = _clean(text).rstrip("\n").split("\n")
    return Place(len(lines), len(lines[-1]) + 1), str(error)[: match.start() if match else None]


def _clean(text: str) -> str:
    """As tomllib counts lines."""
    return text.replace("\r\n", "\n")


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    found: dict[Path, int] = field(default_factory=dict)
    rows: dict[Path, int] = field(default_factory=dict)  # of arrays of tables: the number of the latest

    def document(self) -> None:
        table: Path = ()
        while self._next():
            if self._take("[["):
                table = self._header(several=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(several=False)
                self._take("]")
            else:
                self._pair(table)

    def _next(self) -> str:
        """The next character that says something; empty at the end."""
        self._match(_BLANK)
        return self.text[self.at : self.at + 1]

    def _take(self, expected: str) -> bool:
        found = self.text.startswith(expected, self.at)
        self.at += len(expected) * found
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        """What stands here, which is passed by. ValueError where it is something else: nothing would be passed by for ever."""
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError("this is no TOML")
        self.at = match.end()
        return match[0]

    def _key(self) -> list[tuple[str, int]]:
        """Its parts, and where each stands."""
        self._next()
        start = self.at
        key = self._match(_KEY)
        self._next()
        starts = [start + part.start() for part in re.finditer(_PART, key)]
        names, inner = [], tomllib.loads(f"{key} = 0")  # quotes and escapes are undone by who knows them all
        for _ in starts:
            [(name, inner)] = inner.items()
            names.append(name)
        return list(zip(names, starts, strict=True))

    def _header(self, *, several: bool) -> Path:
        path: Path = ()
        parts = self._key()
        for number, (name, at) in enumerate(parts, 1):
            path = (*path, name)
            self.found.setdefault(path, at)
            if several and number == len(parts):
                self.rows[path] = self.rows.get(path, -1) + 1
                self.found[(*path, self.rows[path])] = at
            if path in self.rows:
                path = (*path, self.rows[path])
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for name, at in self._key():
            path = (*path, name)
            self.found.setdefault(path, at)
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        opened = self._next()
        if self._take("["):
            number = 0
            while self._next() != "]":
                self.found[(*path, number)] = self.at
                self._value((*path, number))
                self._next()
                self._take(",")
                number += 1
            self._take("]")
        elif self._take("{"):
            while self._next() != "}":
                self._pair(path)
                self._next()
                self._take(",")
            self._take("}")
        else:
            self._match(_STRING if opened in ("'", '"') else _OTHER)
