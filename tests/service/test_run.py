"""The appliance, for real: it listens to a mirror, and what it finds arrives, whatever happens meanwhile."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import closing, contextmanager

import pytest

from sensor.console.running import Listening, listening
from sensor.settings import load_settings
from sensor.store import ALERTS, ASSETS, Query, Store
from tests import samples
from tests.exports.receivers import until
from tests.exports.test_forwarder import Receiver

ATTACKS = {"ot.plc.stop", "ot.plc.start", "ot.plc.program_upload", "ot.policy.enterprise_skip", "ot.process.stranger", "ot.scan.arp"}


class Plant:
    """A sensor's folder, its settings, and its receiver in the same network."""

    def __init__(self, wire, folder):
        self.wire, self.folder, self.receiver = wire, folder, Receiver()
        self.database, self.site, self.config = folder / "plant.db", folder / "site.toml", folder / "otoscope.toml"
        self.site.write_text('[site]\nname = "water"\n')
        self.config.write_text(
            f'[sensor]\nname = "ot-sensor-01"\nsite = "plant-a"\n[capture]\ninterfaces = ["mirror"]\n'
            f'[store]\ndatabase = "{self.database}"\n[site]\nfile = "{self.site}"\nlearning_days = 0\n'
            f'[log]\nform = "json"\n[exports.siem]\nurl = "tcp://127.0.0.1:{self.receiver.port}"\n'
        )

    def listen(self):
        with self.wire.entered():
            self.receiver.start()

    @contextmanager
    def running(self, **more):
        process = self.wire.otoscope("run", "--config", self.config, **more)
        lines: list[dict] = []
        try:
            for line in process.stderr:
                lines.append(json.loads(line))
                if lines[-1]["event"] == "interface is capturing":
                    break
            assert process.poll() is None, process.communicate()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            self.said = lines + [json.loads(line) for line in process.communicate(timeout=60)[1].splitlines()]

    def types(self) -> list[str]:
        return [line.split("|")[4] for line in self.receiver.lines]

    def ids(self, kind: str) -> set[str]:
        return {re.search(r"externalId=(\S+)", line)[1] for line in self.receiver.lines if line.split("|")[4] == kind}

    def alerts(self) -> dict[str, dict]:
        with Store.open(self.database) as store:
            return {row["rule"]: row for row in store.find(ALERTS, Query()).rows}


@pytest.fixture
def plant(wire, tmp_path):
    plant = Plant(wire, tmp_path)
    plant.listen()
    yield plant
    plant.receiver.stop()


def test_what_crosses_the_mirror_arrives_at_the_receiver_and_nothing_is_ever_sent(plant, wire):
    with plant.running() as process:
        sent = wire.send()
        assert until(lambda: set(plant.types()) >= ATTACKS | {"ot.asset.new", "ot.incident", "ot.sensor.heartbeat"}, 60)
        assert wire.statistic("mirror", "rx_packets") >= sent
        with wire.entered():
            metrics = urllib.request.urlopen("http://127.0.0.1:9815/metrics").read().decode()
        assert f"otoscope_packets_total {sent}.0" in metrics
        assert "otoscope_kernel_dropped_packets_total 0.0" in metrics
    assert process.returncode == 0
    assert wire.statistic("mirror", "tx_packets") == 0
    assert plant.said[-1] == {**plant.said[-1], "event": "ended", "packets": sent}
    with Store.open(plant.database) as store:
        assert store.find(ASSETS, Query()).total >= 27
        assert store.outbox.states()[0].waiting == 0


def test_the_console_beside_it_knows_how_its_interfaces_are(plant, wire):
    settings = load_settings(plant.config)
    with plant.running():
        sent = wire.send(until=500)
        with wire.entered():
            assert until(lambda: (asked := listening(settings)[0]) and asked[0].packets == sent, 30)
            [interface], why = listening(settings)
            assert interface == Listening("mirror", up=True, packets=sent, dropped=0, fill=interface.fill)
            assert (0 <= interface.fill < 0.5, why) == (True, "")
    with wire.entered():
        interfaces, why = listening(settings)
    assert interfaces == []
    assert "does otoscope run?" in why


def test_a_sensor_that_is_killed_and_started_again_goes_on_under_the_same_ids(plant, wire):
    for _ in range(3):
        with plant.running() as process:
            wire.send()
            assert until(lambda: plant.database.exists() and "ot.plc.stop" in plant.types(), 60)
            time.sleep(1.5)
            process.send_signal(signal.SIGKILL)
    with plant.running():
        assert until(lambda: states(plant).waiting == 0, 30)
    found = plant.alerts()
    assert found.keys() >= ATTACKS
    for rule in ATTACKS - {"ot.process.stranger"}:
        assert plant.ids(rule) == {found[rule]["id"]}


def test_alerts_wait_while_the_receiver_is_away(plant, wire):
    plant.receiver.stop()
    with plant.running():
        wire.send()
        assert until(lambda: "ot.plc.stop" in plant.alerts() and states(plant).last_error, 60)
        plant.listen()
        assert until(lambda: set(plant.types()) >= ATTACKS, 90)
    assert any(line["event"] == "a destination fails" and "nothing listens there" in line["reason"] for line in plant.said)


def test_the_site_file_is_read_anew_and_a_wrong_one_changes_nothing(plant, wire):
    with plant.running() as process:
        wire.send(until=3000)
        plant.site.write_text('[site]\nname = "water"\n[[pin]]\nmatch = "10.30.1.11"\nname = "Intake controller"\nlevel = 1\n')
        hang_up(process)
        assert until(lambda: "Intake controller" in names(plant), 30)
        plant.site.write_text("name = \n")
        hang_up(process)
        wire.send(since=3000)
        assert until(lambda: "ot.plc.stop" in plant.alerts(), 60)
        assert "Intake controller" in names(plant)
    wrong = [line for line in plant.said if line["event"].startswith("the site file is wrong")]
    assert len(wrong) == 1
    assert "site.toml" in wrong[0]["reason"]


def test_an_interface_that_goes_and_comes_back_is_said_and_nothing_is_lost(plant, wire):
    with plant.running() as process:
        first = wire.send(until=3000)
        time.sleep(2)
        wire.unplug()
        time.sleep(3)
        wire.plug()
        time.sleep(3)
        rest = wire.send(since=3000)
        assert until(lambda: set(plant.types()) >= ATTACKS, 60)
        del process
    assert plant.said[-1]["packets"] == first + rest
    said = [line["event"] for line in plant.said if line.get("interface") == "mirror"]
    assert said[0] == said[-1] == "interface is capturing"
    assert "interface is missing" in said


def test_systemd_is_told(plant, wire, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        told = []
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with plant.running(env=environment):
            wire.send()
            while "WATCHDOG=1" not in told or not any(text.startswith("STATUS=6,177 packets") for text in told):
                told.append(systemd.recv(4096).decode())
        systemd.settimeout(0)
        while True:
            try:
                told.append(systemd.recv(4096).decode())
            except BlockingIOError:
                break
    assert told[0] == "READY=1"
    assert "STOPPING=1" in told


def test_init_finds_the_mirror_and_doctor_looks_at_it(wire, tmp_path):
    settings = tmp_path / "otoscope.toml"
    init = wire.otoscope("init", "--output", settings, "--seconds", "4")
    assert until(lambda: wire.send(until=500) and init.poll() is not None, 60)
    said = init.communicate()[1]
    assert "mirror: " in said
    assert "mirrored traffic" in said
    assert 'interfaces = ["mirror"]' in settings.read_text()
    text = settings.read_text().replace('#database = "/var/lib/otoscope/otoscope.db"', f'database = "{tmp_path}/plant.db"')
    settings.write_text(text)
    doctor = wire.otoscope("doctor", "--config", settings, "--seconds", "3")
    assert until(lambda: wire.send(until=500) and doctor.poll() is not None, 60)
    shown = doctor.communicate()[0]
    shown = " ".join(shown.split())
    assert "rights: may capture" in shown
    assert "interface mirror: link is up" in shown
    assert "VLANs " in shown
    assert "control protocols: " in shown
    assert "nobody is told anything" in shown
    checked = wire.otoscope("config", "check", "--config", settings)
    assert "it listens on mirror" in checked.communicate()[0]


def test_init_says_where_one_direction_alone_comes(wire, tmp_path):
    frames = samples.dialogue(samples.MODBUS_TURNS)
    there = tmp_path / "there.pcap"
    there.write_bytes(samples.pcap([frame for frame in frames if frame[6:12] == frames[0][6:12]]))
    init = wire.otoscope("init", "--output", tmp_path / "otoscope.toml", "--seconds", "4")
    assert until(lambda: wire.send(there) and init.poll() is not None, 60)
    said = init.communicate()[1]
    assert "mirror: " in said
    assert "of one direction alone" in said


def test_a_look_at_the_sensor_changes_nothing(wire, tmp_path):
    config, database = tmp_path / "otoscope.toml", tmp_path / "plant.db"
    config.write_text(f'[capture]\ninterfaces = ["mirror"]\n[store]\ndatabase = "{database}"\n')
    wire.otoscope("config", "check", "--config", config).communicate(timeout=60)
    doctor = ("doctor", "--config", config, "--seconds", "0")
    assert "is made at the first start" in words_of(wire.otoscope(*doctor))
    assert list(tmp_path.iterdir()) == [config]
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM")  # a database without a table
    shown = words_of(wire.otoscope(*doctor, env={**os.environ, "COLUMNS": "400"}))
    assert "plant.db: is empty" in shown
    assert "otoscope run makes it" in shown
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_init_where_nothing_is_heard_says_so_and_what_to_do(wire, tmp_path):
    settings = tmp_path / "new/otoscope.toml"
    init = wire.otoscope("init", "--output", settings, "--seconds", "0.3")
    said = init.communicate()[1]
    assert init.returncode == 0, said
    assert "mirror: nothing was heard" in said
    assert "plug the mirror port in and try again" in said
    assert '\n#interfaces = ["eth1"]\n' in settings.read_text()
    assert "names no interface" in wire.otoscope("run", "--config", settings).communicate()[1]


def test_no_secret_is_in_the_log(plant, wire):
    secret = "hunter2hunter2"  # noqa: S105 - nobody's
    (plant.folder / "token").write_text(secret)
    table = "OTOSCOPE_EXPORTS__HOOK__"
    variables = {f"{table}URL": f"https://127.0.0.1:9/{secret}", f"{table}TOKEN_FILE": "credential:token", "OTOSCOPE_LOG__LEVEL": "debug"}
    with plant.running(env={**os.environ, **variables, "CREDENTIALS_DIRECTORY": str(plant.folder)}):
        wire.send(until=500)
        assert until(lambda: "ot.asset.new" in plant.types(), 60)
    told = json.dumps(plant.said)
    assert "nothing listens there" in told
    assert secret not in told


def test_what_cannot_begin_says_why(wire, tmp_path):
    config = tmp_path / "otoscope.toml"
    for text, said in {
        "": "names no interface",
        '[capture]\ninterfaces = ["mirror"]\n[store]\ndatabase = "/nowhere/x.db"\n': "there is no such directory",
        '[capture]\ninterfaces = ["mirror"]\nfilter = "no such filter"\n': "[capture] filter",
        '[capture]\ninterfaces = ["mirror"]\n[metrics]\nlisten = "here"\n': "is no ADDRESS[:PORT]",
        '[capture]\ninterfaces = ["mirror"]\nlimits = {flow = 1}\n': "flow",
        '[capture]\ninterfaces = ["mirror"]\n[site]\nfile = "nowhere.toml"\n': "nowhere.toml",
    }.items():
        config.write_text(text)
        stderr = wire.otoscope("run", "--config", config).communicate(timeout=60)[1]
        assert said in stderr, stderr
        assert "Traceback" not in stderr, stderr


def words_of(process: subprocess.Popen) -> str:
    return " ".join(process.communicate(timeout=60)[0].split())


def hang_up(process: subprocess.Popen) -> None:
    time.sleep(1.2)
    process.send_signal(signal.SIGHUP)


def names(plant: Plant) -> set[str]:
    with Store.open(plant.database) as store:
        return {row["name"] for row in store.find(ASSETS, Query()).rows}


def states(plant: Plant):
    with Store.open(plant.database) as store:
        return store.outbox.states()[0]
