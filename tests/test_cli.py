"""The command as people and scripts run it."""

import fcntl
import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from sensor import words
from sensor.capture import default_limits
from sensor.health import Weight, remarks
from sensor.traffic import is_one_way
from tests import samples
from tests.conftest import COMMAND

ROOT = Path(__file__).parents[1]
ESCAPE = "\x1b"


def test_help_has_examples_and_every_option(otoscope):
    top, command = otoscope("--help"), otoscope("replay", "--help")
    assert "replay" in top.stdout
    assert "otoscope replay plant.pcap" in command.stdout
    assert "tcpdump" in command.stdout
    assert max(map(len, command.stdout.splitlines())) <= 80
    assert top.returncode == command.returncode == 0


def test_version(otoscope):
    assert re.fullmatch(r"otoscope, version \d+\.\d+\.\d+\n", otoscope("--version").stdout)


def test_json_is_one_document(otoscope, replay, modbus_pcap):
    done = otoscope("replay", "--format", "json", modbus_pcap)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == replay(modbus_pcap)
    assert max(map(len, done.stdout.splitlines())) < 2000  # one row a line


def test_tables_say_who_did_what(otoscope, modbus_pcap):
    done = otoscope("replay", modbus_pcap)
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout
    assert ESCAPE not in out
    assert "modbus.pcap" in out
    assert "2023-01-02 03:04:05 to 03:04:05 UTC; 11 packets" in out
    assert "Modbus/TCP 8 messages" in out
    assert "✓ Nothing lost" in out
    operations = out[out.index("Operations: write") :]
    write = next(line for line in operations.splitlines() if "Write Single Register" in line)
    assert re.search(r"10\.0\.0\.5 → 10\.0\.0\.9 +1 ", write)
    assert "rejected: illegal data address" in write
    assert out.index("Operations: write") < out.index("Operations: read")


def test_text_of_the_wire_is_no_markup(otoscope, modbus_pcap):
    assert "[red]P-1" in otoscope("replay", modbus_pcap).stdout


def test_a_pipe_gets_whole_rows_and_80_columns_are_kept(otoscope, modbus_pcap):
    wide, narrow = otoscope("replay", modbus_pcap).stdout, otoscope("replay", modbus_pcap, COLUMNS="80").stdout
    assert max(map(len, narrow.splitlines())) <= 80
    for address in ("10.0.0.5", "10.0.0.9", "02:00:00:00:00:09"):
        assert address in wide
        assert address in narrow


def test_tables_are_capped_and_say_so(otoscope, tmp_path):
    turns = [(samples.CLIENT, samples.modbus(n, bytes([3, 0, 0, 0, 1]), unit=n)) for n in range(1, 26)]
    path = tmp_path / "many.pcap"
    path.write_bytes(samples.pcap(samples.dialogue(turns)))
    assert "… 5 more (--rows 0 shows all)" in otoscope("replay", path).stdout
    assert "… 15 more (--rows 0 shows all)" in otoscope("replay", path, "--rows", 10).stdout
    assert "more (" not in otoscope("replay", path, "--rows", 0).stdout


def test_a_stream_and_a_compressed_file_are_captures(otoscope, modbus_pcap, tmp_path):
    packed = tmp_path / "modbus.pcap.gz"
    packed.write_bytes(gzip.compress(samples.MODBUS))
    wanted = json.loads(otoscope("replay", "--format", "json", modbus_pcap).stdout)["operations"]
    for arguments, stdin in ((["-"], samples.MODBUS), (["-"], packed.read_bytes()), ([packed], None)):
        assert json.loads(otoscope("replay", "--format", "json", *arguments, stdin=stdin).stdout)["operations"] == wanted


def test_tcpdump_can_be_the_other_end_of_the_pipe(modbus_pcap):
    command = f"tcpdump -r '{modbus_pcap}' -w - 2>/dev/null | '{COMMAND}' replay --format json -"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=True)
    assert json.loads(done.stdout)["capture"]["packets"] == 11


def test_a_capture_that_cannot_be_read_is_one_clear_error(otoscope, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("nothing of the kind\n" * 10)
    for path in (tmp_path / "missing.pcap", notes, tmp_path):
        done = otoscope("replay", path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"otoscope: {path}: ")
        assert done.stderr.count("\n") == 1
    done = otoscope("replay", "-", stdin=b"")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("otoscope: standard input: ")


def test_a_file_name_is_no_command_to_the_terminal(otoscope, tmp_path):
    path = tmp_path / "a\x1b[2Jb\udcff.pcap"
    assert "a\\x1b[2Jb\\udcff.pcap: " in otoscope("replay", path).stderr
    path.write_bytes(samples.MODBUS[:-5])
    for form in ("table", "json"):
        done = otoscope("replay", "--format", form, path)
        assert done.returncode == 0
        assert ESCAPE not in done.stdout + done.stderr


def test_the_other_captures_are_shown_where_one_cannot_be_read(otoscope, modbus_pcap, tmp_path):
    done = otoscope("replay", "--format", "json", tmp_path / "missing.pcap", modbus_pcap)
    assert done.returncode == 1
    assert "missing.pcap" in done.stderr
    assert json.loads(done.stdout)["capture"]["files"] == [str(modbus_pcap)]


def test_a_warning_is_said_and_the_rest_shown(otoscope, tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes(samples.MODBUS[:-5])
    done = otoscope("replay", path)
    assert done.returncode == 0
    assert done.stderr.startswith(f"otoscope: warning: {path}: ")
    assert "! Incomplete:" in done.stdout
    document = json.loads(otoscope("replay", "--format", "json", path).stdout)
    assert [row["file"] for row in document["capture"]["warnings"]] == [str(path)]


@pytest.mark.parametrize("arguments", [[], ["replay"], ["replay", "--rows", "-1", "x"], ["replay", "--format", "xml", "x"], ["listen"]])
def test_wrong_usage_is_2(otoscope, arguments):
    done = otoscope(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr + done.stdout


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path):
    path = tmp_path / "many.pcap"
    turns = [(samples.CLIENT, samples.modbus(n, bytes([3, n >> 8, n & 255, 0, 1]))) for n in range(3_000)]
    path.write_bytes(samples.pcap(samples.dialogue(turns)))
    for form in ("json", "table"):
        command = f"'{COMMAND}' replay --rows 0 --format {form} '{path}' | head -n 1"
        done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
        assert done.stderr == b""
        assert done.stdout.count(b"\n") == 1


def wait_until_read(pipe):
    """However slow the machine, until the other end has taken what was written, and waits for more."""
    for _ in range(200):
        if int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder) == 0:
            time.sleep(0.3)
            return
        time.sleep(0.1)
    raise TimeoutError("nothing was read")


def test_ctrl_c_shows_what_was_read():
    # A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C.
    command, pipe = ["env", "--default-signal=INT", COMMAND, "replay", "--format", "json", "-"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as run:
        assert run.stdin
        run.stdin.write(samples.MODBUS)
        run.stdin.flush()
        wait_until_read(run.stdin)
        run.send_signal(signal.SIGINT)
        time.sleep(0.2)
        out, err = run.communicate(timeout=20)
    assert run.returncode == 130
    assert b"stopped" in err
    assert json.loads(out)["capture"]["packets"] == 11


def on_a_terminal(*arguments, columns=80):
    """Output on a pseudo-terminal, and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(COMMAND, [str(COMMAND), *arguments], {"TERM": "xterm", "LANG": "C.UTF-8", "COLUMNS": str(columns)})  # noqa: S606 - our own command
    out = b""
    while True:
        try:
            octets = os.read(terminal, 65536)
        except OSError:
            break
        if not octets:
            break
        out += octets
    _, status = os.waitpid(pid, 0)
    return out.decode(), os.waitstatus_to_exitcode(status)


def test_a_terminal_gets_colours_and_a_bar(modbus_pcap):
    out, status = on_a_terminal("replay", str(modbus_pcap))
    assert "modbus.pcap" in out.partition("Health")[0]
    assert f"{ESCAPE}[?25l" in out  # the bar hides the cursor while it runs
    assert status == 0
    assert f"{ESCAPE}[1m" in out
    assert "Operations: write" in out


def test_start_up_is_quick():
    """What `--help` imports, in modules: a time would depend on the machine."""
    for arguments, heavy in (("--help", ("rich", "json", "sensor.capture", "importlib.metadata")), ("replay --format json -", ("rich",))):
        script = (
            "import sys, sensor.cli\n"
            f"try: sensor.cli.main({arguments.split()!r})\n"
            "except SystemExit: pass\n"
            f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([Path(COMMAND).with_name("python"), "-c", script], input=samples.MODBUS, capture_output=True, check=True)
        assert done.stderr.decode().strip() == "[]"


def test_limits_are_set_and_a_wrong_one_says_which_there_are(otoscope, modbus_pcap):
    done = otoscope("replay", "--format", "json", "--limit", "operations_per_conversation=1", modbus_pcap)
    objects = {row["object"] for row in json.loads(done.stdout)["operations"]}
    assert "(more objects)" in objects
    for wrong in ("operation=1", "facts", "facts=x", "facts=-1", "facts=4294967296", "facts=" + "9" * 5000):
        done = otoscope("replay", "--limit", wrong, modbus_pcap)
        assert done.returncode == 2
        assert wrong[:40] in done.stderr
        assert "up to 4294967295" in done.stderr
        assert "facts=131072" in done.stderr


def test_each_limit_is_documented_with_its_default():
    text = (ROOT / "docs/replay.md").read_text(encoding="utf-8").partition("## Limits")[2]
    for name, default in default_limits().items():
        assert f"`{name}`" in text
        assert str(default) in text


def document_with(**changes):
    """A document of one TCP conversation."""
    nothing = {"retransmissions": [0, 0], "lost_segments": [0, 0], "lost_octets": [0, 0], "refused": 0}
    row = {"transport": "tcp", "packets": [100, 100]} | nothing | changes.pop("conversation", {})
    traffic = {"multicast_packets": 0, "broadcast_packets": 0, "unicast_between": "many stations", "station": None, "tunnels": {}}
    traffic["one_way_conversations"] = int(is_one_way(row["transport"], row["packets"], row["refused"]))
    traffic["vlans"] = [{"vlan": None, "packets": sum(row["packets"]), "octets": 0}]
    traffic |= changes.pop("traffic", {})
    capture = {"packets": 1000, "duplicates": 0, "truncated_records": 0, "skipped_link_types": {}, "warnings": [], "counters": {}} | changes
    return {"capture": capture, "traffic": traffic, "conversations": [row]}


@pytest.mark.parametrize(
    ("changes", "weight", "words_of_it"),
    [
        ({}, Weight.GOOD, "Nothing lost"),
        ({"duplicates": 500}, Weight.NOTE, "500 packets (50 %) captured twice"),
        ({"truncated_records": 3}, Weight.LOSS, "3 frames (0.3 %) shorter"),
        ({"skipped_link_types": {"USB": 7}}, Weight.LOSS, "7 frames of link type USB"),
        ({"counters": {"evicted_flows": 9}}, Weight.LOSS, "9 flows"),
        (
            {"conversation": {"lost_segments": [2, 0], "lost_octets": [2920, 0]}},
            Weight.LOSS,
            "2 gaps in the TCP streams of 1 conversation, 2.92 kB",
        ),
        ({"conversation": {"packets": [9, 0]}}, Weight.LOSS, "of 1 of 1 TCP conversation only one direction"),
        ({"traffic": {"unicast_between": "one station", "station": "02:00:00:00:00:05"}}, Weight.LOSS, "from or to 02:00:00:00:00:05"),
        ({"traffic": {"unicast_between": "none", "broadcast_packets": 150, "multicast_packets": 50}}, Weight.LOSS, "No unicast"),
        ({"traffic": {"tunnels": {"erspan_2": 7}}}, Weight.NOTE, "7 packets came through ERSPAN type II"),
        ({"conversation": {"retransmissions": [30, 0]}}, Weight.NOTE, "30 TCP segments (15 %)"),
        ({"conversation": {"packets": [9, 0], "refused": 9}}, Weight.NOTE, "9 TCP connections in 1 conversation"),
    ],
)
def test_health_in_plain_words(changes, weight, words_of_it):
    [remark] = remarks(document_with(**changes))
    assert remark.weight is weight
    assert words_of_it in remark.text


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (words.octets(1), "1 octet"),
        (words.octets(999), "999 octets"),
        (words.octets(98_240_000), "98.2 MB"),
        (words.octets(999_600), "1 MB"),
        (words.percent(1, 100_000), "under 0.1 %"),
        (words.percent(0, 5), "0 %"),
        (words.duration(0.0041), "4.1 ms"),
        (words.duration(12.3), "12.3 s"),
        (words.duration(59.96), "1 min"),
        (words.duration(3600), "1 h"),
        (words.duration(90061), "1 d 1 h"),
        (words.period(None, None), "no packet with a time"),
        (words.period("2023-01-02T23:59:59.0", "2023-01-03T00:00:09.0"), "10 s, 2023-01-02 23:59:59 to 2023-01-03 00:00:09 UTC"),
        (words.count(1, "packet"), "1 packet"),
        (words.count(1200, "address", "addresses"), "1,200 addresses"),
    ],
)
def test_numbers_in_words(said, wanted):
    assert said == wanted
