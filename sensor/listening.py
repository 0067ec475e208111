"""How interfaces are listened to."""

import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listening:
    """How interfaces are read.

    workers: threads that share the frames; both directions of a conversation are with one of them.
    kernel_filter: what to take, as `tcpdump -dd` prints it (`compiled` makes it of an expression). It sees frames without their
        outermost VLAN tag: "port 502" is that of all VLANs, and "vlan 5" finds none.
    snap_length: octets of each frame that are read.
    ring_mebibytes: of memory in which frames of one interface wait, all workers together.
    busy_poll_microseconds: to spin for frames before sleeping, where the card can do that; needs CAP_NET_ADMIN.
    promiscuous: take frames that are not to this machine, as a mirror port delivers them.
    hardware_time: the card's own time stamps where it has them; its clock must be set, and needs CAP_NET_ADMIN.
    recent_mebibytes: of memory in which the last frames stay for `LiveCapture.frames`, all workers together, 4 each at least; 0: none.
    recent_minutes: so long at the most.
    wait_for_missing: an interface that is not there at the start is waited for, instead of an error.
    """

    workers: int = 1
    kernel_filter: str | None = None
    snap_length: int = 262_144
    ring_mebibytes: int = 64
    busy_poll_microseconds: int = 0
    promiscuous: bool = True
    hardware_time: bool = False
    recent_mebibytes: int = 0
    recent_minutes: int = 60
    wait_for_missing: bool = False

    def __post_init__(self) -> None:
        bounds = {
            "workers": (1, 64),
            "snap_length": (1, 262_144),
            "ring_mebibytes": (1, 4096),
            "busy_poll_microseconds": (0, 1_000_000),
            "recent_mebibytes": (0, 4096),
            "recent_minutes": (1, 1440),
        }
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} to {most}")


def compiled(expression: str) -> str:
    """A kernel filter of an expression as tcpdump has them ("not port 22"). ValueError where it is none, or there is no tcpdump."""
    command = ("tcpdump", "-n", "-y", "EN10MB", "-dd", "--", expression)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - what comes after "--" is an expression
    except OSError as error:
        raise ValueError(f"tcpdump, which compiles filters, cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ValueError(said[-1].removeprefix("tcpdump: ")[:200] if said else f"tcpdump refuses the filter {expression[:60]!r}")
    return done.stdout
