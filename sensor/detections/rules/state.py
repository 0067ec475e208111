"""What devices say of their own state, and what they say differently than before."""

from collections.abc import Callable, Iterator
from itertools import pairwise

from sensor.capture import Fact
from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.detections.windows import SECOND
from sensor.inventory.traits import title
from sensor.knowledge import Party

DIFFERS = frozenset(
    {"modbus", "s7comm", "s7comm_plus", "cip", "enip", "pccc", "dnp3", "opcua", "mms", "bacnet", "pn_dcp", "lldp", "cdp", "snmp"}
)
"""Sources that say one thing of one device at a time."""

PAUSE = SECOND
"""Modules of one rack are listed within less; a device that changed takes longer."""


def _party(asset: str, view: View) -> Party:
    known = view.knowledge.assets[asset]
    parent = view.knowledge.assets.get(known.parent or "")
    return Party(next(iter(known.ips or known.macs or (parent.ips if parent else ())), asset), known)


def _finding(asset: str, view: View, what: str, fact: Fact, count: int) -> Finding:
    party = _party(asset, view)
    return Finding(
        message=f"{party.name}{f' unit {fact.unit}' if fact.unit else ''} {what}",
        times=((fact.first, fact.last, count),),
        target=asset,
        target_ip=party.address,
        protocol=fact.source,
        evidence=(f"{title(fact.source)} {fact.key.replace('_', ' ')}: {fact.value}",),
        key=fact.unit,
    )


def _says(word: str, what: str) -> Callable[[str, View], Iterator[Finding]]:
    def on_asset(asset: str, view: View) -> Iterator[Finding]:
        if view.knowledge.assets[asset].parent is not None:
            return
        for fact in view.knowledge.profiles[asset].facts:
            if fact.source == "dnp3" and fact.key == "status" and word in fact.value:
                yield _finding(asset, view, what, fact, fact.count)

    return on_asset


def _changed(keys: tuple[str, ...]) -> Callable[[str, View], Iterator[Finding]]:
    def on_asset(asset: str, view: View) -> Iterator[Finding]:
        if view.knowledge.assets[asset].parent is not None:
            return
        said: dict[tuple[str, str, str, str | None], list[Fact]] = {}
        for fact in view.knowledge.profiles[asset].facts:
            if fact.key in keys and fact.source in DIFFERS:
                said.setdefault((fact.unit, fact.key, fact.source, fact.ip), []).append(fact)
        for values in said.values():
            yield from _changes(asset, view, sorted(values, key=lambda fact: (fact.first, fact.value)))

    return on_asset


def _changes(asset: str, view: View, values: list[Fact]) -> Iterator[Finding]:
    for before, after in pairwise(values):
        # What is said by turns is of several modules, but for the mode, which may come back.
        if after.first - before.last >= PAUSE or (after.key == "mode" and after.first - before.first >= PAUSE):
            what = f"changed its {after.key.replace('_', ' ')} from {before.value} to {after.value}"
            yield _finding(asset, view, what, after, 1)


def _status(name: str, title_of: str, word: str, what: str, severity: Severity, about: str, *covers: str) -> Detector:
    return Detector(
        id=f"ot.state.{name}",
        title=title_of,
        severity=severity,
        engine=Engine.OPERATIONAL,
        about=about,
        needs="responses of the outstation",
        covers=covers,
        on_asset=_says(word, what),
    )


def _difference(name: str, title_of: str, keys: tuple[str, ...], about: str, technique: str, *covers: str) -> Detector:
    return Detector(
        id=f"ot.state.{name}",
        title=title_of,
        severity=Severity.MEDIUM,
        engine=Engine.OPERATIONAL,
        about=about,
        techniques=(technique,),
        needs="the device being asked for it at least twice",
        covers=covers or (title_of,),
        on_asset=_changed(keys),
    )


ROWS = (
    _status(
        "outstation_restarted",
        "Outstation Restarted",
        "restart",
        "says that it was restarted",
        Severity.LOW,
        "The outstation started anew since its master last cleared this indication.",
        "Outstation Restarted",
        "Outstation Restarts Frequently",
    ),
    _status(
        "outstation_trouble",
        "Suspicion of Hardware Problems in Outstation",
        "trouble",
        "says that something in it does not work",
        Severity.MEDIUM,
        "The outstation reports trouble in itself. Look into its log.",
        "Suspicion of Hardware Problems in Outstation",
    ),
    _status(
        "outstation_configuration",
        "Outstation's Corrupted Configuration Detected",
        "configuration corrupt",
        "says that its configuration is corrupt",
        Severity.MEDIUM,
        "The outstation found its configuration damaged. Load it again, and find out how it came to that.",
        "Outstation's Corrupted Configuration Detected",
    ),
    _status(
        "outstation_overflow",
        "Event Buffer Overflow in Outstation",
        "event buffer overflow",
        "says that it lost events",
        Severity.LOW,
        "Events were lost because the master did not fetch them in time.",
        "Event Buffer Overflow in Outstation",
        "Continuous Event Buffer Overflow at Outstation",
    ),
    _status(
        "outstation_local",
        "Outstation in Local Control",
        "local control",
        "says that some of it is under local control",
        Severity.INFO,
        "Somebody at the device has switched it to local: commands of the master have no effect.",
    ),
    _difference(
        "firmware",
        "Firmware Change Detected",
        ("firmware", "bootloader"),
        "A device says another firmware version than before.",
        "T0857",
        "Firmware Change Detected",
        "Firmware Version Changed",
        "Modbus Firmware Version Changed",
        "S7 Plus PLC Firmware Changed",
    ),
    _difference(
        "mode",
        "PLC Operating Mode Changed",
        ("mode", "key_switch"),
        "A controller says another operating mode or key position than before. Where nobody commanded it, somebody was at the device.",
        "T0858",
    ),
    _difference(
        "identity",
        "Change of Device Identity",
        ("serial", "order_number", "product_code"),
        "At this address is another device than before: it was replaced, or something poses as it.",
        "T0849",
        "Change of Device Configuration",
    ),
    _difference(
        "protection",
        "Protection of a Controller Changed",
        ("protection",),
        "A controller says another protection level than before.",
        "T0892",
        "Change of Device Configuration",
    ),
)
