"""What is written about the settings, made of their model: the page of all of them, and a file to start from."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sensor import toml
from sensor.exports.ways import WAYS
from sensor.settings.model import Settings
from sensor.settings.problems import example_of, range_of

_NAMES = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
_WIDTH = 118
_HEAD = """\
# Settings of Otoscope. What begins with "#" and a key holds without being written, or is an example where nothing does.
# After a change: otoscope config check, then restart the service.
"""
_PAGE = """\
# Settings

<!-- Made of sensor/settings by `make docs`. -->

One file of TOML, `/etc/otoscope/otoscope.toml` where `--config` or `OTOSCOPE_CONFIG` names no other. A table or key that is left
out has its default; what is not known is an error, with its line and what it could have meant.

- `otoscope init` writes a first one; `otoscope config example` prints one with all keys as comments; `otoscope config reference`
  prints this page.
- `otoscope config check` says what is wrong, and what comes from the environment. It opens the database and connects to the
  destinations, sending nothing, unless it is to be `--offline`. The exit status is 1 where something will not work.

**Environment.** A variable holds instead of what the file says: `OTOSCOPE_CAPTURE__WORKERS=2` is `workers = 2` in `[capture]`.
Lists are JSON (`OTOSCOPE_CAPTURE__INTERFACES='["eth1", "eth2"]'`) or have commas (`eth1,eth2`); tables are JSON
(`OTOSCOPE_CAPTURE__LIMITS='{"flows": 65536}'`) or a variable for each key (`OTOSCOPE_CAPTURE__LIMITS__FLOWS=65536`). In the name
of a destination capitals and `_` stand for small letters and `-` (`OTOSCOPE_EXPORTS__SIEM__URL`); one that the file does not have
is added. A variable with `__` that is no setting is an error, another that begins with `OTOSCOPE_` a warning.

**Secrets** are never in it, and passwords in URLs are refused: settings that end with `_file` name files that hold them.
`credential:NAME` there, or as `passfile` of a database's URL, is the file that systemd hands over (`LoadCredential=NAME:…`). The
unit hands over each file of `/etc/otoscope/secrets`: `key_file = "credential:siem.key"` is `/etc/otoscope/secrets/siem.key`, for the
service and for root's `otoscope config check`. The path in a webhook's URL may be a secret: no list, log or error shows it.
"""
_OPTIONS = """
### Of each kind of destination

These stand beside them, by the scheme of the URL. The variable is `OTOSCOPE_EXPORTS__NAME__` and the key in capitals.

| URL | key | |
| --- | --- | --- |
"""


def reference() -> str:
    """The page of all settings, in Markdown."""
    options = (_row(f"`{way.scheme}`", f"`{key}`", text) for way in WAYS.values() for key, text in sorted(way.options.items()))
    return "".join((_PAGE, *(line for table in _tables() for line in _section(*table)), _OPTIONS, *options))


def example(given: Mapping[tuple[str, str], object] | None = None, notes: Mapping[str, str] | None = None) -> str:
    """A file with all settings as comments; those that are given hold. notes: more comments, by table."""
    text = [_HEAD]
    for place, model in _tables():
        is_one = "." not in place
        text.append(f"\n{'' if is_one else '#'}[{place.replace('NAME', 'siem')}]\n{_comment(model.__doc__ or '')}")
        text += [f"# {toml.comment(line)}\n" for line in (notes or {}).get(place, "").splitlines()]
        for key, field in model.model_fields.items():
            value = (given or {}).get((place, key))
            line = f"#{example_of(key, field)}" if value is None else f"{key} = {toml.value(value)}"
            text.append(f"\n{_comment(_about(field))}{line}\n")
    return "".join(text)


def _tables() -> Iterator[tuple[str, type[BaseModel]]]:
    """Each table of the file, with its model."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield name, kind
        else:
            yield f"{name}.NAME", get_args(kind)[-1]


def _section(place: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"\n## `[{place}]`\n\n{model.__doc__}\n\n"
    yield _row("key", "type", "unit", "default", "", "variable") + _row(*["---"] * 6)
    for key, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "must be given" if field.is_required() else f"`{toml.value(default)}`" if default not in (None, "", [], {}) else ""
        variable = f"OTOSCOPE_{place.replace('.', '__')}__{key}".upper()
        kind = ", ".join(filter(None, (_kind(field.annotation), range_of(field))))
        yield _row(f"`{key}`", kind, _unit(field), shown, field.description or "", f"`{variable}`")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _kind(kind: object) -> str:
    """What it may be, in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin in (Union, UnionType, Annotated):
        return _kind(arguments[0])
    if origin is list:
        return f"list of {_kind(arguments[0])}" + ("s" if arguments[0] in _NAMES else "")
    if origin is dict:
        return f"table of {_kind(arguments[1])}s by name"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{word}`" for word in kind)
    return _NAMES[kind] if isinstance(kind, type) else ""


def _about(field: FieldInfo) -> str:
    """What it does, for a comment, with what it may be where that is not all."""
    kind = _kind(field.annotation)
    choice = kind if "`," in kind else " ".join(filter(None, (range_of(field), _unit(field))))
    return f"{field.description} ({choice})" if choice else field.description or ""


def _comment(text: str) -> str:
    """Markdown as lines of a comment."""
    plain = re.sub(r"\[[^]]*\]\((\w+\.md)[^)]*\)", r"docs/\1", text).replace("`", "")
    return "".join(f"# {line}\n" for line in textwrap.wrap(plain, _WIDTH))
