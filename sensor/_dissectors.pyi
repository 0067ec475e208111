"""The typed contract of the Rust module: frames in, observations out.

Times are nanoseconds since the Unix epoch, in capture time. Pairs are (client to server, server to client).
"""

from collections.abc import Mapping, Sequence
from typing import Self, final

__all__ = [
    "Anomaly",
    "Batch",
    "CaptureError",
    "Conversation",
    "Endpoint",
    "Engine",
    "Fact",
    "Frame",
    "Interface",
    "Listener",
    "Operation",
    "Picker",
    "Statistics",
    "Wanted",
]

class CaptureError(Exception):
    """A capture or interface that cannot be opened: the message says what is wrong and what is accepted."""

@final
class Endpoint:
    """Something with an address that sent frames."""

    @property
    def id(self) -> int: ...
    @property
    def mac(self) -> str | None: ...
    @property
    def ip(self) -> str | None: ...
    @property
    def vlan(self) -> int | None: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def hops(self) -> int | None: ...  # fewest routers passed, by the usual initial TTLs; None where it has no IP

@final
class Conversation:
    """Who talks to whom over which port, with what protocol."""

    @property
    def id(self) -> int: ...
    @property
    def client_mac(self) -> str | None: ...
    @property
    def client_ip(self) -> str | None: ...
    @property
    def server_mac(self) -> str | None: ...
    @property
    def server_ip(self) -> str | None: ...
    @property
    def transport(self) -> str: ...  # "tcp", "udp", "icmp", "ip", "ethernet"
    @property
    def port(self) -> int | None: ...  # of the server; EtherType or IP protocol where there is no port
    @property
    def vlan(self) -> int | None: ...
    @property
    def protocol(self) -> str | None: ...  # None where it was not recognised
    @property
    def by_port(self) -> bool: ...  # the content did not tell: what is usual on that port
    @property
    def packets(self) -> tuple[int, int]: ...
    @property
    def octets(self) -> tuple[int, int]: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def connections(self) -> int: ...  # TCP connections, or UDP port pairs
    @property
    def refused(self) -> int: ...  # connections reset or unanswered before any data
    @property
    def retransmissions(self) -> tuple[int, int]: ...
    @property
    def out_of_order(self) -> tuple[int, int]: ...
    @property
    def lost_segments(self) -> tuple[int, int]: ...  # gaps in the stream that the capture does not hold
    @property
    def lost_octets(self) -> tuple[int, int]: ...
    @property
    def duplicates(self) -> tuple[int, int]: ...
    @property
    def round_trip_time(self) -> int | None: ...  # smallest seen between SYN and the ACK of the SYN/ACK, nanoseconds
    @property
    def most_in_a_minute(self) -> int: ...  # connections begun in one minute aligned to the epoch; packets where there are no ports

@final
class Operation:
    """What a client asked a server to do, one row for each unit, function and object."""

    @property
    def id(self) -> int: ...
    @property
    def conversation(self) -> int: ...
    @property
    def protocol(self) -> str: ...
    @property
    def function(self) -> int: ...
    @property
    def subfunction(self) -> int | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def responses(self) -> int: ...
    @property
    def errors(self) -> int: ...  # responses that reject
    @property
    def unanswered(self) -> int: ...
    @property
    def statuses(self) -> tuple[tuple[int, int], ...]: ...  # (code of rejection, how often), at most 8
    @property
    def response_time(self) -> tuple[int, int, int] | None: ...  # minimum, mean, maximum in nanoseconds
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def episodes(self) -> list[tuple[int, int, int, int]]: ...  # (first, last, requests, errors) between long silences, at most 16
    @property
    def most_in_a_minute(self) -> tuple[int, int]: ...  # requests, errors: the most in one minute aligned to the epoch

@final
class Fact:
    """A piece of identity that an endpoint says of itself."""

    @property
    def id(self) -> int: ...
    @property
    def mac(self) -> str | None: ...
    @property
    def ip(self) -> str | None: ...
    @property
    def vlan(self) -> int | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def count(self) -> int: ...

@final
class Anomaly:
    """A breach of a protocol or of good practice."""

    @property
    def id(self) -> int: ...
    @property
    def conversation(self) -> int: ...
    @property
    def protocol(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...

@final
class Statistics:
    """Totals since the engine was made."""

    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...  # as they were on the wire
    @property
    def first(self) -> int | None: ...
    @property
    def last(self) -> int | None: ...
    @property
    def counters(self) -> Mapping[str, int]: ...  # truncated_frames, duplicates, lost_segments, ip_fragments, evicted_flows, …
    @property
    def skipped_link_types(self) -> Mapping[str, int]: ...  # name → frames
    @property
    def protocols(self) -> Mapping[str, tuple[int, int]]: ...  # name → (messages, malformed)
    @property
    def most_in_a_second(self) -> tuple[int, int]: ...  # packets, octets
    @property
    def group_packets(self) -> tuple[int, int]: ...  # to multicast addresses, to all
    @property
    def stations(self) -> list[str | None]: ...
    # MAC addresses that all unicast frames have in common: [] where none was seen, both of the only pair, the one that all
    # frames are from or to, or [None] where there is no such station
    @property
    def tunnels(self) -> Mapping[str, int]: ...  # kind of tunnel → packets that came through it
    @property
    def vlans(self) -> Mapping[int | None, tuple[int, int]]: ...  # VLAN → packets, octets; without those that came twice
    @property
    def families(self) -> Mapping[str, tuple[int, int]]: ...  # protocol, else transport → packets, octets
    @property
    def response_times(self) -> Mapping[str, tuple[tuple[tuple[int | None, int], ...], int]]: ...
    # protocol → (buckets, sum in nanoseconds): each bucket its upper bound in nanoseconds, None for the last, and the answers
    # in it alone

@final
class Batch:
    """What is new or has changed since the last batch. Rows are cumulative: a later row replaces the earlier one of
    the same id. What `removed` names is gone: merged into another row, or dropped because a table was full."""

    @property
    def endpoints(self) -> list[Endpoint]: ...
    @property
    def conversations(self) -> list[Conversation]: ...
    @property
    def operations(self) -> list[Operation]: ...
    @property
    def facts(self) -> list[Fact]: ...
    @property
    def anomalies(self) -> list[Anomaly]: ...
    @property
    def removed(self) -> list[int]: ...  # ids of rows of earlier batches, of whatever kind
    @property
    def statistics(self) -> Statistics: ...

@final
class Engine:
    """The fast path. Not for use from several threads at once."""

    def __new__(cls, limits: Mapping[str, int] | None = None) -> Self: ...
    @staticmethod
    def limits() -> dict[str, int]:
        """What `limits` may name, with the defaults."""

    def open(self, path: str) -> None:
        """Open a capture file, or standard input where path is "-"; CaptureError where it is none."""

    def read(self, packets: int) -> bool:
        """Process up to that many packets of the open capture, with the GIL released; False at its end."""

    def progress(self) -> tuple[int, int | None]:
        """Octets of the open capture read so far, and in all (None for a stream)."""

    def warning(self) -> str | None:
        """What was wrong with the end of the open capture, if anything; complete once read() returned False."""

    def finish(self) -> None:
        """No more captures: what is still held or pending is decided."""

    def batch(self) -> Batch:
        """What is new or has changed since the last call."""

@final
class Wanted:
    """Frames that are asked for: of the conversation of those ends, in either direction. None is any value."""

    def __new__(
        cls,
        ends: tuple[str | None, str | None],  # IP or MAC addresses; with one alone what is from and to it, with none every frame
        *,
        ports: tuple[int | None, int | None] = ...,  # of those ends
        transport: str | None = None,
        vlan: int | None = None,
        since: int,
        until: int,
        near: int,  # where there are more, those nearest to this time are taken
        frames: int,  # the most of them
        octets: int,  # the most of those, but for the one frame that is always taken
    ) -> Self:
        """ValueError where an end is no address, or the transport none."""

@final
class Frame:
    """A frame that was asked for. Of what came through a tunnel, the ends are those within."""

    @property
    def time(self) -> int: ...
    @property
    def link(self) -> int: ...  # the link type, as files number it
    @property
    def length(self) -> int: ...  # on the wire
    @property
    def octets(self) -> bytes: ...  # what was captured of it, VLAN tags put back
    @property
    def interface(self) -> int: ...  # number of the interface that captured it
    @property
    def source(self) -> str | None: ...  # its IP address, the MAC where there is none
    @property
    def target(self) -> str | None: ...
    @property
    def ports(self) -> tuple[int, int] | None: ...
    @property
    def transport(self) -> str | None: ...
    @property
    def vlan(self) -> int | None: ...

@final
class Picker:
    """Looks for frames in captures, one after the other."""

    def __new__(cls, wanted: Sequence[Wanted]) -> Self: ...
    def open(self, path: str) -> None:
        """Open a capture file; CaptureError where it is none."""

    def read(self, packets: int) -> bool:
        """Look at that many packets, with the GIL released; False at the end."""

    def frames(self) -> list[list[Frame]]:
        """What was found, for each of those that were asked for; nothing is looked for any more."""

@final
class Interface:
    """An interface that is listened to: how it is now, and what was counted on it since the start."""

    @property
    def name(self) -> str: ...  # as it was asked for
    @property
    def named(self) -> str | None: ...  # its name now, None where it is not there
    @property
    def condition(self) -> str: ...  # "capturing", "no_link", "off", "missing", "failed"
    @property
    def trouble(self) -> str | None: ...  # why it cannot be read, or not as was wished
    @property
    def opened(self) -> int: ...  # how often: more than once where it had gone
    @property
    def hardware_time(self) -> bool: ...  # time stamps are the card's own
    @property
    def packets(self) -> int: ...  # that passed the filter, dropped ones among them
    @property
    def dropped(self) -> int: ...  # for which the ring had no room
    @property
    def ring_full(self) -> int: ...  # times that the ring was found full
    @property
    def ring_fill(self) -> int: ...  # the most of it that waited to be read since the last batch, in thousandths
    @property
    def tags_restored(self) -> int: ...  # VLAN tags put back that the kernel had taken off

@final
class Listener:
    """Interfaces that are listened to in threads of their own. Nothing is ever sent. On Linux only."""

    def __new__(
        cls,
        names: Sequence[str],
        *,
        limits: Mapping[str, int] | None = None,
        workers: int = 1,
        kernel_filter: str | None = None,
        snap_length: int = 262_144,
        ring_octets: int = ...,
        busy_poll: int = 0,
        promiscuous: bool = True,
        hardware_time: bool = False,
        patient: bool = False,
        recent_octets: int = 0,
        recent_seconds: int = 3600,
    ) -> Self:
        """Begin to listen. CaptureError where an interface cannot be read; ValueError where the filter is none."""

    def batch(self) -> Batch:
        """What is new or has changed since the last call, with the GIL released until it is known."""

    def frames(self, wanted: Sequence[Wanted]) -> list[list[Frame]]:
        """What is found among the frames that came last, for each of those that are asked for; those of one worker after another's."""

    def stop(self) -> Batch:
        """Listen no more; what was received until now is in the batch."""

    def interfaces(self) -> list[Interface]:
        """The interfaces as they are now; counts are those of the last batch."""
