"""DNP3 masters and link addresses that two claim."""

from collections.abc import Iterator, Sequence

from sensor.detections.model import Detector, Engine, Finding, Severity, View
from sensor.knowledge import Deed


def _outstation(deed: Deed) -> tuple[str, str] | None:
    """Address and link address of the outstation that is asked."""
    row = deed.row
    if row.protocol != "dnp3" or not row.requests:
        return None
    _, dash, outstation = row.unit.partition("-")
    return (deed.server.address, outstation) if dash and not outstation.endswith("broadcast") else None


def _second(deeds: Sequence[Deed], view: View) -> Iterator[Finding]:
    del view
    if len({deed.client.id or deed.client.address for deed in deeds}) > 1:
        masters = sorted({(deed.client.address, _master(deed)) for deed in deeds})
        names = ", ".join(f"{address} as {master}" for address, master in masters[:5])
        yield _found(f"outstation {_of(deeds[0])} has several masters: {names}", deeds)


def _same_address(deeds: Sequence[Deed], view: View) -> Iterator[Finding]:
    del view
    by_link: dict[str, list[Deed]] = {}
    for deed in deeds:
        by_link.setdefault(_master(deed), []).append(deed)
    for master, claimed in by_link.items():
        clients = sorted({deed.client.address for deed in claimed})
        if len({deed.client.id or deed.client.address for deed in claimed}) > 1:
            yield _found(f"{' and '.join(clients[:5])} both ask outstation {_of(claimed[0])} as master {master}", claimed)


def _master(deed: Deed) -> str:
    """Its link address."""
    return deed.row.unit.partition("-")[0]


def _of(deed: Deed) -> str:
    return f"{deed.row.unit.partition('-')[2]} at {deed.server.address}"


def _found(message: str, asked: Sequence[Deed]) -> Finding:
    # Who came last is the one to look at.
    latest = max((deed for deed in asked), key=lambda deed: (_begun(deed, asked), deed.client.address))
    return Finding(
        message=message[0].upper() + message[1:],
        times=((_begun(latest, asked), max(deed.row.last for deed in asked), 1),),
        source=latest.client.id,
        target=latest.server.id,
        source_ip=latest.client.address,
        target_ip=latest.server.address,
        protocol="dnp3",
        key=latest.row.unit,
    )


def _begun(deed: Deed, asked: Sequence[Deed]) -> int:
    return min(other.row.first for other in asked if other.client.address == deed.client.address)


ROWS = (
    Detector(
        id="ot.dnp3.several_masters",
        title="Outstation Has Several Masters",
        severity=Severity.MEDIUM,
        engine=Engine.ANOMALY,
        about="More than one host asks an outstation. Redundant masters do; else the one that came later should not be there.",
        techniques=("T0848",),
        group_of=_outstation,
        on_group=_second,
    ),
    Detector(
        id="ot.dnp3.same_master",
        title="Two Hosts Use One Master Address",
        severity=Severity.HIGH,
        engine=Engine.ANOMALY,
        about="Two hosts use the same link address at one outstation: a redundant pair that changed over, or one poses as the master.",
        techniques=("T0848", "T0849"),
        group_of=_outstation,
        on_group=_same_address,
    ),
)
