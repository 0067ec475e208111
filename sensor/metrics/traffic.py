"""Metrics of what the engine has read: how much, what was lost, what was spoken, how quickly it was answered."""

from collections.abc import Callable, Iterator

from sensor import words
from sensor.capture import Interface
from sensor.metrics.model import Buckets, Metric, Moment, Type, Value, only

_NANOSECONDS = 1e9
_TRANSPORTS = ("tcp", "udp", "icmp", "ip", "ethernet")
_EVICTED = "evicted_"


def _counter(name: str, unit: str, about: str, counter: str) -> Metric:
    """A metric that is one of the engine's counters."""
    return Metric(f"otoscope_{name}_total", Type.COUNTER, unit, about, lambda now: only(now.counted(counter)))


def _packets(now: Moment) -> Iterator[Value]:
    return only(now.statistics.packets if now.statistics else None)


def _octets(now: Moment) -> Iterator[Value]:
    return only(now.statistics.octets if now.statistics else None)


def _last_packet(now: Moment) -> Iterator[Value]:
    last = now.statistics.last if now.statistics else None
    return only(None if last is None else last / _NANOSECONDS)


def _skipped(now: Moment) -> Iterator[Value]:
    return only(sum(now.statistics.skipped_link_types.values()) if now.statistics else None)


def _evicted(now: Moment) -> Iterator[Value]:
    counters = now.statistics.counters if now.statistics else {}
    return (((name.removeprefix(_EVICTED),), number) for name, number in sorted(counters.items()) if name.startswith(_EVICTED))


def _loss(now: Moment) -> Iterator[Value]:
    lost, seen = now.counted("lost_segments"), now.counted("tcp_segments")
    return only(None if lost is None or seen is None else lost / (lost + seen or 1))


def _messages(now: Moment) -> Iterator[Value]:
    protocols = now.statistics.protocols if now.statistics else {}
    return (((name,), messages) for name, (messages, _) in sorted(protocols.items()))


def _malformed(now: Moment) -> Iterator[Value]:
    protocols = now.statistics.protocols if now.statistics else {}
    return (((name,), malformed) for name, (_, malformed) in sorted(protocols.items()))


def _unrecognised(now: Moment, which: int) -> Iterator[Value]:
    families = now.statistics.families if now.statistics else {}
    return (((transport,), families.get(transport, (0, 0))[which]) for transport in _TRANSPORTS if now.statistics)


def _response_times(now: Moment) -> Iterator[Value]:
    times = now.statistics.response_times if now.statistics else {}
    for protocol, (buckets, total) in sorted(times.items()):
        counts = [(float("inf") if bound is None else bound / _NANOSECONDS, count) for bound, count in buckets]
        yield (protocol,), Buckets(counts, total / _NANOSECONDS)


def _interface(name: str, kind: Type, unit: str, about: str, read: Callable[[Interface], float]) -> Metric:
    """A metric of each interface."""

    def values(now: Moment) -> Iterator[Value]:
        return (((words.plain(one.name),), read(one)) for one in now.interfaces)

    return Metric(f"otoscope_interface_{name}", kind, unit, about, values, ("interface",))


METRICS = (
    Metric("otoscope_packets_total", Type.COUNTER, "packets", "Packets read.", _packets),
    Metric("otoscope_bytes_total", Type.COUNTER, "bytes", "Octets of those packets as they were on the wire.", _octets),
    Metric("otoscope_last_packet_timestamp_seconds", Type.GAUGE, "seconds since 1970", "When the last packet was captured.", _last_packet),
    Metric(
        "otoscope_kernel_dropped_packets_total",
        Type.COUNTER,
        "packets",
        "Packets that the kernel dropped before the sensor could take them; absent where nobody counts them, as of a capture file.",
        lambda now: only(sum(interface.dropped for interface in now.interfaces) if now.interfaces else None),
    ),
    _interface(
        "up",
        Type.GAUGE,
        "0 or 1",
        "1 where the interface is listened to and has a link; 0 where it is missing, off, without link, or cannot be read.",
        lambda one: one.condition == "capturing",
    ),
    _interface("packets_total", Type.COUNTER, "packets", "Packets that came in on it and passed the filter.", lambda one: one.packets),
    _interface(
        "dropped_packets_total", Type.COUNTER, "packets", "Of those, dropped by the kernel for want of room.", lambda one: one.dropped
    ),
    _interface(
        "ring_fill_ratio",
        Type.GAUGE,
        "0 to 1",
        "The most of its memory for waiting packets that was taken during the last batch; at 1 packets are dropped.",
        lambda one: one.ring_fill / 1000,
    ),
    Metric(
        "otoscope_table_dropped_rows_total",
        Type.COUNTER,
        "rows",
        "Rows that a full table of the engine dropped or refused: there was more on the wire than is known.",
        _evicted,
        ("table",),
    ),
    _counter("tcp_segments", "segments", "TCP segments read; those that came twice count once.", "tcp_segments"),
    _counter(
        "lost_segments",
        "gaps",
        "Gaps in TCP streams that the receiver did get: the mirror port or the capturing machine lost at least one segment in each.",
        "lost_segments",
    ),
    _counter("lost_bytes", "bytes", "Octets missing in those gaps.", "lost_octets"),
    Metric(
        "otoscope_loss_ratio",
        Type.GAUGE,
        "0 to 1",
        "Estimate of the share of all TCP segments that were lost on their way to the sensor, since it began.",
        _loss,
    ),
    _counter("retransmitted_segments", "segments", "TCP segments that were sent again: the network itself loses.", "retransmissions"),
    _counter("duplicate_packets", "packets", "Packets captured twice, as a mirror of both directions of a port does.", "duplicates"),
    _counter("truncated_packets", "packets", "Packets cut off by the snap length.", "truncated_frames"),
    _counter("malformed_packets", "packets", "Packets whose headers lie or end early.", "malformed_frames"),
    Metric("otoscope_skipped_packets_total", Type.COUNTER, "packets", "Packets of link types that are not read.", _skipped),
    _counter("cut_messages", "messages", "Messages of which the snap length took a part.", "cut_messages"),
    _counter("dropped_buffers", "buffers", "Unfinished messages given up for want of room.", "dropped_buffers"),
    Metric("otoscope_messages_total", Type.COUNTER, "messages", "Requests and responses read.", _messages, ("protocol",)),
    Metric(
        "otoscope_malformed_messages_total",
        Type.COUNTER,
        "messages",
        "Messages that could not be read to their end.",
        _malformed,
        ("protocol",),
    ),
    Metric(
        "otoscope_unrecognised_packets",
        Type.GAUGE,
        "packets",
        "Packets of conversations whose protocol is not known. It falls where one is recognised late.",
        lambda now: _unrecognised(now, 0),
        ("transport",),
    ),
    Metric(
        "otoscope_unrecognised_bytes",
        Type.GAUGE,
        "bytes",
        "Octets of those packets.",
        lambda now: _unrecognised(now, 1),
        ("transport",),
    ),
    Metric(
        "otoscope_response_time_seconds",
        Type.HISTOGRAM,
        "seconds",
        "From a request to its response.",
        _response_times,
        ("protocol",),
    ),
)
