"""Time each page of the console over a large plant: `python -m benchmarks.console [DATABASE]`.

Without a database one is made of the plant of `benchmarks.store`, 12,000 assets and 100,000 conversations, which takes minutes. Each page
is asked for a few times by a browser without scripts; shown are the first answer, for which nothing was kept, the median of the others,
and how long the console computed for the first, which other processes of the machine do not change.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.store import Plant
from sensor.console.passwords import hashed, made_up
from sensor.store import Role, Run, Store

TIMES = 4
LIMIT_SECONDS = 0.3
PAGES = (
    *("/", "/map", "/map?zone=cell+3", "/map?intent=read", "/conduits", "/baseline", "/exports", "/sensor", "/audit", "/people"),
    *("/assets", "/assets?page=200", "/assets?q=device+77", "/assets?level=1&zone=cell+3", "/assets?protocol=modbus&sort=-name"),
    *("/alerts", "/alerts?severity=high&status=open", "/alerts?zone=cell+3&sort=last", "/incidents", "/violations"),
    *("/conversations", "/conversations?zone=cell+3&sort=-octets", "/conversations?q=77&page=2", "/conversations?intent=read"),
    *("/operations", "/operations?zone=cell+3", "/operations?intent=read&sort=requests", "/operations?page=1000"),
    *("/assets/0000000777", "/alerts/a000000777", "/events"),
)


def make(path: Path) -> None:
    """A database of a large plant."""
    with Store.open(path) as store:
        store.save(Plant().knowledge(), Run("benchmark"))


def _password(database: str) -> str:
    secret = made_up()
    with Store.open(database, create=False) as store:
        store.accounts.add(f"benchmark {secret[:6]}", Role.ADMIN, hashed(secret), None, must_change=False)
    return secret


@contextmanager
def console(database: str) -> Iterator[tuple[str, int]]:
    """Its URL, and its number."""
    command = [sys.executable, "-m", "sensor", "console", "--database", database, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield next(found[0] for line in process.stdout or () if (found := re.search(r"https?://\S+(?=/ )", line))), process.pid
        process.terminate()


def _computed(process: int) -> float:
    """Seconds that a process has computed; its clock is made of its number, see clock_getcpuclockid(3)."""
    return time.clock_gettime(~process << 3 | 2)


def _seconds(client: httpx.Client, path: str) -> float:
    start = time.perf_counter()
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        next(answer.iter_raw()) if path == "/events" else answer.read()
    return time.perf_counter() - start


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", help="path or URL of a database; people are added to it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        database = arguments.database or str(Path(directory) / "plant.db")
        if not arguments.database:
            make(Path(database))
        secret = _password(database)
        with console(database) as (url, process), httpx.Client(base_url=url, timeout=120, follow_redirects=True) as client:
            client.post("/sign-in", data={"name": f"benchmark {secret[:6]}", "password": secret}).raise_for_status()
            print(f"{'page':44} {'first':>8} {'median':>8} {'computed':>8}")
            for path in PAGES:
                before = _computed(process)
                first, computed = _seconds(client, path), _computed(process) - before
                others = [_seconds(client, path) for _ in range(TIMES)]
                median = statistics.median(others)
                slow = f"  more than {LIMIT_SECONDS * 1000:.0f} ms" if max(first, median) > LIMIT_SECONDS else ""
                print(f"{path:44} {first * 1000:5.0f} ms {median * 1000:5.0f} ms {computed * 1000:5.0f} ms{slow}", flush=True)


if __name__ == "__main__":
    main()
