"""What is wrong with settings, in words: what is there, and what to write instead."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sensor import toml
from sensor.errors import SettingsError
from sensor.toml_places import Path

_KINDS = {
    "string_type": "a text is needed, in quotes",
    "int_type": "a whole number is needed, without quotes",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed, without quotes",
    "finite_number": "a number is needed",
    "bool_type": "true or false is needed, without quotes",
    "list_type": "a list is needed, in brackets",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
}
_BOUNDS = {"greater_than": "more than {gt:g}", "greater_than_equal": "{ge:g} or more", "less_than_equal": "{le:g} or less"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at which key, what, and what to write."""

    path: Path
    text: str

    @property
    def key(self) -> str:
        """As it is written in the file, with dots; items of lists have their number, from 1."""
        return ".".join(str(part + 1) if isinstance(part, int) else part for part in self.path)


def problems_of(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """All that is wrong with a table of that model. No value is shown that may be a secret."""
    for detail in error.errors(include_url=False):
        yield Problem(detail["loc"], _explain(detail, model))


def one_of(value: str, known: "Mapping[str, Any] | Sequence[str]", what: str, key: str) -> Any:  # noqa: ANN401  a row of any registry
    """What a word of the settings stands for. Raises SettingsError, with the word that may have been meant."""
    if value in known:
        return known[value] if isinstance(known, Mapping) else value
    raise SettingsError(f"{key}: {value[:60]!r} is not {what}: {nearest(value, known)}")


def nearest(value: str, known: "Mapping[str, Any] | Sequence[str]") -> str:
    """A hint: what was meant, or what there is."""
    close = closest(value, known)
    return f"did you mean {close}?" if close else f"one of {', '.join(known)}"


def closest(value: str, known: Iterable[str]) -> str:
    """The word that may have been meant: one that is nearly the same, or begins so; empty: none."""
    words = list(known)
    found = get_close_matches(value, words, 1) or [word for word in words if len(value) > 2 and word.startswith(value)]
    return found[0] if found else ""


def field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """The setting at a place; None where there is none, or only an item of one."""
    *tables, key = path or ("",)
    table = model_at(model, tuple(tables))
    return table.model_fields.get(str(key)) if table else None


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The table at a place, if it is one of fixed keys."""
    found: type[BaseModel] | None = model
    for number, part in enumerate(path):
        if found is None or str(part) not in found.model_fields:
            return None
        kind = found.model_fields[str(part)].annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found = kind
        else:  # a table of tables by name, or of something else
            [*_, row] = get_args(kind) or (None,)
            is_model = isinstance(row, type) and issubclass(row, BaseModel)
            return row if is_model and number == len(path) - 2 else None
    return found


def range_of(field: FieldInfo) -> str:
    """Which numbers it may be; empty for what is no number."""
    bounds: dict[type, float] = {}
    for row in field.metadata:
        for kind, name in ((Ge, "ge"), (Gt, "gt"), (Le, "le"), (Lt, "lt")):
            if isinstance(row, kind):
                bounds[kind] = getattr(row, name)
    least = f"{bounds[Ge]:,}" if Ge in bounds else f"more than {bounds[Gt]:,}" if Gt in bounds else ""
    if least and Le in bounds:
        return f"{least} to {bounds[Le]:,}" if Ge in bounds else f"{least}, up to {bounds[Le]:,}"
    return f"{least} or more" if Ge in bounds else least


def example_of(key: str, field: FieldInfo) -> str:
    """A line that is right: as it is by default, or one that might be."""
    value = field.examples[0] if field.examples else field.get_default(call_default_factory=True)
    return f"{key} = {toml.value(value)}"


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    path, kind = detail["loc"], detail["type"]
    field = field_at(model, path)
    example = f": write {example_of(str(path[-1]), field)}" if field and not model_at(model, path) else ""
    if kind == "extra_forbidden":
        return f"there is no such setting: {_elsewhere(path, model)}"
    if kind == "missing":
        return "is missing" + example
    if kind in _KINDS:
        return _KINDS[kind] + example
    if kind in _BOUNDS and isinstance(given := detail["input"], int | float):
        wanted = (range_of(field) if field else "") or _BOUNDS[kind].format(**detail["ctx"])
        return f"{given} is out of range: write {wanted}"
    if kind in ("literal_error", "enum"):
        return _no_choice(detail)
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:] if kind != "value_error" else message


def _elsewhere(path: Path, model: type[BaseModel]) -> str:
    """Where a key is known, or which is, that stands nearest to it."""
    *tables, key = map(str, path)
    for name in model.model_fields:
        if (table := model_at(model, (name,))) and table is not model and key in table.model_fields:
            return f"it belongs into [{name}]"
    table = model_at(model, tuple(tables))
    return nearest(key, list(table.model_fields) if table else [])


def _no_choice(detail: ErrorDetails) -> str:
    words = re.findall("'([^']*)'", detail["ctx"]["expected"])
    given = str(detail["input"])
    return f"{given[:60]!r} is not known: {nearest(given, words)}"
