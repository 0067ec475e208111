"""Where things are kept and told: disk, database, destinations, the site file."""

import os
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from sensor.conduits.site import load_site
from sensor.doctor.model import Check, bad, good, note
from sensor.errors import OtoscopeError, SettingsError, UnreadyStoreError
from sensor.exports.ways import WAYS
from sensor.settings import CaptureSettings, Settings
from sensor.settings.problems import example_of
from sensor.store import Store
from sensor.words import duration, octets

_LITTLE_ROOM = 1_000_000_000
_PATIENCE_SECONDS = 5.0


def files(settings: Settings, where: Mapping[str, str]) -> Iterator[Check]:
    """What can be said of the settings from here, without connecting to anything. where: the places of keys in the file."""
    if not settings.capture.interfaces:
        advice = f"otoscope init finds it; write [capture] {example_of('interfaces', CaptureSettings.model_fields['interfaces'])}"
        yield bad("interfaces", "none: nothing can be captured", advice)
    if settings.capture.filter:
        yield _filter(settings, where.get("capture.filter", ""))
    if settings.site.file:
        yield from _site(settings.site.file, where.get("site.file", ""))
    else:
        yield note("site file", "none: the Purdue reference policy holds", "otoscope site init writes a first one from a capture")
    if not settings.exports:
        yield note("destinations", "nobody is told anything", "add a table [exports.NAME] to the settings")


def places(settings: Settings, where: Mapping[str, str]) -> Iterator[Check]:
    """The same, the database and its disk, and each destination; nothing is sent there but what connecting takes."""
    yield from files(settings, where)
    yield from _database(settings.store.database)
    yield from _evidence(settings)
    if settings.transactions.folder:
        yield _transactions(Path(settings.transactions.folder))
    yield from _destinations(settings)


def _transactions(folder: Path) -> Check:
    if find_spec("pyarrow") is None:
        return bad("transaction log", "the library of Parquet is missing: the sensor does not start", "pip install 'otoscope[log]'")
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return bad("transaction log", f"{there} may not be written", f"mkdir -p {folder}, owned by who runs the sensor")
    return good("transaction log", str(folder))


def _filter(settings: Settings, where: str) -> Check:
    try:
        settings.capture.listening()
    except SettingsError as error:
        return bad("filter", f"{where}: {error}", "write it as tcpdump has it: man pcap-filter")
    return good("filter", "tcpdump compiles it")


def _site(file: str, where: str) -> Iterator[Check]:
    try:
        site = load_site(file)
    except OtoscopeError as error:
        yield bad("site file", f"{where}: {error}", f"otoscope site check {file} says more")
    else:
        yield good("site file", f"{file}: {len(site.zones)} zones, {len(site.conduits)} conduits, {len(site.pins)} pins")


def _database(where: str) -> Iterator[Check]:
    if "://" not in where:
        folder = Path(where).absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            yield bad("database", f"{folder} is not there or may not be written", f"mkdir -p {folder}, owned by who runs the sensor")
            return
        free = shutil.disk_usage(folder).free
        if free < _LITTLE_ROOM:
            yield bad("disk", f"{octets(free)} free at {folder}", "make room, or lower [store] retain_megabytes")
        else:
            yield good("disk", f"{octets(free)} free at {folder}")
        if not Path(where).exists():
            yield good("database", f"{where} is made at the first start")
            return  # made here it would be owned by whoever looks, and not by who runs the sensor
    try:
        with Store.look(where, timeout=_PATIENCE_SECONDS) as store:
            yield good("database", f"{octets(store.octets())}")
            for state in store.outbox.states():
                if state.waiting and state.last_error:
                    text = f"{state.waiting:,} events wait, the oldest for {duration(state.lag_seconds)}: {state.last_error}"
                    yield bad(f"destination {state.name}", text, f"otoscope exports test {state.name}")
    except UnreadyStoreError as error:
        yield note("database", str(error), "otoscope run makes it, or brings it up to date, when it starts")
    except OtoscopeError as error:
        yield bad("database", str(error), "see docs/store.md")


def _evidence(settings: Settings) -> Iterator[Check]:
    """Only where it will not be kept: the folder is made with the first of it."""
    folder = settings.evidence.place(settings.store.database).absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if settings.evidence.ring_mebibytes and not (there.is_dir() and os.access(there, os.W_OK)):
        yield bad("evidence", f"{folder} cannot be made or written", f"make it, owned by who runs the sensor: {folder}")


def _destinations(settings: Settings) -> Iterator[Check]:
    for destination in settings.destinations():
        what = f"destination {destination.name}"
        way = WAYS[destination.scheme].open(destination)
        try:
            way.deliver(())
        except OtoscopeError as error:
            yield bad(what, str(error), f"otoscope exports test {destination.name}")
        else:
            yield good(what, f"{destination.url} can be reached")
        finally:
            way.close()
