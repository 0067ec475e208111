"""The registry of ways: how messages get to a destination. One file and one row each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sensor.exports import tls
from sensor.exports.destination import Destination
from sensor.exports.ways import file, ingestion, stream, udp, webhook


class Way(Protocol):
    """An open way to one destination. It is used by one thread; it connects when it has to, and again after an error."""

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Hand messages over, in order; return once the other side has them as far as this way can tell.

        Raises DeliveryError: none or some of them may have arrived, all are to be sent again later. Raises RefusedError where the
        other side will never take one of them.
        """

    def unsure(self) -> int:
        """So many of the messages that were delivered last may still be lost, should the other side fail now (TCP tells nothing better)."""

    def finish(self) -> None:
        """Make sure of what is unsure, and close. Raises DeliveryError where that fails: then those are to be sent again."""

    def close(self) -> None:
        """Close at once; never raises."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of way.

    scheme: of its URLs. about: for people. options: what may be set besides what all have, by name, with what it is for.
    open: makes one without connecting yet. Raises SettingsError where a setting is wrong or a file that it needs is not there.
    framed: messages are octets on a stream or in a datagram, and may have a syslog header; else each is one JSON document.
    """

    scheme: str
    about: str
    open: Callable[[Destination], Way]
    options: Mapping[str, str]
    framed: bool = True


WAYS: dict[str, Kind] = {
    kind.scheme: kind
    for kind in (
        Kind(
            "ingestion",
            "a table in an Azure workspace, by the Logs Ingestion API",
            ingestion.open_ingestion,
            ingestion.OPTIONS,
            framed=False,
        ),
        Kind("tcp", "a syslog receiver, over TCP", stream.plain, stream.OPTIONS),
        Kind("tls", "a syslog receiver, over TLS (RFC 5425)", stream.secure, {**stream.OPTIONS, **tls.OPTIONS}),
        Kind("udp", "a syslog receiver, over UDP: nothing is proven, for laboratories", udp.datagrams, udp.OPTIONS),
        Kind("file", "a file, or standard output (file:-)", file.file, file.OPTIONS),
        Kind("http", "a URL that takes JSON, over HTTP", webhook.http, webhook.OPTIONS, framed=False),
        Kind("https", "a URL that takes JSON, over HTTPS", webhook.https, {**webhook.OPTIONS, **tls.OPTIONS}, framed=False),
    )
}
"""By scheme."""
