"""The preparation of an interface, on a veth pair in a network namespace of its own."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREPARE = ROOT / "deploy/nic/otoscope-nic"
SHOW = "ip -json -stats link show mirror"
PAIR = "ip link add mirror type veth peer name source && ip link set source up"
# What the unit leaves of root.
CONFINED = f"setpriv --bounding-set -all,+net_admin --no-new-privs {PREPARE} mirror"
# A packet socket that is bound, promiscuous and reads, by a user who may do nothing else.
LISTEN = """
import socket, struct
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
packets.bind(("mirror", 0))
packets.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex("mirror"), 1, 0, b""))
print("listens")
"""


def inside(script, *arguments):
    command = ["unshare", "--net", "sh", "-euc", script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def link(done):
    """The interface as `ip` told of it, in the last line."""
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def prepared():
    """What is to be seen of the interface, two seconds after it is up."""
    features = "ethtool --show-features mirror; cat /proc/sys/net/ipv6/conf/mirror/disable_ipv6"
    return inside(f"{PAIR}; {CONFINED}; {features}; sleep 2; {SHOW}")


def test_the_interface_listens_to_all_and_says_nothing(prepared):
    found = link(prepared)
    assert "mirror listens" in prepared.stdout
    assert {"UP", "PROMISC", "NOARP"} <= set(found["flags"])
    assert "MULTICAST" not in found["flags"]
    assert found["stats64"]["tx"]["packets"] == 0
    assert prepared.stdout.splitlines()[-2] == "1", "no IPv6"


@pytest.mark.parametrize("feature", ["generic-receive", "tcp-segmentation", "generic-segmentation", "rx-vlan"])
def test_frames_arrive_as_they_were_on_the_wire(prepared, feature):
    assert f"{feature}-offload: off\n" in prepared.stdout


def test_without_it_the_interface_would_talk():
    done = inside(f"{PAIR}; ip link set mirror up; sleep 2; {SHOW}")
    assert link(done)["stats64"]["tx"]["packets"] > 0


def test_what_a_card_cannot_do_is_said_and_skipped(prepared):
    [said] = [line for line in prepared.stdout.splitlines() if line.startswith("mirror listens")]
    assert "pause frames off" in said, "a veth has none"


def test_longer_frames_are_taken_where_they_are_asked_for():
    done = inside(f"{PAIR}; OTOSCOPE_NIC_MTU=1600 {CONFINED}; {SHOW}")
    assert link(done)["mtu"] == 1600


def test_an_interface_that_is_not_there_is_an_error():
    done = inside(f"{PREPARE} eth77")
    assert done.returncode == 1
    assert 'Device "eth77" does not exist' in done.stderr


def test_promiscuous_listening_needs_no_other_capability_than_the_units():
    nobody = "setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs --bounding-set -all,+net_raw"
    ambient = "--inh-caps -all,+net_raw --ambient-caps -all,+net_raw"
    done = inside(f'{PAIR}; ip link set mirror up; {nobody} {ambient} /usr/bin/python3 -c "$1"', LISTEN)
    assert (done.stdout, done.stderr) == ("listens\n", "")


def test_the_script_is_clean():
    done = subprocess.run(["shellcheck", PREPARE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
