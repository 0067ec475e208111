"""The queries in kql/: each a file, with what else is to be said of it in comments at its top, `// severity: High`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

HOME = Path(__file__).parents[1]
VENDOR, PRODUCT = "Otoscope", "Sensor"
VERSION, UPDATED = "1.0.0", "2026-11-24"
"""Of the content: raised when a query changes what it gives, so that a workspace offers the update."""
CONNECTORS = [{"connectorId": "CefAma", "dataTypes": ["CommonSecurityLog"]}]

_HEADER = re.compile(r"// ([a-z]+): *(.*)\n")
_PARAMETER = re.compile(r"(\w+):(\w+)(?:=(.+))?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """Of a function; default: as KQL writes it, "" where it must be given."""

    name: str
    type: str
    default: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query: the name of its file, what stands at its top by key, and the KQL."""

    name: str
    about: Mapping[str, str]
    text: str

    def listed(self, key: str) -> list[str]:
        """What stands under the key, at commas."""
        return [text for text in re.split(r",\s*", self.about.get(key, "")) if text]

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """The same where each is NAME=COLUMN."""
        return [(name, column) for name, _, column in (text.partition("=") for text in self.listed(key))]

    @property
    def parameters(self) -> list[Parameter]:
        """Of a function."""
        found = (_PARAMETER.fullmatch(text) for text in self.listed("parameters"))
        return [Parameter(match[1], match[2], match[3] or "") for match in found if match]


def queries(kind: str) -> list[Query]:
    """All of functions, rules or hunting, by name."""
    return [_read(path) for path in sorted((HOME / "kql" / kind).glob("*.kql"))]


def identity(kind: str, name: str) -> str:
    """An id that stays the same as long as the name does: deploying again updates."""
    return str(uuid5(NAMESPACE_URL, f"otoscope/sentinel/{kind}/{name}"))


def _read(path: Path) -> Query:
    text = path.read_text(encoding="utf-8")
    about: dict[str, str] = {}
    while match := _HEADER.match(text):
        about[match[1]] = match[2].strip()
        text = text[match.end() :]
    return Query(path.stem, about, text.strip() + "\n")
