"""Destinations: a table `[exports.NAME]`, or the URL of `--to`, as those who deliver need it."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import ConfigDict, Field, Strict, ValidationError

from sensor.detections.model import Severity
from sensor.errors import SettingsError
from sensor.events import Kind
from sensor.exports.destination import Destination
from sensor.exports.forms import FORMS
from sensor.exports.ways import WAYS
from sensor.settings.credentials import file_of
from sensor.settings.problems import one_of, problems_of
from sensor.settings.table import Table

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
FACILITIES: Mapping[str, int] = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10,
    "ftp": 11, **{f"local{number}": 16 + number for number in range(8)},
}  # fmt: skip
"""Of syslog, by number."""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


class ExportSettings(Table):
    """One destination; the table's name is any of yours. What only its way knows stands beside these."""

    model_config = ConfigDict(extra="allow")

    url: str = Field(
        description="Where to: `tcp://HOST:PORT`, `udp://…`, `tls://…`, `file:PATH`, `https://…`, `ingestion://…` ([ways.md](ways.md)).",
        examples=["tcp://forwarder.example.net:514"],
    )
    form: str = Field(
        default="cef",
        description=f"How events are written: {_listed(FORMS)} ([forms.md](forms.md)); by default `ocsf` where JSON is needed.",
    )
    header: Literal["rfc3164", "rfc5424", "none"] | None = Field(
        default=None, description="Syslog header; by default as is usual with the form.", examples=["rfc5424"]
    )
    framing: Literal["lf", "octet"] = Field(default="lf", description="How messages are told apart on a stream; `octet` is RFC 6587's.")
    facility: str = Field(default="local4", description=f"Syslog facility: {_listed(FACILITIES)}.")
    events: list[Annotated[Kind, Strict(strict=False)]] = Field(
        default=list(Kind), min_length=1, description="Kinds of events that it gets."
    )
    least: str = Field(
        default="info", description=f"The least severe of the alerts and incidents that it gets: {_listed(map(str, Severity))}."
    )


def destination_of(text: str, name: str) -> Destination:
    """The destination that a URL names, with its settings as a query: `tcp://host:514?form=leef&framing=octet`. Raises SettingsError."""
    url, _, query = text.partition("?")
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if "events" in values:
        values["events"] = values["events"].split(",")
    try:
        ExportSettings.model_validate({"url": url, **values})
    except ValidationError as error:
        raise SettingsError("; ".join(f"{problem.key}: {problem.text}" for problem in problems_of(error, ExportSettings))) from error
    return destination(name, {"url": url, **values})


def destination(name: str, table: Mapping[str, Any]) -> Destination:
    """The destination that a table of the settings describes. Raises SettingsError, which begins with the key."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for a destination: letters, digits, - and _")
    common = {key: value for key, value in table.items() if key in ExportSettings.model_fields}
    scheme, host, port, path = _split(common["url"])
    way = one_of(scheme, WAYS, "a kind of destination", "url")
    options = {key: _as_text(value) for key, value in table.items() if key not in ExportSettings.model_fields}
    for key, value in options.items():
        one_of(key, [*ExportSettings.model_fields, *way.options], f"a setting of {scheme}", key)
        if key.endswith("_file"):
            options[key] = file_of(value, key)
    form = common.get("form", "cef" if way.framed else "ocsf")
    one_of(form, FORMS, "a form", "form")
    severities = {str(severity): severity for severity in Severity}
    made = Destination(
        name=name,
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        form=form,
        header=common.get("header"),
        framing=common.get("framing", "lf"),
        facility=one_of(common.get("facility", "local4"), FACILITIES, "a facility", "facility"),
        kinds=frozenset(map(Kind, common.get("events", list(Kind)))),
        least=one_of(common.get("least", "info"), severities, "a severity", "least"),
        options=options,
    )
    way.open(made).close()
    return made


def _split(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and path. No error shows the URL: it may hold a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError("url: is no URL, or its port is none from 0 to 65535: write where to, like tcp://192.0.2.10:514") from error
    if not parts.scheme:
        raise SettingsError("url: is no URL: write where to, like tcp://192.0.2.10:514 or file:events.log")
    if parts.username or parts.password:
        raise SettingsError("url: no names and passwords in URLs: they would be shown")
    path = unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
    return parts.scheme.lower(), parts.hostname or "", port, path


def _as_text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
