"""Time `otoscope replay` beside other readers of captures: `python -m benchmarks.run`.

Every program runs pinned to one CPU with the trace in the page cache, in turns. CPU and wall time are those the kernel
accounts to the process (wait4); start-up is the same command on a file of one packet. A fast wrong answer is worthless:
otoscope's counts are held against what the trace holds by construction.
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.mixed_trace import expected_path, make
from benchmarks.trace.plant import MIXED
from benchmarks.trace.wire import Key

TRACES = Path(__file__).parent / "traces"
PEERS: dict[str, tuple[str, ...]] = {
    "tcpdump": ("tcpdump", "-n", "-r", "{trace}", "-w", "/dev/null"),
    "ndpi": ("ndpiReader", "-q", "-i", "{trace}"),
    "suricata": ("suricata", "-k", "none", "--runmode", "single", "-l", "{directory}", "-r", "{trace}"),
    "zeek": ("zeek", "-C", "-b", "-r", "{trace}", "base/protocols/modbus", "base/protocols/dnp3"),
    "tshark": ("tshark", "-n", "-r", "{trace}", "-q", "-z", "io,phs"),
}
ALWAYS = ("tcpdump",)


class Run(NamedTuple):
    """What one execution cost."""

    cpu_seconds: float
    wall_seconds: float
    resident_mebibytes: float


class Row(NamedTuple):
    """One line of the result: medians."""

    name: str
    total: Run
    startup: Run


def one_packet(trace: Path, to: Path) -> None:
    """The trace's file header and first record."""
    with trace.open("rb") as file:
        head = file.read(40)
        (length,) = struct.unpack_from("<I", head, 32)
        to.write_bytes(head + file.read(length))


def warm(trace: Path) -> None:
    """Bring the file into the page cache."""
    with trace.open("rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def execute(command: list[str], cpu: int, output: Path, directory: Path) -> Run:
    """Run once; the costs of the child are its own."""
    with output.open("wb") as sink, (directory / "complaints").open("w+b") as complaints:
        before = os.times().elapsed
        child = subprocess.Popen(["taskset", "-c", str(cpu), *command], stdout=sink, stderr=complaints, cwd=directory)
        _, status, usage = os.wait4(child.pid, 0)
        wall = os.times().elapsed - before
        complaints.seek(0)
        said = complaints.read()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}: {said.decode(errors='replace').strip()[-500:]}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def middle(runs: list[Run]) -> Run:
    """The median of each column."""
    return Run(*(median(column) for column in zip(*runs, strict=True)))


def measure(commands: dict[str, tuple[str, ...]], trace: Path, times: int, cpu: int) -> tuple[list[Row], dict[str, Any]]:
    """All programs in turns; also otoscope's answer."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        single, answer = directory / "one.pcap", directory / "answer.json"
        one_packet(trace, single)
        costs: dict[tuple[str, Path], list[Run]] = {(name, path): [] for name in commands for path in (trace, single)}
        for _ in range(times):
            for (name, path), runs in costs.items():
                command = [part.format(trace=path, directory=directory) for part in commands[name]]
                keep = answer if name == "otoscope" and path == trace else Path(os.devnull)
                runs.append(execute(command, cpu, keep, directory))
        rows = [Row(name, middle(costs[name, trace]), middle(costs[name, single])) for name in commands]
        return rows, json.loads(answer.read_bytes())


def counts_of(replay: dict[str, Any]) -> Counter[Key]:
    """The sums of a replay's operations; a DNP3 response (129) is counted as such, whatever it answers."""
    counts: Counter[Key] = Counter()
    for row in replay["operations"]:
        protocol, code = row["protocol"], str(row["code"])
        solicited = protocol == "dnp3" and code not in ("130", "131")
        counts[protocol, code, "request"] += row["requests"]
        counts[protocol, "129" if solicited else code, "response"] += row["responses"]
        if protocol == "modbus":
            counts[protocol, code, "error"] += row["errors"]
    return +counts


def differences(expected: dict[str, Any], replay: dict[str, Any]) -> list[str]:
    """Where otoscope's counts are not those of the trace."""
    found = Counter({key: count for key, count in counts_of(replay).items() if key[0] in expected["protocols"]})
    wanted: Counter[Key] = Counter()
    for protocol, codes in expected["protocols"].items():
        for code, kinds in codes.items():
            for kind, count in kinds.items():
                wanted[protocol, code, kind] = count
    lines = [
        f"{' '.join(key)}: {wanted[key]:,} in the trace, {found[key]:,} found"
        for key in sorted(wanted | found)
        if wanted[key] != found[key]
    ]
    if replay["capture"]["packets"] != expected["packets"]:
        lines.append(f"packets: {expected['packets']:,} in the trace, {replay['capture']['packets']:,} found")
    return lines


def table(rows: list[Row], packets: int) -> str:
    """The result for people. Net is without start-up; both rates are per second of CPU time."""
    lines = [f"{'':10}{'packets/s gross':>17}{'packets/s net':>17}{'start-up s':>12}{'CPU s':>9}{'wall s':>9}{'resident MiB':>14}"]
    for name, total, startup in rows:
        net = total.cpu_seconds - startup.cpu_seconds
        rate = f"{packets / net:,.0f}" if net > 0 else "-"
        gross = f"{packets / total.cpu_seconds:,.0f}"
        costs = f"{startup.cpu_seconds:>12.3f}{total.cpu_seconds:>9.3f}{total.wall_seconds:>9.3f}{total.resident_mebibytes:>14.1f}"
        lines.append(f"{name:10}{gross:>17}{rate:>17}{costs}")
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Time otoscope beside other readers of captures.")
    parser.add_argument("--trace", type=Path, help="a trace made by benchmarks.mixed_trace (default: made once in benchmarks/traces)")
    parser.add_argument("--protocol", choices=sorted(MIXED), help="a trace of one protocol instead of the mixed one")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), default=[], help="slower programs to run as well, if installed")
    parser.add_argument("--otoscope", default=shutil.which("otoscope", path=f"{Path(sys.executable).parent}:{os.defpath}") or "otoscope")
    return parser.parse_args()


def main() -> int:
    """Make the trace if it is missing, measure, compare; 1 where the counts are wrong."""
    chosen = options()
    trace = (chosen.trace or TRACES / f"{chosen.protocol or 'mixed'}-{chosen.packets}.pcap").resolve()
    if not (trace.exists() and expected_path(trace).exists()):
        print(f"making {trace}", file=sys.stderr)
        make(trace, chosen.packets, protocol=chosen.protocol)
    expected = json.loads(expected_path(trace).read_bytes())
    commands: dict[str, tuple[str, ...]] = {"otoscope": (chosen.otoscope, "replay", "--format", "json", "{trace}")}
    commands |= {name: PEERS[name] for name in (*ALWAYS, *chosen.peers) if shutil.which(PEERS[name][0])}
    warm(trace)
    rows, replay = measure(commands, trace, chosen.times, chosen.cpu)
    print(f"{trace.name}: {expected['packets']:,} packets, {trace.stat().st_size / 1e6:.0f} MB, median of {chosen.times}, CPU {chosen.cpu}")
    print(table(rows, expected["packets"]))
    wrong = differences(expected, replay)
    print(*(wrong or ["counts: all as the trace was made"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
