"""The folder of the transaction log: what is in it stays whole whatever happens, and it never grows without end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sensor.capture import open_capture
from sensor.errors import TransactionsError
from sensor.transactions import SCHEMA, Question, TransactionLog, ask
from sensor.transactions.parts import retain
from tests import samples
from tests.samples import CLIENT, modbus

ROOT = Path(__file__).parents[2]
HOUR = 3600 * 1_000_000_000
MODBUS = Path("modbus/2023-01-02")
FOUR = [
    "2023-01-02T03:04:05.126456789Z",
    "2023-01-02T03:04:05.128456789Z",
    "2023-01-02T03:04:05.130456789Z",
    "2023-01-02T03:04:05.132456789Z",
]


def write(folder, *captures, **options):
    with TransactionLog(folder, **options) as log, open_capture(*captures, on_transactions=log.add) as capture:
        list(capture)
    return log


def requests_at(path, times):
    """A capture of one request at each of those times."""
    frames = samples.dialogue([(CLIENT, modbus(1, bytes.fromhex("0300000002")))] * len(times), handshake=False)
    path.write_bytes(samples.pcap_of(zip(times, frames, strict=True)))
    return path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet*"))


def test_rows_lie_by_protocol_and_hour_in_the_order_of_time(tmp_path, modbus_pcap):
    log = write(tmp_path, modbus_pcap)
    assert (log.written, log.lost) == (4, 0)
    assert files(tmp_path) == [str(MODBUS / "03-0000.parquet")]
    assert pq.read_schema(tmp_path / MODBUS / "03-0000.parquet").equals(SCHEMA), "others find texts and times, not our own types"
    assert [row["ts"] for row in ask(tmp_path, Question())] == FOUR


def test_what_comes_later_joins_the_part_that_is_there(tmp_path, modbus_pcap):
    before = requests_at(tmp_path / "before.pcap", [samples.FIRST - 1_000_000_000])
    write(tmp_path, modbus_pcap)
    write(tmp_path, before)
    assert files(tmp_path) == [str(MODBUS / "03-0000.parquet")]
    assert [row["ts"] for row in ask(tmp_path, Question())] == ["2023-01-02T03:04:04.123456789Z", *FOUR]


def test_a_part_that_is_damaged_is_left_alone_and_said(tmp_path, modbus_pcap):
    part = tmp_path / MODBUS / "03-0000.parquet"
    write(tmp_path, modbus_pcap)
    part.write_bytes(part.read_bytes()[:-10])
    log = write(tmp_path, modbus_pcap)
    assert (log.written, log.lost) == (4, 0)
    assert files(tmp_path) == [str(MODBUS / "03-0000.parquet"), str(MODBUS / "03-0001.parquet")]
    with pytest.raises(TransactionsError, match="cannot be read"):
        list(ask(tmp_path, Question()))


def test_who_is_killed_leaves_whole_parts_and_the_next_one_tidies_up(tmp_path):
    """Killed while it writes again and again."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom sensor.capture import open_capture\nfrom sensor.transactions import TransactionLog\n"
        "log = TransactionLog(Path(sys.argv[1]), minutes=1e-9)\n"
        "while True:\n"
        "    with open_capture('pcaps/demo.pcap', on_transactions=log.add) as capture:\n        list(capture)\n"
        "    print(log.written, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    written = 0
    while written < 5000:
        written = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sum(1 for _ in ask(tmp_path, Question())) >= written
    (tmp_path / "modbus" / "left.parquet.new").write_bytes(b"")
    day = next((tmp_path / "modbus").glob("2*"))
    (day / "08-0099.parquet.new").write_bytes(b"half")
    with TransactionLog(tmp_path):
        assert not list(day.glob("*.new"))


def test_two_do_not_write_the_same_log(tmp_path):
    with TransactionLog(tmp_path), pytest.raises(TransactionsError, match="another otoscope"):
        TransactionLog(tmp_path)
    with TransactionLog(tmp_path):
        pass


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TransactionsError, match="cannot be written"):
        TransactionLog(tmp_path / "file" / "log")


def test_times_that_lie_do_not_make_files_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("sensor.transactions.waiting._MOST_AT_ONCE", 50)
    times = [0, 4_000_000_000 * 1_000_000_000, *(number * HOUR for number in range(1, 3000))]
    log = write(tmp_path / "log", requests_at(tmp_path / "lies.pcap", times))
    assert (log.written, log.lost) == (3001, 0)
    assert len(files(tmp_path / "log")) == 51
    assert "modbus/1970-01-01/00-0000.parquet" in files(tmp_path / "log")
    assert sum(1 for _ in ask(tmp_path / "log", Question(since=2500 * HOUR, until=2599 * HOUR))) == 100


def test_a_full_disk_is_said_once_and_what_is_missing_is_counted(tmp_path, modbus_pcap):
    disk, said = tmp_path / "disk", []
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        filler = disk / "filler"
        with TransactionLog(disk / "log", minutes=1e-9, say=said.append) as log:
            filler.write_bytes(bytes(60_000))
            for _ in range(3):
                with open_capture(modbus_pcap, on_transactions=log.add) as capture:
                    list(capture)
            until(lambda: said)
            filler.unlink()
            until(lambda: log.written == 12)
        assert ["cannot be written" in said[0], "written again" in said[1], len(said), log.lost] == [True, True, 2, 0]
        filler.write_bytes(bytes(45_000))
        with (
            TransactionLog(disk / "log", say=said.append) as log,
            open_capture(ROOT / "pcaps/demo.pcap", on_transactions=log.add) as capture,
        ):
            list(capture)
        assert log.lost > 0
        assert len(said) == 3
        assert log.lost + log.written == sum(1 for _ in rows_of(ROOT / "pcaps/demo.pcap", tmp_path))
        assert not list(disk.rglob("*.new"))
    finally:
        subprocess.run(["umount", disk], check=True)


def rows_of(capture, tmp_path):
    write(tmp_path / "whole", capture)
    return ask(tmp_path / "whole", Question())


def until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_old_or_too_much_is_dropped_the_oldest_first(tmp_path):
    days = [samples.FIRST + number * 24 * HOUR for number in range(5)]
    write(tmp_path / "log", requests_at(tmp_path / "days.pcap", days))
    now, log = days[-1] / 1e9, tmp_path / "log"
    size = sum(path.stat().st_size for path in log.rglob("*.parquet"))
    assert retain(log, days=3, megabytes=1, now=now) == 1
    assert files(log) == [f"modbus/2023-01-0{day}/03-0000.parquet" for day in (3, 4, 5, 6)]
    assert not (log / "modbus/2023-01-02").exists()
    assert retain(log, days=30, megabytes=size / 5 * 2.5 / 1e6, now=now) == 2
    assert files(log) == [f"modbus/2023-01-0{day}/03-0000.parquet" for day in (5, 6)]


def test_a_time_to_come_makes_nothing_old(tmp_path):
    write(tmp_path / "log", requests_at(tmp_path / "lies.pcap", [samples.FIRST, samples.FIRST + 20 * 365 * 24 * HOUR]))
    assert retain(tmp_path / "log", days=3, megabytes=1, now=samples.FIRST / 1e9) == 0


def test_a_running_log_drops_what_is_old(tmp_path):
    now = time.time_ns()
    write(tmp_path / "log", requests_at(tmp_path / "days.pcap", [now - 48 * HOUR, now]), retain_days=1, retain_megabytes=1)
    assert len(files(tmp_path / "log")) == 1


def test_who_may_not_write_says_so(tmp_path, modbus_pcap):
    """What cannot be made is an error; rows that cannot be written are counted."""
    log = TransactionLog(tmp_path / "log")
    (tmp_path / "log" / "modbus").write_text("in the way")
    with open_capture(modbus_pcap, on_transactions=log.add) as capture:
        list(capture)
    log.close()
    assert (log.written, log.lost) == (0, 4)
    assert (tmp_path / "log" / "modbus").read_text() == "in the way"
