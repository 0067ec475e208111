"""Whose rows are whose: conversations and facts by the assets that they belong to, kept up to date."""

from collections.abc import Iterable, Mapping

from sensor.capture import Conversation, Fact, Operation
from sensor.changes import Changed, Groups
from sensor.inventory.profile import Talk
from sensor.inventory.resolve import AddressKey, Resolution

Ends = tuple[str | None, str | None]
"""Ids of client and server."""


class _Owners:
    """Who holds the addresses that rows give, and which rows give them."""

    def __init__(self) -> None:
        self._found: dict[AddressKey, str | None] = {}
        self._rows: dict[AddressKey, set[int]] = {}

    def of(self, address: AddressKey, row: int, resolution: Resolution) -> str | None:
        """The holder of an address that a row gives."""
        rows = self._rows.get(address)
        if rows is None:
            rows = self._rows[address] = set()
            self._found[address] = resolution.find(*address)
        rows.add(row)
        return self._found[address]

    def forget(self, address: AddressKey, row: int) -> None:
        """A row is there no more."""
        if (rows := self._rows.get(address)) is not None:
            rows.discard(row)
            if not rows:
                del self._rows[address], self._found[address]

    def find_anew(self, resolution: Resolution) -> set[int]:
        """Rows whose address is held by another than before."""
        changed: set[int] = set()
        for address, before in self._found.items():
            now = resolution.find(*address)
            if now != before:
                self._found[address] = now
                changed |= self._rows[address]
        return changed


class Belongings:
    """Talks and facts by asset, and the ends and operations of conversations. Each in the order of the engine's rows."""

    def __init__(self, talks: Mapping[int, int], facts: Mapping[int, int], operations: Mapping[int, int]) -> None:
        """All three: places of rows by id, which the caller keeps up to date."""
        self.ends: dict[int, Ends] = {}
        self._places = (talks, facts, operations)
        self._rows: dict[int, Conversation] = {}
        self._said: dict[int, tuple[Fact, int, str | None]] = {}
        self._entered: dict[int, int] = {}
        self._talks: Groups[str, Talk] = Groups()
        self._facts: Groups[str, Fact] = Groups()
        self._operations: Groups[int, Operation] = Groups()
        self._asked: dict[int, tuple[int, int]] = {}
        self._hosts = _Owners()
        self._speakers = _Owners()

    def talks(self, asset: str) -> tuple[Talk, ...]:
        """The conversations of an asset."""
        return self._talks.of(asset)

    def facts(self, asset: str) -> tuple[Fact, ...]:
        """What was said of an asset."""
        return self._facts.of(asset)

    def operations(self, conversation: int) -> tuple[Operation, ...]:
        """The operations of a conversation."""
        return self._operations.of(conversation)

    def operate(self, rows: Changed[Operation]) -> set[int]:
        """Take over operations; the conversations that they belong to."""
        touched: set[int] = set()
        places = self._places[2]
        for number in rows.before:
            conversation, place = self._asked[number]
            touched.add(conversation)
            after = rows.now.get(number)
            if after is None or after.conversation != conversation:
                self._operations.drop(conversation, place)
                del self._asked[number]
        for number, row in rows.now.items():
            conversation = row.conversation
            self._operations.put(conversation, places[number], row)
            self._asked[number] = conversation, places[number]
            touched.add(conversation)
        return touched

    def converse(
        self, rows: Changed[Conversation], touched: Iterable[int], resolution: Resolution, *, anew: bool
    ) -> tuple[set[int], set[str]]:
        """Take over conversations: those that have changed, and the assets that take part in them, or did.

        touched: conversations of which operations have changed. anew: addresses may be held by others than before.
        """
        assets: set[str] = set()
        changed = {number for number in touched if number in self._rows} | rows.now.keys()
        if anew:
            changed |= self._hosts.find_anew(resolution)
        for number, row in rows.before.items():
            if number not in rows.now:
                self._leave(number, assets)
                for address in _addresses(row):
                    self._hosts.forget(address, number)
        for number in sorted(changed & self._rows.keys() - rows.now.keys(), key=self._places[0].__getitem__):
            self._enter(number, self._rows[number], resolution, assets)
        for number, row in rows.now.items():
            if (before := rows.before.get(number)) is not None and (old := set(_addresses(before))) != set(_addresses(row)):
                for address in old:
                    self._hosts.forget(address, number)
            self._enter(number, row, resolution, assets)
        return changed | set(rows.gone), assets

    def _leave(self, number: int, assets: set[str]) -> None:
        self._rows.pop(number, None)
        place = self._entered.pop(number)
        for as_server, end in enumerate(self.ends.pop(number)):
            if end is not None:
                self._talks.drop(end, 2 * place + as_server)
                assets.add(end)

    def _enter(self, number: int, row: Conversation, resolution: Resolution, assets: set[str]) -> None:
        client_mac, client_ip, server_mac, server_ip, vlan = row.client_mac, row.client_ip, row.server_mac, row.server_ip, row.vlan
        client = self._hosts.of((client_mac, client_ip, vlan), number, resolution)
        server = self._hosts.of((server_mac, server_ip, vlan), number, resolution)
        if number in self.ends and self.ends[number] != (client, server):
            self._leave(number, assets)
        place = self._places[0][number]
        self._rows[number], self._entered[number], self.ends[number] = row, place, (client, server)
        asked = self._operations.of(number)
        if client is not None:
            self._talks.put(client, 2 * place, Talk(row, asked, server or server_ip or server_mac or "", as_server=False))
            assets.add(client)
        if server is not None:
            self._talks.put(server, 2 * place + 1, Talk(row, asked, client or client_ip or client_mac or "", as_server=True))
            assets.add(server)

    def say(self, rows: Changed[Fact], resolution: Resolution, *, anew: bool) -> set[str]:
        """Take over facts: the assets that they are about, or were."""
        assets: set[str] = set()
        for number, row in rows.before.items():
            self._unsay(number, assets)
            if number not in rows.now or _address(rows.now[number]) != _address(row):
                self._speakers.forget(_address(row), number)
        again = self._speakers.find_anew(resolution) if anew else set()
        said = {number: self._said[number][0] for number in again - rows.now.keys()}
        for number in said:
            self._unsay(number, assets)
        for number, row in (said | dict(rows.now)).items():
            holder = self._speakers.of(_address(row), number, resolution)
            place = self._places[1][number]
            self._said[number] = row, place, holder
            if holder is not None:
                self._facts.put(holder, place, row)
                assets.add(holder)
        return assets

    def _unsay(self, number: int, assets: set[str]) -> None:
        _, place, holder = self._said.pop(number)
        if holder is not None:
            self._facts.drop(holder, place)
            assets.add(holder)


def _addresses(row: Conversation) -> tuple[AddressKey, AddressKey]:
    return (row.client_mac, row.client_ip, row.vlan), (row.server_mac, row.server_ip, row.vlan)


def _address(row: Fact) -> AddressKey:
    return row.mac, row.ip, row.vlan
