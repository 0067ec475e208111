"""What one asset was seen to do: its rows, summed up by protocol. All that is concluded about an asset rests on its profile."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from sensor.capture import Conversation, Fact, Operation
from sensor.inventory.addresses import is_host
from sensor.protocols import PROTOCOLS, Function, Intent, Protocol


@dataclass(slots=True)
class Use:
    """All that an asset served, or asked for, with one protocol.

    validated: it was recognised by content, not by its port alone.
    answered: a response (of services without operations: octets of data) came back.
    requests, responses, errors, unanswered: of operations.
    peers: the other ends, as asset ids, else addresses. answered_peers: those with whom an answer was seen.
    intents: requests by intent; accepted: responses that did not reject, by intent.
    functions: requests by (function, sub-function).
    units, answered_units: addresses inside the servers that were asked, that answered.
    """

    protocol: str
    validated: bool = False
    answered: bool = False
    requests: int = 0
    responses: int = 0
    errors: int = 0
    unanswered: int = 0
    packets: int = 0
    peers: set[str] = field(default_factory=set)
    answered_peers: set[str] = field(default_factory=set)
    intents: Counter[Intent] = field(default_factory=Counter)
    accepted: Counter[Intent] = field(default_factory=Counter)
    functions: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    units: set[str] = field(default_factory=set)
    answered_units: set[str] = field(default_factory=set)
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation of the asset, its operations, and the other end.

    peer: asset id of the other end, else its address. as_server: the asset serves in it.
    """

    row: Conversation
    operations: tuple[Operation, ...]
    peer: str
    as_server: bool


@dataclass
class Profile:
    """The rows of one asset, or of one unit behind it.

    serves, asks: by protocol.
    routes: its MAC stands for addresses of others.
    """

    id: str
    talks: tuple[Talk, ...] = ()
    facts: tuple[Fact, ...] = ()
    serves: dict[str, Use] = field(default_factory=dict)
    asks: dict[str, Use] = field(default_factory=dict)
    routes: bool = False
    first: int = 0
    last: int = 0

    @cached_property
    def calls(self) -> tuple[Talk, ...]:
        """The conversations that it began with a single host, by TCP, UDP or ICMP."""
        return tuple(talk for talk in self.talks if not talk.as_server and _calls_one(talk.row))


def profile(asset: str, talks: Iterable[Talk], facts: Iterable[Fact], span: tuple[int, int], *, routes: bool = False) -> Profile:
    """Sum up the rows of an asset."""
    told = Profile(asset, tuple(talks), tuple(facts), routes=routes, first=span[0], last=span[1])
    for talk in told.talks:
        _add_talk(told, talk)
    return told


def _calls_one(row: Conversation) -> bool:
    return row.transport in ("tcp", "udp", "icmp") and (ip := row.server_ip) is not None and is_host(ip)


def protocol_of(name: str) -> Protocol:
    """What a protocol's functions mean; of one that nobody described, their numbers."""
    return PROTOCOLS.get(name) or Protocol(name, name, lambda code, _sub: Function(f"Function {code}", Intent.DIAGNOSE))


@lru_cache(maxsize=8192)
def meaning(protocol: str, function: int, subfunction: int | None) -> Function:
    """What a function means: a plant has thousands of operations, of few functions."""
    return protocol_of(protocol).function(function, subfunction)


def _add_talk(told: Profile, talk: Talk) -> None:
    row, peer = talk.row, talk.peer
    uses = told.serves if talk.as_server else told.asks
    name, use = row.protocol, None
    if name is not None:
        use = _use(uses, name, row, peer)
        packets = row.packets
        use.packets += sum(packets)
        use.validated |= not row.by_port
        # Services are not counted by function: that both ends sent data under a recognised protocol is their answer.
        if not talk.operations and not row.by_port and all(packets) and not row.refused >= row.connections:
            use.answered = True
            use.answered_peers.add(peer)
    for operation in talk.operations:
        protocol = operation.protocol
        if use is None or protocol != name:
            name, use = protocol, _use(uses, protocol, row, peer)
        _add_operation(use, operation, peer)


def _use(uses: dict[str, Use], protocol: str, row: Conversation, peer: str) -> Use:
    first, last = row.first, row.last
    use = uses.get(protocol)
    if use is None:
        use = uses[protocol] = Use(protocol, first=first, last=last)
    use.peers.add(peer)
    use.first = min(use.first, first)
    use.last = max(use.last, last)
    return use


def _add_operation(use: Use, row: Operation, peer: str) -> None:
    function, subfunction, unit = row.function, row.subfunction, row.unit
    requests, responses, errors = row.requests, row.responses, row.errors
    intent = meaning(use.protocol, function, subfunction).intent
    use.validated = True
    use.requests += requests
    use.responses += responses
    use.errors += errors
    use.unanswered += row.unanswered
    use.units.add(unit)
    use.functions[function, subfunction] += requests
    if requests:
        use.intents[intent] += requests
    if responses:
        use.answered = True
        use.answered_peers.add(peer)
        use.answered_units.add(unit)
    if responses > errors:
        use.accepted[intent] += responses - errors
