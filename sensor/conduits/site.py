"""The site file: TOML that people write, read with the line and a hint where something is wrong."""

import os
import pathlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sensor.conduits.acts import ADMINISTER, USE
from sensor.conduits.model import Allowance, Conduit, Maintenance, Pin, Site, Zone
from sensor.conduits.rule import Rule, When
from sensor.conduits.schedule import Schedule
from sensor.conduits.zones import network_of
from sensor.errors import SiteError
from sensor.inventory.model import Kind
from sensor.protocols import PROTOCOLS, Intent
from sensor.toml_places import Path, place_of_error, places

TABLES: Mapping[str, tuple[str, type]] = {
    "zone": ("zones", Zone),
    "conduit": ("conduits", Conduit),
    "pin": ("pins", Pin),
    "exception": ("allowances", Allowance),
    "maintenance": ("maintenance", Maintenance),
    "rule": ("rules", Rule),
}
"""Tables of which there may be several: the name in the file, the field of Site, and what each becomes."""

_RENAMED = {
    "conduit": {"from": "source", "to": "target"},
    "exception": {"from": "source", "to": "target"},
    "maintenance": {"from": "start", "to": "end"},
}
"""Words of the file that are no names in Python."""

_NESTED: Mapping[tuple[str, ...], type] = {("when",): When, ("when", "schedule"): Schedule, ("schedule",): Schedule}
"""Tables within the rows."""

_SITE_KEYS = ("name", "home", "outside")
_ANY = "any"
_LEVELS = (0, 1, 2, 3, 3.5, 4, 5)
_CRITICALITIES = ("low", "medium", "high", "critical")
_TRANSPORTS = ("tcp", "udp", "icmp", "ip", "ethernet")


def load_site(path: str | os.PathLike[str]) -> Site:
    """Read a site file. Raises SiteError, which says at which line what is wrong, and what to write."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise SiteError(f"{path}: {reason}") from error
    try:
        return parse_site(text)
    except SiteError as error:
        raise SiteError(f"{path}:{error}") from error


def parse_site(text: str) -> Site:
    """The same from text. Raises SiteError that begins with the line."""
    try:
        content = tomllib.loads(text)
        reader = _Reader(text)
    except tomllib.TOMLDecodeError as error:
        place, reason = place_of_error(text, error)
        raise SiteError(f"{place.line}: {reason}") from error
    except RecursionError as error:
        raise SiteError("1: lists or tables are nested too deep") from error
    return reader.site(content)


def _at(row: object, path: Iterable[str]) -> object:
    for part in path:
        row = row.get(part) if isinstance(row, dict) else None
    return row


class _Reader:
    """Reads the content of one file, and knows where in its text everything stands."""

    def __init__(self, text: str) -> None:
        self._places = places(text)

    def site(self, content: dict[str, Any]) -> Site:
        self._known(content, ("site", "detectors", *TABLES), ())
        general = content.get("site", {})
        self._known(general, _SITE_KEYS, ("site",))
        given: dict[str, Any] = dict(general)
        for table, (name, kind) in TABLES.items():
            given[name] = tuple(self._rows(table, kind, content.get(table, [])))
        thresholds, disabled = self._detectors(content.get("detectors", {}))
        try:
            site: Site = TypeAdapter(Site).validate_python({**given, "thresholds": thresholds, "disabled": disabled})
        except ValidationError as error:
            first = error.errors()[0]
            raise self._wrong(("site", *map(str, first["loc"])), first["msg"]) from error
        self._check(site)
        return site

    def _rows(self, table: str, kind: type, rows: object) -> Iterator[Any]:
        if not isinstance(rows, list):
            raise self._wrong((table,), f"write [[{table}]], with two brackets")
        renamed = _RENAMED.get(table, {})
        back = {new: old for old, new in renamed.items()}
        allowed = [back.get(field.name, field.name) for field in fields(kind)]
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        for number, row in enumerate(rows):
            place = (table, number)
            self._known(row, allowed, place)
            for part, inner in _NESTED.items():
                if isinstance(inside := _at(row, part), dict):
                    self._known(inside, [field.name for field in fields(inner)], (*place, *part))
            try:
                yield adapter.validate_python({renamed.get(key, key): value for key, value in row.items()})
            except ValidationError as error:
                first = error.errors()[0]
                location = [back.get(part, part) if isinstance(part, str) else part for part in first["loc"]]
                raise self._wrong((*place, *location), first["msg"].removeprefix("Value error, ")) from error

    def _detectors(self, given: Mapping[str, Any]) -> tuple[dict[str, dict[str, float]], frozenset[str]]:
        from sensor.detections.registry import DETECTORS  # noqa: PLC0415 - detectors use the site

        known = {detector.id: detector for detector in DETECTORS}
        thresholds: dict[str, dict[str, float]] = {}
        disabled = set()
        for name, settings in given.items():
            self._known({name: settings}, known, ("detectors",))
            self._known(settings, ("enabled", *known[name].thresholds), ("detectors", name))
            if settings.get("enabled") is False:
                disabled.add(name)
            numbers = {key: value for key, value in settings.items() if key != "enabled"}
            for key, value in numbers.items():
                if not isinstance(value, int | float) or isinstance(value, bool):
                    raise self._wrong(("detectors", name, key), "a threshold is a number")
            thresholds[name] = {key: float(value) for key, value in numbers.items()}
        return thresholds, frozenset(disabled)

    def _check(self, site: Site) -> None:
        """What types do not say: zones that are named exist, subnets are subnets, names are unique."""
        names = [zone.name for zone in site.zones]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise self._wrong(("zone", number, "name"), f"there are two zones called {name!r}")
        for number, zone in enumerate(site.zones):
            self._subnets(zone.subnets, ("zone", number, "subnets"))
        self._subnets(site.home, ("site", "home"))
        self._subnets(site.outside, ("site", "outside"))
        self._words(site)
        levels = [f"level {level}" for level in ("0", "1", "2", "3", "3.5", "4", "5")]
        zones = [*names, *levels, "outside", _ANY]
        for number, conduit in enumerate(site.conduits):
            for key, value in (("from", conduit.source), ("to", conduit.target)):
                self._known({value: None}, zones, ("conduit", number), key=key)
        for number, window in enumerate(site.maintenance):
            for name in window.zones:
                self._known({name: None}, zones, ("maintenance", number), key="zones")

    def _words(self, site: Site) -> None:
        """Levels, types, criticalities, intents and protocols are those that there are: a misspelt one would allow or say nothing."""
        intents = (*map(str, Intent), ADMINISTER, USE)
        rows: list[tuple[str, int, Conduit | Allowance]] = [("conduit", *row) for row in enumerate(site.conduits)]
        rows += [("exception", *row) for row in enumerate(site.allowances)]
        for table, number, row in rows:
            self._known(dict.fromkeys(row.intents), intents, (table, number), key="intents")
            named = [name for name in row.protocols if "/" not in name and name not in _TRANSPORTS]  # "tcp/4711": one without a name
            self._known(dict.fromkeys(named), PROTOCOLS, (table, number), key="protocols")
        for number, pin in enumerate(site.pins):
            for key, given, allowed in (("kind", pin.kind, tuple(map(str, Kind))), ("criticality", pin.criticality, _CRITICALITIES)):
                if given is not None:
                    self._known({given: None}, allowed, ("pin", number), key=key)
            self._levels([pin.level] if pin.level is not None else [], ("pin", number, "level"))
        for number, zone in enumerate(site.zones):
            self._levels(zone.levels, ("zone", number, "levels"))

    def _levels(self, levels: Iterable[float], place: Path) -> None:
        for level in levels:
            if level not in _LEVELS:
                raise self._wrong(place, f"{level:g} is no level: 0, 1, 2, 3, 3.5, 4 and 5 are")

    def _subnets(self, subnets: Iterable[str], place: Path) -> None:
        for subnet in subnets:
            if network_of(subnet) is None:
                raise self._wrong(place, f"{subnet!r} is no subnet, as 10.20.1.0/24 is")

    def _known(self, given: object, allowed: Iterable[str], place: Path, key: str | None = None) -> None:
        if not isinstance(given, dict):
            raise self._wrong(place, "a table is expected here")
        allowed = list(allowed)
        for name in given:
            if name not in allowed:
                close = get_close_matches(str(name), allowed, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(allowed)}"
                raise self._wrong((*place, key or name), f"{name!r} is not known here: {hint}")

    def _wrong(self, place: Path, what: str) -> SiteError:
        named = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        return SiteError(f"{self._line(place)}: {named}: {what}")

    def _line(self, place: Path) -> int:
        """The line that a place stands at, or that of what it is in."""
        above = (place[:length] for length in range(len(place), 0, -1))
        return next((self._places[path].line for path in above if path in self._places), 1)
