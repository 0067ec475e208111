"""A destination: where events go to, in which form. What a table `[exports.NAME]` of the settings or the URL of `--to` says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sensor.detections.model import Severity
from sensor.events import Event, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One destination.

    name: of letters, digits, "-" and "_". scheme, host, port, path: of its URL. form: a name of FORMS.
    header: "rfc3164", "rfc5424" or "none"; None: as is usual for the form. framing: "lf" or "octet" (RFC 6587).
    facility: syslog's, by number. kinds: of the events that it gets; least: the least severe of its alerts.
    options: what only its way knows, as text.
    """

    name: str
    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    form: str = "cef"
    header: str | None = None
    framing: str = "lf"
    facility: int = 20
    kinds: frozenset[Kind] = frozenset(Kind)
    least: Severity = Severity.INFO
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """For people; it holds no secret, and so no path of a webhook."""
        if self.scheme in ("http", "https") and self.path not in ("", "/"):
            return f"{replace(self, path='').url}/…"
        port = "" if self.port is None else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}{self.path}" if self.host else f"{self.scheme}:{self.path}"

    def wants(self, event: Event) -> bool:
        """Does it get this event?"""
        return event.kind in self.kinds and (event.kind not in (Kind.ALERT, Kind.INCIDENT) or event.severity >= self.least)
