"""Datagrams, which prove nothing."""

import socket

import pytest

from sensor.errors import DeliveryError, RefusedError
from sensor.exports.destination import Destination
from sensor.exports.ways import WAYS
from tests.exports.receivers import free_port


@pytest.fixture
def listener():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        yield listener


@pytest.fixture
def opened():
    made = []

    def open_way(port, host="127.0.0.1"):
        made.append(WAYS["udp"].open(Destination(name="lab", scheme="udp", host=host, port=port)))
        return made[-1]

    yield open_way
    for way in made:
        way.close()


def test_one_message_in_each_datagram(listener, opened):
    way = opened(listener.getsockname()[1])
    way.deliver([b"a", b"b\n", b"c" * 65_000])
    assert [listener.recv(70_000) for _ in range(3)] == [b"a", b"b", b"c" * 65_000]
    assert way.unsure() == 0
    way.finish()


def test_what_no_datagram_holds_is_refused_and_those_before_it_are_sent(listener, opened):
    way = opened(listener.getsockname()[1])
    with pytest.raises(RefusedError, match="70000 octets are too many for a datagram: use tcp or tls") as failure:
        way.deliver([b"a", b"b", b"c" * 70_000, b"d"])
    assert failure.value.index == 2
    way.deliver([b"d"])
    assert [listener.recv(100) for _ in range(3)] == [b"a", b"b", b"d"]


def test_a_host_that_says_that_nothing_listens_is_heard(opened):
    port = free_port()
    way = opened(port)
    for _ in range(2):
        with pytest.raises(DeliveryError, match=rf"^udp://127.0.0.1:{port}: nothing listens there"):
            way.deliver([b"a"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", port))
        listener.settimeout(5)
        way.deliver([b"b"])
        assert listener.recv(100) == b"b"


def test_ipv6(opened):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listener:
        listener.bind(("::1", 0))
        listener.settimeout(5)
        opened(listener.getsockname()[1], "::1").deliver([b"a"])
        assert listener.recv(100) == b"a"


def test_a_name_that_nobody_knows(opened):
    with pytest.raises(DeliveryError, match="this name of a host is not known"):
        opened(514, "nobody.invalid").deliver([b"a"])
