"""What each protocol's functions mean: one file and one row each."""

from sensor.protocols import cip, dnp3, enip, modbus, s7comm, services
from sensor.protocols._base import Function, Intent, Protocol

__all__ = ["PROTOCOLS", "Function", "Intent", "Protocol"]

PROTOCOLS: dict[str, Protocol] = {row.name: row for row in (*cip.ROWS, *dnp3.ROWS, *enip.ROWS, *modbus.ROWS, *s7comm.ROWS, *services.ROWS)}
"""Every protocol by its name."""
