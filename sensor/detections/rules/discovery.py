"""Questions that tell somebody what is there, where the one who asks has no everyday work there."""

from collections.abc import Iterator

from sensor.detections.model import Detector, Engine, Finding, Severity, Threshold, View
from sensor.detections.standing import Standing, is_foreign, is_maintenance, is_told_engineer, standing
from sensor.detections.words import of_deed, of_dialogue
from sensor.inventory.model import Role
from sensor.knowledge import Deed, Dialogue, Party
from sensor.protocols import Intent

STRUCTURE = frozenset({("s7comm", 0x70301), ("s7comm", 0x70302), ("s7comm", 0x70303), ("cip", 0x55), ("modbus", 90)})


def _identity(deed: Deed, view: View) -> Iterator[Finding]:
    """Of tags and blocks another detector tells."""
    if deed.intent is not Intent.DISCOVER or deed.function.technique == "T0861" or deed.row.protocol == "enip":
        return
    asset = deed.client.asset
    if asset is not None and Role.ENGINEERING_WORKSTATION in asset.roles and not is_foreign(deed.client, deed.server):
        return
    known = standing(deed.client, deed.server, view)
    severity = Severity.MEDIUM if is_foreign(deed.client, deed.server) else Severity.LOW if known is Standing.STRANGER else Severity.INFO
    yield of_deed(deed, "read the identity of", severity=severity)


def _structure(deed: Deed, view: View) -> Iterator[Finding]:
    del view
    if deed.function.technique != "T0861":
        return
    asset = deed.client.asset
    if asset is not None and Role.ENGINEERING_WORKSTATION in asset.roles and not is_foreign(deed.client, deed.server):
        return
    yield of_deed(deed, "listed the tags or blocks of", severity=Severity.MEDIUM if is_foreign(deed.client, deed.server) else Severity.LOW)


def _safety(dialogue: Dialogue, view: View) -> Iterator[Finding]:
    row = dialogue.row
    if row.protocol != "tristation" or row.by_port or not all(row.packets):
        return
    expected = is_told_engineer(dialogue.client) or is_maintenance(view, row.first, dialogue.client, dialogue.server)
    severity = Severity.HIGH if is_foreign(dialogue.client, dialogue.server) else Severity.LOW if expected else Severity.MEDIUM
    message = f"{dialogue.client.name} works with engineering software at the safety controller {dialogue.server.name}"
    yield of_dialogue(dialogue, message, ((row.first, row.last, 1),), severity=severity)


def _sweep(asset: str, view: View) -> Iterator[Finding]:
    told, known = view.knowledge.profiles[asset], view.knowledge.assets[asset]
    use = told.asks.get("enip")
    if use is None or known.parent is not None:
        return
    asked = {code: sum(n for (function, _), n in use.functions.items() if function == code) for code in (0x04, 0x63, 0x64)}
    groups = [
        talk
        for talk in told.talks
        if not talk.as_server and talk.row.protocol == "enip" and talk.row.packets[0] and not talk.row.packets[1]
    ]
    peers = use.peers if any(asked.values()) else set()
    if len(peers) < view.thresholds["devices"] and not (asked[0x63] and groups):
        return
    party = Party(next(iter(known.ips or known.macs), asset), known)
    whom = f"{len(peers)} devices" if len(peers) >= view.thresholds["devices"] else "all devices of its network"
    yield Finding(
        message=f"{party.name} asked {whom} who they are with EtherNet/IP",
        times=((use.first, use.last, sum(asked.values())),),
        source=asset,
        source_ip=party.address,
        protocol="enip",
        severity=Severity.MEDIUM if is_foreign(party) else Severity.LOW,
    )


ROWS = (
    Detector(
        id="ot.discovery.identity",
        title="Unauthorized PLC Configuration Read",
        severity=Severity.LOW,
        engine=Engine.POLICY,
        about=(
            "A host that is no engineering workstation asks a controller for its model, serial number or firmware. "
            "Inventory tools do; so does "
            "somebody who looks for a version with a known weakness."
        ),
        techniques=("T0888",),
        covers=("Unauthorized PLC Configuration Read",),
        on_deed=_identity,
    ),
    Detector(
        id="ot.discovery.structure",
        title="Tags or Blocks of a Controller Listed",
        severity=Severity.LOW,
        engine=Engine.POLICY,
        about=(
            "A host that is no engineering workstation asks a controller for all its tags or blocks: what one does before "
            "reading or changing them."
        ),
        techniques=("T0861",),
        functions=STRUCTURE | {("cip", 0x03), ("cip", 0x4C)},
        covers=("Unauthorized PLC Configuration Read",),
        on_deed=_structure,
    ),
    Detector(
        id="ot.discovery.safety_engineering",
        title="Engineering Software at a Safety Controller",
        severity=Severity.MEDIUM,
        engine=Engine.POLICY,
        about=(
            "TriStation, the protocol of the engineering software of Triconex safety controllers, is spoken. What is asked is not "
            "read; programs and firmware of safety controllers are loaded with it. Expected where work was announced or the site file "
            "says that the host is an engineering workstation."
        ),
        on_dialogue=_safety,
    ),
    Detector(
        id="ot.discovery.list_identity",
        title="EtherNet/IP Devices Asked Who They Are",
        severity=Severity.LOW,
        engine=Engine.PROTOCOL,
        about="ListIdentity to all, or to many devices one after the other. Rockwell's RSLinx does so all day.",
        techniques=("T0846",),
        thresholds={"devices": Threshold(5, "devices", "asked by one host")},
        on_asset=_sweep,
    ),
)
