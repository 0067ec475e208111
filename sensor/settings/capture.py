"""The table [capture] of the settings."""

import re
from dataclasses import fields
from typing import Annotated, Any

from pydantic import Field, field_validator

from sensor.capture import default_limits
from sensor.errors import SettingsError
from sensor.listening import Listening, compiled
from sensor.settings.problems import nearest
from sensor.settings.table import Table

_INTERFACE = re.compile(r"[^\s/:]{1,15}")


def _of_listening(name: str) -> Any:  # noqa: ANN401  a field of any kind
    """A setting that is a field of Listening: its default, its bounds, and what it does stand there."""
    row = next(row for row in fields(Listening) if row.name == name)
    least, most = row.metadata["bounds"] or (None, None)
    extra = {"unit": row.metadata["unit"]}
    return Field(default=row.default, ge=least, le=most, description=row.metadata["says"], json_schema_extra=extra)


class CaptureSettings(Table):
    """Where frames come from."""

    interfaces: list[str] = Field(default_factory=list, description="Those that get the mirrored traffic.", examples=[["eth1"]])
    filter: str | None = Field(
        default=None,
        description="What to take, as tcpdump has it, which must be installed. It sees frames without their outermost VLAN tag.",
        examples=["not port 22"],
    )
    limits: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="Caps of the engine's tables, by name ([replay.md](replay.md#limits)).",
        examples=[{"flows": 65_536}],
    )

    workers: int = _of_listening("workers")
    snap_length: int = _of_listening("snap_length")
    ring_mebibytes: int = _of_listening("ring_mebibytes")
    busy_poll_microseconds: int = _of_listening("busy_poll_microseconds")
    promiscuous: bool = _of_listening("promiscuous")
    hardware_time: bool = _of_listening("hardware_time")

    @field_validator("interfaces")
    @classmethod
    def _are_interfaces(cls, names: list[str]) -> list[str]:
        for number, name in enumerate(names):
            if not _INTERFACE.fullmatch(name) or name in (".", ".."):
                raise ValueError(f"{name[:60]!r} is no name of an interface: ip -brief link lists them")
            if name in names[:number]:
                raise ValueError(f"{name!r} is named twice")
        return names

    @field_validator("limits")
    @classmethod
    def _are_limits(cls, limits: dict[str, int]) -> dict[str, int]:
        for name in limits:
            if name not in (known := default_limits()):
                raise ValueError(f"{name[:60]!r} is not a limit: {nearest(name, known)}")
        return limits

    def listening(self) -> Listening:
        """How the interfaces are read; one that is not there yet is waited for. Raises SettingsError where the filter is none."""
        try:
            kernel_filter = compiled(self.filter) if self.filter else None
        except ValueError as error:
            raise SettingsError(f"[capture] filter: {error}") from error
        known = self.model_dump(exclude={"interfaces", "filter", "limits"})
        return Listening(**known, kernel_filter=kernel_filter, wait_for_missing=True)
