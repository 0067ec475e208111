"""What one asset was seen to do: its rows, summed up by protocol. All that is concluded about an asset rests on its profile."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from sensor.capture import Conversation, Fact, Operation
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


@dataclass(slots=True)
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


def profile(asset: str, talks: Iterable[Talk], facts: Iterable[Fact], span: tuple[int, int], *, routes: bool = False) -> Profile:
    """Sum up the rows of an asset."""
    told = Profile(asset, tuple(talks), tuple(facts), routes=routes, first=span[0], last=span[1])
    for talk in told.talks:
        _add_talk(told, talk)
    return told


def protocol_of(name: str) -> Protocol:
    """What a protocol's functions mean; of one that nobody described, their numbers."""
    return PROTOCOLS.get(name) or Protocol(name, name, lambda code, _sub: Function(f"Function {code}", Intent.DIAGNOSE))


@lru_cache(maxsize=8192)
def meaning(protocol: str, function: int, subfunction: int | None) -> Function:
    """What a function means: a plant has thousands of operations, of few functions."""
    return protocol_of(protocol).function(function, subfunction)


def _add_talk(told: Profile, talk: Talk) -> None:
    row = talk.row
    if row.protocol is not None:
        use = _use(told, row.protocol, talk)
        use.packets += sum(row.packets)
        use.validated |= not row.by_port
        # Services are not counted by function: that both ends sent data under a recognised protocol is their answer.
        if not talk.operations and not row.by_port and all(row.packets) and not row.refused >= row.connections:
            use.answered = True
            use.answered_peers.add(talk.peer)
    for operation in talk.operations:
        _add_operation(_use(told, operation.protocol, talk), operation, talk)


def _use(told: Profile, protocol: str, talk: Talk) -> Use:
    uses = told.serves if talk.as_server else told.asks
    use = uses.get(protocol)
    if use is None:
        use = uses[protocol] = Use(protocol, first=talk.row.first, last=talk.row.last)
    use.peers.add(talk.peer)
    use.first = min(use.first, talk.row.first)
    use.last = max(use.last, talk.row.last)
    return use


def _add_operation(use: Use, row: Operation, talk: Talk) -> None:
    intent = meaning(row.protocol, row.function, row.subfunction).intent
    use.validated = True
    use.requests += row.requests
    use.responses += row.responses
    use.errors += row.errors
    use.unanswered += row.unanswered
    use.units.add(row.unit)
    use.functions[row.function, row.subfunction] += row.requests
    if row.requests:
        use.intents[intent] += row.requests
    if row.responses:
        use.answered = True
        use.answered_peers.add(talk.peer)
        use.answered_units.add(row.unit)
    if row.responses > row.errors:
        use.accepted[intent] += row.responses - row.errors
