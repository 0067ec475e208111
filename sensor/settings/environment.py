"""Settings from the environment: OTOSCOPE_SECTION__KEY holds instead of what the file says."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from sensor.settings.problems import closest
from sensor.toml_places import Path

_PREFIX, _BETWEEN = "OTOSCOPE_", "__"
_OTHERS = ("OTOSCOPE_CONFIG", "OTOSCOPE_DATABASE")  # options of commands
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the environment says of the settings.

    names: variables, by the place of the setting. problems: what is wrong with a variable.
    strangers: what is odd about variables that have our prefix and may be somebody else's.
    """

    names: dict[Path, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    strangers: dict[str, str] = field(default_factory=dict)


def environment() -> Mapping[str, str]:
    """What whoever started the process tells it."""
    return os.environ


def override(content: dict[str, Any], model: type[BaseModel], variables: Mapping[str, str]) -> Overrides:
    """Write what the variables say over what a file says."""
    found = Overrides()
    for name in sorted(variables):
        if not name.startswith(_PREFIX) or name in _OTHERS:
            continue
        path, kind = _setting(model, name.removeprefix(_PREFIX).split(_BETWEEN), content)
        if not path:
            (found.problems if _BETWEEN in name else found.strangers)[name] = _unknown(name, model)
            continue
        try:
            value = _value(variables[name], kind)
        except ValueError as error:
            found.problems[name] = str(error)
            continue
        if _put(content, path, value):
            found.names[path] = name
    return found


def variables_of(model: type[BaseModel], prefix: str = _PREFIX) -> Iterator[str]:
    """The names of all of them; NAME stands for that of a destination."""
    for name, row in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        [*_, inner] = get_args(row.annotation) or (row.annotation,)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            between = _BETWEEN if inner is row.annotation else f"{_BETWEEN}NAME{_BETWEEN}"
            yield from variables_of(inner, f"{variable}{between}")
        else:
            yield variable


def _setting(model: type[BaseModel], parts: list[str], content: object) -> tuple[Path, object]:
    """The place of the setting that a variable is for, and what it may be; no place where there is no such setting."""
    key, *rest = parts[0].lower(), *parts[1:]
    kind = model.model_fields[key].annotation if key in model.model_fields else None
    [*_, inner] = get_args(kind) or (None,)
    below = content.get(key) if isinstance(content, dict) else None
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        path, leaf = _setting(kind, rest, below) if rest else ((), None)
        return ((key, *path) if path else ()), leaf
    if get_origin(kind) is dict and isinstance(inner, type) and issubclass(inner, BaseModel):
        *names, last = rest or [""]
        if not names or not last:
            return (), None
        row = inner.model_fields.get(last.lower())
        return (key, _name(_BETWEEN.join(names), below), last.lower()), row.annotation if row else str
    if get_origin(kind) is dict and rest:
        return (key, _BETWEEN.join(rest).lower()), int
    return ((key,), kind) if kind is not None and not rest else ((), None)


def _name(given: str, tables: object) -> str:
    """The table that is meant: variables have neither small letters nor dashes."""
    meant = [name for name in tables if name.upper().replace("-", "_") == given.upper()] if isinstance(tables, dict) else []
    return meant[0] if meant else given.lower()


def _unknown(name: str, model: type[BaseModel]) -> str:
    table, between, key = name.rpartition(_BETWEEN)
    known = list(variables_of(model))
    beside = [variable.removeprefix(f"{table}{between}") for variable in known if between and variable.startswith(f"{table}{between}")]
    close = f"{table}{between}{found}" if (found := closest(key, beside)) else closest(name, [*known, *_OTHERS])
    return f"there is no such setting: {f'did you mean {close}?' if close else 'otoscope config reference lists all'}"


def _value(text: str, kind: object) -> Any:  # noqa: ANN401 - what TOML has
    if get_origin(kind) in (Union, UnionType):
        if not text:
            return None
        kind = get_args(kind)[0]
    if kind is bool:
        if text.lower() not in _TRUTHS:
            raise ValueError("true or false is needed")
        return _TRUTHS[text.lower()]
    if kind in (int, float):
        try:
            return int(text) if kind is int else float(text)
        except ValueError as error:
            raise ValueError("a whole number is needed" if kind is int else "a number is needed") from error
    if get_origin(kind) is list and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if get_origin(kind) in (list, dict):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError('is no JSON: write a list as ["eth1", "eth2"] or eth1,eth2, and a table as {"flows": 65536}') from error
    return text


def _put(content: dict[str, Any], path: Path, value: object) -> bool:
    """Into the tables, where there are some; what is a text where a table belongs is said of the file."""
    table: object = content
    for part in path[:-1]:
        table = table.setdefault(str(part), {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        return False
    table[str(path[-1])] = value
    return True
