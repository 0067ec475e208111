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

    objects: ranges that it touches. seconds: from one request to the next where it is repeated, else None.
    """

    unit: str = ""
    function: int = 0
    subfunction: int | None = None
    name: str = ""
    objects: tuple[str, ...] = ()
    seconds: float | None = None


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
