"""A baseline as a file: TOML, in an order that only changes where the plant does, for review and version control."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sensor import toml
from sensor.baseline.model import Baseline
from sensor.errors import BaselineError
from sensor.times import timestamp

FORMAT = "otoscope.baseline/1"

_HEAD = """\
# What is usual in this plant: its assets, and who asks whom for what. Whatever is not in here is told as new.
# Review it before you rely on it: what an intruder did while it was learned is in here too.
# A line that is removed is told again when it happens; `otoscope baseline accept` adds what is new.
"""


def to_text(baseline: Baseline) -> str:
    """The file's content."""
    return "\n".join(_lines(baseline)) + "\n"


def load(path: str | os.PathLike[str]) -> Baseline:
    """Read a baseline file. Raises BaselineError, which says what is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path}: {error}") from error
    return parse(text, str(path))


def parse(text: str, path: str) -> Baseline:
    """The same from text; `path` is for the message."""
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(f"{path}: {error}") from error
    if content.get("format") != FORMAT:
        raise BaselineError(f'{path}: format is not "{FORMAT}": is it a baseline? (otoscope baseline export writes one)')
    try:
        return _ADAPTER.validate_python(_names(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise BaselineError(f"{path}: {where}: {first['msg']}") from error


_ADAPTER = TypeAdapter(Baseline)


def _names(content: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in content.items() if key not in ("format", "from", "to", "asset", "exchange")}
    return {**rest, "assets": content.get("asset", ()), "exchanges": content.get("exchange", ())}


def _lines(baseline: Baseline) -> Iterator[str]:
    yield _HEAD
    yield f"format = {toml.text(FORMAT)}"
    yield f"first = {baseline.first} # {timestamp(baseline.first)}"
    yield f"last = {baseline.last} # {timestamp(baseline.last)}"
    yield f"learning_days = {baseline.learning_days}"
    for asset in baseline.assets:
        yield "\n[[asset]]"
        yield from (f"{key} = {toml.value(value)}" for key, value in asdict(asset).items() if value)
    for exchange in baseline.exchanges:
        yield "\n[[exchange]]"
        yield from (f"{key} = {toml.text(getattr(exchange, key))}" for key in ("client", "server", "protocol"))
        if exchange.functions:
            yield "functions = ["
            yield from (f"  {{ {_inline(asdict(function))} }}," for function in exchange.functions)
            yield "]"


def _inline(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {toml.value(value)}" for key, value in row.items() if value not in (None, (), ""))
