"""Scans: somebody tries many addresses, ports, controllers, units, functions or points to see what is there."""

from collections.abc import Callable, Hashable, Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.standing import EVERYDAY
from sensor.detections.windows import MINUTE, busiest
from sensor.detections.words import of_breach, of_dialogue
from sensor.inventory.model import Asset
from sensor.inventory.profile import Talk, meaning
from sensor.inventory.traits import title
from sensor.knowledge import Breach, Dialogue
from sensor.protocols import Intent

CONTROLLERS = frozenset({"modbus", "modbus_rtu", "cotp", "s7comm", "s7comm_plus", "enip", "cip", "dnp3", "dnp3_link"})
CONTROLLER_PORTS = frozenset({102, 502, 2222, 20000, 44818})
WORKED = 3
"""Answered reads or writes after which a client is at work, and no longer looking around."""

_SEVERAL = 3
"""Addresses from which on ports in vain are a search."""

UNKNOWN_FUNCTION = {"modbus": {1}, "modbus_rtu": {1}, "dnp3": {0x101}, "cip": {0x08}, "enip": {0x01}, "s7comm": {0x8104, 0x8100}}
UNKNOWN_POINT = {
    "modbus": {2},
    "modbus_rtu": {2},
    "dnp3": {0x102, 0x104},
    "cip": {0x04, 0x05, 0x16},
    "pccc": {0x50, 0x06F0},
    "s7comm": {0x05, 0x0A, 0xD209},
}
"""Codes with which devices reject what they do not have."""

ABOUT = "Find out what the source is and who started it. An inventory tool does the same: give it the tag `scanner` in the site file."


def _talks(asset: str, view: View) -> tuple[Talk, ...]:
    known = view.knowledge.assets[asset]
    told = view.knowledge.profiles.get(asset)
    return told.calls if told is not None and known.parent is None and "scanner" not in known.tags else ()


def _in_vain(talk: Talk) -> bool:
    """Who speaks a protocol on TCP was answered, even where the mirror shows one direction only."""
    row = talk.row
    unheard = row.packets[1] == 0
    if not unheard and not row.refused:
        return False  # as most
    return (unheard and not _is_half_seen(talk)) or row.refused >= max(row.connections, 1)


def _is_half_seen(talk: Talk) -> bool:
    return talk.row.transport == "tcp" and talk.row.packets[1] == 0 and bool(talk.operations)


def _at_work(talk: Talk) -> bool:
    everyday = [row for row in talk.operations if meaning(row.protocol, row.function, row.subfunction).intent in EVERYDAY]
    half = _is_half_seen(talk)
    return sum(row.requests if half else row.responses - row.errors for row in everyday) >= WORKED


def _found(asset: Asset, what: str, times: tuple[int, int, int], **more: str | None) -> Finding:
    address = next(iter(asset.ips or asset.macs), asset.id)
    name = asset.name if asset.name == address or not asset.name else f"{asset.name} ({address})"
    return Finding(message=f"{name} {what}", times=((times[0], times[1], 1),), source=asset.id, source_ip=address, **more)  # type: ignore[arg-type] # only texts


def _addresses(minutes: str) -> Callable[[str, View], Iterator[Finding]]:
    def on_asset(asset: str, view: View) -> Iterator[Finding]:
        tried = [talk for talk in _talks(asset, view) if _in_vain(talk)]
        if len(tried) < view.thresholds["addresses"]:
            return
        window = view.thresholds["minutes"]
        found = busiest(((talk.row.first, talk.row.server_ip) for talk in tried), int(window * MINUTE))
        if found[2] >= view.thresholds["addresses"]:
            yield _found(
                view.knowledge.assets[asset], f"tried {found[2]} addresses that did not answer within {window:g} minutes{minutes}", found
            )

    return on_asset


def _ports(asset: str, view: View) -> Iterator[Finding]:
    by_target: dict[str, list[tuple[int, Hashable]]] = {}
    for talk in _talks(asset, view):
        if _in_vain(talk) and talk.row.transport != "icmp":
            by_target.setdefault(talk.row.server_ip or "", []).append((talk.row.first, (talk.row.transport, talk.row.port)))
    for target, tried in by_target.items():
        if len(tried) < view.thresholds["ports"]:
            continue
        first, last, ports = busiest(tried, int(view.thresholds["minutes"] * MINUTE))
        if ports >= view.thresholds["ports"]:
            what = f"tried {ports} ports of {target} within {view.thresholds['minutes']:g} minutes"
            yield _found(view.knowledge.assets[asset], what, (first, last, ports), target_ip=target)


def _controllers(asset: str, view: View) -> Iterator[Finding]:
    talks = [talk for talk in _talks(asset, view) if talk.row.protocol in CONTROLLERS or talk.row.port in CONTROLLER_PORTS]
    if len(talks) < min(_SEVERAL, view.thresholds["controllers"]):
        return
    working = {talk.row.server_ip for talk in talks if _at_work(talk)}
    idle = [talk.row for talk in talks if talk.row.server_ip not in working or _in_vain(talk)]
    window = int(view.thresholds["minutes"] * MINUTE)
    if len(idle) < min(_SEVERAL, view.thresholds["controllers"]):
        return
    found = busiest(((row.first, row.server_ip) for row in idle), window)
    doors = busiest(((row.first, (row.server_ip, row.port)) for row in idle), window)
    # A master whose controllers are off for the weekend knocks at them as well.
    many = max(view.thresholds["controllers"], len(working))
    if found[2] >= many or (doors[2] >= view.thresholds["doors"] and found[2] >= _SEVERAL):
        what = f"looked for controllers at {found[2]} addresses and {doors[2]} ports within {view.thresholds['minutes']:g} minutes"
        yield _found(view.knowledge.assets[asset], what, found)


def _rejected(codes: dict[str, set[int]], dialogue: Dialogue) -> list[tuple[int, Hashable]]:
    return [
        (row.first, (row.protocol, row.function, row.subfunction) if codes is UNKNOWN_FUNCTION else row.object)
        for row in dialogue.operations
        if row.errors and any(code & 0xFFFF in codes.get(row.protocol, ()) for code, _ in row.statuses)
    ]


def _functions(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    tried = _rejected(UNKNOWN_FUNCTION, dialogue)
    first, last, functions = busiest(tried, int(view.thresholds["minutes"] * MINUTE))
    if functions >= view.thresholds["functions"]:
        message = f"{dialogue.client.name} tried {functions} functions that {dialogue.server.name} does not have"
        yield of_dialogue(dialogue, message, ((first, last, 1),), evidence=(f"{title(dialogue.row.protocol or '')}: rejected as unknown",))


def _points(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    first, last, points = busiest(_rejected(UNKNOWN_POINT, dialogue), int(view.thresholds["minutes"] * MINUTE))
    if points >= view.thresholds["points"]:
        message = f"{dialogue.client.name} asked {dialogue.server.name} for {points} addresses, tags or points that it does not have"
        yield of_dialogue(dialogue, message, ((first, last, 1),))
        return
    reads = [deed for deed in dialogue.deeds if deed.intent is Intent.READ and deed.row.object]
    asked = sum(deed.row.requests for deed in reads)
    if len(reads) >= view.thresholds["reads"] and asked <= 2 * len(reads):
        message = f"{dialogue.client.name} read {len(reads)} ranges of {dialogue.server.name} once or twice each: all that there is"
        times = ((min(deed.row.first for deed in reads), max(deed.row.last for deed in reads), 1),)
        yield of_dialogue(dialogue, message, times, severity=Severity.LOW)


def _units(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    if dialogue.row.protocol not in ("modbus", "modbus_rtu", "dnp3", "dnp3_link", "s7comm", "cotp", "cip"):
        return
    answered = {row.unit for row in dialogue.operations if row.responses > row.errors}
    if not dialogue.row.packets[1]:
        return
    window = int(view.thresholds["minutes"] * MINUTE)
    # Who asks for longer than that polls units that are off.
    tried = [(row.first, row.unit) for row in dialogue.operations if row.unit not in answered and row.last - row.first <= window]
    first, last, units = busiest(tried, window)
    if units >= view.thresholds["units"]:
        message = f"{dialogue.client.name} tried {units} unit addresses behind {dialogue.server.name} that nobody answered for"
        yield of_dialogue(dialogue, message, ((first, last, 1),))


def _arp(breach: Breach, view: View) -> Iterator[Finding]:
    del view
    by = breach.dialogue.client.name if breach.dialogue else "Somebody"
    yield of_breach(breach, f"{by} asked for many addresses with ARP: {breach.row.detail}")


def _minutes(default: float) -> Threshold:
    return Threshold(default, "minutes", "within which they are counted")


ROWS = (
    Detector(
        id="ot.scan.address",
        title="Address Scan Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=f"One host tries many addresses, most of which do not answer. {ABOUT}",
        techniques=("T0846",),
        covers=("Address Scan Detected",),
        thresholds={"addresses": Threshold(50, "addresses", "that did not answer"), "minutes": _minutes(2)},
        on_asset=_addresses(""),
    ),
    Detector(
        id="ot.scan.address_slow",
        title="Long Duration Address Scan Detected",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about=f"One host tries many addresses slowly, so that it is not noticed. {ABOUT}",
        techniques=("T0846",),
        covers=("Long Duration Address Scan Detected",),
        thresholds={"addresses": Threshold(100, "addresses", "that did not answer"), "minutes": _minutes(60)},
        on_asset=_addresses(", slowly"),
    ),
    Detector(
        id="ot.scan.port",
        title="Port Scan Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=f"One host tries many ports of another, most of which are closed. {ABOUT}",
        techniques=("T0846",),
        covers=("Port Scan Detected",),
        thresholds={"ports": Threshold(25, "ports", "that gave nothing"), "minutes": _minutes(2)},
        on_asset=_ports,
    ),
    Detector(
        id="ot.scan.controllers",
        title="PLC Scan Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=f"One host knocks at the ports of controllers at many addresses without doing any work there. {ABOUT}",
        techniques=("T0846", "T0888"),
        covers=("PLC Scan Detected",),
        thresholds={
            "controllers": Threshold(10, "addresses", "without work being done there"),
            "doors": Threshold(15, "ports", "of controllers at three addresses or more, without work being done there"),
            "minutes": _minutes(2),
        },
        on_asset=_controllers,
    ),
    Detector(
        id="ot.scan.arp",
        title="ARP Address Scan Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=f"One host asks the local network for many addresses. {ABOUT}",
        techniques=("T0846",),
        covers=("ARP Address Scan Detected",),
        kinds=frozenset({"arp_scan"}),
        on_breach=_arp,
    ),
    Detector(
        id="ot.scan.functions",
        title="Function Code Scan Detected",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about=f"A client tries functions that the device rejects as unknown, one after the other. {ABOUT}",
        techniques=("T0888",),
        needs="answers of the device",
        thresholds={"functions": Threshold(6, "functions", "that the device does not have"), "minutes": _minutes(10)},
        on_dialogue=_functions,
    ),
    Detector(
        id="ot.scan.points",
        title="Point or Tag Scan Detected",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about=f"A client asks for addresses, tags or points that the device does not have, or reads all there is once. {ABOUT}",
        techniques=("T0861", "T0802"),
        needs="answers of the device",
        thresholds={
            "points": Threshold(10, "addresses", "that the device does not have"),
            "reads": Threshold(100, "ranges", "read at the most twice"),
            "minutes": _minutes(10),
        },
        on_dialogue=_points,
    ),
    Detector(
        id="ot.scan.units",
        title="Unit Scan Detected",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about=f"A client tries the units behind a gateway, or the racks and slots of a controller. {ABOUT}",
        techniques=("T0846",),
        thresholds={"units": Threshold(8, "units", "that did not answer"), "minutes": _minutes(10)},
        on_dialogue=_units,
    ),
)
