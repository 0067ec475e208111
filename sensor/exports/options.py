"""Options of the ways: text in, values out. Each raises SettingsError, which says what to write."""

from collections.abc import Mapping

from sensor.errors import SettingsError
from sensor.exports.destination import Destination


def host(destination: Destination, example: str) -> str:
    """The host. Raises SettingsError where there is none, or what no host can be called."""
    if not destination.host:
        raise SettingsError(f"{destination.scheme}:// needs a host: {destination.scheme}://{example}")
    try:
        destination.host.encode("idna")
    except UnicodeError:
        raise SettingsError(f"{destination.host}: no host has such a name") from None
    return destination.host


def seconds(options: Mapping[str, str], usual: float) -> float:
    """The option timeout. Raises SettingsError where it is no number of seconds."""
    try:
        value = float(options.get("timeout", usual))
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        raise SettingsError(f"timeout: {options['timeout']!r} is no number of seconds up to 3600: write 10, for example")
    return value


def whole_number(options: Mapping[str, str], name: str, usual: int, most: int = 1_000_000) -> int:
    """An option that is a number. Raises SettingsError where it is none from 1 to that."""
    text = options.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise SettingsError(f"{name}: {text!r} is no number from 1 to {most}")
    return int(text)


def yes(options: Mapping[str, str], name: str) -> bool:
    """An option that is "yes" or "no". Raises SettingsError where it is neither."""
    text = options.get(name, "no").lower()
    if text not in ("yes", "no", "true", "false"):
        raise SettingsError(f'{name}: {options[name]!r} is neither "yes" nor "no"')
    return text in ("yes", "true")
