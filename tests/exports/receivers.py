"""Real receivers of syslog, set up as Microsoft's installer and agent do, and a stand-in for the agent's port behind them."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYSLOG_NG = ROOT / ".cache/syslog-ng/usr"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(server.getsockname())  # the receivers take both
        return server.getsockname()[1]


def until(holds: Callable[[], object], seconds: float = 30) -> bool:
    """Did it come to hold in this time? A bound for failing, not a measurement."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Agent:
    """Listens as the Azure Monitor Agent does at port 28330, and keeps what comes."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._streams: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._streams.append(bytearray())
                threading.Thread(target=self._read, args=(connection, self._streams[-1]), daemon=True).start()

    def _read(self, connection, stream):
        with suppress(OSError), connection:
            while octets := connection.recv(1 << 16):
                stream += octets

    @property
    def lines(self) -> list[bytes]:
        """Whole lines, in the order in which each connection brought them."""
        return [line for stream in list(self._streams) for line in bytes(stream).split(b"\n")[:-1]]

    def close(self):
        self._server.close()


class Receiver:
    """A syslog daemon that can be started again."""

    def __init__(self, folder: Path, command: list[str], ports: list[int], environment: dict[str, str] | None = None):
        self.port = ports[0]
        self.ports = ports
        self._command = command
        self._log = folder / "daemon.log"
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        assert until(lambda: all(map(listens, self.ports))), self._log.read_text()

    def send(self, number: int):
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM):
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(30)
            self._process = None


def listens(port: int) -> bool:
    """Is there a listener? Asked of the kernel, for the daemon not to see a connection."""
    return any(
        line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) == port
        for path in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(path).read_text(encoding="ascii").splitlines()[1:]
    )


RSYSLOG = """
global(workDirectory="{folder}" {settings})
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{port}")
module(load="imtcp" {tls})
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="AMA" type="string" string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg%")
*.* action(type="omfwd" template="AMA" target="127.0.0.1" port="{agent}" protocol="tcp" action.resumeRetryCount="-1"
  action.resumeInterval="1" queue.type="LinkedList" queue.size="25000" queue.filename="ama" queue.maxDiskSpace="1g"
  queue.saveOnShutdown="on" {queue})
"""


def rsyslog(folder: Path, agent: int, *, settings: str = "", tls: str = "", queue: str = "") -> Receiver:
    """settings: global ones. tls: of the module imtcp. queue: more of the one to the agent."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        RSYSLOG.format(folder=folder, port=port, agent=agent, settings=settings, tls=tls, queue=queue), encoding="utf-8"
    )
    return Receiver(folder, ["/usr/sbin/rsyslogd", "-n", "-f", str(configuration), "-i", str(folder / "pid")], [port])


NG = """
@version: 3.38
options {{ keep-hostname({keep}); }};
source s_src {{ {source} }};
destination d_azure_mdsd {{ network("127.0.0.1" port({agent}) log-fifo-size(25000)); }};
log {{ source(s_src); destination(d_azure_mdsd); flags(flow-control); }};
"""
NG_PLAIN = 'udp(ip("127.0.0.1") port({port})); tcp(ip("127.0.0.1") port({port}));'


def syslog_ng(folder: Path, agent: int, *, source: str = NG_PLAIN, keep: str = "yes") -> Receiver:
    """source: the drivers of the source, with {port}. keep: the sender's name for its host."""
    folder.mkdir()
    port = free_port()
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(NG.format(source=source.replace("{port}", str(port)), agent=agent, keep=keep), encoding="utf-8")
    return daemon_of_syslog_ng(folder, configuration, [port])


def daemon_of_syslog_ng(folder: Path, configuration: Path, ports: list[int]) -> Receiver:
    [modules] = SYSLOG_NG.glob("lib/syslog-ng/*/")
    files = [f"--{name}={folder / name}" for name in ("persist-file", "control", "pidfile")]
    command = [str(SYSLOG_NG / "sbin/syslog-ng"), "-F", "--no-caps", f"--cfgfile={configuration}", f"--module-path={modules}", *files]
    return Receiver(folder, command, ports, {"LD_LIBRARY_PATH": str(SYSLOG_NG / "lib/syslog-ng")})
