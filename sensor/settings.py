"""Settings: one TOML file that people write, and the machine's own name. The only reader of them."""

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sensor.capture import default_limits
from sensor.detections.model import Severity
from sensor.errors import SettingsError
from sensor.events import Kind, Sensor
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.ways import WAYS
from sensor.listening import Listening, compiled
from sensor.metrics.serve import address_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_MACHINE = Path("/etc/machine-id")
_FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10,
    "ftp": 11, **{f"local{number}": 16 + number for number in range(8)},
}  # fmt: skip


class _Table(BaseModel):
    """A table of the file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SensorSettings(_Table):
    """Who the sensor is, as others see it."""

    id: str = Field(default="", max_length=64, description="Stable identity; by default made of the machine's.")
    name: str = Field(default="", max_length=255, description="Host name in headers and events; by default the machine's.")
    site: str = Field(default="", max_length=200, description="The plant, as it stands in every event.")
    address: str | None = Field(default=None, description="The sensor's own IPv4 address.")
    interface: str | None = Field(default=None, description="Where it listens.")
    console: str | None = Field(default=None, description="Beginning of links to its console, https://…")


class OutboxSettings(_Table):
    """How much may wait for a destination that is away."""

    megabytes: float = Field(default=256, gt=0, le=100_000, description="Of events, of all that wait.")
    days: float = Field(default=30, gt=0, le=3650, description="For so long.")


class ExportSettings(_Table):
    """One destination. What only its way knows stands beside these."""

    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(description="Where to: tcp://HOST:PORT, udp://…, tls://…, file:PATH, https://…")
    form: str = Field(default="cef", description="How events are written.")
    header: Literal["rfc3164", "rfc5424", "none"] | None = Field(
        default=None, description="Syslog header; by default as is usual with the form."
    )
    framing: Literal["lf", "octet"] = Field(default="lf", description="How messages are told apart on a stream.")
    facility: str = Field(default="local4", description="Syslog facility.")
    events: list[Kind] = Field(default=list(Kind), min_length=1, description="Kinds of events that it gets.")
    least: str = Field(default="info", description="The least severe of the alerts and incidents that it gets.")


class CaptureSettings(_Table):
    """Where frames come from."""

    interfaces: list[str] = Field(default_factory=list, description="Interfaces that get the mirrored traffic.")
    workers: int = Field(default=1, ge=1, le=64, description="Threads that share the frames.")
    filter: str | None = Field(default=None, description="What to take, as tcpdump has it: not port 22.")
    snap_length: int = Field(default=262_144, ge=1, le=262_144, description="Octets of each frame that are read.")
    ring_mebibytes: int = Field(default=64, ge=1, le=4096, description="Memory in which frames of one interface wait.")
    busy_poll_microseconds: int = Field(default=0, ge=0, le=1_000_000, description="To spin for frames, where the card can.")
    promiscuous: bool = Field(default=True, description="Take frames that are not to this machine.")
    hardware_time: bool = Field(default=False, description="The card's own time stamps, where it has them.")
    limits: dict[str, int] = Field(default_factory=dict, description="Caps of the engine's tables, by name; a wrong name lists all.")

    def listening(self) -> Listening:
        """How the interfaces are read; one that is not there yet is waited for. Raises SettingsError where a filter or limit is none."""
        for name in self.limits:
            _one_of(name, default_limits(), "a limit")
        try:
            kernel_filter = compiled(self.filter) if self.filter else None
        except ValueError as error:
            raise SettingsError(f"[capture] filter: {error}") from error
        known = self.model_dump(exclude={"interfaces", "limits", "filter"})
        return Listening(**known, kernel_filter=kernel_filter, wait_for_missing=True)


class StoreSettings(_Table):
    """Where what was found is kept, and for how long."""

    database: str = Field(default="/var/lib/otoscope/otoscope.db", description="A path, or postgresql://…")
    retain_days: float = Field(default=400, gt=0, description="Drop what was last seen longer ago, by the time of the traffic.")
    retain_megabytes: float = Field(default=4000, gt=0, description="Then the oldest, until the database is no larger.")


class SiteSettings(_Table):
    """What is known of the plant."""

    file: str | None = Field(default=None, description="The site file: zones, conduits, pins; read anew on SIGHUP.")
    learning_days: float = Field(default=14, ge=0, le=3650, description="So long a first baseline learns what is usual; 0: there is none.")


class MetricsSettings(_Table):
    """Metrics for Prometheus."""

    listen: str = Field(default="127.0.0.1:9815", description="ADDRESS:PORT, or empty for none.")

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            address_of(value)
        return value


class LogSettings(_Table):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is written.")
    form: Literal["text", "json"] = Field(default="text", description="Lines for people, or JSON.")


class TransactionSettings(_Table):
    """The transaction log: every operation as a row in Parquet files. It needs the extra `log`."""

    folder: str | None = Field(default=None, description="Write it there; without, there is none.")
    minutes: float = Field(default=5, gt=0, le=60, description="Rows are written after so long at the latest.")
    retain_days: float = Field(default=30, gt=0, description="Drop hours that are so much older than the newest.")
    retain_megabytes: float = Field(default=2000, gt=0, description="Then the oldest hours, until the log is no larger.")


class Settings(_Table):
    """The whole file."""

    sensor: SensorSettings = SensorSettings()
    capture: CaptureSettings = CaptureSettings()
    store: StoreSettings = StoreSettings()
    site: SiteSettings = SiteSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    transactions: TransactionSettings = TransactionSettings()
    outbox: OutboxSettings = OutboxSettings()
    exports: dict[str, ExportSettings] = Field(default_factory=dict)

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


def load_settings(path: str | os.PathLike[str]) -> Settings:
    """Read the settings. Raises SettingsError, which says where what is wrong, and what to write."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        return parse_settings(text, os.fspath(path))
    except OSError as error:
        raise SettingsError(f"{os.fspath(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{os.fspath(path)}: is no UTF-8 text") from error


def parse_settings(text: str, path: str = "settings") -> Settings:
    """The settings that a text holds."""
    try:
        settings = Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {_explain(error)}") from error
    for name, table in settings.exports.items():
        try:
            destination(name, table.model_dump(exclude_unset=True))
        except SettingsError as error:
            raise SettingsError(f"{path}: [exports.{name}]: {error}") from error
    return settings


def destination_of(text: str, name: str) -> Destination:
    """The destination that a URL names, with its settings as a query: `tcp://host:514?form=leef&framing=octet`. Raises SettingsError."""
    url, _, query = text.partition("?")
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if "events" in values:
        values["events"] = values["events"].split(",")
    try:
        ExportSettings.model_validate({"url": url, **values})
    except ValidationError as error:
        raise SettingsError(f"{url}: {_explain(error)}") from error
    return destination(name, {"url": url, **values})


def destination(name: str, table: Mapping[str, Any]) -> Destination:
    """The destination that a table of the settings describes. Raises SettingsError."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for a destination: letters, digits, - and _")
    common = {key: value for key, value in table.items() if key in ExportSettings.model_fields}
    scheme, host, port, path = _split(common["url"])
    way = _one_of(scheme, WAYS, "a kind of destination")
    options = {key: _as_text(value) for key, value in table.items() if key not in ExportSettings.model_fields}
    for key in options:
        _one_of(key, [*ExportSettings.model_fields, *way.options], f"a setting of {scheme}")
    form = common.get("form", "cef" if way.framed else "ocsf")
    _one_of(form, FORMS, "a form")
    facility = common.get("facility", "local4")
    least = common.get("least", "info")
    severities = {str(severity): severity for severity in Severity}
    _one_of(facility, _FACILITIES, "a facility")
    _one_of(least, severities, "a severity")
    made = Destination(
        name=name,
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        form=form,
        header=common.get("header"),
        framing=common.get("framing", "lf"),
        facility=_FACILITIES[facility],
        kinds=frozenset(map(Kind, common.get("events", list(Kind)))),
        least=severities[least],
        options=options,
    )
    way.open(made).close()
    return made


def _split(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{url}: {error}") from error
    if not parts.scheme:
        raise SettingsError(f"{url}: no URL: write where to, like tcp://192.0.2.10:514 or file:events.log")
    if parts.username or parts.password:
        raise SettingsError(f"{parts.scheme}://…@{parts.hostname}: no names and passwords in URLs: they would be shown")
    path = unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
    return parts.scheme.lower(), parts.hostname or "", port, path


def _one_of(value: str, known: "Mapping[str, Any] | list[str]", what: str) -> Any:  # noqa: ANN401  a row of any registry
    if value in known:
        return known[value] if isinstance(known, Mapping) else value
    close = get_close_matches(value, list(known), 1)
    hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(known)}"
    raise SettingsError(f"{value!r} is not {what}: {hint}")


def _as_text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where}: there is no such setting"
    return f"{where}: {first['msg']}"


def environment() -> Mapping[str, str]:
    """What whoever started the process tells it."""
    return os.environ


def _machine_identity() -> str:
    """Made of the machine's id, which is not to be told to others itself."""
    try:
        machine = _MACHINE.read_text(encoding="ascii").strip()
    except OSError:
        machine = socket.gethostname()
    return f"sns-{blake2b(machine.encode(), digest_size=4, person=b'otoscope').hexdigest()}"
