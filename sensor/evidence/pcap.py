"""Captures as Wireshark reads them: pcap with nanoseconds, of one link type; written with dpkt."""

from collections.abc import Iterator, Sequence

from dpkt.pcap import TCPDUMP_MAGIC_NANO, LEFileHdr, LEPktHdr  # type: ignore[import-untyped] # dpkt has no types

from sensor.frames import Frame

_SNAP_LENGTH = 262_144
_SECOND = 1_000_000_000
_LATEST = 2**32 - 1
"""Seconds since 1970 that the format has room for."""


def to_pcap(frames: Sequence[Frame]) -> bytes:
    """A capture of frames that have one link type. dpkt's Writer knows no length on the wire, so its headers are written one by one."""
    return b"".join(_parts(frames))


def _parts(frames: Sequence[Frame]) -> Iterator[bytes]:
    yield bytes(LEFileHdr(magic=TCPDUMP_MAGIC_NANO, snaplen=_SNAP_LENGTH, linktype=frames[0].link))
    for frame in frames:
        octets = frame.octets[:_SNAP_LENGTH]
        seconds, rest = divmod(frame.time, _SECOND)
        yield bytes(LEPktHdr(tv_sec=min(max(seconds, 0), _LATEST), tv_usec=rest, caplen=len(octets), len=max(frame.length, len(octets))))
        yield octets
