"""The pages, a file for those that belong together; each has a router."""

from sensor.console.pages import alerts, assets, audit, delivery, listing, overview, people, sensor, sign_in

ROUTERS = (
    sign_in.router,
    overview.router,
    assets.router,
    alerts.router,
    delivery.router,
    sensor.router,
    audit.router,
    people.router,
    listing.router,
)
"""All of them."""
