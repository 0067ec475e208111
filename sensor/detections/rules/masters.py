"""DNP3 masters and link addresses that two claim."""

from collections.abc import Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.knowledge import Deed


def _pairs(view: View) -> dict[tuple[str, str], list[tuple[str, Deed]]]:
    """By outstation (address and link address), the masters' link addresses with what they asked."""
    found: dict[tuple[str, str], list[tuple[str, Deed]]] = {}
    for dialogue in view.knowledge.dialogues.values():
        for deed in dialogue.deeds if any(row.protocol == "dnp3" for row in dialogue.operations) else ():
            master, dash, outstation = deed.row.unit.partition("-")
            if dash and deed.row.protocol == "dnp3" and deed.row.requests and not outstation.endswith("broadcast"):
                found.setdefault((deed.server.address, outstation), []).append((master, deed))
    return found


def _second(view: View) -> Iterator[Finding]:
    for (server, outstation), asked in _pairs(view).items():
        hosts = {deed.client.id or deed.client.address for _, deed in asked}
        masters = sorted({(deed.client.address, master) for master, deed in asked})
        if len(hosts) > 1:
            names = ", ".join(f"{address} as {master}" for address, master in masters[:5])
            yield _found(f"outstation {outstation} at {server} has several masters: {names}", asked)


def _same_address(view: View) -> Iterator[Finding]:
    for (server, outstation), asked in _pairs(view).items():
        by_link: dict[str, list[tuple[str, Deed]]] = {}
        for master, deed in asked:
            by_link.setdefault(master, []).append((master, deed))
        for master, claimed in by_link.items():
            clients = sorted({deed.client.address for _, deed in claimed})
            if len({deed.client.id or deed.client.address for _, deed in claimed}) > 1:
                text = f"{' and '.join(clients[:5])} both ask outstation {outstation} at {server} as master {master}"
                yield _found(text, claimed)


def _found(message: str, asked: list[tuple[str, Deed]]) -> Finding:
    # Who came last is the one to look at.
    latest = max((deed for _, deed in asked), key=lambda deed: (_begun(deed, asked), deed.client.address))
    return Finding(
        message=message[0].upper() + message[1:],
        times=((_begun(latest, asked), max(deed.row.last for _, deed in asked), 1),),
        source=latest.client.id,
        target=latest.server.id,
        source_ip=latest.client.address,
        target_ip=latest.server.address,
        protocol="dnp3",
        key=latest.row.unit,
    )


def _begun(deed: Deed, asked: list[tuple[str, Deed]]) -> int:
    return min(other.row.first for _, other in asked if other.client.address == deed.client.address)


ROWS = (
    Detector(
        id="ot.dnp3.several_masters",
        title="Outstation Has Several Masters",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about="More than one host asks an outstation. Redundant masters do; else the one that came later should not be there.",
        techniques=("T0848",),
        on_capture=_second,
    ),
    Detector(
        id="ot.dnp3.same_master",
        title="Two Hosts Use One Master Address",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="Two hosts use the same link address at one outstation: a redundant pair that changed over, or one poses as the master.",
        techniques=("T0848", "T0849"),
        on_capture=_same_address,
    ),
)
