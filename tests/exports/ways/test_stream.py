"""TCP and TLS to receivers of our own, which do what real ones do at their worst."""

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress

import pytest

from sensor.errors import DeliveryError, SettingsError
from sensor.exports.destination import Destination
from sensor.exports.ways import WAYS, stream
from tests.exports.receivers import free_port, until


class Listener:
    """Takes connections, and reads all of them unless told otherwise."""

    def __init__(self, *, context: ssl.SSLContext | None = None, reads: bool = True):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections: list[socket.socket] = []
        self.received = bytearray()
        self.ends = 0
        self._context, self._reads = context, reads
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection):
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self.connections.append(connection)
            if self._reads:
                self.read(connection)

    def read(self, connection):
        while octets := connection.recv(1 << 16):
            self.received += octets
        self.ends += 1
        connection.close()

    @property
    def connection(self):
        assert until(lambda: self.connections)
        return self.connections[-1]

    def hang_up(self):
        """End all connections, and take new ones."""
        assert self.connection
        while self.connections:
            ended = self.connections.pop()
            with suppress(OSError):
                ended.shutdown(socket.SHUT_RDWR)
            ended.close()

    def close(self):
        # A thread that waits in accept() holds on to the socket.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join()
        while self.connections or any(thread.is_alive() for thread in self._threads):
            for thread in self._threads:
                thread.join(0.01)
            if self.connections:
                self.hang_up()


@pytest.fixture
def listening():
    made = []

    def listen(**options):
        made.append(Listener(**options))
        return made[-1]

    yield listen
    for listener in made:
        listener.close()


@pytest.fixture
def opened():
    made = []

    def open_way(port, scheme="tcp", host="localhost", **options):
        made.append(WAYS[scheme].open(Destination(name="soc", scheme=scheme, host=host, port=port, options=options)))
        return made[-1]

    yield open_way
    for way in made:
        way.close()


def test_messages_arrive_in_order_on_one_connection_and_finish_proves_it(listening, opened):
    listener = listening()
    way = opened(listener.port)
    way.deliver([b"a\n", b"b\n"])
    way.deliver([b"c\n"])
    assert until(lambda: len(listener.connections) == 1)
    assert way.unsure() == 3
    way.finish()
    assert (bytes(listener.received), listener.ends) == (b"a\nb\nc\n", 1)
    assert way.unsure() == 0
    way.deliver([b"d\n"])  # connects again
    way.finish()
    assert bytes(listener.received) == b"a\nb\nc\nd\n"


def test_a_message_is_sure_once_the_connection_stood_a_while_after_it(listening, opened, monkeypatch):
    way = opened(listening().port)
    way.deliver([b"a\n"])
    assert way.unsure() == 1
    monkeypatch.setattr(stream, "PROVEN", -10)
    assert way.unsure() == 0


def test_a_message_before_an_end_that_is_seen_much_later_stays_unsure(listening, opened, monkeypatch):
    listener = listening(reads=False)
    way = opened(listener.port)
    way.deliver([b"a\n"])
    listener.hang_up()
    monkeypatch.setattr(stream, "PROVEN", -10)  # as if hours had passed
    assert until(lambda: way.unsure() == 1)
    with pytest.raises(DeliveryError, match=r"tcp://localhost:\d+: it (closed|broke) the connection"):
        way.deliver([b"b\n"])
    assert way.unsure() == 1  # to be sent again
    way.deliver([b"a\n", b"b\n"])
    assert way.unsure() == 0


def test_an_end_is_told_where_there_is_nothing_to_send(listening, opened):
    listener = listening(reads=False)
    way = opened(listener.port)
    way.deliver([b"a\n"])
    listener.hang_up()
    with pytest.raises(DeliveryError):
        until(lambda: way.deliver([]))
    way.deliver([])
    assert way.unsure() == 0


def test_an_end_that_is_not_ours_is_no_proof_at_the_end(listening, opened):
    listener = listening(reads=False)
    way = opened(listener.port)
    way.deliver([b"a\n"])
    listener.hang_up()
    with pytest.raises(DeliveryError):
        way.finish()
    assert way.unsure() == 1


def test_a_receiver_that_never_closes_is_no_proof_at_the_end(listening, opened):
    way = opened(listening(reads=False).port, timeout="0.2")
    way.deliver([b"a\n"])
    with pytest.raises(DeliveryError, match=r"not closed the connection 0\.2 s after we did"):
        way.finish()
    assert way.unsure() == 1


def fill(way, messages):
    while True:
        way.deliver(messages)


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_a_receiver_that_reads_again_gets_whole_lines_on_the_same_connection(listening, opened, served, certificates, scheme):
    context = served() if scheme == "tls" else None
    options = {"ca_file": certificates.authority()} if scheme == "tls" else {}
    listener = listening(reads=False, context=context)
    way = opened(listener.port, scheme, timeout="0.3", **options)
    lines = [b"%06d " % number + b"x" * 900 + b"\n" for number in range(3000)]
    for _ in range(2):
        with pytest.raises(DeliveryError, match="hangs or has a full queue"):
            fill(way, lines)
    reading = threading.Thread(target=listener.read, args=(listener.connection,))
    reading.start()
    way.deliver(lines)
    way.finish()
    reading.join()
    assert set(bytes(listener.received).splitlines(keepends=True)) == set(lines)
    assert len(listener.connections) == 1


def test_what_a_receiver_says_is_read_and_dropped(listening, opened):
    listener = listening(reads=False)
    way = opened(listener.port)
    way.deliver([b"a\n"])
    for _ in range(50):
        listener.connection.sendall(b"220 welcome\r\n" * 1000)
        way.deliver([b"b\n"])


# What is wrong -----------------------------------------------------------------------------------------------------


def test_nobody_listens(opened):
    with pytest.raises(DeliveryError, match=r"^tcp://localhost:\d+: nothing listens there: is the receiver running"):
        opened(free_port()).deliver([b"a\n"])


def test_a_name_that_nobody_knows(opened):
    with pytest.raises(DeliveryError, match="this name of a host is not known"):
        opened(514, host="nobody.invalid").deliver([b"a\n"])


@pytest.mark.parametrize("scheme", ["tcp", "tls", "udp"])
def test_a_destination_without_a_host(scheme):
    with pytest.raises(SettingsError, match=f"{scheme}:// needs a host: {scheme}://HOST:"):
        WAYS[scheme].open(Destination(name="soc", scheme=scheme))


@pytest.mark.parametrize("scheme", ["tcp", "tls", "udp"])
def test_a_host_that_none_is_called(scheme):
    with pytest.raises(SettingsError, match="no host has such a name"):
        WAYS[scheme].open(Destination(name="soc", scheme=scheme, host="siem..example"))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf", "4000"])
def test_a_timeout_that_is_none(opened, text):
    with pytest.raises(SettingsError, match="is no number of seconds"):
        opened(514, timeout=text)


# TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def served(certificates):
    """A receiver's side of TLS, with a certificate for these names."""

    def serve(*names, mutual=False, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = certificates.issue("-".join(names or ("localhost",)), *(names or ("localhost",)), **options)
        context.load_cert_chain(files["certificate_file"], files["key_file"])
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(certificates.authority())
        return context

    return serve


@pytest.fixture
def peer(listening, opened, served, certificates):
    return listening, opened, served, certificates


def test_tls_is_1_2_at_the_least(listening, opened, served, certificates):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = served()
        context.minimum_version = context.maximum_version = version
        listener = listening(context=context)
        way = opened(listener.port, "tls", ca_file=certificates.authority())
        way.deliver([b"a\n"])
        way.finish()
        assert bytes(listener.received) == b"a\n"
    old = served()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(DeliveryError, match=r"1\.2"):
        opened(listening(context=old).port, "tls", ca_file=certificates.authority()).deliver([b"a\n"])


@pytest.mark.parametrize(
    ("server", "trusted", "options", "hint"),
    [
        ((["localhost"], {}), "theirs", {}, "CA that is not trusted here: give that CA's certificate as ca_file"),
        ((["localhost"], {}), None, {}, "CA that is not trusted here: give that CA's certificate as ca_file"),
        ((["siem.example"], {}), "ours", {}, "for another name: give that name as server_name"),
        ((["localhost"], {}), "ours", {"server_name": "siem.example"}, "for another name"),
        ((["localhost"], {"days": -1}), "ours", {}, "has expired: renew it there, or look at the clock"),
        ((["localhost"], {}), "ours", {"fingerprint": "ab" * 32}, "another fingerprint; if it was renewed.*: [0-9a-f]{64}$"),
    ],
)
def test_a_certificate_that_is_not_right(peer, server, trusted, options, hint):
    listening, opened, served, certificates = peer
    listener = listening(context=served(*server[0], **server[1]))
    authority = {} if trusted is None else {"ca_file": certificates.authority(trusted)}
    with pytest.raises(DeliveryError, match=hint):
        opened(listener.port, "tls", **authority, **options).deliver([b"secret\n"])
    assert bytes(listener.received) == b""


def test_the_name_of_the_certificate_may_be_given(listening, opened, served, certificates):
    listener = listening(context=served("siem.example"))
    way = opened(listener.port, "tls", ca_file=certificates.authority(), server_name="siem.example")
    way.deliver([b"a\n"])
    way.finish()
    assert bytes(listener.received) == b"a\n"


def test_a_pinned_certificate_needs_nobody_who_signed_it(listening, opened, served, certificates):
    context = served("siem.example", days=-1)
    context.load_cert_chain(*certificates.issue("pinned", "siem.example", authority="theirs", days=-1).values())
    listener = listening(context=context)
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificates.authority().replace("ours", "pinned")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for text in (printed.partition("=")[2], printed.partition("=")[2].replace(":", "").lower()):
        way = opened(listener.port, "tls", fingerprint=text)
        way.deliver([b"a\n"])
        way.finish()
    assert bytes(listener.received) == b"a\na\n"


REFUSED = {
    "none": (ssl.TLSVersion.TLSv1_3, None, "it wants a certificate of us: give certificate_file"),
    "none, before 1.3": (ssl.TLSVersion.TLSv1_2, None, "refuses the handshake: it may want a certificate of us"),
    "a stranger's": (ssl.TLSVersion.TLSv1_3, {"authority": "theirs"}, "does not trust who signed our certificate"),
    "a stranger's, before 1.3": (ssl.TLSVersion.TLSv1_2, {"authority": "theirs"}, "does not trust who signed our certificate"),
    "an old one": (ssl.TLSVersion.TLSv1_3, {"days": -1}, "it says that our certificate has expired: renew certificate_file"),
}


@pytest.mark.parametrize(("version", "issued", "hint"), REFUSED.values(), ids=REFUSED)
def test_our_certificate_is_refused(peer, version, issued, hint):
    listening, opened, served, certificates = peer
    context = served(mutual=True)
    context.minimum_version = context.maximum_version = version
    ours = {} if issued is None else certificates.issue("refused", "sensor", **issued)
    with pytest.raises(DeliveryError, match=hint):
        opened(listening(context=context).port, "tls", ca_file=certificates.authority(), **ours).deliver([b"a\n"])


def test_a_renewed_certificate_is_taken_at_the_next_connection(listening, opened, served, certificates):
    ours = certificates.issue("renewed", "sensor", days=-1)
    listener = listening(context=served(mutual=True))
    way = opened(listener.port, "tls", ca_file=certificates.authority(), **ours)
    with pytest.raises(DeliveryError, match="expired"):
        way.deliver([b"a\n"])
    certificates.issue("renewed", "sensor")
    way.deliver([b"a\n"])
    way.finish()
    assert bytes(listener.received) == b"a\n"


def test_a_certificate_that_went_away_is_told(listening, opened, served, certificates, tmp_path):
    authority = tmp_path / "authority.pem"
    shutil.copy(certificates.authority(), authority)
    way = opened(listening(context=served()).port, "tls", ca_file=str(authority))
    authority.unlink()
    with pytest.raises(DeliveryError, match=r"ca_file: .*authority.pem: no such file"):
        way.deliver([b"a\n"])


def test_a_receiver_that_speaks_no_tls(listening, opened, certificates):
    with pytest.raises(DeliveryError, match="no answer to our TLS handshake"):
        opened(listening().port, "tls", ca_file=certificates.authority(), timeout="0.2").deliver([b"a\n"])
    listener = listening(reads=False)
    threading.Thread(target=lambda: listener.connection.sendall(b"220 smtp ready\r\n")).start()
    with pytest.raises(DeliveryError, match="does not speak TLS on this port"):
        opened(listener.port, "tls", ca_file=certificates.authority()).deliver([b"a\n"])


# Files of TLS ------------------------------------------------------------------------------------------------------


def wrong(certificates, tmp_path):
    ours, other = certificates.issue("one", "sensor"), certificates.issue("other", "sensor")
    empty, protected = tmp_path / "empty.pem", tmp_path / "protected.key"
    empty.write_bytes(b"")
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:hunter2", "-in", ours["key_file"], "-out", str(protected)]
    subprocess.run(command, check=True)
    return {
        "no such file": {"ca_file": str(tmp_path / "none.pem")},
        "there is no certificate in PEM in it": {"ca_file": str(empty)},
        "give certificate_file too": {"key_file": ours["key_file"]},
        "it is not the key of": {**ours, "key_file": other["key_file"]},
        "no certificate with its key": {"certificate_file": ours["certificate_file"]},
        "key_file: .*none.key: no such file": {**ours, "key_file": str(tmp_path / "none.key")},
        "the key has a password": {**ours, "key_file": str(protected)},
        "64 hexadecimal digits": {"fingerprint": "12:34"},
    }


@pytest.mark.parametrize("name", ["", ".example", "a..b", "a" * 64, "a." * 150, "a\0b", "\udc80"])
def test_a_name_that_no_certificate_has_is_told_before_anything_is_sent(opened, name):
    with pytest.raises(SettingsError, match=r"server_name: .*: a name is needed, as it stands in the other side's certificate"):
        opened(6514, "tls", server_name=name)


def test_files_that_are_wrong_are_told_before_anything_is_sent(certificates, tmp_path, opened):
    for hint, options in wrong(certificates, tmp_path).items():
        with pytest.raises(SettingsError, match=hint):
            opened(6514, "tls", **options)
