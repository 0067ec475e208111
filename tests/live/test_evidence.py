"""Frames that came last on a wire: what came before something happened is there, as it was, and no more of it than may be."""

import struct
from collections.abc import Iterable
from pathlib import Path

import pytest

from sensor.capture import Listening, LiveCapture, open_interfaces
from sensor.evidence.wanted import everything
from sensor.frames import Frame, Wanted, pick_frames
from tests import samples
from tests.live.conftest import Wire
from tests.live.test_live import every_frame, mutilated, packets, tcpdump, told, until

ALL = everything(1_000_000, 1 << 30)
KEPT = Listening(recent_mebibytes=64)
MODBUS = samples.dialogue(samples.MODBUS_TURNS)


def received(live: LiveCapture, count: int) -> None:
    until(live, lambda batch: batch.statistics.packets >= count)


def same(frames: Iterable[Frame]) -> list[tuple[int, int, bytes]]:
    return sorted((frame.time, frame.length, frame.octets) for frame in frames)


def between(client: str, server: str, **more: object) -> Wanted:
    values = {"since": 0, "until": 2**63 - 1, "near": 0, "frames": 1000, "octets": 1 << 20, **more}
    return Wanted((client, server), **values)


def test_what_came_before_is_still_there(wire: Wire) -> None:
    other = [frame.replace(b"\x0a\x00\x00\x05", b"\x0a\x00\x00\x07") for frame in MODBUS]
    with open_interfaces([wire.name], KEPT, batch_seconds=0.05) as live:
        wire.send([*MODBUS[:5], *other])
        received(live, 5 + len(other))
        wire.send(MODBUS[5:])
        received(live, len(MODBUS) + len(other))
        [found, none] = live.frames([between(samples.CLIENT, samples.SERVER, ports=(None, 502)), between("10.9.9.9", samples.SERVER)])
    assert [frame.octets for frame in found] == MODBUS
    assert [(frame.source, frame.target, frame.transport) for frame in found[:1]] == [(samples.CLIENT, samples.SERVER, "tcp")]
    assert none == []


def test_vlan_tags_are_where_they_were(wire: Wire) -> None:
    tagged = [frame[:12] + struct.pack("!HHHH", 0x88A8, 7, 0x8100, 0xA12D) + frame[12:] for frame in MODBUS]
    with open_interfaces([wire.name], KEPT, batch_seconds=0.05) as live:
        wire.send(tagged)
        received(live, len(tagged))
        [found] = live.frames([between(samples.CLIENT, samples.SERVER, vlan=301)])
    assert [frame.octets for frame in found] == tagged
    assert {frame.vlan for frame in found} == {301}


@pytest.mark.parametrize("workers", [1, 3])
def test_whatever_the_frames_are_they_are_what_another_program_writes(wire: Wire, tmp_path: Path, workers: int) -> None:
    path, frames = tmp_path / "same.pcap", mutilated(every_frame(), 7)
    listening = Listening(workers=workers, recent_mebibytes=256)
    with tcpdump(wire.name, path) as wait_for, open_interfaces([wire.name], listening, batch_seconds=0.05) as live:
        for start in range(0, len(frames), 500):
            wire.send(frames[start : start + 500])
            next(live)
        wait_for(packets(told(live)))
        [found] = live.frames([ALL])
    assert same(found) == same(pick_frames([str(path)], [ALL])[0])
    assert len(found) > 1000


def test_a_flood_takes_no_more_memory_and_pushes_out_the_oldest(wire: Wire) -> None:
    flood = [struct.pack("!6s6sHI", b"\2" * 6, b"\4" * 6, 0x88B5, number).ljust(1400, b"x") for number in range(12_000)]
    with open_interfaces([wire.name], Listening(recent_mebibytes=8), batch_seconds=0.05) as live:
        for start in range(0, len(flood), 500):
            wire.send(flood[start : start + 500])
            next(live)
        received(live, len(flood))
        [found] = live.frames([ALL])
    assert [frame.octets for frame in found] == flood[-len(found) :]
    assert 7 << 20 <= sum(len(frame.octets) for frame in found) <= 8 << 20


@pytest.mark.parametrize("workers", [1, 2])
def test_frames_are_found_also_when_it_is_over(wire: Wire, workers: int) -> None:
    with open_interfaces([wire.name], Listening(workers=workers, recent_mebibytes=64), batch_seconds=0.05) as live:
        wire.send(MODBUS)
        assert packets(told(live)) == len(MODBUS)
    assert sorted(frame.octets for frame in live.frames([ALL])[0]) == sorted(MODBUS)


def test_nothing_is_kept_unasked(wire: Wire) -> None:
    with open_interfaces([wire.name], batch_seconds=0.05) as live:
        wire.send(MODBUS)
        received(live, len(MODBUS))
        assert live.frames([ALL]) == [[]]
    assert live.frames([ALL]) == [[]]


@pytest.mark.parametrize(
    ("ends", "more"),
    [(("plc1", None), {}), (("10.0.0.256", None), {}), (("02:00:00:00:00", None), {}), ((None, None), {"transport": "carrier pigeon"})],
)
def test_what_is_no_address_is_refused(ends: tuple[str, None], more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^no (IP or MAC address|transport): "):
        Wanted(ends, since=0, until=0, near=0, frames=1, octets=1, **more)
