"""The usual services of hosts and networks: named, and read for identities, but not counted by function."""

from sensor.protocols._base import Function, Intent, Protocol

_TITLES: dict[str, str] = {
    "http": "HTTP",
    "mms": "MMS",
    "opcua": "OPC UA",
    "rdp": "RDP",
    "smb": "SMB",
    "ssh": "SSH",
    "tls": "TLS",
}


def _row(name: str, title: str) -> Protocol:
    return Protocol(name, title, lambda code, _sub: Function(f"{title} function {code}", Intent.DIAGNOSE))


ROWS = tuple(_row(name, title) for name, title in _TITLES.items())
