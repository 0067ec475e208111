"""The usual services of hosts and networks: named, and read for identities, but not counted by function."""

from sensor.protocols._base import Function, Intent, Protocol

_TITLES: dict[str, str] = {}


def _row(name: str, title: str) -> Protocol:
    return Protocol(name, title, lambda code, _sub: Function(f"{title} function {code}", Intent.DIAGNOSE))


ROWS = tuple(_row(name, title) for name, title in _TITLES.items())
