"""Interfaces in, batches out: what comes out of a wire is what a file of the same frames says, whatever happens to the wire."""

import itertools
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensor.capture import Batch, Listening, LiveCapture, open_capture, open_interfaces
from sensor.errors import CaptureError
from sensor.listening import compiled
from sensor.observations import Observations, observe
from sensor.pipeline import conclude
from sensor.replay import document, to_json
from tests import samples
from tests.live.conftest import Wire, ip
from tests.test_stopping import interrupted

PCAPS = Path(__file__).parents[2] / "pcaps"
MODBUS = samples.dialogue(samples.MODBUS_TURNS)
ALL = 3600.0
"""Seconds from batch to batch, where the only one is the last."""


def frames_of(path: Path) -> list[bytes]:
    """Frames of an Ethernet capture in the byte order of this machine; none of another."""
    octets = path.read_bytes()
    magic, link_type = struct.unpack_from("<I16xI", octets)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D) or link_type != 1:
        return []
    frames, at = [], 24
    while at + 16 <= len(octets):
        (length,) = struct.unpack_from("<I", octets, at + 8)
        frames.append(octets[at + 16 : at + 16 + length])
        at += 16 + length
    return frames


def every_frame() -> list[bytes]:
    """All that the captures of this project hold, from interface to interface."""
    return [frame for path in sorted(PCAPS.rglob("*.pcap")) for frame in frames_of(path)]


def mutilated(frames: list[bytes], seed: int) -> list[bytes]:
    """Frames with octets changed, cut off and added."""
    rng = random.Random(seed)  # noqa: S311 - the same each time
    out = []
    for frame in frames:
        octets = bytearray(frame)
        for _ in range(rng.randrange(1, 6)):
            octets[rng.randrange(len(octets))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        out.append(bytes(octets[: rng.randrange(14, len(octets) + 1)]) + rng.randbytes(rng.choice((0, 0, 9))))
    return out


@contextmanager
def tcpdump(interface: str, path: Path) -> Iterator[Callable[[int], None]]:
    """Another program that captures the same frames into a file; what it yields waits until so many are in it."""

    def wait_for(count: int) -> None:
        for _ in range(200):
            if len(frames_of(path)) >= count:
                break
            time.sleep(0.05)
        assert len(frames_of(path)) == count

    command = ("tcpdump", "-i", interface, "-n", "-U", "-Z", "root", "-B", "65536", "--time-stamp-precision=nano", "-w", path)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("listening on" in line for line in process.stderr)
        try:
            yield wait_for
        finally:
            process.send_signal(signal.SIGINT)


def told(live: LiveCapture, observations: Observations | None = None) -> Observations:
    """What was observed once the capture has been stopped."""
    observations = observations or Observations()
    live.stop()
    for batch in live:
        observations.add(batch)
    return observations


def until(live: LiveCapture, is_so: Callable[[Batch], object]) -> Batch:
    """The first batch of which that holds."""
    return next(batch for batch in live if is_so(batch))


def packets(observations: Observations) -> int:
    assert observations.statistics is not None
    return observations.statistics.packets


def shown(observations: Observations) -> dict:
    return json.loads(b"".join(to_json(document(conclude(observations), ["one"]))))


VALUES = {"values_per_fact": 4096}
"""Each worker has caps of its own: where one is reached, several keep more than one would."""


def both(wire: Wire, path: Path, frames: list[bytes], listening: Listening, batch_seconds: float) -> tuple[Observations, Observations]:
    """What the wire says of the frames, and what a file says that another program wrote at the same time."""
    observations = Observations()
    with tcpdump(wire.name, path) as wait_for, open_interfaces([wire.name], listening, limits=VALUES, batch_seconds=batch_seconds) as live:
        for start in range(0, len(frames), 500):
            wire.send(frames[start : start + 500])
            if batch_seconds < ALL:
                observations.add(next(live))
        wait_for(packets(told(live, observations)))
    [interface] = live.interfaces
    assert (interface.packets, interface.dropped, interface.condition) == (packets(observations), 0, "capturing")
    # The kernel throws away what is cut off within a VLAN tag before anybody sees it.
    assert packets(observations) > 0.9 * len(frames) > 100
    return observations, observe(open_capture(path, limits=VALUES))


def test_a_wire_says_what_a_file_of_its_frames_says(wire: Wire, tmp_path: Path) -> None:
    live, file = both(wire, tmp_path / "same.pcap", every_frame(), Listening(), 0.05)
    assert shown(live) == shown(file)


def test_a_wire_says_of_mutilated_frames_what_a_file_of_them_says(wire: Wire, tmp_path: Path) -> None:
    live, file = both(wire, tmp_path / "same.pcap", mutilated(every_frame(), 6), Listening(), ALL)
    assert shown(live) == shown(file)


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("path", sorted((PCAPS / "plants").glob("*.pcap")), ids=lambda path: path.stem)
def test_several_workers_say_what_one_says(wire: Wire, tmp_path: Path, path: Path, workers: int) -> None:
    live, file = both(wire, tmp_path / "same.pcap", frames_of(path), Listening(workers=workers), 0.05)
    assert shown(live) == shown(file)


def test_mutilated_frames_are_counted_by_several_workers_as_by_one(wire: Wire, tmp_path: Path) -> None:
    """How often a packet came twice depends on how many others came in between, so that not all is the same."""
    live, file = both(wire, tmp_path / "same.pcap", mutilated(every_frame(), 7), Listening(workers=2), ALL)
    mine, theirs = live.statistics, file.statistics
    assert mine is not None
    assert theirs is not None
    assert (mine.octets, mine.first, mine.last) == (theirs.octets, theirs.first, theirs.last)
    for counter in ("malformed_frames", "truncated_frames", "ip_fragments"):
        assert mine.counters[counter] == theirs.counters[counter]


def test_nothing_is_sent_at_start_under_load_or_at_stop(wire: Wire) -> None:
    for workers in (1, 2):
        with open_interfaces([wire.name], Listening(workers=workers), batch_seconds=0.01) as live:
            assert wire.send(MODBUS * 2000) == 22_000
            assert until(live, lambda batch: batch.statistics.packets == 22_000)
            assert wire.transmitted() == 0
        assert wire.transmitted() == 0


def test_vlan_tags_that_the_kernel_takes_off_are_put_back(wire: Wire) -> None:
    tags = {5: b"\x81\x00\x00\x05", 7: b"\x88\xa8\x00\x09\x81\x00\x00\x07", 4094: b"\x88\xa8\xef\xfe"}
    with open_interfaces([wire.name], batch_seconds=ALL) as live:
        for vlan, tag in tags.items():
            wire.send(frame[:12] + tag + frame[12:] for frame in samples.dialogue(samples.MODBUS_TURNS, port=10_000 + vlan))
        wire.send(MODBUS)
        observations = told(live)
    assert {row.vlan for row in observations.conversations.values()} == {None, *tags}
    assert {sum(row.octets) for row in observations.conversations.values() if row.vlan is None} == {sum(map(len, MODBUS))}
    assert {sum(row.octets) for row in observations.conversations.values() if row.vlan == 5} == {sum(map(len, MODBUS)) + 44}
    assert live.interfaces[0].tags_restored == 33


@pytest.mark.usefixtures("namespace")
def test_both_legs_of_a_tap_are_one_conversation() -> None:
    there, back = Wire("leg0"), Wire("leg1")
    # The time stamps of a card that has none are the machine's, by which frames are put in order.
    for workers, hardware_time in itertools.product((1, 2), (False, True)):
        with open_interfaces([there.name, back.name], Listening(workers, hardware_time=hardware_time), batch_seconds=ALL) as live:
            for frame in MODBUS:
                (there if frame[6:12] == MODBUS[0][6:12] else back).send([frame])
            observations = told(live)
        [row] = observations.conversations.values()
        assert (row.client_ip, row.server_ip, row.port, row.connections) == (samples.CLIENT, samples.SERVER, 502, 1)
        assert row.packets == (6, 5)
        assert row.out_of_order == row.lost_segments == (0, 0)
        assert row.round_trip_time is not None
        assert [operation.unanswered for operation in observations.operations.values()] == [0, 0, 0, 0]


def test_an_interface_that_goes_and_comes_back_is_followed_and_nothing_is_lost(wire: Wire) -> None:
    for workers in (1, 2):
        with open_interfaces([wire.name], Listening(workers=workers), batch_seconds=0.05) as live:
            wire.send(MODBUS)
            wire.cut()
            gone = until(live, lambda _: live.interfaces[0].condition == "missing")
            assert live.interfaces[0].named is None
            wire.connect()
            until(live, lambda _: live.interfaces[0].opened == 2)
            wire.send(MODBUS)
            last = list(_stopped(live))[-1]
        assert gone.statistics.packets <= 11
        assert last.statistics.packets == 22
        assert live.interfaces[0].packets == 22


@pytest.mark.usefixtures("namespace")
def test_an_interface_that_goes_while_another_is_busy_loses_nothing_and_holds_nobody_up() -> None:
    quiet, busy = Wire("tap0"), Wire("tap1")
    for workers in (1, 2):
        with open_interfaces([quiet.name, busy.name], Listening(workers), batch_seconds=0.05) as live, busily(busy) as sent:
            quiet.send(MODBUS)
            quiet.cut()
            until(live, lambda _: live.interfaces[0].condition == "missing")
            until(live, lambda _: live.interfaces[0].packets == 11)
            sent.set()
            quiet.connect()
        assert [interface.dropped for interface in live.interfaces] == [0, 0]


@contextmanager
def busily(wire: Wire) -> Iterator[threading.Event]:
    """Frames all the time, until the event is set."""
    enough = threading.Event()

    def send() -> None:
        while not enough.is_set():
            wire.send(MODBUS * 50)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield enough
    finally:
        enough.set()
        sender.join()


OUT_OF_FILES = """
import resource, time
from sensor.capture import open_interfaces
live = open_interfaces(["tap0"], batch_seconds=0.05)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
until = time.monotonic() + 1  # five looks at the interface
while time.monotonic() < until: next(live)
[interface] = live.interfaces
print(interface.condition, interface.opened, flush=True)
"""


def test_an_interface_that_cannot_be_looked_at_for_a_while_is_not_gone(wire: Wire) -> None:
    assert wire.name == "tap0"
    done = subprocess.run((sys.executable, "-c", OUT_OF_FILES), capture_output=True, text=True, check=True, cwd=PCAPS.parent)
    assert done.stdout == "capturing 1\n"


def _stopped(live: LiveCapture) -> LiveCapture:
    live.stop()
    return live


def test_an_interface_that_is_switched_off_or_renamed_or_without_link_says_so_and_goes_on(wire: Wire) -> None:
    with open_interfaces([wire.name], Listening(workers=2), batch_seconds=0.05) as live:
        wire.send(MODBUS)
        ip("link", "set", wire.name, "down")
        until(live, lambda _: live.interfaces[0].condition == "off")
        ip("link", "set", wire.name, "name", "mirror")
        ip("link", "set", "mirror", "up")
        ip("link", "set", wire.plug, "down")
        until(live, lambda _: live.interfaces[0].condition == "no_link")
        ip("link", "set", wire.plug, "up")
        until(live, lambda _: live.interfaces[0].condition == "capturing")
        assert (live.interfaces[0].name, live.interfaces[0].named) == (wire.name, "mirror")
        wire.send(MODBUS)
        assert packets(told(live)) == 22
        assert live.interfaces[0].opened == 1


@pytest.mark.usefixtures("namespace")
def test_an_interface_that_is_not_there_yet_is_waited_for_where_that_was_asked() -> None:
    with pytest.raises(CaptureError, match=r"^tap0: no such interface$"):
        open_interfaces(["tap0"])
    with open_interfaces(["tap0"], Listening(wait_for_missing=True), batch_seconds=0.05) as live:
        next(live)
        assert live.interfaces[0].condition == "missing"
        wire = Wire("tap0")
        until(live, lambda _: live.interfaces[0].condition == "capturing")
        wire.send(MODBUS)
        assert packets(told(live)) == 11


OVERRUN = """
import json, sys
from sensor.capture import Listening, open_interfaces
live = open_interfaces(["tap0"], Listening(ring_mebibytes=2), batch_seconds=3600)
print("listening", flush=True)
sys.stdin.readline()
live.stop()
for batch in live: pass
[interface] = live.interfaces
print(json.dumps([batch.statistics.packets, interface.packets, interface.dropped, interface.ring_full, dict(batch.statistics.counters)]))
"""


def test_what_a_full_ring_drops_is_counted_and_what_comes_after_is_read(wire: Wire) -> None:
    command = (sys.executable, "-c", OVERRUN)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PCAPS.parent) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        process.send_signal(signal.SIGSTOP)
        while "State:\tT" not in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii"):
            time.sleep(0.01)
        sent = wire.send(frame.ljust(1500, b"\0") for frame in MODBUS * 300)
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate("\n")
    read, counted, dropped, full, counters = json.loads(out)
    assert counted == sent == 3300
    assert dropped > 1000
    assert read == sent - dropped
    assert counters["kernel_dropped"] == dropped
    assert full > 0


def test_after_an_overrun_nothing_more_is_dropped(wire: Wire) -> None:
    with open_interfaces([wire.name], Listening(ring_mebibytes=2), batch_seconds=0.01) as live:
        wire.send(MODBUS * 3000)
        until(live, lambda batch: batch.statistics.packets + live.interfaces[0].dropped == 33_000)
        dropped = live.interfaces[0].dropped
        wire.send(MODBUS)
        until(live, lambda batch: batch.statistics.packets + dropped == 33_011)


def test_a_filter_and_a_snap_length_are_the_kernels(wire: Wire) -> None:
    other = [frame[:12] + b"\x81\x00\x00\x05" + frame[12:] for frame in samples.dialogue(samples.MODBUS_TURNS, port=503)]
    listening = Listening(kernel_filter=compiled("not port 503"), snap_length=60)
    with open_interfaces([wire.name], listening, batch_seconds=ALL) as live:
        wire.send(MODBUS + other)
        observations = told(live)
    assert live.interfaces[0].packets == packets(observations) == 11
    assert observations.statistics is not None
    assert observations.statistics.counters["truncated_frames"] == sum(len(frame) > 60 for frame in MODBUS) > 0
    assert observations.statistics.octets == sum(map(len, MODBUS))


@pytest.mark.parametrize("expression", ["to be or not to be", "host", "-r/etc/passwd"])
def test_what_is_no_filter_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compiled(expression)


def test_a_filter_is_not_laid_over_frames_of_another_kind(wire: Wire) -> None:
    ip("tuntap", "add", "tun0", "mode", "tun")
    ip("link", "set", "tun0", "up")
    with open_interfaces(["tun0", wire.name], batch_seconds=ALL) as live:
        assert {interface.trouble for interface in live.interfaces} == {None}
    with pytest.raises(CaptureError, match=r"^tun0: its frames have no Ethernet header, which a filter needs$"):
        open_interfaces(["tun0", wire.name], Listening(kernel_filter=compiled("not port 22")))


def test_tcpdump_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tcpdump").write_text("#!/bin/sh\nexec sleep 60\n", encoding="ascii")
    (tmp_path / "tcpdump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("sensor.listening._PATIENCE", 0.1)
    with pytest.raises(ValueError, match="write addresses instead of names"):
        compiled("host plc.example.net")


def test_a_signal_handler_may_stop_it_in_the_middle_of_waiting(wire: Wire) -> None:
    step, more = 0, True
    while more:
        with open_interfaces([wire.name], batch_seconds=0.01) as live:
            more = interrupted(step, live.stop, lambda live=live: next(live))
        step += 1
    assert step > 5


def test_wrong_settings_are_refused(wire: Wire) -> None:
    for wrong in ({"workers": 0}, {"workers": 65}, {"snap_length": 0}, {"ring_mebibytes": 0}, {"busy_poll_microseconds": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Listening(**wrong)
    for names in ([], ["tap0", "tap0"]):
        with pytest.raises(ValueError, match="interface"):
            open_interfaces(names)
    with pytest.raises(ValueError, match="no instruction"):
        open_interfaces([wire.name], Listening(kernel_filter="port 502"))
    with pytest.raises(CaptureError, match="kernel refuses the filter"):
        open_interfaces([wire.name], Listening(kernel_filter="{ 0x15, 200, 200, 0x0 },"))


def test_a_card_without_time_stamps_is_read_with_the_machines_and_that_is_said(wire: Wire) -> None:
    with open_interfaces([wire.name], Listening(hardware_time=True), batch_seconds=ALL) as live:
        wire.send(MODBUS)
        assert packets(told(live)) == 11
    assert not live.interfaces[0].hardware_time
    assert "no time stamps of the card" in str(live.interfaces[0].trouble)


def test_a_capture_that_was_left_has_no_socket_any_more(wire: Wire) -> None:
    with open_interfaces([wire.name], Listening(workers=2), batch_seconds=ALL):
        assert len(Path("/proc/thread-self/net/packet").read_text(encoding="ascii").splitlines()) == 3
    assert len(Path("/proc/thread-self/net/packet").read_text(encoding="ascii").splitlines()) == 1


def test_what_this_machine_sends_by_the_interface_is_no_traffic_of_the_plant(wire: Wire) -> None:
    for workers in (1, 2):
        with open_interfaces([wire.name], Listening(workers=workers), batch_seconds=ALL) as live:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as other:
                other.bind((wire.name, 0))
                other.send(MODBUS[0])
            assert packets(told(live)) == 0
