"""The cell as its switch mirrors it: four stacks polled by an HMI and a SCADA server, and what an intruder does meanwhile.

The tests in `tests/end_to_end` let the sensor listen to the same plant.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version

from pcaps.recipes import expectation, wireshark
from pcaps.recipes.expectation import PCAPS, Recipe
from pcaps.recipes.stations import BOILER, ENGINEER, FILLER, HMI, MIXER, OFFICE, SCADA, STRANGER, SUBSTATION, Station
from pcaps.recipes.switch import MIRROR, Switch, switched

TALKERS = (sys.executable, "-m", "pcaps.recipes.talkers")
SERVERS = ((MIXER, "serve-modbus", 502), (BOILER, "serve-s7", 102), (FILLER, "serve-enip", 44818), (SUBSTATION, "serve-dnp3", 20000))
POLLS = ((HMI, "poll-modbus"), (HMI, "poll-s7"), (HMI, "poll-enip"), (SCADA, "poll-dnp3"))
ROUNDS, PAUSE = 12, 0.25
Deed = tuple[Station, str]
CAPTURES: tuple[tuple[str, str, tuple[Deed, ...]], ...] = (
    ("mirrored-polling", "four protocols polled as usual", ()),
    ("mirrored-enterprise", "a computer of the enterprise writes a register, through the router", ((OFFICE, "write-modbus"),)),
    ("mirrored-stop", "a CPU stopped and started by the engineer's station", ((ENGINEER, "stop-s7"), (ENGINEER, "start-s7"))),
    ("mirrored-upload", "a data block read back by the engineer's station", ((ENGINEER, "upload-s7"),)),
)


@contextmanager
def plant() -> Iterator[Switch]:
    """The cell, with its servers listening."""
    servers: list[subprocess.Popen[str]] = []
    with switched(MIXER, BOILER, FILLER, SUBSTATION, HMI, SCADA, ENGINEER, STRANGER) as switch:
        try:
            servers += [switch.start(station.role, *TALKERS, deed) for station, deed, _ in SERVERS]
            for (station, _, port), server in zip(SERVERS, servers, strict=True):
                switch.wait_for(station, port, server)
            yield switch
        finally:
            end(servers)


@contextmanager
def polled(switch: Switch, rounds: int, pause: float = PAUSE) -> Iterator[None]:
    """While the HMI and the SCADA server poll, all of them; they end after so many rounds, or with the block."""
    polls = [switch.start(station.role, *TALKERS, deed, rounds, pause) for station, deed in POLLS]
    try:
        while sum(switch.connections(station) for station in (HMI, SCADA)) < len(POLLS):
            time.sleep(0.1)
        yield
    finally:
        end(polls)


def end(processes: "list[subprocess.Popen[str]]") -> None:
    """Kill what still runs."""
    for process in processes:
        process.kill()
        process.wait()


@contextmanager
def recorded(switch: Switch, name: str) -> Iterator[None]:
    """What the mirror port carries meanwhile, as a capture."""
    listen = ("tcpdump", "-n", "-i", MIRROR, "-U", "--immediate-mode", "-Z", "root", "-w", name)
    with switch.start("sensor", *listen, stderr=subprocess.PIPE) as dump:
        while "listening" not in dump.stderr.readline():  # type: ignore[union-attr] # it is a pipe
            pass
        try:
            yield
            time.sleep(0.5)
        finally:
            dump.terminate()


def _record(switch: Switch, name: str, shows: str, deeds: tuple[Deed, ...]) -> None:
    capture = PCAPS / f"{name}.pcap"
    with recorded(switch, str(capture)):
        polls = [switch.start(station.role, *TALKERS, poll, ROUNDS, PAUSE) for station, poll in POLLS]
        time.sleep(1.5)
        for station, deed in deeds:
            switch.talk(station, deed)
        for poll in polls:
            with suppress(subprocess.TimeoutExpired):
                poll.wait(60)
        end(polls)
    stacks = ", ".join(f"{stack} {version(stack)}" for stack in ("pymodbus", "python-snap7", "cpppo", "yadnp3"))
    origin = f"{stacks}, network namespaces on a bridge, tcpdump at its mirror port"
    found = wireshark.seen(capture)
    expectation.write(Recipe(f"{name}.pcap", "mirrored", shows, origin), found)
    print(
        f"{name}: {found.packets} packets, {found.counts.total()} messages, {found.malformed} malformed, {capture.stat().st_size:,} octets"
    )


def main() -> None:
    """Record the captures, each of a plant of its own: those that were named, or all."""
    for name, shows, deeds in CAPTURES:
        if not sys.argv[1:] or name in sys.argv[1:]:
            with plant() as switch:
                _record(switch, name, shows, deeds)


if __name__ == "__main__":
    main()
