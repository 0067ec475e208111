"""The appliance: capture, knowledge, store, exports and metrics in one process that runs for years."""

from sensor.service.logs import set_up
from sensor.service.notify import Notifier
from sensor.service.run import Service, Source

__all__ = ["Notifier", "Service", "Source", "set_up"]
