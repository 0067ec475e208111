"""What is usual: the content of a baseline file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownAsset:
    """An asset that belongs here.

    address: its best address (IP, else MAC), by which exchanges name it. Any of its addresses or its serial tells it again.
    """

    address: str
    name: str = ""
    macs: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    serial: str = ""
    firmware: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFunction:
    """One function that a client uses at a unit of a server.

    protocol: where it is not that of the conversation: CIP within EtherNet/IP. objects: ranges that it touches.
    seconds: from one request to the next where it is repeated, else None.
    """

    unit: str = ""
    function: int = 0
    subfunction: int | None = None
    name: str = ""
    protocol: str = ""
    objects: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells it from the other functions of an exchange; sorts."""
        return (self.protocol, self.unit, self.function, -1 if self.subfunction is None else self.subfunction)


@dataclass(frozen=True, slots=True)
class KnownExchange:
    """What one asset asks another for, with one protocol."""

    client: str
    server: str
    protocol: str
    functions: tuple[KnownFunction, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """All that is usual.

    first, last: the time that was learned from, nanoseconds. learning_days: how long what a later device does is learned, not called new.
    """

    first: int
    last: int
    learning_days: float = 14.0
    assets: tuple[KnownAsset, ...] = ()
    exchanges: tuple[KnownExchange, ...] = ()
