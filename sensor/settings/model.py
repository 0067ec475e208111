"""The settings: which there are, what each does, and what it may be. Pages and files about them are made of this."""

import re
import socket
from hashlib import blake2b
from importlib.metadata import version
from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from sensor.errors import SettingsError
from sensor.events import Sensor
from sensor.exports.destination import Destination
from sensor.metrics.serve import address_of
from sensor.settings.capture import CaptureSettings
from sensor.settings.credentials import PREFIX, file_of
from sensor.settings.destinations import ExportSettings, destination
from sensor.settings.evidence import EvidenceSettings
from sensor.settings.table import Table

_MACHINE = Path("/etc/machine-id")


class SensorSettings(Table):
    """Who the sensor is, in all that it tells."""

    id: str = Field(default="", max_length=64, description="Stable identity; by default made of the machine's.", examples=["sns-0badcafe"])
    name: str = Field(
        default="",
        max_length=255,
        description="Host name in headers and events; by default the machine's.",
        examples=["ot-sensor-01.plant-a.example.net"],
    )
    site: str = Field(default="", max_length=200, description="The plant, as it stands in every event.", examples=["plant-a"])
    address: str | None = Field(default=None, description="The sensor's own IPv4 address.", examples=["10.20.0.5"])
    interface: str | None = Field(default=None, description="Where it listens, as it is told to others.", examples=["eth1"])
    console: str | None = Field(
        default=None, description="Beginning of links to its console.", examples=["https://ot-sensor-01.plant-a.example.net"]
    )

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return str(IPv4Address(value))
        except ValueError as error:
            raise ValueError(f"{value[:60]!r} is no IPv4 address: write one as 10.20.0.5") from error

    @field_validator("console")
    @classmethod
    def _is_link(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/\s]", value):
            raise ValueError("links begin with https:// and a host: write https://ot-sensor-01.example.net")
        return value


class OutboxSettings(Table):
    """How much may wait for a destination that is away ([exports.md](exports.md))."""

    megabytes: float = Field(
        default=256,
        gt=0,
        le=100_000,
        description="Of events, of all that wait; the least severe go first.",
        json_schema_extra={"unit": "MB"},
    )
    days: float = Field(default=30, gt=0, le=3650, description="For so long.", json_schema_extra={"unit": "days"})


class StoreSettings(Table):
    """What is kept, and for how long."""

    database: str = Field(
        default="/var/lib/otoscope/otoscope.db",
        description="A path, or `postgresql://USER@HOST/NAME?passfile=FILE` ([store.md](store.md)).",
    )
    retain_days: float = Field(
        default=400,
        gt=0,
        le=36_500,
        description="Drop what was last seen longer ago, by the time of the traffic; each hour.",
        json_schema_extra={"unit": "days"},
    )
    retain_megabytes: float = Field(
        default=4000,
        gt=0,
        le=10_000_000,
        description="Then the oldest, until the database is no larger; twice what may wait in `[outbox]` or more.",
        json_schema_extra={"unit": "MB"},
    )

    @field_validator("database")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        if not value:
            raise ValueError("is empty: write a path, or postgresql://USER@HOST/NAME")
        if "://" not in value:
            return value
        try:
            password = urlsplit(value).password
        except ValueError as error:
            raise ValueError("is no URL: write postgresql://USER@HOST/NAME") from error
        if password or re.search(r"[?&](ssl)?password=", value):
            raise ValueError("no passwords in URLs, they would be shown: write postgresql://USER@HOST/NAME?passfile=FILE")
        try:
            return re.sub(rf"(?<=[?&]passfile=){PREFIX}[^&]*", lambda found: file_of(found[0], "passfile"), value)
        except SettingsError as error:
            raise ValueError(str(error)) from error


class SiteSettings(Table):
    """What is known of the plant."""

    file: str | None = Field(
        default=None,
        description="The site file: zones, conduits, pins ([site.md](site.md)); read anew on SIGHUP.",
        examples=["/etc/otoscope/site.toml"],
    )
    learning_days: float = Field(
        default=14,
        ge=0,
        le=3650,
        description="So long a first baseline learns what is usual; 0: none is made, and what somebody has imported holds.",
        json_schema_extra={"unit": "days"},
    )


class MetricsSettings(Table):
    """Metrics for Prometheus ([metrics.md](metrics.md))."""

    listen: str = Field(default="127.0.0.1:9815", description="`ADDRESS:PORT`, or empty: nowhere.")

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            address_of(value)
        return value


class LogSettings(Table):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is written.")
    form: Literal["text", "json"] = Field(default="text", description="Lines for people, or JSON.")


class Settings(Table):
    """The whole file."""

    sensor: SensorSettings = SensorSettings()
    capture: CaptureSettings = CaptureSettings()
    store: StoreSettings = StoreSettings()
    site: SiteSettings = SiteSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    outbox: OutboxSettings = OutboxSettings()
    exports: dict[str, ExportSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        waits, kept = self.outbox.megabytes, self.store.retain_megabytes
        if 2 * waits > kept:  # what waits is in the database, and never gives way to the rest
            raise ValueError(
                f"[outbox] megabytes ({waits:g}) must be half of [store] retain_megabytes ({kept:g}) or less, or what waits leaves no room "
                f"for the rest: write [outbox] megabytes = {kept / 4:g}"
            )
        return self

    def destinations(self) -> list[Destination]:
        """What `exports` says. Raises SettingsError."""
        return [destination(name, table.model_dump(exclude_unset=True)) for name, table in self.exports.items()]

    def identity(self) -> Sensor:
        """Who tells it."""
        sensor = self.sensor
        return Sensor(
            id=sensor.id or _machine_identity(),
            name=sensor.name or socket.gethostname() or "otoscope",
            version=version("otoscope"),
            site=sensor.site,
            address=sensor.address,
            interface=sensor.interface,
            console=sensor.console,
        )


def _machine_identity() -> str:
    """Made of the machine's id, which is not to be told to others itself."""
    try:
        machine = _MACHINE.read_text(encoding="ascii").strip()
    except OSError:
        machine = socket.gethostname()
    return f"sns-{blake2b(machine.encode(), digest_size=4, person=b'otoscope').hexdigest()}"
