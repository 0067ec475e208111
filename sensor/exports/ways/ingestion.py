"""Straight into a Log Analytics workspace, through the Logs Ingestion API of Azure Monitor: for sites without a syslog forwarder.

Microsoft's own clients speak it (`pip install 'otoscope[azure]'`); what is done here is what they leave open: requests that fit, errors
that say what to do, no retries that hold up the forwarder, and a batch of which a part has arrived is not sent whole again.
"""

import gzip
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.errors import DeliveryError, RefusedError, SettingsError
from sensor.events import Kind
from sensor.exports.destination import Destination
from sensor.exports.forms.asset_row import FORM as ASSET_ROW
from sensor.exports.forms.sentinel_row import FORM as SENTINEL_ROW
from sensor.exports.options import seconds
from sensor.exports.retry import retry_after
from sensor.words import octets, plain

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential

    Credential = CertificateCredential | ClientSecretCredential | ManagedIdentityCredential

LIMIT = 1_000_000
"""Octets of one request before it is compressed; the service takes 1 MB, and no more after."""

STREAMS = {SENTINEL_ROW.name: "Custom-OtoscopeEvents", ASSET_ROW.name: "Custom-OtoscopeAssets"}
"""The stream of the data collection rule for each form, where the settings name none."""

AUTHORITIES = {
    "public": "https://login.microsoftonline.com",
    "government": "https://login.microsoftonline.us",
    "china": "https://login.chinacloudapi.cn",
}
"""Where each cloud gives out tokens."""

AUDIENCES = {"public": "https://monitor.azure.com", "government": "https://monitor.azure.us", "china": "https://monitor.azure.cn"}
"""What a token is for."""

HINTS = {
    400: "does the data collection rule declare this stream, with these columns?",
    401: "the token was not accepted: is it the right cloud and tenant, and is the clock right?",
    403: "give this identity the role Monitoring Metrics Publisher on the data collection rule; it takes up to half an hour to hold",
    404: "is rule_id the immutable id of the rule, and the host the logs ingestion endpoint of the same rule?",
}

OPTIONS = {
    "rule_id": "immutable id of the data collection rule, dcr- and 32 digits",
    "stream": "stream of that rule, where it is not the usual one of the form",
    "cloud": "public, government or china",
    "tenant": "directory (tenant) id, with certificate_file or secret_file",
    "client": "application (client) id, with certificate_file or secret_file; of a managed identity that is not the machine's own",
    "certificate_file": "file with the application's certificate and its key (PEM)",
    "secret_file": "file with the application's secret, where a certificate is not possible",
    "ca_file": "certificates (PEM) that may sign the service's certificate, where a proxy opens TLS",
    "timeout": "seconds to wait for an answer, 30",
}


logging.getLogger("azure").addHandler(logging.NullHandler())  # what fails is told once, by the error, not by the clients too


class Ingestion:
    """One stream of one data collection rule."""

    def __init__(self, destination: Destination, credential: "Credential") -> None:
        from azure.monitor.ingestion import LogsIngestionClient  # noqa: PLC0415  optional, and slow to import

        self._url = destination.url
        self._rule = destination.options["rule_id"]
        self._stream = destination.options.get("stream") or STREAMS[destination.form]
        self._credential = credential
        self._scope = AUDIENCES[destination.options.get("cloud", "public")] + "/.default"
        endpoint = destination.url.replace("ingestion:", "https:", 1).rstrip("/")
        self._client = LogsIngestionClient(endpoint, credential, credential_scopes=[self._scope], **_transport(destination.options))
        self._arrived: set[bytes] = set()  # since the last delivery that did not fail

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Send rows, as many to a request as fit."""
        self._identify()
        rest = [(index, message) for index, message in enumerate(messages) if message not in self._arrived]
        for group in _groups(rest):
            self._send(group)
        self._arrived.clear()

    def unsure(self) -> int:
        """None: the service has answered for each."""
        return 0

    def finish(self) -> None:
        """Nothing is under way."""
        self.close()

    def close(self) -> None:
        """Close connections."""
        with suppress(Exception):
            self._client.close()
            self._credential.close()

    def _identify(self) -> None:
        """Ask for a token, so that it is clear what fails; the clients keep it while it holds."""
        from azure.core.exceptions import AzureError  # noqa: PLC0415  see above

        try:
            self._credential.get_token(self._scope)
        except (AzureError, OSError, ValueError) as error:  # the last two: a key of the agent that may not be read, an odd answer
            raise DeliveryError(f"{self._url}: no token for this identity: {_brief(str(error))}") from error

    def _send(self, group: Sequence[tuple[int, bytes]]) -> None:
        """One request, or, where the service finds it too large, its halves."""
        index, first = group[0]
        if self._fits(group):
            self._arrived.update(message for _, message in group)
        elif len(group) == 1:
            raise RefusedError(f"{self._url}: a row of {octets(len(first))} is larger than the service takes", index)
        else:
            half = len(group) // 2
            self._send(group[:half])
            self._send(group[half:])

    def _fits(self, group: Sequence[tuple[int, bytes]]) -> bool:
        """Send a request; is it small enough?"""
        from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415  see above

        body = b"[" + b",".join(message for _, message in group) + b"]"
        if len(body) > LIMIT:
            return False
        try:
            self._client.upload(self._rule, self._stream, BytesIO(gzip.compress(body, mtime=0)))
        except HttpResponseError as error:
            if error.status_code == 413:
                return False
            raise self._failure(error) from error
        except (AzureError, OSError, ValueError) as error:
            raise DeliveryError(f"{self._url}: {_brief(str(error))}") from error
        return True

    def _failure(self, error: "HttpResponseError") -> DeliveryError:
        said = _brief((error.error and error.error.message) or error.reason or error.message)
        text = f"{self._url}: stream {self._stream} of {self._rule}: {error.status_code} {said}"
        hint = HINTS.get(error.status_code or 0)
        return DeliveryError(
            f"{text}: {hint}" if hint else text, wait=retry_after(getattr(error.response, "headers", {}).get("Retry-After"))
        )


def _groups(rows: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Rows in order, each group one request; a row that does not fit into any is alone."""
    group: list[tuple[int, bytes]] = []
    size = 1  # the bracket; each row brings the comma or bracket behind it
    for row in rows:
        if group and size + len(row[1]) + 1 > LIMIT:
            yield group
            group, size = [], 1
        group.append(row)
        size += len(row[1]) + 1
    if group:
        yield group


def _brief(text: str) -> str:
    """What a service said, for people: its first line without what a terminal would obey."""
    return plain(text.strip().split("\n", 1)[0])[:300]


def _transport(options: Mapping[str, str]) -> dict[str, Any]:
    """The outbox tries again, in its own time: the clients are to give up soon."""
    timeout = seconds(options, 30)
    return {
        "retry_total": 0,
        "connection_timeout": min(timeout, 10),
        "read_timeout": timeout,
        "connection_verify": options.get("ca_file") or True,
        "permit_redirects": False,
    }


def _credential(options: Mapping[str, str]) -> "Credential":
    """The machine's own identity where nothing else is set: no secret that could be lost."""
    from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential  # noqa: PLC0415  see above

    certificate, secret = options.get("certificate_file", ""), options.get("secret_file", "")
    if not certificate and not secret:
        return ManagedIdentityCredential(client_id=options.get("client"), **_transport(options))
    if certificate and secret:
        raise SettingsError("secret_file: certificate_file is set too: keep that one, it is safer")
    tenant, client = options.get("tenant"), options.get("client")
    if not tenant or not client:
        raise SettingsError(
            "tenant, client: both are needed with certificate_file and secret_file: the ids of the directory and of the application"
        )
    if not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
        raise SettingsError(f"tenant: {plain(tenant)} is no directory's id, nor a domain of one")
    cloud = options.get("cloud", "public")
    settings = {"authority": AUTHORITIES[cloud], "disable_instance_discovery": True, **_transport(options)}  # the hosts are known
    if certificate:
        return CertificateCredential(tenant, client, certificate, **settings)
    return ClientSecretCredential(tenant, client, Path(secret).read_text(encoding="utf-8").strip(), **settings)


def _check(destination: Destination) -> None:
    options = destination.options
    if not destination.host or destination.path.strip("/"):
        raise SettingsError("url: write ingestion://HOST, with the logs ingestion endpoint of the data collection rule as HOST")
    if destination.framing != "lf" or destination.header not in (None, "none"):
        raise SettingsError("header and framing are syslog's: ingestion has none")
    if destination.form not in STREAMS:
        raise SettingsError(f"form: {destination.form} has no table in a workspace: set form to {' or '.join(STREAMS)}")
    if destination.form == ASSET_ROW.name and destination.kinds != {Kind.ASSET}:
        raise SettingsError(f'events: form {destination.form} is for assets only: set events = ["asset"]')
    if not re.fullmatch("dcr-[0-9a-f]{32}", options.get("rule_id", "")):
        raise SettingsError("rule_id: set the immutable id of the data collection rule, dcr- and 32 hexadecimal digits")
    if not re.fullmatch(r"(Custom|Microsoft)-\w{1,100}", options.get("stream") or STREAMS[destination.form], re.ASCII):
        raise SettingsError(f"stream: {plain(options['stream'])} is no stream's name: those begin with Custom-")
    if options.get("cloud", "public") not in AUDIENCES:
        raise SettingsError(f"cloud: {plain(options['cloud'])} is none: set {', '.join(AUDIENCES)}")
    if "ca_file" in options and not Path(options["ca_file"]).is_file():
        raise SettingsError(f"ca_file: {plain(options['ca_file'])}: there is no such file")


def open_ingestion(destination: Destination) -> Ingestion:
    """Check the settings, and make ready; a token is asked for when the first rows are sent."""
    _check(destination)
    try:
        return Ingestion(destination, _credential(destination.options))
    except ImportError as error:
        raise SettingsError("Microsoft's clients are not installed: pip install 'otoscope[azure]'") from error
    except (OSError, ValueError) as error:
        option = "certificate_file" if "certificate_file" in destination.options else "secret_file"
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(f"{option}: {plain(destination.options.get(option, ''))}: {_brief(why or str(error))}") from error
