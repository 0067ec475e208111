"""Evidence for a level in an asset's own words: what it says it is, what it is called, who made it."""

from collections.abc import Iterator

from sensor.inventory.identity import AUTOMATION, kind_by_name, kind_of
from sensor.inventory.model import Kind
from sensor.inventory.traits import title
from sensor.levels.subject import Sign, Subject

LEVEL_OF_KIND = {
    Kind.PLC: "1", Kind.RTU: "1", Kind.IED: "1", Kind.IO: "0", Kind.DRIVE: "0", Kind.HMI: "2",
    Kind.SCADA_SERVER: "2", Kind.ENGINEERING_WORKSTATION: "2",
    Kind.PRINTER: "3+", Kind.PHONE: "3+", Kind.SERVER: "3+",
}  # fmt: skip
"""Where a type of device that says so lives; gateways, switches and the like live anywhere."""

LEVEL_OF_NAME = LEVEL_OF_KIND | {Kind.ENGINEERING_WORKSTATION: "2+", Kind.HISTORIAN: "3+", Kind.JUMP_HOST: "3+"}
"""What a name hints at."""


def identity(subject: Subject) -> Iterator[Sign]:
    """What it says of itself in its own words: model, order number, type of device."""
    told: set[tuple[str, str]] = set()
    for fact in subject.seen.facts("order_number", "model", "device_type", "description"):
        kind = kind_of(fact.key, fact.value)
        says = LEVEL_OF_KIND.get(kind) if kind else None
        if says is None or (says, fact.source) in told:
            continue
        told.add((says, fact.source))
        share = 0.6 if fact.key == "description" or fact.source in ("lldp", "cdp", "snmp", "http") else 1.0
        yield Sign(says, f'says in {title(fact.source)} that its {fact.key.replace("_", " ")} is "{fact.value}"', fact.source, share)


def adapter(subject: Subject) -> Iterator[Sign]:
    """A communications adapter of CIP: the network module of a chassis."""
    for fact in subject.seen.facts("device_type"):
        if fact.value == "Communications Adapter":
            yield Sign("1", f"says in {title(fact.source)} that it is a communications adapter", fact.source)
            return


def named(subject: Subject) -> Iterator[Sign]:
    """Names that people gave it: a hint, names outlive what they were given for."""
    for fact in subject.seen.facts("hostname"):
        kind = kind_by_name(fact.value)
        if kind in LEVEL_OF_NAME:
            yield Sign(LEVEL_OF_NAME[kind], f'is called "{fact.value}"', fact.source)
            return


def maker(subject: Subject) -> Iterator[Sign]:
    """Its network adapter is of a maker of control equipment."""
    if name := made_for_control(subject):
        yield Sign("2-", f"its network adapter is made by {name}", "mac prefix")


def made_for_control(subject: Subject) -> str | None:
    """The maker of its network adapter, if that makes control equipment."""
    vendor = subject.asset.fields.get("vendor")
    makers = (piece.says for piece in (vendor.evidence if vendor else ()) if piece.source == "mac prefix")
    return next((name for name in makers if AUTOMATION.search(name)), None)
