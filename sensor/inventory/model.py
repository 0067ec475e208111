"""What is known of the things in a plant: assets, and the evidence that each of their fields rests on.

Times are nanoseconds since the Unix epoch, in capture time. Weights are log-odds: 2 is strong, 1 medium, 0.5 weak, negative speaks against.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What type of device an asset is."""

    PLC = "plc"
    RTU = "rtu"
    IED = "ied"
    IO = "io"
    DRIVE = "drive"
    HMI = "hmi"
    SCADA_SERVER = "scada_server"
    HISTORIAN = "historian"
    ENGINEERING_WORKSTATION = "engineering_workstation"
    GATEWAY = "gateway"
    SWITCH = "switch"
    ROUTER = "router"
    DOMAIN_CONTROLLER = "domain_controller"
    JUMP_HOST = "jump_host"
    SERVER = "server"
    WORKSTATION = "workstation"
    PRINTER = "printer"
    CAMERA = "camera"
    PHONE = "phone"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What an asset does in its plant; one may have several."""

    CONTROLLER = "controller"
    IO_DEVICE = "io_device"
    MASTER = "master"
    HMI = "hmi"
    ENGINEERING_WORKSTATION = "engineering_workstation"
    HISTORIAN = "historian"
    GATEWAY = "gateway"
    SCANNER = "scanner"
    DOMAIN_CONTROLLER = "domain_controller"
    JUMP_HOST = "jump_host"
    REMOTE_ACCESS_SERVER = "remote_access_server"
    NAME_SERVER = "name_server"
    ADDRESS_SERVER = "address_server"
    TIME_SERVER = "time_server"
    DATABASE_SERVER = "database_server"
    FILE_SERVER = "file_server"
    WEB_SERVER = "web_server"
    UPDATE_SERVER = "update_server"
    PRINTER = "printer"
    ROUTER = "router"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason to believe something.

    says: the value it speaks for, "Siemens", "plc", "1"; a level with "+" or "-" speaks for that level or those above or below it.
    because: what was seen, for people: "answers Modbus (1,204 responses to 2 clients)".
    source: where it was seen: a protocol's name, "mac prefix", "conversations", "neighbours", "site file".
    weight: log-odds that it adds; negative where it speaks against.
    first, last: when it was seen.
    """

    says: str
    because: str
    source: str
    weight: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an asset: its value, how sure, and why.

    value: None where nothing told.
    confidence: 0 to 1.
    evidence: the strongest for the value first, then what speaks for other values.
    queried: False where nobody ever asked the device for it: it is shown as "never queried".
    """

    value: str | None = None
    confidence: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    queried: bool = True


@dataclass(frozen=True, slots=True)
class Level:
    """At which Purdue level an asset lives.

    value: 0, 1, 2, 3, 3.5 (DMZ), 4, 5 (outside), or None where too little was seen.
    confidence: 0 to 1.
    settled: enough was seen for a violation to rest on it.
    pinned: the operator has said so.
    evidence, against: strongest first.
    """

    value: float | None = None
    confidence: float = 0.0
    settled: bool = False
    pinned: bool = False
    evidence: tuple[Evidence, ...] = ()
    against: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """An address that an asset has or had.

    mac: its own, None where only a router's was seen. vlan: where it was seen.
    """

    mac: str | None
    ip: str | None
    vlan: int | None
    first: int
    last: int


FIELDS = (
    "vendor",
    "model",
    "order_number",
    "serial",
    "firmware",
    "hardware",
    "hostname",
    "operating_system",
    "mode",
    "key_switch",
    "description",
    "location",
)
"""The fields that every asset has, known or not."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing in the plant, whatever number of addresses and names it has.

    id: stays the same however the asset's addresses change; of a unit, that of its parent, a slash, and the unit.
    name: the best name there is: the operator's, its host name, its model and address, its address.
    addresses: latest first. macs, ips and vlans below are derived from them.
    parent, unit: of a sub-asset (Modbus unit, DNP3 outstation address, rack slot, CIP backplane slot) its gateway or chassis, and which.
    fields: by name, see FIELDS.
    kind: type of device, one of Kind.
    roles: what it does.
    services: protocols that it answered, recognised by content. clients_of: protocols that it asked others with and got answers.
    zone: name of its zone; of the reference zones "level 1" and so on where there is no site file.
    criticality: the operator's: "low", "medium", "high", "critical".
    outside: it has a public address that is not home.
    """

    id: str
    name: str
    addresses: tuple[Address, ...] = ()
    parent: str | None = None
    unit: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    kind: Field = Field(Kind.UNKNOWN)
    roles: tuple[Role, ...] = ()
    level: Level = Level()
    zone: str | None = None
    services: tuple[str, ...] = ()
    clients_of: tuple[str, ...] = ()
    criticality: str | None = None
    tags: tuple[str, ...] = ()
    outside: bool = False
    first: int = 0
    last: int = 0

    @property
    def ips(self) -> tuple[str, ...]:
        """Its IP addresses, latest first."""
        return tuple(dict.fromkeys(address.ip for address in self.addresses if address.ip))

    @property
    def macs(self) -> tuple[str, ...]:
        """Its own MAC addresses, latest first."""
        return tuple(dict.fromkeys(address.mac for address in self.addresses if address.mac))

    @property
    def vlans(self) -> tuple[int, ...]:
        """The VLANs it was seen in."""
        return tuple(sorted({address.vlan for address in self.addresses if address.vlan is not None}))

    def text(self, name: str) -> str | None:
        """The value of a field."""
        known = self.fields.get(name)
        return known.value if known else None
