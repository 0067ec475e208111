"""What differs from the baseline: new assets, exchanges, functions, objects, writers and services, changed cadence, and what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sensor.baseline.learn import address_of, cadence, came_about, function_key, protocol_of
from sensor.baseline.model import Baseline, KnownAsset, KnownExchange, KnownFunction
from sensor.inventory.model import Asset
from sensor.inventory.profile import meaning
from sensor.knowledge import Deed, Dialogue, Knowledge
from sensor.objects import within
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
    usual = Usual(baseline)
    seen: set[KnownAsset] = set()
    for asset in known.assets.values():
        if asset.parent is None and not asset.outside:
            yield from _asset_changes(usual, asset, seen)
    yield from (Change(Difference.MISSING, "was not seen", known=row) for row in usual.assets if row not in seen)
    for dialogue in known.dialogues.values():
        if came_about(dialogue):
            yield from _dialogue_changes(usual, dialogue)


def _asset_changes(usual: Usual, asset: Asset, seen: set[KnownAsset]) -> Iterator[Change]:
    known = usual.find(asset)
    if known is None:
        yield Change(Difference.ASSET, "was never seen before", asset=asset)
        return
    seen.add(known)
    if fresh := sorted(set(asset.services) - set(known.services)):
        yield Change(Difference.SERVICE, f"serves {', '.join(fresh)}", ", ".join(known.services) or "nothing", asset=asset, known=known)


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
        if deed.intent in _CHANGES and not writes:
            yield Change(Difference.WRITER, f"{deed.intent}: {deed.function.name}", "reads at the most", dialogue=dialogue, deed=deed)
        elif exchange is not None:
            yield from _deed_changes(functions.get(key), deed)
        if (seconds := cadence(deed)) is not None and (key not in fastest or seconds < fastest[key][0]):
            fastest[key] = (seconds, deed)
    yield from _cadence_changes(functions, fastest)


def _deed_changes(known: KnownFunction | None, deed: Deed) -> Iterator[Change]:
    touched = deed.row.object
    if known is None:
        yield Change(Difference.FUNCTION, f"uses {deed.function.name}", dialogue=deed.dialogue, deed=deed)
    elif touched and not within(touched, known.objects):
        yield Change(Difference.OBJECT, f"{deed.function.name} {touched}", ", ".join(known.objects), dialogue=deed.dialogue, deed=deed)


def _cadence_changes(functions: dict[FunctionKey, KnownFunction], fastest: dict[FunctionKey, tuple[float, Deed]]) -> Iterator[Change]:
    for key, (seconds, deed) in fastest.items():
        known = functions.get(key)
        if known is not None and known.seconds and not 1 / _FACTOR <= seconds / known.seconds <= _FACTOR:
            what, usual = f"{deed.function.name} every {seconds:.3g} s", f"every {known.seconds:.3g} s"
            yield Change(Difference.CADENCE, what, usual, dialogue=deed.dialogue, deed=deed)


def _usual_address(usual: Usual, dialogue: Dialogue, *, client: bool) -> str:
    party = dialogue.client if client else dialogue.server
    known = usual.find(party.asset) if party.asset else None
    return known.address if known else address_of(party)


def _changes(protocol: str, function: KnownFunction) -> bool:
    return meaning(function.protocol or protocol, function.function, function.subfunction).intent in _CHANGES
