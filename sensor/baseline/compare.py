"""What differs from the baseline: new assets, exchanges, functions, objects, writers and services, changed cadence, and what is missing."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from sensor.baseline.learn import address_of, cadence, came_about, function_key, protocol_of
from sensor.baseline.model import Baseline, KnownAsset, KnownExchange, KnownFunction
from sensor.inventory.model import Asset
from sensor.inventory.profile import meaning
from sensor.knowledge import Deed, Dialogue, Knowledge
from sensor.objects import collapse, within
from sensor.protocols import Intent

_DAY = 86_400_000_000_000
_FACTOR = 3.0
"""A cadence that differs by less is usual."""
FunctionKey = tuple[str, str, int, int]
_CHANGES = frozenset({Intent.WRITE, Intent.CONTROL, Intent.PROGRAM, Intent.CONFIGURE})


class Difference(StrEnum):
    """What kind of thing is not as usual."""

    ASSET = "asset"
    SERVICE = "service"
    EXCHANGE = "exchange"
    WRITER = "writer"
    FUNCTION = "function"
    OBJECT = "object"
    CADENCE = "cadence"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. asset: of ASSET, SERVICE and MISSING; dialogue: of the others; deed: of WRITER, FUNCTION, OBJECT and CADENCE.

    what: in words, "reads HR 40100-40120". usual: what the baseline has instead.
    """

    difference: Difference
    what: str
    usual: str = ""
    asset: Asset | None = None
    known: KnownAsset | None = None
    dialogue: Dialogue | None = None
    deed: Deed | None = None


class Usual:
    """A baseline made ready for looking things up."""

    def __init__(self, baseline: Baseline) -> None:
        self.learning = int(baseline.learning_days * _DAY)
        self.assets = baseline.assets
        self._by_tag: dict[str, KnownAsset] = {}
        for known in reversed(baseline.assets):
            tags = (*known.ips, *known.macs, known.address, *((f"serial {known.serial}",) if known.serial else ()))
            self._by_tag.update(dict.fromkeys(tags, known))
        self.exchanges: dict[tuple[str, str, str], KnownExchange] = {
            (row.client, row.server, row.protocol): row for row in baseline.exchanges
        }
        self.writers: set[tuple[str, str]] = set()
        for row in baseline.exchanges:
            if any(_changes(row.protocol, function) for function in row.functions):
                self.writers.add((row.client, row.server))

    def find(self, asset: Asset) -> KnownAsset | None:
        """The known asset that this one is: by serial, then MAC, then IP."""
        return self._first(asset.text("serial"), asset.macs, asset.ips)

    def find_known(self, asset: KnownAsset) -> KnownAsset | None:
        """The same for one of another baseline."""
        return self._first(asset.serial, asset.macs, asset.ips)

    def _first(self, serial: str | None, macs: tuple[str, ...], ips: tuple[str, ...]) -> KnownAsset | None:
        tags = (*((f"serial {serial}",) if serial else ()), *macs, *ips)
        return next((self._by_tag[tag] for tag in tags if tag in self._by_tag), None)

    def is_learning(self, asset: Asset | None, first: int) -> bool:
        """Is an asset that came after the baseline still within its own learning period?"""
        return asset is not None and self.find(asset) is None and first < asset.first + self.learning


def compare(baseline: Baseline, known: Knowledge) -> Iterator[Change]:
    """Everything that is not as usual."""
    comparison = Comparison(baseline)
    comparison.update(known.assets, known.dialogues, known.assets, known.dialogues)
    return comparison.changes(known.assets, {number: place for place, number in enumerate(known.dialogues)})


class Comparison:
    """What is not as usual, kept up to date: by asset, by conversation, and what was not seen, by its number in the baseline."""

    def __init__(self, baseline: Baseline) -> None:
        self.of_assets: dict[str, tuple[Change, ...]] = {}
        self.of_dialogues: dict[int, tuple[Change, ...]] = {}
        self.missing: dict[int, Change] = {}
        self._usual = Usual(baseline)
        self._known_as: dict[str, KnownAsset] = {}
        self._missed: set[int] = set()

    def update(
        self, assets: Mapping[str, Asset], dialogues: Mapping[int, Dialogue], changed: Iterable[str], conversations: Iterable[int]
    ) -> set[str]:
        """Look at assets and conversations that have changed or are gone. The assets that are new where they were not, or were."""
        fresh = set()
        others = not self._known_as and not self.missing
        for name in changed:
            was = name in self.of_assets and self.of_assets[name][0].difference is Difference.ASSET
            asset = assets.get(name)
            found: tuple[Change, ...] = ()
            before = self._known_as.pop(name, None)
            if asset is not None and asset.parent is None and not asset.outside:
                found = tuple(self._asset_changes(asset))
            others |= self._known_as.get(name) is not before
            _put(self.of_assets, name, found)
            if was != bool(found and found[0].difference is Difference.ASSET):
                fresh.add(name)
        for number in conversations:
            dialogue = dialogues.get(number)
            unusual = _dialogue_changes(self._usual, dialogue) if dialogue is not None and came_about(dialogue) else ()
            _put(self.of_dialogues, number, tuple(unusual))
        if others:
            seen = set(self._known_as.values())
            lacking = ((place, row) for place, row in enumerate(self._usual.assets) if row not in seen)
            self.missing = {place: Change(Difference.MISSING, "was not seen", known=row) for place, row in lacking}
        return fresh

    @property
    def fresh(self) -> Iterator[str]:
        """Assets that the baseline does not know."""
        return (name for name, changes in self.of_assets.items() if changes[0].difference is Difference.ASSET)

    def news(
        self, assets: Iterable[str], conversations: Iterable[int], places: Mapping[int, int]
    ) -> dict[Hashable, tuple[tuple[int, ...], tuple[Change, ...]]]:
        """What was found in those, now or before, by subject and with its place among all changes."""
        found: dict[Hashable, tuple[tuple[int, ...], tuple[Change, ...]]] = {}
        for name in assets:
            found[name] = (0,), self.of_assets.get(name, ())
        for place in self.missing.keys() | self._missed:
            found["missing", place] = (1, place), (self.missing[place],) if place in self.missing else ()
        self._missed = set(self.missing)
        for number in conversations:
            found[number] = (2, places.get(number, 0)), self.of_dialogues.get(number, ())
        return found

    def changes(self, assets: Iterable[str], places: Mapping[int, int]) -> Iterator[Change]:
        """All, in the order of the assets and of the conversations."""
        yield from (change for name in assets if name in self.of_assets for change in self.of_assets[name])
        yield from self.missing.values()
        for number in sorted(self.of_dialogues, key=places.__getitem__):
            yield from self.of_dialogues[number]

    def _asset_changes(self, asset: Asset) -> Iterator[Change]:
        known = self._usual.find(asset)
        if known is None:
            yield Change(Difference.ASSET, "was never seen before", asset=asset)
            return
        self._known_as[asset.id] = known
        if fresh := sorted(set(asset.services) - set(known.services)):
            yield Change(Difference.SERVICE, f"serves {', '.join(fresh)}", ", ".join(known.services) or "nothing", asset=asset, known=known)


Subject = TypeVar("Subject")


def _put(found: dict[Subject, tuple[Change, ...]], subject: Subject, changes: tuple[Change, ...]) -> None:
    if changes:
        found[subject] = changes
    else:
        found.pop(subject, None)


def _dialogue_changes(usual: Usual, dialogue: Dialogue) -> Iterator[Change]:
    row = dialogue.row
    if usual.is_learning(dialogue.client.asset, row.first) or usual.is_learning(dialogue.server.asset, row.first):
        return
    client, server = (_usual_address(usual, dialogue, client=client) for client in (True, False))
    exchange = usual.exchanges.get((client, server, protocol_of(dialogue)))
    if exchange is None:
        yield Change(Difference.EXCHANGE, f"speaks {protocol_of(dialogue)}", dialogue=dialogue)
    functions = {known.key: known for known in exchange.functions} if exchange else {}
    writes = (client, server) in usual.writers
    fastest: dict[FunctionKey, tuple[float, Deed]] = {}
    for deed in dialogue.deeds:
        key = function_key(deed)
        if _was_asked_before(deed):
            continue
        if deed.intent in _CHANGES and not writes:
            yield Change(Difference.WRITER, f"{deed.intent}: {deed.function.name}", "reads at the most", dialogue=dialogue, deed=deed)
        elif exchange is not None:
            yield from _deed_changes(_usual_function(functions, key), deed)
        if (seconds := cadence(deed)) is not None and (key not in fastest or seconds < fastest[key][0]):
            fastest[key] = (seconds, deed)
    yield from _cadence_changes(functions, fastest)


def _was_asked_before(deed: Deed) -> bool:
    """One answer to what nobody was seen asking: the sensor began to listen in between. What exactly was asked is not known."""
    return not deed.row.requests and deed.row.responses == 1


def _usual_function(functions: Mapping[FunctionKey, KnownFunction], key: FunctionKey) -> KnownFunction | None:
    """The same function of the same unit, or of any where the unit is not known, now or then: a connection's opening tells it."""
    protocol, unit, function, subfunction = key
    if key in functions or unit:
        return functions.get(key) or functions.get((protocol, "", function, subfunction))
    same = [known for known in functions.values() if known.key == (protocol, known.unit, function, subfunction)]
    return replace(same[0], objects=collapse(touched for known in same for touched in known.objects)) if same else None


def _deed_changes(known: KnownFunction | None, deed: Deed) -> Iterator[Change]:
    touched = deed.row.object
    if known is None:
        yield Change(Difference.FUNCTION, f"uses {deed.function.name}", dialogue=deed.dialogue, deed=deed)
    elif touched and not within(touched, known.objects):
        yield Change(Difference.OBJECT, f"{deed.function.name} {touched}", ", ".join(known.objects), dialogue=deed.dialogue, deed=deed)


def _cadence_changes(functions: dict[FunctionKey, KnownFunction], fastest: dict[FunctionKey, tuple[float, Deed]]) -> Iterator[Change]:
    for key, (seconds, deed) in fastest.items():
        known = _usual_function(functions, key)
        if known is not None and known.seconds and not 1 / _FACTOR <= seconds / known.seconds <= _FACTOR:
            what, usual = f"{deed.function.name} every {seconds:.3g} s", f"every {known.seconds:.3g} s"
            yield Change(Difference.CADENCE, what, usual, dialogue=deed.dialogue, deed=deed)


def _usual_address(usual: Usual, dialogue: Dialogue, *, client: bool) -> str:
    party = dialogue.client if client else dialogue.server
    known = usual.find(party.asset) if party.asset else None
    return known.address if known else address_of(party)


def _changes(protocol: str, function: KnownFunction) -> bool:
    return meaning(function.protocol or protocol, function.function, function.subfunction).intent in _CHANGES
