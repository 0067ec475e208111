"""The pages, a file for those that belong together; each has a router."""

from sensor.console.pages import alerts, assets, audit, baseline, delivery, listing, map, overview, people, sensor, sign_in  # noqa: A004  what it shows

ROUTERS = tuple(module.router for module in (sign_in, overview, map, assets, alerts, baseline, delivery, sensor, audit, people, listing))
"""All of them."""
