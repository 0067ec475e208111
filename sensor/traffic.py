"""What the mirror shows: rates, shares by VLAN and protocol, and whether it mirrors at all."""

from collections.abc import Iterable

from sensor.capture import Conversation, Statistics
from sensor.rows import Share, TrafficRow

_ONE_WAY_PACKETS = 3
"""A TCP connection of which so many packets were seen, all in one direction, has its other half elsewhere."""

_UNICAST = {0: "none", 1: "one station", 2: "one pair"}


def is_one_way(transport: str, packets: Iterable[int], refused: int) -> bool:
    """Was only one half of this conversation captured? Packets are those of each direction."""
    least, most = sorted(packets)
    return transport == "tcp" and least == 0 and most >= _ONE_WAY_PACKETS and not refused


def traffic_row(statistics: Statistics | None, conversations: Iterable[Conversation]) -> TrafficRow:
    """The row of the replay document; the largest shares first."""
    if statistics is None:
        return _row([], (0, 0), (0, 0))
    row = _row(statistics.stations, statistics.most_in_a_second, statistics.group_packets)
    row["one_way_conversations"] = sum(is_one_way(talk.transport, talk.packets, talk.refused) for talk in conversations)
    row["tunnels"] = dict(sorted(statistics.tunnels.items()))
    row["vlans"] = [{"vlan": vlan, **_share(amount)} for vlan, amount in sorted(statistics.vlans.items(), key=_largest)]
    row["families"] = [{"family": family, **_share(amount)} for family, amount in sorted(statistics.families.items(), key=_largest)]
    return row


def _row(stations: list[str | None], most: tuple[int, int], groups: tuple[int, int]) -> TrafficRow:
    return {
        "most_packets_in_a_second": most[0],
        "most_octets_in_a_second": most[1],
        "multicast_packets": groups[0],
        "broadcast_packets": groups[1],
        "unicast_between": "many stations" if stations == [None] else _UNICAST[len(stations)],
        "station": stations[0] if len(stations) == 1 else None,
        "one_way_conversations": 0,
        "tunnels": {},
        "vlans": [],
        "families": [],
    }


def _share(amount: tuple[int, int]) -> Share:
    return {"packets": amount[0], "octets": amount[1]}


def _largest(item: tuple[object, tuple[int, int]]) -> tuple[int, str]:
    name, (packets, _) = item
    return (-packets, str(name))
