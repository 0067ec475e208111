"""What a SOC gets: our messages through rsyslog and syslog-ng, as set up for Microsoft's agent, to where the agent listens."""

import re
import signal
import threading
import time

import pytest

from sensor.errors import DeliveryError
from sensor.exports.destination import Destination
from sensor.exports.ways import WAYS
from tests.exports.receivers import rsyslog, syslog_ng, until

CEF = (
    "CEF:0|Otoscope|Sensor|0.1.0|ot.plc.program_download|Unauthorized PLC Programming|8|rt=1795470000512 act=detected cat=Policy Violation"
    " externalId={id} dvchost=ot-sensor-01.plant-a.example.net src=10.20.3.15 dst=10.20.1.7 proto=TCP app=S7COMM cs1=Käserei cs1Label=site"
    r" msg=Block OB1 (mode\=RUN) written to plc-line2, path C:\\Projects\\Line2 | a\nb"
)
RFC3164 = "<163>Nov 23 21:40:00 ot-sensor-01 "
RFC5424 = "<163>1 2026-11-23T21:40:00.512Z ot-sensor-01 otoscope - alert - "
ONE_WORKER = 'queue.workerThreads="1"'  # rsyslog itself changes the order with more


def way(receiver, scheme="tcp", **options):
    return WAYS[scheme].open(Destination(name="soc", scheme=scheme, host="localhost", port=receiver.port, options=options))


def send(receiver, *messages, scheme="tcp", **options):
    open_way = way(receiver, scheme, **options)
    open_way.deliver([message.encode() for message in messages])
    open_way.finish()


def line(number=0, header=RFC3164):
    return header + CEF.format(id=f"{number:08}")


def through_rsyslog(sent):
    """It takes "CEF:" for a tag, and the agent's template puts a space after that; the agent takes both."""
    return sent.replace("CEF:0|", "CEF: 0|").encode()


# The default form --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_rfc_3164_comes_out_right_through_both(started, arrived, scheme):
    receiver = started(rsyslog)
    send(receiver, line(1) + "\n", line(2) + "\n", scheme=scheme)
    assert sorted(arrived(2)) == [through_rsyslog(line(1)), through_rsyslog(line(2))]
    receiver = started(syslog_ng)
    send(receiver, line(3) + "\n", line(4) + "\n", scheme=scheme)
    assert sorted(arrived(4))[2:] == [line(3).encode(), line(4).encode()]


def longest(octets=8000):
    """A line of just so many octets, of characters of two octets."""
    start = line() + " "
    return start + "ü" * ((octets - len(start.encode())) // 2) + "x" * ((octets - len(start.encode())) % 2)


def test_the_longest_line_is_not_cut(started, arrived, agent):
    sent = longest()
    assert len(sent.encode()) == 8000
    send(started(rsyslog), sent + "\n", line(1) + "\n")
    assert arrived(2) == [through_rsyslog(sent), through_rsyslog(line(1))]
    send(started(syslog_ng), sent + "\n", line(1) + "\n")
    assert arrived(4)[2:] == [sent.encode(), line(1).encode()]
    assert [line for line in agent.lines if line.startswith(b"<13>")] == []  # what they make of a rest


def test_a_longer_line_would_be_cut_by_rsyslog(started, agent):
    """Why lines have at most 8,000 octets."""
    send(started(rsyslog), longest(9000) + "\n")
    assert until(lambda: any(b"<13>" in line for line in agent.lines))


def test_syslog_ng_takes_our_address_for_our_name_unless_told_otherwise(started, arrived):
    """Why the sensor's name stands in the event too."""
    send(started(syslog_ng, keep="no"), line() + "\n")
    [got] = arrived(1)
    assert re.match(rb"<163>... .. ..:..:.. (127\.0\.0\.1|localhost) CEF:0\|", got)
    assert b" dvchost=ot-sensor-01.plant-a.example.net " in got


def test_an_ipv6_address_is_no_host_name(started, agent):
    """Why none is ever sent."""
    send(started(rsyslog), line().replace(" ot-sensor-01 ", " fd00::1 ") + "\n")
    assert until(lambda: any(b"CEF" in line for line in agent.lines))
    [got] = [line for line in agent.lines if b"CEF" in line]
    assert b" fd00::1 " not in got


# Options -----------------------------------------------------------------------------------------------------------


def test_rfc_5424_is_for_rsyslog(started, arrived):
    sent = line(header=RFC5424)
    send(started(rsyslog), sent + "\n")
    assert arrived(1) == [f"<163>Nov 23 21:40:00 ot-sensor-01 otoscope {CEF.format(id='00000000')}".encode()]
    send(started(syslog_ng), sent + "\n")
    got = arrived(2)[1]
    assert sent.removeprefix("<163>").encode() in got  # wrapped in a second header
    assert not got.startswith(RFC3164.encode())


def test_without_a_header_nobody_knows_who_sent_it_and_how_urgent_it_is(started, arrived):
    """Why "none" is for what is no syslog."""
    send(started(rsyslog), line(header="") + "\n")
    assert re.match(rb"<13>... .. ..:..:.. \S+ CEF: 0\|", arrived(1)[0])
    send(started(syslog_ng), line(header="") + "\n")
    assert re.match(rb"<13>... .. ..:..:.. (127\.0\.0\.1|localhost) CEF:0\|", arrived(2)[1])


def counted(message):
    return f"{len(message.encode())} {message}"


def test_octet_counting_is_for_those_who_know_it(started, arrived, agent):
    messages = [counted(line(number)) for number in range(3)]
    send(started(rsyslog), *messages)
    assert arrived(3) == [through_rsyslog(line(number)) for number in range(3)]
    send(started(syslog_ng, source='syslog(ip("127.0.0.1") port({port}) transport("tcp"));'), *messages)
    assert all(CEF.format(id=f"{number:08}").encode() in got for number, got in enumerate(arrived(6)[3:]))
    before = len(agent.lines)
    send(started(syslog_ng), *messages)
    assert until(lambda: len(agent.lines) > before)
    assert agent.lines[-1].startswith(b"<13>")  # all in one, as nobody's


# TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def over_tls(started, certificates):
    """Starts a receiver of TLS. mutual: it asks for a certificate that our CA has signed."""

    def start(kind, *, mutual):
        server = certificates.issue("server", "localhost")
        files = (certificates.authority(), server["certificate_file"], server["key_file"])
        if kind == "syslog-ng":
            verify = "required-trusted" if mutual else "optional-untrusted"
            tls = 'tls(ca-file("{}") cert-file("{}") key-file("{}") peer-verify({}))'.format(*files, verify)
            return started(syslog_ng, source=f'network(ip("127.0.0.1") port({{port}}) transport("tls") {tls});')
        settings = 'DefaultNetstreamDriverCAFile="{}" DefaultNetstreamDriverCertFile="{}" DefaultNetstreamDriverKeyFile="{}"'.format(*files)
        mode = "x509/certvalid" if mutual else "anon"
        return started(
            rsyslog,
            settings=settings,
            tls=f'StreamDriver.Name="{kind}" StreamDriver.Mode="1" StreamDriver.AuthMode="{mode}"',
            queue=ONE_WORKER,
        )

    return start


KINDS = pytest.mark.parametrize("kind", ["gtls", "ossl", "syslog-ng"])


@KINDS
def test_tls_with_a_ca_of_our_own(over_tls, arrived, certificates, kind):
    receiver = over_tls(kind, mutual=False)
    send(receiver, *(line(number) + "\n" for number in range(200)), scheme="tls", ca_file=certificates.authority())
    assert len(arrived(200)) == 200


@KINDS
def test_tls_with_a_certificate_of_both(over_tls, arrived, certificates, kind):
    receiver = over_tls(kind, mutual=True)
    ours = certificates.issue("sensor", "ot-sensor-01")
    for turn in range(5):  # a receiver that loses a batch when it is closed on does it now and then
        send(receiver, *(line(turn * 40 + number) + "\n" for number in range(40)), scheme="tls", ca_file=certificates.authority(), **ours)
    assert len(arrived(200)) == 200


@KINDS
def test_a_refused_certificate_is_noticed_at_the_first_delivery(over_tls, agent, certificates, kind):
    """In TLS 1.3 a client sees its handshake succeed before it is refused."""
    receiver = over_tls(kind, mutual=True)
    for ours, hint in (({}, "certificate"), (certificates.issue("stranger", "ot-sensor-01", authority="theirs"), "certificate")):
        refused = way(receiver, "tls", ca_file=certificates.authority(), **ours)
        with pytest.raises(DeliveryError, match=hint):
            refused.deliver([line().encode() + b"\n"])
        assert refused.unsure() == 0
    assert [line for line in agent.lines if b"CEF" in line] == []


# Restarts ----------------------------------------------------------------------------------------------------------


def forward(way, messages, progress=lambda _: None):
    """As the forwarder does: what failed is sent again, and what was unsure before it. How often that was."""
    cursor = failures = 0
    while True:
        try:
            if cursor == len(messages):
                way.finish()
                return failures
            way.deliver(messages[cursor : cursor + 50])
            cursor = min(cursor + 50, len(messages))
        except DeliveryError:
            failures += 1
            cursor -= way.unsure()
            time.sleep(0.05)
        progress(cursor)


class Restarts:
    """Ends a receiver with what it has not read yet, once so many messages were sent, and starts it while they are sent on."""

    def __init__(self, receiver):
        self.planned = [(1000, signal.SIGTERM), (3000, signal.SIGKILL), (5000, signal.SIGTERM), (7000, signal.SIGKILL)]
        self._receiver = receiver
        self._starting = None

    def __call__(self, cursor):
        if self.planned and cursor >= self.planned[0][0]:
            self.join()
            self._receiver.stop(self.planned.pop(0)[1])
            self._starting = threading.Thread(target=self._receiver.start)
            self._starting.start()

    def join(self):
        if self._starting is not None:
            self._starting.join()


def identities(lines):
    """In the order in which they came first."""
    return list(dict.fromkeys(re.search(rb"externalId=(\d+)", line)[1] for line in lines))


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng", "gtls"])
def test_ten_thousand_messages_survive_restarts_of_the_receiver(started, over_tls, agent, certificates, kind):
    if kind == "gtls":
        receiver, scheme, options = over_tls(kind, mutual=False), "tls", {"ca_file": certificates.authority()}
    else:
        receiver = started(rsyslog, queue=ONE_WORKER) if kind == "rsyslog" else started(syslog_ng)
        scheme, options = "tcp", {}
    messages = [line(number).encode() + b"\n" for number in range(10_000)]
    restarts = Restarts(receiver)
    assert forward(way(receiver, scheme, timeout="2", **options), messages, restarts) >= 4
    restarts.join()
    expected = [f"{number:08}".encode() for number in range(10_000)]
    until(lambda: len(set(expected) - set(identities(agent.lines))) == 0)
    got = identities(line for line in agent.lines if b"CEF" in line)
    assert got == expected


def whole(lines):
    """As they were sent; rsyslog and the agent's template put a space in."""
    return {line.strip().replace(b"CEF: 0|", b"CEF:0|") for line in lines}


def fill(way, messages):
    while True:
        way.deliver(messages)


@pytest.mark.parametrize("make", [rsyslog, syslog_ng])
def test_a_receiver_that_hangs_loses_nothing_and_makes_no_event_of_half_a_line(started, agent, make):
    receiver = started(make)
    messages = [line(number).encode() + b"\n" for number in range(10_000)]
    sender = way(receiver, timeout="0.3")
    sender.deliver(messages[:50])
    receiver.send(signal.SIGSTOP)
    for _ in range(3):  # each time the same is to be sent again
        with pytest.raises(DeliveryError, match="hangs or has a full queue"):
            fill(sender, messages)
    receiver.send(signal.SIGCONT)
    forward(sender, messages)
    until(lambda: len(identities(line for line in agent.lines if b"CEF" in line)) == 10_000)
    assert whole(line for line in agent.lines if b"CEF" in line or b"<13>" in line) == whole(messages)


@pytest.mark.parametrize("make", [rsyslog, syslog_ng])
def test_a_receiver_that_hangs_and_is_killed_loses_nothing(started, agent, make):
    receiver = started(make)
    messages = [line(number).encode() + b"\n" for number in range(300)]
    sender = way(receiver)
    sender.deliver(messages[:100])
    receiver.send(signal.SIGSTOP)
    sender.deliver(messages[100:200])  # its kernel has them, nobody read them
    receiver.stop(signal.SIGKILL)
    receiver.start()
    with pytest.raises(DeliveryError, match=r"broke|closed"):
        sender.deliver(messages[200:])
    assert sender.unsure() == 200
    forward(sender, messages[200 - sender.unsure() :])
    until(lambda: len(identities(line for line in agent.lines if b"CEF" in line)) == 300)
    assert whole(line for line in agent.lines if b"CEF" in line) == whole(messages)
