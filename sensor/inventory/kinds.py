"""What type of device an asset is, and what roles it has: profiles and fields in, evidence out.

To add a rule, write a function that says in words what it saw (or None) and give it a row in RULES or ROLES.
"""

from collections.abc import Callable
from math import exp

from sensor.inventory import traits
from sensor.inventory.identity import kind_by_name, kind_of
from sensor.inventory.model import Evidence, Field, Kind, Role
from sensor.inventory.traits import Traits, exchanges, many, title

Seen = Callable[[Traits], str | None]

SURE = 0.5
"""Types that are less likely than this stay unknown."""

NAMED = 0.4
"""How much a computer's name counts."""

SPOKEN = {"lldp": 1.2, "cdp": 1.2, "snmp": 1.2, "http": 0.8, "dhcp": 0.8, "mdns": 0.8, "browser": 0.8, "smb": 0.8}
"""How much a description counts that came this way; what a device answers in its own control protocol counts 2."""


def classify(seen: Traits) -> tuple[Field, tuple[Role, ...]]:
    """Type and roles of an asset."""
    evidence = _evidence(seen)
    roles = tuple(role for role, rule in ROLES if rule(seen))
    return _decide(evidence), roles


def _evidence(seen: Traits) -> list[Evidence]:
    told = seen.told
    found = [
        Evidence(str(kind), because, "conversations", weight, told.first, told.last)
        for kind, weight, rule in RULES
        if (because := rule(seen)) is not None
    ]
    return found + _spoken(seen)


def _spoken(seen: Traits) -> list[Evidence]:
    """What it says of itself, each type once from each source."""
    found: dict[tuple[str, str], Evidence] = {}
    for fact in sorted(seen.told.facts, key=lambda fact: fact.id):
        named = fact.key == "hostname"
        kind = kind_by_name(fact.value) if named else kind_of(fact.key, fact.value)
        if kind is not None and (kind, fact.source) not in found:
            said = "name" if named else fact.key.replace("_", " ")
            because = f'says in {title(fact.source)} that its {said} is "{fact.value}"'
            weight = NAMED if named else SPOKEN.get(fact.source, 2.0)
            found[kind, fact.source] = Evidence(str(kind), because, fact.source, weight, fact.first, fact.last)
    names = [key for key, piece in found.items() if piece.weight == NAMED]
    return [piece for key, piece in found.items() if key not in names[1:]]


def _decide(evidence: list[Evidence]) -> Field:
    scores: dict[str, float] = {}
    for each in evidence:
        scores[each.says] = scores.get(each.says, 0.0) + each.weight
    if not scores:
        return Field(Kind.UNKNOWN)
    best = max(sorted(scores), key=lambda kind: scores[kind])
    confidence = exp(scores[best]) / (1.0 + sum(exp(score) for score in scores.values()))
    ordered = tuple(sorted(evidence, key=lambda each: (each.says != best, -each.weight)))
    if confidence < SURE and scores[best] - max((score for kind, score in scores.items() if kind != best), default=0.0) < SURE:
        return Field(Kind.UNKNOWN, 0.0, ordered)
    return Field(best, round(confidence, 3), ordered)


def answers(*protocols: str) -> Seen:
    """It answered one of these control protocols."""

    def rule(seen: Traits) -> str | None:
        use = next((use for use in seen.answered if use.protocol in protocols), None)
        if use is None:
            return None
        return f"answers {title(use.protocol)}: {many(exchanges(use), 'response')} to {many(len(use.answered_peers), 'client')}"

    return rule


def serves(*protocols: str) -> Seen:
    """It serves one of these."""

    def rule(seen: Traits) -> str | None:
        name = next((name for name in protocols if name in seen.given), None)
        return name and f"serves {title(name)} to {many(len(seen.given[name]), 'client')}"

    return rule


def publishes(protocol: str) -> Seen:
    """It sends this to a group, to all, or in a cycle."""

    def rule(seen: Traits) -> str | None:
        use = seen.told.asks.get(protocol)
        return f"publishes {title(protocol)}: {many(use.packets, 'packet')}" if use and use.validated else None

    return rule


def has_role(word: str) -> Seen:
    """It says that it has this role in its network."""

    def rule(seen: Traits) -> str | None:
        fact = next((fact for fact in seen.facts("role") if word in fact.value.split(", ") and fact.source != "arp"), None)
        return fact and f'says in {title(fact.source)} that it is "{fact.value}"'

    return rule


def _modbus_units(seen: Traits) -> str | None:
    use = seen.told.serves.get("modbus")
    units = {unit for unit in use.answered_units if unit not in ("0", "1", "255")} if use else set()
    return f"answers Modbus for {many(len(units), 'unit')} behind it" if len(units) > 1 else None


def _controls_io(seen: Traits) -> str | None:
    peers = seen.servers(traits.FIELDBUS)
    return f"exchanges cyclic inputs and outputs with {many(len(peers), 'I/O device')}" if peers else None


def _is_cyclic_io(seen: Traits) -> str | None:
    peers = seen.clients(traits.FIELDBUS)
    if not peers or seen.clients(("modbus", "s7comm", "pccc")):
        return None
    return f"is an I/O partner of {many(len(peers), 'controller')}"


def _polls_as_server(seen: Traits) -> str | None:
    uses = [use for use in seen.polled if traits.works(use)]
    if not seen.devices or seen.stranger or _is_controller(seen):
        return None
    afar = any(use.protocol in traits.TELECONTROL | traits.STATION for use in uses)
    if len(seen.devices) < 3 and not afar and not seen.clients(traits.DATABASES | {"opcua", "suitelink"}):
        return None
    return f"polls {many(len(seen.devices), 'device')} with {title(uses[0].protocol)}"


def _polls_as_panel(seen: Traits) -> str | None:
    if not 1 <= len(seen.devices) <= 2 or seen.stranger or _is_controller(seen) or seen.dabbles:
        return None
    if _polls_as_server(seen):
        return None
    return f"reads or writes {many(len(seen.devices), 'controller')}: an operator's panel or station"


def _engineers(seen: Traits) -> str | None:
    if seen.stranger or not seen.engineered or _is_controller(seen):
        return None
    return f"programs, uploads or configures {many(len(seen.engineered), 'controller')}"


def _called_engineer(seen: Traits) -> str | None:
    """Its name says so, and it works with controllers or asks them who they are."""
    names = [fact.value for fact in seen.facts("hostname") if kind_by_name(fact.value) is Kind.ENGINEERING_WORKSTATION]
    return f'is called "{names[0]}" and works with controllers' if names and seen.polled and not seen.scans else None


def _scans(seen: Traits) -> str | None:
    return seen.scans


def _collects(seen: Traits) -> str | None:
    names, sources = sorted(traits.DATABASES & seen.serves_to.keys()), seen.servers(("opcua", "suitelink", "tds"))
    if not names or not sources or seen.devices:
        return None
    return f"collects from {many(len(sources), 'server')} and serves {', '.join(map(title, names))}"


def _is_directory(seen: Traits) -> str | None:
    given = [name for name in ("kerberos", "ldap") if name in seen.given]
    if not given or (len(given) == 1 and not seen.clients(("dns", "smb"))):
        return None
    return f"serves {' and '.join(title(name) for name in given)}: a domain controller"


def _is_jump_host(seen: Traits) -> str | None:
    came, went = seen.clients(traits.REMOTE), seen.servers(traits.REMOTE)
    if not came or not went - came:
        return None
    return f"is entered by remote access from {many(len(came), 'host')} and enters {many(len(went), 'host')}"


def _is_server(seen: Traits) -> str | None:
    given = list(seen.serves_to)
    if not given or seen.answered:
        return None
    clients = seen.clients(given)
    if len(given) < 2 and len(clients) < 2:
        return None
    return f"serves {', '.join(title(name) for name in given[:4])} to {many(len(clients), 'client')}"


def _is_workstation(seen: Traits) -> str | None:
    asked = [name for name in seen.asks_of if name in traits.HOST | traits.OFFICE]
    if seen.answered or (seen.polled and not seen.dabbles) or not asked or len(seen.clients({"smb"})) > 1:
        return None
    if seen.given.keys() - traits.REMOTE - {"smb", "dcerpc"}:
        return None
    return f"uses {', '.join(title(name) for name in asked[:4])} and serves nothing much"


def _is_controller(seen: Traits) -> bool:
    return bool(seen.answered) and not seen.passes_on


def _routes(seen: Traits) -> str | None:
    return "its MAC address stands for addresses of others" if seen.told.routes else None


def _phone(seen: Traits) -> str | None:
    return "speaks SIP" if seen.servers(("sip",)) and has_role("telephone")(seen) else None


def _gateway(seen: Traits) -> str | None:
    if not seen.answered or not seen.devices or seen.stranger:
        return None
    served, asked = seen.answered[0], seen.polled[0]
    return f"answers {title(served.protocol)} and asks {title(asked.protocol)}" if served.protocol != asked.protocol else None


RULES: tuple[tuple[Kind, float, Seen], ...] = (
    (Kind.PLC, 1.6, answers("s7comm", "s7comm_plus", "pccc", "melsec", "fins", "ge_srtp", "codesys", "ads", "pcworx", "proconos")),
    (Kind.PLC, 1.6, answers("tristation", "sbus")),
    (Kind.PLC, 1.2, answers("modbus", "modbus_rtu", "cip", "metasys", "foxapi", "ff_hse")),
    (Kind.PLC, 1.0, answers("bacnet", "knx", "niagara_fox", "synchrophasor")),
    (Kind.PLC, 2.0, has_role("IO controller")),
    (Kind.PLC, 1.6, _controls_io),
    (Kind.RTU, 2.0, answers("dnp3", "iec104", "roc_plus", "bsap", "genisys")),
    (Kind.IED, 2.3, answers("mms", "c1222")),
    (Kind.IED, 1.6, publishes("goose")),
    (Kind.IED, 1.4, publishes("sv")),
    (Kind.PLC, 1.2, publishes("egd")),
    (Kind.PLC, 1.2, publishes("fl_net")),
    (Kind.IO, 1.8, answers("hart_ip")),
    (Kind.IO, 2.0, has_role("IO device")),
    (Kind.IO, 1.4, _is_cyclic_io),
    (Kind.GATEWAY, 2.0, _modbus_units),
    (Kind.GATEWAY, 0.8, _gateway),
    (Kind.SCADA_SERVER, 1.6, _polls_as_server),
    (Kind.HMI, 1.4, _polls_as_panel),
    (Kind.ENGINEERING_WORKSTATION, 2.2, _engineers),
    (Kind.HISTORIAN, 2.5, serves("pi_historian")),
    (Kind.HISTORIAN, 1.8, _collects),
    (Kind.DOMAIN_CONTROLLER, 2.2, _is_directory),
    (Kind.DOMAIN_CONTROLLER, 2.0, has_role("domain controller")),
    (Kind.JUMP_HOST, 1.8, _is_jump_host),
    (Kind.PRINTER, 2.0, serves("jetdirect", "lpd", "ipp")),
    (Kind.CAMERA, 1.8, serves("rtsp")),
    (Kind.PHONE, 2.0, _phone),
    (Kind.PHONE, 2.0, has_role("telephone")),
    (Kind.SWITCH, 1.4, has_role("switch")),
    (Kind.SWITCH, 0.8, has_role("bridge")),
    (Kind.SWITCH, 1.2, publishes("stp")),
    (Kind.ROUTER, 2.0, has_role("router")),
    (Kind.ROUTER, 1.8, _routes),
    (Kind.SERVER, 1.0, _is_server),
    (Kind.WORKSTATION, 1.0, _is_workstation),
)
"""Type, weight in log-odds, and the function that says what was seen."""

ROLES: tuple[tuple[Role, Seen], ...] = (
    (Role.CONTROLLER, lambda seen: answers(*traits.POLLED)(seen) or has_role("IO controller")(seen) or _controls_io(seen)),
    (Role.IO_DEVICE, lambda seen: has_role("IO device")(seen) or _is_cyclic_io(seen)),
    (Role.MASTER, lambda seen: None if seen.stranger or not seen.devices else "polls"),
    (Role.HMI, lambda seen: _polls_as_panel(seen) if not _engineers(seen) else None),
    (Role.ENGINEERING_WORKSTATION, lambda seen: _engineers(seen) or _called_engineer(seen)),
    (Role.HISTORIAN, lambda seen: serves("pi_historian")(seen) or _collects(seen)),
    (Role.GATEWAY, lambda seen: _modbus_units(seen) or _gateway(seen)),
    (Role.SCANNER, _scans),
    (Role.DOMAIN_CONTROLLER, lambda seen: _is_directory(seen) or has_role("domain controller")(seen)),
    (Role.JUMP_HOST, _is_jump_host),
    (Role.REMOTE_ACCESS_SERVER, serves(*sorted(traits.REMOTE))),
    (Role.NAME_SERVER, serves("dns")),
    (Role.ADDRESS_SERVER, serves("dhcp")),
    (Role.TIME_SERVER, serves("ntp")),
    (Role.DATABASE_SERVER, serves(*sorted(traits.DATABASES))),
    (Role.FILE_SERVER, serves("smb", "ftp", "afp")),
    (Role.WEB_SERVER, serves("http")),
    (Role.PRINTER, serves("jetdirect", "lpd", "ipp")),
    (Role.ROUTER, lambda seen: has_role("router")(seen) or _routes(seen)),
    (Role.SWITCH, lambda seen: has_role("switch")(seen) or publishes("stp")(seen)),
)
"""Role, and the function that says why it has it."""
