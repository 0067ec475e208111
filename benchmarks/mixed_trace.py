"""Make the mixed plant trace: `python -m benchmarks.mixed_trace TRACE.pcap`.

Beside the trace it writes `TRACE.expected.json`: the requests and responses of each protocol and function code, known by
construction. The same arguments always make the same octets.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.trace.plant import MIXED, Link, plant
from benchmarks.trace.wire import Key, Packet, PcapWriter

Counts = dict[str, dict[str, dict[str, int]]]


def expected_path(trace: Path) -> Path:
    """Where the counts of a trace lie."""
    return trace.with_suffix(".expected.json")


def _write(trace: Path, packets: Iterator[Packet]) -> tuple[Counter[Key], int, int]:
    counts: Counter[Key] = Counter()
    records = octets = 0
    with trace.open("wb", buffering=1 << 20) as file:
        writer = PcapWriter(file)
        for packet in packets:
            writer.write(packet)
            records += 1
            octets += len(packet.frame)
            if packet.keys:
                counts.update(packet.keys)
    return counts, records, octets


def _nested(counts: Counter[Key]) -> Counts:
    nested: Counts = defaultdict(lambda: defaultdict(dict))
    for (protocol, code, kind), count in sorted(counts.items()):
        nested[protocol][code][kind] = count
    return nested


def _conversation(link: Link) -> dict[str, str | int]:
    client, server = (".".join(map(str, host.ip)) for host in (link.client, link.server))
    return {"protocol": link.protocol, "client": client, "server": server, "client_port": link.ports[0], "port": link.ports[1]}


def make(trace: Path, packets: int, seed: int = 1, protocol: str | None = None) -> None:
    """Write the trace and its expectation."""
    trace.parent.mkdir(parents=True, exist_ok=True)
    connections, stream = plant(packets, seed, protocol)
    counts, records, octets = _write(trace, stream)
    document = {
        "packets": records,
        "octets": octets,
        "connections": [_conversation(link) for link in connections],
        "protocols": _nested(counts),
    }
    expected_path(trace).write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixed_trace", description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=Path)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--protocol", choices=sorted(MIXED), help="one protocol only")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    make(options.trace, options.packets, options.seed, options.protocol)


if __name__ == "__main__":
    main()
