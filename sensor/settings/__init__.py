"""Settings: one TOML file that people write, the environment, and the machine's own name. The only reader of them."""

from sensor.settings.capture import CaptureSettings
from sensor.settings.destinations import ExportSettings, destination, destination_of
from sensor.settings.environment import environment
from sensor.settings.model import Settings
from sensor.settings.reading import Read, load_settings, parse_settings, read_settings

__all__ = [
    "CaptureSettings",
    "ExportSettings",
    "Read",
    "Settings",
    "destination",
    "destination_of",
    "environment",
    "load_settings",
    "parse_settings",
    "read_settings",
]
