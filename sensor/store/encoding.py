"""Values as the database holds them: JSON in octets, text that any database takes, addresses that sort as people expect."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from typing import Any

import orjson

_LONGEST_KEY = 100
"""Keys are indexed, and an index holds no texts of any length."""
_ESCAPE = "\x1a"
_UNSTORABLE = re.compile(f"[\0{_ESCAPE}\ud800-\udfff]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")
_MAC = 9


def encode(value: object) -> bytes:
    """JSON. Lone surrogates, which no octets of UTF-8 stand for, are kept as escapes."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:
        return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def decode(octets: bytes) -> dict[str, Any]:
    """The object that `encode` was given, with lists for tuples."""
    try:
        value: dict[str, Any] = orjson.loads(octets)
    except ValueError:
        value = json.loads(octets)
    return value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value)} is not JSON")


def digest(octets: bytes) -> bytes:
    """Tells whether a row has changed."""
    return blake2b(octets, digest_size=8).digest()


def natural_key(*parts: object) -> str:
    """The key of a row that is the same in every run: of what makes it the row it is."""
    return blake2b(encode(parts), digest_size=10).hexdigest()


def key_of(identity: str) -> str:
    """The key of what has an id of its own."""
    return identity if len(identity) <= _LONGEST_KEY else natural_key(identity)


def storable(text: str) -> str:
    """Text without what PostgreSQL (NUL) or UTF-8 (surrogates) has no place for."""
    return _UNSTORABLE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text) if _UNSTORABLE.search(text) else text


def restored(text: str) -> str:
    """The text that `storable` was given."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if _ESCAPE in text else text


@lru_cache(maxsize=65_536)
def address_key(address: str | None) -> bytes:
    """Addresses in the order of their numbers: IPv4, IPv6, MAC; none is empty."""
    if not address:
        return b""
    try:
        ip = ip_address(address)
    except ValueError:
        return bytes([_MAC]) + address.lower().encode(errors="backslashreplace")[:_LONGEST_KEY]
    return bytes([ip.version]) + ip.packed


def address_of(key: bytes) -> str:
    """The address of an `address_key`; a very long one may be cut."""
    kind, rest = key[:1], key[1:]
    if kind in (b"\x04", b"\x06") and len(rest) in (4, 16):
        return str(ip_address(rest))
    return rest.decode(errors="replace")


def address_range(text: str) -> tuple[bytes, bytes]:
    """First and last `address_key` of an address, a subnet ("10.20.0.0/16"), a MAC or its beginning."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        mac = address_key(text)
        return mac, mac + b"\xff"
    return address_key(str(network.network_address)), address_key(str(network.broadcast_address))
