"""How interfaces are listened to."""

import subprocess
from dataclasses import dataclass

_PATIENCE = 30
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How interfaces are read.

    workers: threads that share the frames; both directions of a conversation are with one of them.
    kernel_filter: what to take, as `tcpdump -dd` prints it (`compiled` makes it of an expression). It sees frames without their
        outermost VLAN tag: "port 502" is that of all VLANs, and "vlan 5" finds none. It is for Ethernet: an interface of another
        kind, such as a tunnel's, is not read with a filter.
    snap_length: octets of each frame that are read.
    ring_mebibytes: of memory in which frames of one interface wait, all workers together; each of them takes at least two.
    busy_poll_microseconds: to spin for frames before sleeping, where the card can do that; needs CAP_NET_ADMIN.
    promiscuous: take frames that are not to this machine, as a mirror port delivers them.
    hardware_time: the card's own time stamps where it has them; its clock must be set, and needs CAP_NET_ADMIN.
    wait_for_missing: an interface that is not there at the start is waited for, instead of an error.
    """

    workers: int = 1
    kernel_filter: str | None = None
    snap_length: int = 262_144
    ring_mebibytes: int = 64
    busy_poll_microseconds: int = 0
    promiscuous: bool = True
    hardware_time: bool = False
    wait_for_missing: bool = False

    def __post_init__(self) -> None:
        bounds = {"workers": 64, "snap_length": 262_144, "ring_mebibytes": 4096, "busy_poll_microseconds": 1_000_000}
        for name, most in bounds.items():
            least = 0 if name == "busy_poll_microseconds" else 1
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} to {most}")


def compiled(expression: str) -> str:
    """A kernel filter of an expression as tcpdump has them ("not port 22"). ValueError where it is none, or there is no tcpdump."""
    command = ("tcpdump", "-n", "-y", "EN10MB", "-dd", "--", expression)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603 - what comes after "--" is an expression
    except OSError as error:
        raise ValueError(f"tcpdump, which compiles filters, cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        # It asks a name server for each name in the expression.
        raise ValueError(f"tcpdump has not compiled it in {_PATIENCE} s: write addresses instead of names") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ValueError(said[-1].removeprefix("tcpdump: ")[:200] if said else f"tcpdump refuses the filter {expression[:60]!r}")
    return done.stdout
