"""`/metrics` over HTTP, and the commands that make metrics, as a person and a Prometheus use them."""

import http.client
import re
import signal
import socket
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from sensor.errors import ListenError
from sensor.metrics import Sources, serving
from tests import conftest
from tests.exports.receivers import until

CAPTURE = Path(__file__).parents[2] / "pcaps/plants/cells.pcap"
NOTHING = Sources(knowledge=lambda: None)


def get(port, path="/metrics", method="GET", address="127.0.0.1"):
    connection = http.client.HTTPConnection(address, port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("Content-Type"), answer.read().decode()


def test_metrics_are_served_at_their_path_and_nothing_elsewhere():
    with serving(NOTHING, port=0) as port:
        status, kind, text = get(port)
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        assert "otoscope_unreadable_metrics 0.0\n" in text
        assert get(port, "/")[0] == 404
        assert get(port, "/metrics/../etc/passwd")[0] == 404
        assert get(port, method="POST")[0] == 405
        only = get(port, "/metrics?name[]=otoscope_build_info")[2]
        assert [line.partition("{")[0] for line in only.splitlines() if not line.startswith("#")] == ["otoscope_build_info"]
    with pytest.raises(ConnectionRefusedError):
        get(port)


def test_each_answer_is_read_anew():
    octets = iter(range(3))
    with serving(Sources(knowledge=lambda: None, database_octets=lambda: next(octets)), port=0) as port:
        told = [re.findall(r"^otoscope_database_size_bytes (.*)$", get(port)[2], re.MULTILINE) for _ in range(3)]
    assert told == [["0.0"], ["1.0"], ["2.0"]]


def test_ipv6_is_served_too():
    with serving(NOTHING, "::1", 0) as port:
        assert get(port, address="::1")[0] == 200


def test_who_connects_and_says_nothing_keeps_nobody_else_from_asking_and_takes_no_more_than_a_few_threads():
    with ExitStack() as stack:
        port = stack.enter_context(serving(NOTHING, port=0))
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(7)]
        assert get(port)[0] == 200
        more = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(20)]
        assert sum(ends(one) for one in more) >= 19
        for one in idle:
            one.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert [one.recv(12) for one in idle] == [b"HTTP/1.0 200"] * 7


def test_who_sends_an_octet_now_and_then_is_cut_off(monkeypatch):
    monkeypatch.setattr("sensor.metrics.serve._PATIENCE_SECONDS", 0.3)
    with serving(NOTHING, port=0) as port, socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(b"GET /")

        def is_cut_off():
            try:
                slow.sendall(b"x")
            except OSError:
                return True
            return False

        assert until(is_cut_off, 10)


def test_where_no_thread_can_be_had_there_is_room_again_as_soon_as_there_can(monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with serving(NOTHING, port=0) as port:
        with monkeypatch.context() as patched:
            patched.setattr("socketserver.threading.Thread.start", refuse)
            for _ in range(10):
                with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
                    assert one.recv(1) == b""
        assert get(port)[0] == 200


def ends(one):
    one.settimeout(1)
    try:
        return one.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize(("address", "said"), [("127.0.0.1", "the port is taken"), ("192.0.2.1", "this machine has no such address")])
def test_where_nobody_can_listen_it_is_said(address, said):
    with serving(NOTHING, port=0) as taken, pytest.raises(ListenError, match=said), serving(NOTHING, address, taken):
        pass


# Commands ----------------------------------------------------------------------------------------------------------


def values(text):
    """Without how long it took."""
    return [line for line in text.splitlines() if not line.startswith("otoscope_batch_duration")]


def test_a_replay_writes_the_metrics_that_the_command_prints(otoscope, tmp_path):
    file = tmp_path / "otoscope.prom"
    file.write_text("old")
    replayed = otoscope("replay", "--metrics-file", file, CAPTURE)
    printed = otoscope("metrics", CAPTURE)
    assert (replayed.returncode, printed.returncode, printed.stderr) == (0, 0, "")
    assert values(file.read_text()) == values(printed.stdout)
    assert "otoscope_packets_total 5311.0" in printed.stdout
    assert "otoscope_batch_duration_seconds_count 1.0" in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) & 0o444 == 0o444, "node_exporter is another user"


SETTINGS = """
[exports.siem]
url = "tcp://127.0.0.1:9"
"""


def test_a_database_tells_its_size_its_baseline_and_how_far_its_destinations_have_got(otoscope, tmp_path):
    database, file = tmp_path / "plant.db", tmp_path / "otoscope.prom"
    learned, settings = tmp_path / "baseline.toml", tmp_path / "otoscope.toml"
    settings.write_text(SETTINGS)
    assert otoscope("baseline", "export", CAPTURE, "-o", learned).returncode == 0
    assert otoscope("baseline", "import", learned, "--database", database).returncode == 0
    assert otoscope("replay", "--config", settings, "--database", database, "--metrics-file", file, CAPTURE).returncode == 0
    alone = otoscope("metrics", "--database", database)
    assert (alone.returncode, alone.stderr) == (0, "")
    for told in (file.read_text(), alone.stdout):
        assert value(told, "otoscope_database_size_bytes") > 50_000
        assert value(told, "otoscope_outbox_size_bytes") > 1000
        assert value(told, 'otoscope_export_waiting_events{destination="siem"}') > 10
        assert value(told, 'otoscope_export_connected{destination="siem"}') == 0
        assert value(told, "otoscope_unreadable_metrics") == 0
    assert value(file.read_text(), 'otoscope_baseline_phase{phase="learning"}') == 1
    assert "otoscope_packets_total" not in alone.stdout


def value(text, series):
    return float(re.search(rf"^{re.escape(series)} (.*)$", text, re.MULTILINE)[1])


def test_of_nothing_there_are_no_metrics(otoscope, tmp_path):
    done = otoscope("metrics")
    assert (done.returncode, done.stdout) == (2, "")
    done = otoscope("metrics", "--database", tmp_path / "missing.db")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")


def test_a_file_that_cannot_be_written_costs_nothing_else(otoscope, tmp_path):
    done = otoscope("replay", "--metrics-file", tmp_path / "missing/otoscope.prom", CAPTURE)
    assert done.returncode == 1
    assert done.stderr.endswith("otoscope.prom cannot be written: No such file or directory\n")
    assert "cells.pcap" in done.stdout


@pytest.mark.parametrize(
    "where", ["", ":9815", "9815", "here:9815", "127.0.0.1:65536", "127.0.0.1:", "::1", "[::1", "[127.0.0.1]", "1.2.3.4:\u0663"]
)
def test_what_is_no_address_is_refused(otoscope, where):
    done = otoscope("metrics", CAPTURE, "--listen", where)
    assert done.returncode == 2
    assert "is no ADDRESS[:PORT], such as 127.0.0.1:9815" in done.stderr


def test_the_command_serves_until_ctrl_c(otoscope):
    # A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C.
    command = ["env", "--default-signal=INT", conftest.COMMAND, "metrics", CAPTURE, "--listen", "localhost:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as serves:
        try:
            port = int(re.search(r"serving http://127\.0\.0\.1:(\d+)/metrics", serves.stderr.readline())[1])
            assert "otoscope_packets_total 5311.0" in get(port)[2]
            done = otoscope("metrics", CAPTURE, "--listen", f"127.0.0.1:{port}")
            assert (done.returncode, done.stdout) == (1, "")
            assert (
                done.stderr
                == f"Error: cannot listen at 127.0.0.1:{port}: the port is taken: stop what listens there, or give another port\n"
            )
            serves.send_signal(signal.SIGINT)
            assert serves.wait(10) == 0
        finally:
            serves.kill()
