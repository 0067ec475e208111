"""Conversations in their context, kept up to date: made anew only with their rows, as their ends know their assets as they are now."""

from collections.abc import Hashable, Iterable, Mapping

from sensor.capture import Conversation
from sensor.inventory.belongings import Belongings
from sensor.inventory.model import Asset
from sensor.knowledge import Dialogue, Party


class Dialogues:
    """The conversations in which an asset takes part, by id, in the engine's order."""

    def __init__(self) -> None:
        self.dialogues: dict[int, Dialogue] = {}
        self._parties: dict[str, dict[str, Party]] = {}

    def recast(self, assets: Mapping[str, Asset], changed: Iterable[str]) -> None:
        """Assets have changed, or are gone."""
        for name in changed:
            asset = assets.get(name)
            if asset is None:
                self._parties.pop(name, None)
            else:
                for party in self._parties.get(name, {}).values():
                    party.asset = asset

    def update(self, changed: Iterable[int], rows: Mapping[int, Conversation], belongings: Belongings, assets: Mapping[str, Asset]) -> None:
        """Conversations have changed, or are gone."""
        late = False
        for number in sorted(changed):
            row = rows.get(number)
            client, server = belongings.ends.get(number, (None, None))
            if row is None or (client is None and server is None):
                self.dialogues.pop(number, None)  # nobody that is looked at
                continue
            late |= number not in self.dialogues
            self.dialogues[number] = Dialogue(
                row,
                self._party(row.client_ip or row.client_mac or "?", client, assets),
                self._party(row.server_ip or row.server_mac or "?", server, assets),
                belongings.operations(number),
            )
        if late and len(self.dialogues) > 1:
            self.dialogues = {number: self.dialogues[number] for number in rows if number in self.dialogues}

    def _party(self, address: str, name: str | None, assets: Mapping[str, Asset]) -> Party:
        if name is None:
            return Party(address, None)
        parties = self._parties.setdefault(name, {})
        party = parties.get(address)
        if party is None:
            party = parties[address] = Party(address, assets[name])
        return party


def outline(asset: Asset) -> Hashable:
    """What rules look at in those who take part in a conversation: all but evidence, and when they were last seen.

    As long as it is the same, the same follows from their conversations.
    """
    level, kind = asset.level, asset.kind
    lives = level.value, level.confidence, level.settled, level.pinned, asset.zone, asset.outside
    is_a = kind.value, any(piece.source == "site file" for piece in kind.evidence), asset.roles, asset.tags, asset.criticality
    addresses = tuple((address.mac, address.ip, address.vlan) for address in asset.addresses)
    return asset.name, asset.parent, asset.unit, addresses, lives, is_a, asset.text("hostname"), asset.text("serial"), asset.first
