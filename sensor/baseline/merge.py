"""Taking over into a baseline what is usual from now on."""

from collections.abc import Callable
from dataclasses import replace

from sensor.baseline.compare import Usual
from sensor.baseline.model import Baseline, KnownAsset, KnownExchange, KnownFunction
from sensor.objects import collapse


def merge(old: Baseline, new: Baseline, wanted: Callable[[str], bool] = lambda _address: True) -> Baseline:
    """The old baseline and what `new` adds to it, of the assets whose address is wanted (of exchanges either end)."""
    usual = Usual(old)
    names = {row.address: (usual.find_known(row) or row).address for row in new.assets}
    assets = {row.address: row for row in old.assets}
    for row in new.assets:
        if wanted(row.address):
            address = names[row.address]
            assets[address] = _asset(assets.get(address), replace(row, address=address))
    exchanges = dict(usual.exchanges)
    for exchange in new.exchanges:
        if wanted(exchange.client) or wanted(exchange.server):
            client, server = (names.get(end, end) for end in (exchange.client, exchange.server))
            key = (client, server, exchange.protocol)
            exchanges[key] = _exchange(exchanges.get(key), replace(exchange, client=client, server=server))
    return replace(
        old,
        first=min(old.first, new.first) if old.first else new.first,
        last=max(old.last, new.last),
        assets=tuple(sorted(assets.values(), key=lambda row: row.address)),
        exchanges=tuple(exchange for _, exchange in sorted(exchanges.items())),
    )


def _asset(old: KnownAsset | None, new: KnownAsset) -> KnownAsset:
    if old is None:
        return new
    return KnownAsset(
        address=old.address,
        name=new.name or old.name,
        macs=tuple(sorted({*old.macs, *new.macs})),
        ips=tuple(sorted({*old.ips, *new.ips})),
        vlans=tuple(sorted({*old.vlans, *new.vlans})),
        serial=new.serial or old.serial,
        firmware=new.firmware or old.firmware,
        services=tuple(sorted({*old.services, *new.services})),
    )


def _exchange(old: KnownExchange | None, new: KnownExchange) -> KnownExchange:
    functions = {row.key: row for row in (old.functions if old else ())}
    for row in new.functions:
        functions[row.key] = _function(functions.get(row.key), row)
    return replace(new, functions=tuple(function for _, function in sorted(functions.items(), key=lambda item: item[0])))


def _function(old: KnownFunction | None, new: KnownFunction) -> KnownFunction:
    if old is None:
        return new
    return replace(old, objects=collapse((*old.objects, *new.objects)), seconds=new.seconds or old.seconds)
