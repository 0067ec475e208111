"""What the application has that its pages use."""

from starlette.requests import Request

from sensor.settings import Settings
from sensor.store import Store


def store_of(request: Request) -> Store:
    """The database."""
    store: Store = request.app.state.store
    return store


def settings_of(request: Request) -> Settings:
    """The settings."""
    settings: Settings = request.app.state.settings
    return settings
