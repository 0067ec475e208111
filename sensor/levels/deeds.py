"""Evidence for a level in an asset's own deeds and words. To add a rule: a function that yields signs, and its row in RULES."""

from collections.abc import Callable, Iterator

from sensor.inventory import traits
from sensor.inventory.model import Evidence, Kind, Role
from sensor.inventory.profile import Use
from sensor.inventory.traits import exchanges, many, title
from sensor.levels.network import network_of
from sensor.levels.subject import Sign, Subject
from sensor.levels.words import adapter, identity, made_for_control, maker, named
from sensor.protocols import Intent

ENOUGH_EXCHANGES = 3
SCADA = frozenset(("opcua", "suitelink", "genbroker"))
"""What operators' stations and those above them get data with."""

FEW = 3
HUB = 2
"""Partners in cyclic data that make a hub; with one only, nobody knows which end is which."""

BY_PORT = 0.6
"""What is left of evidence from services that nothing but their ports tells."""
CONTROLLING = (Kind.PLC, Kind.RTU, Kind.IED, Kind.IO, Kind.DRIVE, Kind.GATEWAY, Kind.UNKNOWN)
"""Types of what answers a control protocol, unless it says that it is something else."""


Rule = Callable[[Subject], Iterator[Sign]]


def answers(subject: Subject) -> Iterator[Sign]:
    """It answers a control protocol, recognised by content: a controller, unless it is known for something that is polled like one."""
    for use in subject.seen.answered:
        field_device = use.protocol in traits.INSTRUMENTS or subject.is_kind(Kind.IO, Kind.DRIVE)
        because = f"answers {title(use.protocol)}: {many(exchanges(use), 'response')} to {many(len(use.answered_peers), 'client')}"
        yield Sign("0" if field_device else "1", because, use.protocol, _share_of_answers(subject, use))


def _share_of_answers(subject: Subject, use: Use) -> float:
    """How much of a controller's evidence its answers are."""
    owners = subject.seen.clients(traits.FIELDBUS)
    if subject.seen.passes_on or subject.is_kind(Kind.HMI, Kind.SWITCH, Kind.ROUTER) or (owners and use.answered_peers <= owners):
        return 0.4  # a server that passes on what it polls, a panel or switch that tells its state, a device that its controller sets up
    if use.responses and not use.requests:
        return 0.4  # requests that nobody saw: a mirror of one direction, or a guess of the dissector
    return 1.0 if exchanges(use) >= ENOUGH_EXCHANGES else 0.8


def prints(subject: Subject) -> Iterator[Sign]:
    """Printers stand where people are."""
    rows = [talk.row for talk in subject.seen.told.talks if talk.as_server and talk.row.protocol in traits.PRINTING]
    jobs = [row for row in rows if row.packets[0] > traits.OPENING and row.packets[1] > 1]
    if jobs:
        yield Sign("4", f"prints for {many(len(jobs), 'client')}")


def io_roles(subject: Subject) -> Iterator[Sign]:
    """PROFINET and EtherNet/IP: who controls inputs and outputs, and who has them."""
    for fact in subject.seen.facts("role"):
        if fact.value == "IO controller":
            yield Sign("1", "says in PROFINET that it is an IO controller", fact.source)
        elif fact.value == "IO device":
            yield Sign("0", "says in PROFINET that it is an IO device", fact.source, 0.8)
    for name in sorted(traits.FIELDBUS):
        if partners := subject.seen.got.get(name):
            yield Sign("1", f"controls the inputs and outputs of {many(len(partners), 'device')} ({title(name)})", name, 0.9)
        if (partners := subject.seen.given.get(name)) and not subject.is_kind(Kind.PLC, Kind.HMI):
            yield Sign("0", f"has inputs and outputs that {many(len(partners), 'controller')} uses ({title(name)})", name, 0.8)


def realtime(subject: Subject) -> Iterator[Sign]:
    """The hub of cyclic PROFINET data is the controller."""
    if len(subject.seen.realtime) >= HUB:
        yield Sign("1", f"exchanges cyclic PROFINET data with {len(subject.seen.realtime)} devices", "profinet")


def publishes(subject: Subject) -> Iterator[Sign]:
    """Real-time messages of substations and drives that nobody but field devices sends."""
    for name, share in (("goose", 1.0), ("sv", 0.6), ("egd", 0.8), ("fl_net", 0.8)):
        use = subject.seen.told.asks.get(name)
        if use and use.validated:
            yield Sign("1", f"sends {title(name)}: {many(use.packets, 'packet')}", name, share)
    ethercat = subject.seen.told.asks.get("ethercat")
    if ethercat and ethercat.validated:
        # The first slave marks what it sends back in the address of the master: its bit of locally administered addresses.
        back = all(int(mac[:2], 16) & 2 for mac in subject.asset.macs)
        said = "returns EtherCAT frames as the first device of a line" if back else f"sends EtherCAT: {many(ethercat.packets, 'packet')}"
        yield Sign("0" if back else "1", said, "ethercat", 0.8)


def masters(subject: Subject) -> Iterator[Sign]:
    """It works with controllers that answer it."""
    seen = subject.seen
    if seen.stranger or not seen.devices or is_controller(subject):
        return
    uses = [use for use in seen.polled if traits.works(use)]
    requests = sum(exchanges(use) for use in uses)
    share = 1.0 if len(seen.devices) > 1 else 0.8
    if len(seen.devices) == 1 and not seen.looks_like_pc and made_for_control(subject):
        share = 0.5  # a panel, but it can be a controller that asks another as well
    afar = enters_from_afar(subject)
    if requests >= traits.CYCLIC:
        share += -0.2 if afar and len(seen.devices) < FEW else 0.35 if requests >= traits.ROUTINE else 0.2
    elif subject.outsiders or afar:
        share *= 0.6
    if (
        afar
        and len(seen.devices) >= FEW
        and all(use.intents and not use.intents[Intent.WRITE] and not use.intents[Intent.CONTROL] for use in uses)
    ):
        share *= 0.7  # whoever only reads, from elsewhere, is as likely a historian
    because = f"reads or writes {many(len(seen.devices), 'controller')} with {title(uses[0].protocol)}: {many(requests, 'answer')}"
    yield Sign("2", because, uses[0].protocol, share)


def engineers(subject: Subject) -> Iterator[Sign]:
    """It programs or configures controllers, and they accept it."""
    seen = subject.seen
    if seen.stranger or not seen.engineered or is_controller(subject):
        return
    share = 0.5 if subject.outsiders else 0.7 if enters_from_afar(subject) else 1.0
    yield Sign("2", f"programs, uploads or configures {many(len(seen.engineered), 'controller')}", "engineering", share)


def inquires(subject: Subject) -> Iterator[Sign]:
    """It asks controllers who they are and gets answers: something near them, if it does not do so to everyone."""
    seen = subject.seen
    if seen.stranger or seen.devices or seen.engineered or not seen.polled or is_controller(subject):
        return
    use = seen.polled[0]
    near = len(use.peers) == 1 and not seen.is_computer
    share = 1.8 if exchanges(use) >= traits.CYCLIC and len(use.answered_peers) <= 2 else 1.5 if near else 1.0
    yield Sign("2", f"asks {title(use.protocol)} devices who they are and how: {many(exchanges(use), 'answer')}", use.protocol, share)


def station(subject: Subject) -> Iterator[Sign]:
    """What works with controllers and is a computer is no controller itself."""
    if subject.seen.devices and subject.seen.looks_like_pc and not is_controller(subject) and not subject.seen.stranger:
        yield Sign("2+", "is a computer that works with controllers")


def unheard(subject: Subject) -> Iterator[Sign]:
    """It asks controllers of its own subnet that were never heard: a mirror of one direction, or nobody is there."""
    seen = subject.seen
    if seen.stranger or seen.polled or seen.answered:
        return
    for name, use in sorted(seen.told.asks.items()):
        beside = len(use.peers) <= FEW and all(_subnet_of(peer) == subject.network for peer in use.peers)
        if name in traits.POLLED and use.validated and not use.answered and use.requests >= traits.CYCLIC and beside:
            yield Sign("2", f"sends {title(name)} requests whose answers were not seen ({use.requests:,})", name)


def unasked(subject: Subject) -> Iterator[Sign]:
    """It sends what only controllers send, and whom it answers was never heard."""
    for name, use in sorted(subject.seen.told.serves.items()):
        if (
            name in traits.CONTROLLERS | traits.TELECONTROL
            and use.validated
            and use.responses
            and not use.requests
            and not use.answered_peers
        ):
            yield Sign("1", f"answers {title(name)} to somebody who was never heard", name)


def office(subject: Subject) -> Iterator[Sign]:
    """What people in offices do: the web, mail, printers, telephony."""
    seen = subject.seen
    if is_controller(subject):
        return
    if subject.outsiders and (names := [name for name in seen.asks_of if seen.servers((name,)) & subject.outsiders and name in traits.WEB]):
        yield Sign("4", f"uses {', '.join(map(title, names))} of {many(len(subject.outsiders), 'host')} outside")
    if names := sorted((traits.MAIL | traits.PRINTING | traits.OFFICE) & seen.asks_of.keys()):
        yield Sign("4", f"uses {', '.join(map(title, names))}", share=0.8)


def computer(subject: Subject) -> Iterator[Sign]:
    """A usual mix of IT without any part in control."""
    seen = subject.seen
    names = sorted((traits.HOST & (seen.asks_of.keys() | seen.serves_to.keys())) - {"http", "tls", "ssh", "telnet", "ftp"})
    if names and not seen.polled and not seen.answered and not seen.servers(SCADA) and not seen.clients(SCADA):
        yield Sign("3+", f"speaks {', '.join(map(title, names[:4]))} and takes no part in control")


def historian(subject: Subject) -> Iterator[Sign]:
    """It collects from below and serves databases above."""
    if (names := sorted(traits.DATABASES & subject.seen.serves_to.keys())) and not is_controller(subject):
        fed = subject.seen.servers(("opcua", "suitelink", "pi_historian", "dcerpc")) and not subject.seen.devices
        yield Sign(
            "3", f"serves {', '.join(map(title, names))}" + (" and collects from servers below" if fed else ""), share=1.0 if fed else 0.4
        )


def opc_server(subject: Subject) -> Iterator[Sign]:
    """OPC UA is served by controllers and by operators' servers alike: what the box is decides."""
    clients = subject.seen.clients({"opcua"})
    if not clients or subject.seen.devices:
        return
    because = f"serves OPC UA to {many(len(clients), 'client')}"
    if subject.seen.looks_like_pc:
        yield Sign("2", f"{because}, and is a computer", "opcua", 1.4)
    elif name := made_for_control(subject):
        yield Sign("1", f"{because}, and is made by {name}", "opcua", 1.4)
    else:
        yield Sign("2-", because, "opcua")


def opc_client(subject: Subject) -> Iterator[Sign]:
    """Who collects with OPC UA is above what serves it."""
    if subject.seen.devices or subject.seen.answered or not (servers := subject.seen.servers(("opcua",))):
        return
    yield Sign("2", f"collects with OPC UA from {many(len(servers), 'server')}", "opcua")


def trust(subject: Subject, sign: Sign) -> float:
    """What only ports tell is worth less."""
    return BY_PORT if sign.source == "conversations" and subject.seen.unproven else 1.0


def is_controller(subject: Subject) -> bool:
    """Is it a controller or its device, whomever it asks itself, and not a computer that happens to answer?"""
    takes_part = bool(subject.seen.answered) or Role.CONTROLLER in subject.asset.roles or Role.IO_DEVICE in subject.asset.roles
    return takes_part and not subject.seen.passes_on and subject.is_kind(*CONTROLLING)


def _subnet_of(peer: str) -> str | None:
    """Subnet of a peer that was never heard: its address is all that is known."""
    try:
        return network_of((peer,))
    except ValueError:
        return None  # an asset, so it was heard, or a MAC address


def enters_from_afar(subject: Subject) -> bool:
    """Does it stand in another subnet than all devices that it works with?"""
    devices = subject.seen.devices | subject.seen.engineered
    return bool(devices and subject.legs) and all(subject.networks.get(peer) not in (*subject.legs, None) for peer in devices)


RULES: tuple[tuple[float, Rule], ...] = (
    (2.0, answers),
    (2.0, identity),
    (1.0, adapter),
    (1.0, prints),
    (0.5, named),
    (2.0, io_roles),
    (1.4, realtime),
    (2.0, publishes),
    (1.8, masters),
    (1.8, engineers),
    (0.6, inquires),
    (0.7, station),
    (0.9, unheard),
    (0.9, unasked),
    (0.5, maker),
    (1.2, office),
    (0.8, computer),
    (1.5, historian),
    (0.6, opc_server),
    (1.0, opc_client),
)
"""Weight in log-odds, and the function."""


def evidence_of(subject: Subject) -> tuple[Evidence, ...]:
    """All that its own deeds and words say."""
    told = subject.seen.told
    return tuple(
        Evidence(sign.says, sign.because, sign.source, round(weight * sign.share * trust(subject, sign), 3), told.first, told.last)
        for weight, rule in RULES
        for sign in rule(subject)
    )
