"""How interfaces are listened to."""

import subprocess
from dataclasses import dataclass, field, fields
from typing import Any

_PATIENCE = 30
"""Seconds."""


def _about(default: int | bool, says: str, bounds: tuple[int, int] | None = None, unit: str = "") -> Any:  # noqa: ANN401, FBT001  a field of whatever type its default has
    """A field with all that is to be said of it, which the settings say too."""
    return field(default=default, metadata={"says": says, "bounds": bounds, "unit": unit})


@dataclass(frozen=True, slots=True)
class Listening:
    """How interfaces are read.

    kernel_filter: what to take, as `tcpdump -dd` prints it (`compiled` makes it of an expression). It sees frames without their
        outermost VLAN tag: "port 502" is that of all VLANs, and "vlan 5" finds none. It is for Ethernet: an interface of another
        kind, such as a tunnel's, is not read with a filter.
    wait_for_missing: an interface that is not there at the start is waited for, instead of an error.
    The others say themselves what they are; the table [capture] of the settings is made of them.
    """

    workers: int = _about(1, "Threads that share the frames; both directions of a conversation are with one of them.", (1, 64), "threads")
    kernel_filter: str | None = None
    snap_length: int = _about(262_144, "So much of each frame is read; by default all of it.", (1, 262_144), "octets")
    ring_mebibytes: int = _about(
        64, "Memory in which frames of one interface wait, all workers together; each takes at least two.", (1, 4096), "MiB"
    )
    busy_poll_microseconds: int = _about(
        0, "To spin for frames before sleeping, where the card can do that; needs CAP_NET_ADMIN.", (0, 1_000_000), "µs"
    )
    promiscuous: bool = _about(default=True, says="Take frames that are not to this machine, as a mirror port delivers them.")
    hardware_time: bool = _about(
        default=False, says="The card's own time stamps where it has them; its clock must be set, and it needs CAP_NET_ADMIN."
    )
    recent_mebibytes: int = _about(0, "Memory for the last frames, of all workers, 4 each at the least; 0: none.", (0, 4096), "MiB")
    recent_minutes: int = _about(60, "So long a frame stays in it at the most.", (1, 1440), "minutes")
    wait_for_missing: bool = False

    def __post_init__(self) -> None:
        for row in fields(self):
            least, most = row.metadata.get("bounds") or (None, None)
            if least is not None and not least <= getattr(self, row.name) <= most:
                raise ValueError(f"{row.name} must be {least} to {most}")


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
