"""The one reader of settings: file and environment in, settings out, or all that is wrong with its line and a hint."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from sensor.errors import SettingsError
from sensor.settings.destinations import destination
from sensor.settings.environment import Overrides, environment, override
from sensor.settings.model import Settings
from sensor.settings.problems import Problem, problems_of
from sensor.toml_places import Path, Place, place_of_error, places


@dataclass(frozen=True, slots=True)
class Read:
    """Settings, and where they come from.

    where: the place of each key that is set, in the file or as a variable. variables: of the environment, by the key that they set.
    strangers: what is odd about variables that say nothing.
    """

    settings: Settings
    where: Mapping[str, str]
    variables: Mapping[str, str]
    strangers: Mapping[str, str]


def load_settings(path: str | os.PathLike[str]) -> Settings:
    """Read the settings. Raises SettingsError, which says where what is wrong, and what to write."""
    return read_settings(path).settings


def read_settings(path: str | os.PathLike[str]) -> Read:
    """The same, with where they come from."""
    name = os.fspath(path)
    try:
        text = FilePath(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(f"{name}: there is no such file: otoscope init --output {name} writes a first one") from error
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}:{line}: is no UTF-8 text: save it as UTF-8") from error
    return _read(text, name, environment())


def parse_settings(text: str, path: str = "settings", variables: Mapping[str, str] | None = None) -> Settings:
    """The settings that a text holds, and variables where some are given. Raises SettingsError."""
    return _read(text, path, variables or {}).settings


def _read(text: str, file: str, variables: Mapping[str, str]) -> Read:
    try:
        content = tomllib.loads(text)
        found = places(text)
    except tomllib.TOMLDecodeError as error:
        place, reason = place_of_error(text, error)
        raise SettingsError(f"{file}:{place}: {reason}{_HINTS.get(reason, '')}") from error
    except RecursionError as error:
        raise SettingsError(f"{file}: lists or tables are nested too deep") from error
    overrides = override(content, Settings, variables)
    said = [f"{name}: {text}" for name, text in overrides.problems.items()]
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        said += [_where(problem, file, found, overrides) for problem in problems_of(error, Settings)]
        raise SettingsError("\n".join(said)) from error
    said += [_where(problem, file, found, overrides) for problem in _destinations(settings)]
    if said:
        raise SettingsError("\n".join(said))
    variables = {_dotted(path): name for path, name in overrides.names.items()}
    where = {_dotted(path): f"{file}:{place}" for path, place in found.items()} | variables
    return Read(settings, where, variables, overrides.strangers)


_HINTS: Mapping[str, str] = {
    "Invalid value": ': texts stand in quotes, as name = "plant-a"; true and false are written small',
    "Cannot overwrite a value": ": this key stands twice in its table",
    "Expected '=' after a key in a key/value pair": ": write KEY = VALUE; other signs than letters, digits, - and _ need quotes",
}
"""What to write, by what `tomllib` says."""


def _destinations(settings: Settings) -> Iterator[Problem]:
    """What is wrong with destinations besides the kinds of their settings."""
    files: dict[str, str] = {}
    for name, table in settings.exports.items():
        given: dict[str, Any] = table.model_dump(exclude_unset=True)
        try:
            made = destination(name, given)
        except SettingsError as error:
            key, _, text = str(error).partition(": ")
            is_key = text and key in given
            yield Problem(("exports", name, key) if is_key else ("exports", name), text if is_key else str(error))
            continue
        if made.scheme == "file" and made.path in files and not made.path.startswith(("-", "/dev/")):
            yield Problem(("exports", name, "url"), f"{files[made.path]} writes to the same file: two destinations cannot")
        files[made.path] = name


def _where(problem: Problem, file: str, found: Mapping[Path, Place], overrides: Overrides) -> str:
    """A line about it, with the variable that says it or its place in the file: the key's, or that of what is nearest."""
    above = [problem.path[:length] for length in range(len(problem.path), 0, -1)]
    variable = next((overrides.names[path] for path in above if path in overrides.names), None)
    where = variable or next((f"{file}:{found[path]}" for path in above if path in found), file)
    return f"{where}: {problem.key}: {problem.text}" if problem.path else f"{where}: {problem.text}"


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
