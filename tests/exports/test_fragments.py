"""The fragments that a forwarder gets: real daemons, set up as Microsoft's installer and agent leave them, with our fragment beside."""

from pathlib import Path

import pytest

from sensor.errors import DeliveryError
from sensor.exports.destination import Destination
from sensor.exports.syslog import message
from sensor.exports.ways import WAYS
from tests.exports.events import EXAMPLE, SENSOR
from tests.exports.receivers import Receiver, daemon_of_syslog_ng, free_port, until

FRAGMENTS = Path(__file__).parents[2] / "deploy" / "sentinel" / "forwarder"
NAME = "north.sensors.example.net"
PLAIN = b"<134>Nov 23 21:40:00 switch-7 CEF:0|Vendor|Product|1|2|from another device|3|"
OTHER = b"<163>Nov 23 21:40:00 switch-7 app: local4 of another device"

RSYSLOG = """
module(load="imudp")
input(type="imudp" port="{plain}")
module(load="imtcp")
input(type="imtcp" port="{plain}")
global(workDirectory="{folder}")
$IncludeConfig {folder}/rsyslog.d/*.conf
*.* action(type="omfile" file="{folder}/local.log")
"""
RSYSLOG_AGENT = """
template(name="AMA" type="string" string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg%")
*.* action(type="omfwd" template="AMA" target="127.0.0.1" port="{agent}" protocol="tcp" queue.type="LinkedList" queue.size="25000")
"""
SYSLOG_NG = """
@version: 3.38
source s_src {{ udp(port({plain})); tcp(port({plain})); }};
destination d_local {{ file("{folder}/local.log"); }};
log {{ source(s_src); destination(d_local); }};
@include "{folder}/conf.d/*.conf"
"""
SYSLOG_NG_AGENT = """
destination d_azure_mdsd {{ network("127.0.0.1" port({agent}) log-fifo-size(25000)); }};
log {{ source(s_src); destination(d_azure_mdsd); flags(flow-control); }};
"""


def fragment(name: str, port: int, certificates) -> str:
    """As it is shipped, with files and port of the test."""
    ours = certificates.issue("forwarder", "localhost")
    changes = {
        "/etc/otoscope/ca.pem": certificates.authority(),
        "/etc/otoscope/forwarder.pem": ours["certificate_file"],
        "/etc/otoscope/forwarder.key": ours["key_file"],
        "6514": str(port),
    }
    text = (FRAGMENTS / name).read_text()
    for shipped, here in changes.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, here)
    return text


def rsyslog(folder: Path, agent: int, *, certificates) -> Receiver:
    plain, port = free_port(), free_port()
    (folder / "rsyslog.d").mkdir(parents=True)
    (folder / "rsyslog.conf").write_text(RSYSLOG.format(folder=folder, plain=plain))
    (folder / "rsyslog.d/10-azuremonitoragent-omfwd.conf").write_text(RSYSLOG_AGENT.format(agent=agent))
    (folder / "rsyslog.d/20-otoscope.conf").write_text(fragment("rsyslog-ot.conf", port, certificates))
    return Receiver(folder, ["/usr/sbin/rsyslogd", "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")], [port, plain])


def syslog_ng(folder: Path, agent: int, *, certificates) -> Receiver:
    plain, port = free_port(), free_port()
    (folder / "conf.d").mkdir(parents=True)
    (folder / "syslog-ng.conf").write_text(SYSLOG_NG.format(folder=folder, plain=plain))
    (folder / "conf.d/azuremonitoragent-tcp.conf").write_text(SYSLOG_NG_AGENT.format(agent=agent))
    (folder / "conf.d/otoscope.conf").write_text(fragment("syslog-ng-ot.conf", port, certificates))
    return daemon_of_syslog_ng(folder, folder / "syslog-ng.conf", [port, plain])


@pytest.fixture(params=[rsyslog, syslog_ng], ids=["rsyslog", "syslog-ng"])
def forwarder(request, started, certificates) -> Receiver:
    return started(request.param, certificates=certificates)


@pytest.fixture
def sensor(certificates):
    """Opens a way to the forwarder, by default with the certificate of a sensor."""

    def open_way(receiver, **options):
        own = options or certificates.issue("sensor", NAME)
        target = Destination(
            name="soc", scheme="tls", host="localhost", port=receiver.port, options={"ca_file": certificates.authority(), **own}
        )
        return WAYS["tls"].open(target)

    return open_way


def send(way, *messages):
    way.deliver(messages)
    way.finish()


def event(**changes) -> bytes:
    return message(EXAMPLE, SENSOR, Destination(name="soc", scheme="tls", **changes))


def as_sent(line: bytes) -> bytes:
    """rsyslog puts a space behind what it takes for a tag; the agent takes both."""
    return line.replace(b" CEF: 0|", b" CEF:0|")


def test_an_event_gets_to_the_agent_as_it_was_sent(forwarder, sensor, arrived):
    send(sensor(forwarder), event())
    assert list(map(as_sent, arrived(1))) == [event().rstrip(b"\n")]


def test_what_the_agents_installer_opened_still_works(forwarder, sensor, arrived):
    plain = WAYS["tcp"].open(Destination(name="other", scheme="tcp", host="localhost", port=forwarder.ports[1]))
    send(plain, PLAIN + b"\n")
    assert b"from another device" in arrived(1)[0]
    send(sensor(forwarder), event())
    assert as_sent(arrived(2)[1]) == event().rstrip(b"\n")


def test_a_long_line_is_one_event(forwarder, sensor, arrived, agent):
    line = event().rstrip(b"\n") + b"x" * 9000
    send(sensor(forwarder), line + b"\n", event())
    assert list(map(as_sent, arrived(2))) == [line, event().rstrip(b"\n")]
    assert len(agent.lines) == len([line for line in agent.lines if b"CEF" in line or b"syslog" in line])


def test_without_a_certificate_of_the_ca_nobody_gets_in(forwarder, sensor, certificates, agent):
    for stranger in ({"timeout": "20"}, certificates.issue("stranger", NAME, authority="theirs")):
        with pytest.raises(DeliveryError, match="certificate"):
            send(sensor(forwarder, **stranger), event())
    assert [line for line in agent.lines if b"CEF" in line] == []


def test_rsyslog_asks_for_the_name_of_a_sensor_too(started, sensor, certificates, agent):
    receiver = started(rsyslog, certificates=certificates)
    with pytest.raises(DeliveryError):
        send(sensor(receiver, **certificates.issue("printer", "printer.example.net")), event())
    assert [line for line in agent.lines if b"CEF" in line] == []


def test_the_local_log_has_what_others_send_but_none_of_our_events(forwarder, sensor, arrived, tmp_path):
    plain = WAYS["tcp"].open(Destination(name="other", scheme="tcp", host="localhost", port=forwarder.ports[1]))
    send(sensor(forwarder), event())
    arrived(1)
    send(plain, OTHER + b"\n")
    local = tmp_path / "receiver-0" / "local.log"
    assert until(lambda: local.exists() and b"local4 of another device" in local.read_bytes())
    assert b"Otoscope" not in local.read_bytes()


def test_many_sensors_at_once(forwarder, sensor, arrived):
    ways = [sensor(forwarder) for _ in range(40)]
    for way in ways:
        way.deliver([event()])
    assert len(arrived(40)) == 40
    for way in ways:
        way.finish()
