"""What an asset's profile says in the words of a plant: whom it answers, whom it polls, programs, serves, or merely tries."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from sensor.capture import Conversation, Fact
from sensor.inventory.profile import Profile, Talk, Use
from sensor.protocols import PROTOCOLS, Intent

CONTROLLERS = frozenset(
    ("ads", "bsap", "cip", "codesys", "fins", "ff_hse", "foxapi", "ge_srtp", "genisys", "melsec", "metasys", "modbus", "modbus_rtu")
) | frozenset(("pccc", "pcworx", "proconos", "roc_plus", "s7comm", "s7comm_plus", "sbus", "tristation"))
"""Who answers these is a controller, or something that is polled like one."""

FIELDBUS = frozenset(("cip_io", "pn_io_cm", "powerlink", "cclink_ie", "sercos"))
"""Who asks here is a controller, and who answers has its inputs and outputs."""

TELECONTROL = frozenset(("dnp3", "iec104"))
STATION = frozenset(("mms", "synchrophasor", "c1222"))
BUILDING = frozenset(("bacnet", "knx", "niagara_fox"))
INSTRUMENTS = frozenset(("hart_ip",))
POLLED = CONTROLLERS | TELECONTROL | STATION | BUILDING | INSTRUMENTS
"""Field and control protocols with a master that asks and a device that answers."""

WORK = frozenset((Intent.READ, Intent.WRITE, Intent.CONTROL, Intent.REPORT))
"""What a master does with its devices day by day."""

TELECONTROL_WORK = WORK | {Intent.CONFIGURE, Intent.PROGRAM, Intent.UPLOAD}
"""In telecontrol the master sets clocks and classes and moves files as well."""

ENGINEERING = frozenset(("s7comm", "s7comm_plus", "modbus", "cip", "pccc"))
"""Protocols of which program, upload and configure are an engineer's; in DNP3 every master configures."""

ONLY_ENGINEERING = frozenset(("tristation",))
"""What only engineering software speaks."""

REMOTE = frozenset(["rdp", "ssh", "vnc", "telnet", "winrm", "citrix", "radmin", "pcanywhere", "x11", "rlogin"])
MAIL = frozenset(("smtp", "imap", "pop3"))
PRINTING = frozenset(("jetdirect", "lpd", "ipp"))
WEB = frozenset(("http", "tls", "quic"))
DATABASES = frozenset(["tds", "tns", "mysql", "postgresql", "mongodb", "redis", "pi_historian"])
DIRECTORY = frozenset(("kerberos", "ldap"))
INFRASTRUCTURE = frozenset(["dns", "dhcp", "ntp", "kerberos", "ldap", "radius", "tacacs", "syslog"])
OFFICE = frozenset(["dropbox", "teamviewer", "anydesk", "sip"])
HOST = REMOTE | WEB | DATABASES | DIRECTORY | MAIL | PRINTING | frozenset(("smb", "dcerpc", "ftp", "afp", "sunrpc", "rsync", "iscsi"))
"""Services between computers."""

SERVICES = HOST | INFRASTRUCTURE | OFFICE | {"snmp"}

EMBEDDED = frozenset(("http", "tls", "ssh", "telnet", "ftp", "ntp", "dns", "dhcp", "syslog", "smtp", "snmp"))
"""What devices of control speak as well."""

TRIED_MANY, MOST = 15, 0.5
FEW_PACKETS = 4
OPENING = 4
"""Packets of one side that open and close a connection."""

MULTICAST = 224
"""First octet of IPv4 multicast addresses."""
CYCLIC = 20
"""Answers that make work with controllers more than a try."""

ROUTINE = 200
"""Answers that make work with controllers routine."""


@dataclass
class Traits:
    """What one asset does, asked of its profile once."""

    told: Profile
    _facts: dict[str, list[Fact]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fact in sorted(self.told.facts, key=lambda fact: fact.id):
            self._facts.setdefault(fact.key, []).append(fact)

    def facts(self, *keys: str) -> Iterator[Fact]:
        """Its facts with one of these keys."""
        return (fact for key in keys for fact in self._facts.get(key, ()))

    @cached_property
    def given(self) -> dict[str, set[str]]:
        """Who got answers from it, by protocol."""
        return self._partners(self.told.serves, as_server=True)

    @cached_property
    def got(self) -> dict[str, set[str]]:
        """Who answered it, by protocol."""
        return self._partners(self.told.asks, as_server=False)

    def _partners(self, uses: dict[str, Use], *, as_server: bool) -> dict[str, set[str]]:
        found = {name: set(use.answered_peers) for name, use in uses.items() if use.answered_peers}
        for talk in self._by_port:
            if talk.as_server == as_server and talk.row.protocol is not None:
                found.setdefault(talk.row.protocol, set()).add(talk.peer)
        itself = {self.told.id.partition("/")[0]}
        return {name: peers - itself for name, peers in sorted(found.items()) if peers - itself}

    @cached_property
    def _by_port(self) -> list[Talk]:
        """Services between computers that only the port tells: sessions that began before the capture, of which much was seen."""
        return [talk for talk in self.told.talks if talk.row.by_port and talk.row.protocol in SERVICES and _flows(talk.row)]

    @cached_property
    def unproven(self) -> bool:
        """Are all services that it gives or gets told by their ports alone?"""
        proven = {name for uses in (self.told.serves, self.told.asks) for name, use in uses.items() if use.answered_peers}
        return bool(self._by_port) and not proven & SERVICES

    def clients(self, protocols: Container[str]) -> set[str]:
        """Who got answers from it with one of the protocols."""
        return {peer for name, peers in self.given.items() if name in protocols for peer in peers}

    def servers(self, protocols: Container[str]) -> set[str]:
        """Who answered it with one of the protocols."""
        return {peer for name, peers in self.got.items() if name in protocols for peer in peers}

    @cached_property
    def answered(self) -> tuple[Use, ...]:
        """The control protocols in which it answered somebody else, most exchanges first."""
        return self._proven(self.told.serves)

    @cached_property
    def polled(self) -> tuple[Use, ...]:
        """The control protocols in which somebody else answered it, most exchanges first."""
        return self._proven(self.told.asks)

    def _proven(self, uses: dict[str, Use]) -> tuple[Use, ...]:
        itself = {self.told.id.partition("/")[0]}
        found = [use for name, use in uses.items() if name in POLLED and use.validated and use.answered_peers - itself]
        return tuple(sorted(found, key=lambda use: (-exchanges(use), use.protocol)))

    @cached_property
    def devices(self) -> set[str]:
        """The devices that it works with: they answered its reads, writes and commands."""
        return self.servers({use.protocol for use in self.polled if works(use)})

    @cached_property
    def partners(self) -> set[str]:
        """All with whom it exchanged anything of control, either way round."""
        names = POLLED | FIELDBUS
        return self.clients(names) | self.servers(names)

    @cached_property
    def realtime(self) -> set[str]:
        """With whom it exchanges PROFINET frames all the time: cyclic data, no configuration."""
        talks = (talk for talk in self.told.talks if talk.row.protocol == "profinet" and max(talk.row.packets) >= ROUTINE)
        return {talk.peer for talk in talks} - {self.told.id}

    @cached_property
    def looks_like_pc(self) -> bool:
        """Does anything but its part in control show an operating system of computers?"""
        windows = any("windows" in fact.value.lower() or fact.source == "browser" for fact in self.facts("operating_system", "software"))
        return self.is_computer or windows or any(fact.value.startswith("ttl 128,") for fact in self.facts("tcp_stack"))

    @cached_property
    def passes_on(self) -> bool:
        """Is it a computer that works with controllers, and answers like one only for others?"""
        return self.is_computer and (len(self.devices) > 1 or bool(self.engineered))

    @cached_property
    def engineered(self) -> set[str]:
        """The controllers that accepted its program, upload or change of settings."""
        working = {use.protocol for use in self.polled if use.protocol in ENGINEERING and engineers(use)}
        return self.servers(working | ONLY_ENGINEERING)

    @cached_property
    def tried(self) -> set[tuple[str, int | None]]:
        """Addresses and ports that it tried without getting any data; by UDP only those that never sent it anything."""
        heard = {talk.peer for talk in self.told.talks if talk.row.packets[0 if talk.as_server else 1]}
        asked = (talk for talk in self.told.talks if not talk.as_server and talk.row.transport in ("tcp", "udp"))
        vain = (talk for talk in asked if _in_vain(talk.row) and not _is_group(talk.peer))
        return {(talk.peer, talk.row.port) for talk in vain if talk.row.transport == "tcp" or talk.peer not in heard}

    @cached_property
    def scans(self) -> str | None:
        """Why it looks like a scanner, None where it does not."""
        asked = {(talk.peer, talk.row.port) for talk in self.told.talks if not talk.as_server and talk.row.transport in ("tcp", "udp")}
        if len(self.tried) >= TRIED_MANY and len(self.tried) > MOST * len(asked):
            return f"tried {len(self.tried)} addresses and ports that gave it nothing"
        curious = {peer for use in self.told.asks.values() if use.protocol in POLLED and _only_asks_who(use) for peer in use.peers}
        if len(curious - self.devices) >= 3 and len(curious) > len(self.devices):
            return f"asked {len(curious)} devices who they are, and nothing else"
        return None

    @cached_property
    def stranger(self) -> bool:
        """Does it scan without having routine work of its own? What answers it says nothing of where it belongs."""
        return self.scans is not None and self.work < max(ROUTINE, 2 * len(self.tried))

    @cached_property
    def work(self) -> int:
        """How many answers it got in its work with devices."""
        return sum(exchanges(use) for use in self.polled if works(use))

    @cached_property
    def dabbles(self) -> bool:
        """Is it a computer of other business that once touched a device?"""
        return self.is_computer and bool(self.devices) and self.work < CYCLIC

    @cached_property
    def serves_to(self) -> dict[str, set[str]]:
        """Services of computers and networks that it gave, with the clients that got something."""
        return {name: peers for name, peers in self.given.items() if name in SERVICES}

    @cached_property
    def asks_of(self) -> dict[str, set[str]]:
        """Services of computers and networks that it got, with their servers."""
        return {name: peers for name, peers in self.got.items() if name in SERVICES}

    @cached_property
    def is_computer(self) -> bool:
        """Does it use or give services that controllers do not?"""
        return bool((self.serves_to.keys() | self.asks_of.keys()) - EMBEDDED)


def exchanges(use: Use) -> int:
    """How much went back and forth: responses, else half the packets."""
    return use.responses or use.packets // 2


def works(use: Use) -> bool:
    """Does a master work with its devices here? Of protocols without functions any answer counts."""
    work = TELECONTROL_WORK if use.protocol in TELECONTROL else WORK
    return any(use.intents.get(intent, 0) for intent in work) if use.intents else bool(use.answered_peers)


def engineers(use: Use) -> bool:
    """Was a program or a change of settings accepted, or logic read back?"""
    return any(use.accepted.get(intent, 0) for intent in (Intent.PROGRAM, Intent.UPLOAD, Intent.CONFIGURE))


def title(protocol: str) -> str:
    """The protocol's name for people."""
    known = PROTOCOLS.get(protocol)
    return known.title if known else protocol


def many(number: int, what: str) -> str:
    """A number with its noun: 1 client, 1,204 responses."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _only_asks_who(use: Use) -> bool:
    return bool(use.intents) and not any(use.intents.get(intent, 0) for intent in (*WORK, Intent.PROGRAM, Intent.UPLOAD, Intent.CONFIGURE))


def _is_group(peer: str) -> bool:
    """Is that a multicast or broadcast address? What is no address is an asset's id."""
    if ":" in peer:
        return peer.startswith("ff")
    return "." in peer and (peer.endswith(".255") or int(peer.partition(".")[0]) >= MULTICAST)


def _flows(row: Conversation) -> bool:
    """More than connections that were only opened and closed."""
    return min(row.packets) > OPENING * max(row.connections, 1)


def _in_vain(row: Conversation) -> bool:
    nothing_came = row.refused >= row.connections > 0 or row.packets[1] == 0
    return nothing_came and row.packets[0] <= FEW_PACKETS * max(row.connections, 1)
