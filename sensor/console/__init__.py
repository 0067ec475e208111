"""The console: the plant in a browser, for who may see it. It reads and judges what the sensor has saved, and never captures."""

from sensor.console.application import application
from sensor.console.serve import first_admin, serve

__all__ = ["application", "first_admin", "serve"]
