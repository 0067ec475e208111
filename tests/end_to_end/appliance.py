"""The sensor at the mirror port of a plant of real stacks, with who is told: rsyslogd and Prometheus, all in the sensor's namespace."""

import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from pcaps.recipes.switch import MIRROR, Switch
from sensor.store import ALERTS, Query, Store
from tests.exports import cef
from tests.exports.receivers import until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/prometheus"
SYSLOG, PROMETHEUS = 514, 9090
RSYSLOG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="raw" type="string" string="%rawmsg%\\n")
*.* action(type="omfile" file="{folder}/received" template="raw")
"""
SITE = """
[site]
name = "cell"
[[pin]]
match = "10.40.0.0/24"
level = 4
[[pin]]
match = "10.20.1.110"
level = 2
kind = "engineering_workstation"
"""


class Daemon:
    """A process in the sensor's namespace that can die and come back."""

    def __init__(self, switch: Switch, port: int, *command: str):
        self._switch, self._port, self._command = switch, port, command
        self.process: subprocess.Popen[str] | None = None

    def start(self):
        self.process = self._switch.start("sensor", *self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert until(lambda: f":{self._port} " in self._switch.run("sensor", "ss", "-Hltn").stdout), self._command

    def stop(self):
        self.process.kill()
        self.process.wait()


class Siem(Daemon):
    """rsyslogd, which writes each line to a file as it came."""

    def __init__(self, switch: Switch, folder: Path):
        configuration, self._received = folder / "rsyslog.conf", folder / "received"
        configuration.write_text(RSYSLOG.format(folder=folder, port=SYSLOG))
        super().__init__(switch, SYSLOG, "/usr/sbin/rsyslogd", "-n", "-f", str(configuration), "-i", str(folder / "pid"))

    def events(self, kind: str = "") -> list[tuple[list[str], dict[str, str]]]:
        """Header and fields of each event of this type, in the order in which they came; each keeps all rules of CEF."""
        whole = self._received.read_text().rpartition("\n")[0] if self._received.exists() else ""
        lines = [line[line.index("CEF:0") :] for line in whole.splitlines()]
        return [event for event in map(cef.read, lines) if event[0][3].startswith(kind)]

    def types(self) -> set[str]:
        return {header[3] for header, _ in self.events()}

    def told(self, kind: str, seconds: float = 30, **wanted: str) -> dict[str, str]:
        """The fields of an event of this type with these values, once it has come."""

        def matching():
            return [fields for _, fields in self.events(kind) if wanted.items() <= fields.items()]

        assert until(matching, seconds), (kind, wanted, sorted(self.types()), self.events(kind))
        return matching()[-1]


class Metrics(Daemon):
    """Prometheus with the rules that this project brings, scraping each second."""

    def __init__(self, switch: Switch, folder: Path):
        text = (DEPLOY / "prometheus.yml").read_text().replace("15s", "1s").replace("otoscope.rules.yml", f"{DEPLOY}/otoscope.rules.yml")
        (folder / "prometheus.yml").write_text(text)
        options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
        super().__init__(switch, PROMETHEUS, "prometheus", *options, f"--web.listen-address=127.0.0.1:{PROMETHEUS}")

    def value(self, query: str) -> float | None:
        """What it answers, or None where it knows nothing."""
        with self._switch.entered("sensor"):
            url = f"http://127.0.0.1:{PROMETHEUS}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                rows = json.load(answer)["data"]["result"]
        return float(rows[0]["value"][1]) if rows else None


class Appliance:
    """`otoscope run` with a folder of its own."""

    def __init__(self, switch: Switch, folder: Path, *, capture: str = "", state: Path | None = None):
        self.switch = switch
        self.database, self.config = (state or folder) / "plant.db", folder / "otoscope.toml"
        (folder / "site.toml").write_text(SITE)
        self.config.write_text(
            f'[sensor]\nname = "ot-sensor-01"\nsite = "plant-a"\n[capture]\ninterfaces = ["{MIRROR}"]\n{capture}\n'
            f'[store]\ndatabase = "{self.database}"\n[site]\nfile = "{folder}/site.toml"\nlearning_days = 0\n'
            f'[log]\nform = "json"\n[exports.siem]\nurl = "tcp://127.0.0.1:{SYSLOG}"\n'
        )
        self._log = folder / "log"
        self.process: subprocess.Popen[str] | None = None

    def start(self, **environment: str):
        """It listens when this returns."""
        listening = len(self.said("interface is capturing"))
        variables = [f"{name}={value}" for name, value in environment.items()]
        with self._log.open("a") as log:
            command = ("env", *variables, sys.executable, "-m", "sensor", "run", "--config", self.config)
            self.process = self.switch.start("sensor", *command, stdout=log, stderr=log)
        assert until(lambda: len(self.said("interface is capturing")) > listening or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self._log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """As systemd ends it: whatever it knows is kept, and it says nothing of a mistake."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(300) == 0, self._log.read_text()

    @contextmanager
    def running(self, **environment: str):
        self.start(**environment)
        try:
            yield self
        finally:
            self.end()
        assert self.said("a mistake in Otoscope") == []

    def said(self, event: str) -> list[dict]:
        """Lines of its log with this event."""
        whole = self._log.read_text().rpartition("\n")[0] if self._log.exists() else ""
        assert "Traceback" not in whole, whole
        return [row for row in map(json.loads, whole.splitlines()) if row["event"].startswith(event)]

    def otoscope(self, *arguments: object) -> str:
        return self.switch.run("sensor", sys.executable, "-m", "sensor", *arguments).stdout

    def alerts(self) -> list[dict]:
        """What the database holds."""
        with Store.open(self.database) as store:
            return store.find(ALERTS, Query(limit=10_000)).rows

    def waiting(self) -> int:
        """Events that the SIEM has not got yet."""
        with Store.open(self.database) as store:
            return sum(state.waiting for state in store.outbox.states())

    def memory(self) -> int:
        """What the service takes, in MiB."""
        [line] = [line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) // 1024

    def sent(self) -> int:
        """Frames that have left the interface on which it listens."""
        shown = self.switch.run("sensor", "ip", "-json", "-stats", "link", "show", MIRROR).stdout
        return json.loads(shown)[0]["stats64"]["tx"]["packets"]
