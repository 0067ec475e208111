"""Time the conclusions at the size of a large plant: `python -m benchmarks.conclude`.

12,000 assets in 200 cells and 100,000 conversations are read through the engine, concluded from nothing, and then again after nothing has
changed, after 1 % of the plant has gone on (two cells, with all their hosts and conversations), after as many conversations have that are
scattered over the whole plant, and after new hosts have come.
"""

import argparse
import gc
import random
import struct
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median

from sensor.capture import Batch, open_capture
from sensor.conclusions import Conclusions
from sensor.observations import Observations
from sensor.pipeline import conclude

CELLS, CLIENTS, CONTROLLERS = 200, 10, 50
START = 1_790_000_000
LIMITS = {"conversations": 262_144, "flows": 262_144, "operations": 262_144, "endpoints": 65_536, "facts": 262_144}
Pair = tuple[int, int, int]
"""A cell, a client in it, and a controller in it."""

_MODBUS = struct.Struct(">HHHBBHH")


def _mac(cell: int, host: int) -> bytes:
    return (b"\x00\x80\xf4" if host >= CLIENTS else b"\x00\x1b\x21") + bytes((cell, host >> 8, host & 255))


def _ip(cell: int, host: int) -> bytes:
    return bytes((10, cell >> 8, cell & 255, host + 1))


def _arp(cell: int, host: int) -> bytes:
    mac, ip = _mac(cell, host), _ip(cell, host)
    return b"\xff" * 6 + mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac + ip + b"\0" * 6 + ip


def _tcp(ends: tuple[tuple[int, int], tuple[int, int]], ports: tuple[int, int], numbers: tuple[int, int], flags: int, body: bytes) -> bytes:
    source, target = ends
    head = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(body), 1, 0x4000, 64, 6, 0) + _ip(*source) + _ip(*target)
    segment = struct.pack(">HHIIBBHHH", *ports, *numbers, 0x50, flags, 8192, 0, 0)
    return _mac(*target) + _mac(*source) + b"\x08\x00" + head + segment + body


def _exchange(pair: Pair, turn: int) -> Iterator[bytes]:
    """A connection that opens, then one poll a turn."""
    cell, client, controller = pair
    ends = ((cell, client), (cell, CLIENTS + controller))
    back = ends[::-1]
    port = 40_000 + client
    asks, says = 1 + 12 * turn, 1 + 13 * turn
    if turn == 0:
        yield _tcp(ends, (port, 502), (0, 0), 2, b"")
        yield _tcp(back, (502, port), (0, 1), 18, b"")
    function = 6 if client == 0 else 3
    request = _MODBUS.pack(turn, 0, 6, 1, function, 10 * client, 2)
    yield _tcp(ends, (port, 502), (asks, says), 24, request)
    answer = request + b"\0" if function == 6 else struct.pack(">HHHBBB", turn, 0, 7, 1, 3, 4) + bytes(4)
    yield _tcp(back, (502, port), (says, asks + 12), 24, answer[:12] if function == 6 else answer)


class Plant:
    """A plant and what is on its wires: chapters of one capture, each padded to whole batches."""

    def __init__(self, cells: int) -> None:
        self.cells, self.random = cells, random.Random(7)
        self.pairs = [(cell, client, controller) for cell in range(cells) for controller in range(CONTROLLERS) for client in range(CLIENTS)]
        self.turns = dict.fromkeys(self.pairs, 0)
        self.batch_packets = 2 * (len(self.pairs) // 100) + 8
        self.newcomers = 0

    def begins(self) -> list[bytes]:
        """Everybody is there, and is polled three times."""
        hosts = (_arp(cell, host) for cell in range(self.cells) for host in range(CLIENTS + CONTROLLERS))
        return [*hosts, *(frame for _ in range(3) for frame in self._goes_on(self.pairs))]

    def two_cells(self) -> list[bytes]:
        """One of a hundred cells with all that is in it."""
        some = set(self.random.sample(range(self.cells), max(self.cells // 100, 1)))
        return list(self._goes_on(pair for pair in self.pairs if pair[0] in some))

    def scattered(self) -> list[bytes]:
        """One of a hundred conversations, wherever it is."""
        return list(self._goes_on(self.random.sample(self.pairs, len(self.pairs) // 100)))

    def newcomer(self) -> list[bytes]:
        """The same, and hosts that nobody has seen."""
        self.newcomers += 1
        cells = self.random.sample(range(self.cells), 3)
        return [*(_arp(cell, 70 + self.newcomers) for cell in cells), *self.scattered()]

    def _goes_on(self, pairs: Iterable[Pair]) -> Iterator[bytes]:
        for pair in pairs:
            yield from _exchange(pair, self.turns[pair])
            self.turns[pair] += 1

    def write(self, path: Path, chapters: Iterable[list[bytes]]) -> None:
        """A capture of the chapters, a minute from one to the next."""
        with path.open("wb", buffering=1 << 20) as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for number, frames in enumerate(chapters):
                padding = [_arp(0, 0)] * (-len(frames) % self.batch_packets)
                for place, frame in enumerate((*frames, *padding)):
                    second, fraction = divmod(place, 10_000)
                    file.write(struct.pack("<IIII", START + 60 * number + second, fraction * 100, len(frame), len(frame)) + frame)


CHAPTERS: tuple[tuple[str, Callable[[Plant], list[bytes]], float], ...] = (
    ("1 % changed: two cells", Plant.two_cells, 0.15),
    ("1 % changed: scattered", Plant.scattered, 0.15),
    ("the same, and new hosts", Plant.newcomer, 0.3),
)
"""What happens, and within how many seconds it is to be concluded."""


def timed(what: str, limit: float, calls: Iterable[Callable[[], object]]) -> None:
    """Print the median of how long it took, and whether that is within the limit."""
    took = []
    for call in calls:
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    seconds = median(took)
    print(f"{what:32} {seconds * 1000:9.1f} ms {'' if seconds < limit else f'  more than {limit * 1000:.0f} ms'}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=CELLS, help="of 60 hosts and 500 conversations each")
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    plant = Plant(chosen.cells)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "plant.pcap"
        plant.write(path, [plant.begins(), *(happens(plant) for _, happens, _ in CHAPTERS for _ in range(chosen.times))])
        observations = Observations()
        with open_capture(path, limits=LIMITS, batch_packets=plant.batch_packets) as capture:
            batches = list(capture)
    later = len(CHAPTERS) * chosen.times + 1  # the last is what the end of the capture leaves
    for batch in batches[:-later]:
        observations.add(batch)
    print(
        f"{len(observations.endpoints):,} endpoints, {len(observations.conversations):,} conversations, {len(observations.facts):,} facts"
    )
    gc.disable()  # as the commands do: what is concluded lives on, and looking for cycles in it costs a tenth more
    conclusions = Conclusions()
    timed("first conclusion", 13, [lambda: conclusions.update(observations)])
    timed("nothing changed", 0.02, [lambda: conclusions.update(observations)] * chosen.times)
    for place, (what, _, limit) in enumerate(CHAPTERS):
        started = len(batches) - later + place * chosen.times
        timed(what, limit, _updates(conclusions, observations, batches[started : started + chosen.times]))
    known = conclude(observations)
    again = conclusions.update(observations)
    same = (known.assets, known.violations, known.alerts, known.incidents) == (
        again.assets,
        again.violations,
        again.alerts,
        again.incidents,
    )
    print(f"{len(known.assets):,} assets, {len(known.alerts):,} alerts: {'the same' if same else 'NOT THE SAME'} as from nothing")


def _updates(conclusions: Conclusions, observations: Observations, batches: Iterable[Batch]) -> Iterator[Callable[[], object]]:
    for batch in batches:
        observations.add(batch)
        yield lambda: conclusions.update(observations)


if __name__ == "__main__":
    main()
