"""How interfaces are listened to."""

import subprocess

from pydantic import BaseModel, ConfigDict, Field


class Reading(BaseModel):
    """How frames are read: what the settings say of it, and what commands say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Threads that share the frames; both directions of a conversation are with one of them.",
        json_schema_extra={"unit": "threads"},
    )
    snap_length: int = Field(
        default=262_144,
        ge=1,
        le=262_144,
        description="So much of each frame is read; by default all of it.",
        json_schema_extra={"unit": "octets"},
    )
    ring_mebibytes: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Memory in which frames of one interface wait, all workers together.",
        json_schema_extra={"unit": "MiB"},
    )
    busy_poll_microseconds: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="To spin for frames before sleeping, where the card can do that; needs CAP_NET_ADMIN.",
        json_schema_extra={"unit": "µs"},
    )
    promiscuous: bool = Field(default=True, description="Take frames that are not to this machine, as a mirror port delivers them.")
    hardware_time: bool = Field(
        default=False,
        description="The card's own time stamps where it has them; its clock must be set, and it needs CAP_NET_ADMIN.",
    )


class Listening(Reading):
    """How interfaces are listened to."""

    kernel_filter: str | None = Field(
        default=None,
        description="What to take, as `tcpdump -dd` prints it (`compiled` makes it of an expression). It sees frames without their "
        'outermost VLAN tag: "port 502" is that of all VLANs, and "vlan 5" finds none.',
    )
    wait_for_missing: bool = Field(
        default=False, description="An interface that is not there at the start is waited for, instead of an error."
    )


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
