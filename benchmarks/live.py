"""Listen to a wire beside tcpdump: `python -m benchmarks.live`.

A veth pair in a network namespace of its own; one CPU sends a mixed plant trace with known contents, the other receives. What
is told: frames lost, and CPU seconds of the receiver for a million of frames, from when it is ready to when it has ended.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.mixed_trace import make
from benchmarks.run import TRACES

RATES = (100_000, 200_000, 400_000, 0)
_NEW_NETWORK = 0x40000000
OTOSCOPE = """
import json, resource, sys, threading
from sensor.capture import Listening, open_interfaces
from sensor.observations import Observations
observations = Observations()
with open_interfaces(["tap0"], Listening(workers={workers}, recent_mebibytes={recent})) as live:
    print("ready", flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    threading.Thread(target=lambda: (sys.stdin.readline(), live.stop())).start()
    for batch in live:
        observations.add(batch)
after = resource.getrusage(resource.RUSAGE_SELF)
[interface] = live.interfaces
print(json.dumps({{
    "received": batch.statistics.packets, "dropped": interface.dropped, "fill": interface.ring_fill,
    "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "mebibytes": after.ru_maxrss / 1024,
    "messages": {{name: count for name, (count, _) in batch.statistics.protocols.items()}},
}}))
"""


class Result(NamedTuple):
    """What one receiver made of one run."""

    received: int
    dropped: int
    cpu_seconds: float


def _otoscope(workers: int, rate: int, trace: Path, recent: int = 0) -> tuple[Result, dict[str, float]]:
    command = ("taskset", "-c", "1" if workers == 1 else "0,1", sys.executable, "-c", OTOSCOPE.format(workers=workers, recent=recent))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise SystemExit("otoscope cannot listen")
        sent = _send(trace, rate)
        out, _ = process.communicate("\n")
    told = json.loads(out)
    return Result(told["received"], told["dropped"], told["cpu"]), sent


def _tcpdump(rate: int, trace: Path) -> tuple[Result, dict[str, float]]:
    command = ("taskset", "-c", "1", "tcpdump", "-i", "tap0", "-n", "-Z", "root", "-B", "65536", "-w", "/dev/null")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    if process.stderr is None or not any("listening on" in line for line in process.stderr):
        raise SystemExit("tcpdump cannot listen")
    sent = _send(trace, rate)
    subprocess.run(("sleep", "1"), check=True)
    process.terminate()
    said = process.stderr.read()
    _, _, usage = os.wait4(process.pid, 0)
    counts = {line.split(" ", 1)[1].strip(): int(line.split()[0]) for line in said.splitlines() if line[:1].isdigit()}
    return Result(counts["packets captured"], counts["packets dropped by kernel"], usage.ru_utime + usage.ru_stime), sent


def _send(trace: Path, rate: int) -> dict[str, float]:
    command = ("taskset", "-c", "0", sys.executable, "-m", "benchmarks.generator", trace, "tap0-plug", str(rate))
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _wire() -> None:
    """A namespace of this process's own, with a veth pair that says nothing by itself."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise SystemExit("the benchmark needs root: it makes a network namespace")
    subprocess.run(("ip", "link", "add", "tap0-plug", "type", "veth", "peer", "name", "tap0"), check=True)
    for end in ("tap0-plug", "tap0"):
        Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1", encoding="ascii")
        subprocess.run(("ip", "link", "set", end, "arp", "off", "multicast", "off", "up"), check=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, metavar="RATE", help="packets a second; 0 as fast as it goes")
    options = parser.parse_args()
    trace = TRACES / f"live-{options.packets}.pcap"
    if not trace.exists():
        make(trace, options.packets)
    _wire()
    receivers = {
        "otoscope": lambda rate: _otoscope(1, rate, trace),
        "otoscope, evidence": lambda rate: _otoscope(1, rate, trace, recent=64),
        "otoscope, 2 workers": lambda rate: _otoscope(2, rate, trace),
        "tcpdump": lambda rate: _tcpdump(rate, trace),
    }
    print(f"{'receiver':22}{'sent/s':>10}{'sent':>10}{'received':>10}{'dropped':>9}{'CPU s/million':>15}")
    for rate in options.rates:
        for name, receive in receivers.items():
            result, sent = receive(rate)
            millions = max(result.received, 1) / 1_000_000
            print(
                f"{name:22}{sent['sent'] / sent['seconds']:>10,.0f}{sent['sent']:>10,}{result.received:>10,}{result.dropped:>9,}"
                f"{result.cpu_seconds / millions:>15.3f}"
            )


if __name__ == "__main__":
    main()
