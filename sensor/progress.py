"""How far the reading of captures is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading is.

    path: the capture that is being read, "-" for standard input.
    number: which one of `captures` it is, from 1.
    captures: how many were given.
    octets_read, octets_total: of this capture as it lies on disk; total is None for a stream.
    """

    path: str
    number: int
    captures: int
    octets_read: int
    octets_total: int | None
