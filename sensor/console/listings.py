"""What each page that lists has: its title, filters and columns. One row each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query as Parameter
from starlette.responses import Response

from sensor.console.asking import filters_of
from sensor.store import ALERTS, ASSETS, CONVERSATIONS, INCIDENTS, OPERATIONS, VIOLATIONS, Kind


@dataclass(frozen=True, slots=True)
class Listing:
    """One page that lists.

    about: what it shows, in a sentence. filters: those that its page offers; `vendor` and `ip` hold for all. columns: heading and what
    it is sorted by, "" where it is not.
    """

    kind: Kind
    title: str
    one: str
    about: str
    filters: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]

    def asks(self, answer: Callable[..., Response]) -> Callable[..., Response]:
        """Give a function, whose `filters` are parameters of the URL, those of this listing."""
        asked = filters_of(self.kind, (*self.filters, "vendor", "ip"))
        answer.__annotations__["filters"] = Annotated[asked, Parameter()]
        return answer


_OF_ASSETS = ("q", "level", "zone", "type")
_WHEN = ("since", "until")

LISTINGS: Mapping[str, Listing] = {
    listing.kind.name: listing
    for listing in (
        Listing(
            ASSETS,
            "Assets",
            "asset",
            "Every device that was seen, and where it lives.",
            (*_OF_ASSETS, "protocol", *_WHEN),
            (
                *(("Level", "level"), ("Name", "name"), ("Type", "type"), ("Address", "address"), ("Vendor, model", "vendor")),
                *(("Speaks", ""), ("Zone", "zone"), ("Last seen", "last")),
            ),
        ),
        Listing(
            ALERTS,
            "Alerts",
            "alert",
            "What is wrong or dangerous, the worst first.",
            ("severity", "status", "q", "level", "zone", "rule", "protocol", *_WHEN),
            (
                *(("Severity", "severity"), ("What happened", "rule"), ("From, to", ""), ("Outcome", ""), ("Times", "count")),
                *(("Status", ""), ("Last", "last")),
            ),
        ),
        Listing(
            INCIDENTS,
            "Incidents",
            "incident",
            "What one actor did, alert by alert.",
            ("severity", *_OF_ASSETS, *_WHEN),
            (("Severity", "severity"), ("What", ""), ("Alerts", ""), ("First", "first"), ("Last", "last")),
        ),
        Listing(
            CONVERSATIONS,
            "Conversations",
            "conversation",
            "Who talks to whom, over which port, with what protocol.",
            (*_OF_ASSETS, "protocol", "intent", *_WHEN),
            (
                *(("Client", "client"), ("Server", "server"), ("Protocol", "protocol"), ("VLAN", ""), ("Packets", "packets")),
                *(("Octets", "octets"), ("Last", "last")),
            ),
        ),
        Listing(
            OPERATIONS,
            "Operations",
            "operation",
            "What clients asked servers to do.",
            (*_OF_ASSETS, "protocol", "intent", *_WHEN),
            (
                *(("From, to", ""), ("Protocol", "protocol"), ("Intent", "intent"), ("Operation", ""), ("On", "")),
                *(("Times", "requests"), ("Refused", "errors"), ("Last", "last")),
            ),
        ),
        Listing(
            VIOLATIONS,
            "Zone violations",
            "violation",
            "Traffic that crosses zones as no conduit allows.",
            ("severity", *_OF_ASSETS, "protocol", "intent", "rule", *_WHEN),
            (
                *(("Severity", "severity"), ("What", "rule"), ("From, to", ""), ("Intent", ""), ("Outcome", "")),
                *(("Times", "count"), ("Last", "last")),
            ),
        ),
    )
}
"""By the name of what they list."""
