"""Which endpoints are looked at, kept up to date: every octet may come from an attacker, and each costs some kilooctets and some time."""

from collections import Counter
from collections.abc import Mapping

from sensor.capture import Conversation, Endpoint
from sensor.changes import Changed

MANY_ENDPOINTS, MOST_ENDPOINTS, MOST_UNHEARD = 16_384, 32_768, 1_024
"""Where there are many endpoints, so many of those that exchanged something are looked at, and so many of the others."""


class Engaged:
    """The endpoints that are looked at: where there are too many, those that exchanged something, and of the others the earliest.

    A flood of made-up senders costs no more than that, and displaces nobody who answers or is answered.
    """

    def __init__(self) -> None:
        self.rows: list[Endpoint] = []
        self.left_out = 0
        self._heard: Counter[str | None] = Counter()
        self._ids: list[int] = []

    def update(self, endpoints: Mapping[int, Endpoint], rows: Changed[Endpoint], talks: Changed[Conversation]) -> bool:
        """Take over what has changed: are others looked at than before?"""
        shifted = self._listen(talks) and len(endpoints) > MANY_ENDPOINTS
        if shifted or rows.comes_or_goes or _moved(rows):
            before = self._ids
            self.rows = self._choose(endpoints)
            self._ids = [row.id for row in self.rows]
            self.left_out = len(endpoints) - len(self.rows)
            return self._ids != before
        if rows:
            self.rows = [endpoints[number] for number in self._ids]
        return False

    def _listen(self, talks: Changed[Conversation]) -> bool:
        """Count who exchanged something: does anybody now who did not, or the other way round?"""
        was: dict[str | None, bool] = {}
        for step, rows in ((-1, talks.before), (1, talks.now)):
            for talk in rows.values():
                if all(talk.packets):
                    for end in {talk.client_ip or talk.client_mac, talk.server_ip or talk.server_mac}:
                        was.setdefault(end, end in self._heard)
                        self._heard[end] += step
        for end in was:
            if not self._heard[end]:
                del self._heard[end]
        return any((end in self._heard) != heard for end, heard in was.items())

    def _choose(self, endpoints: Mapping[int, Endpoint]) -> list[Endpoint]:
        rows = sorted(endpoints.values(), key=lambda row: (row.first, row.id))
        if len(rows) <= MANY_ENDPOINTS:
            return rows
        spoken = [row for row in rows if (row.ip or row.mac) in self._heard]
        others = [row for row in rows if (row.ip or row.mac) not in self._heard]
        return [*spoken[:MOST_ENDPOINTS], *others[:MOST_UNHEARD]]


def _moved(rows: Changed[Endpoint]) -> bool:
    pairs = ((now, rows.before[number]) for number, now in rows.now.items() if number in rows.before)
    return any((now.first, now.ip, now.mac) != (was.first, was.ip, was.mac) for now, was in pairs)
