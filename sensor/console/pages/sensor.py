"""The sensor: what it saw and lost, and how it is set."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sensor.console.gate import Viewer
from sensor.console.rendering import page
from sensor.console.running import listening
from sensor.console.state import settings_of, store_of
from sensor.doctor.places import files

router = APIRouter(include_in_schema=False)


@router.get("/sensor")
def show(request: Request, visitor: Viewer) -> Response:
    """It."""
    store, settings = store_of(request), settings_of(request)
    overview = store.overview()
    interfaces, silence = listening(settings)
    return page(
        request, "sensor.html", visitor, run=overview.run, overview=overview, size=store.octets(), identity=settings.identity(),
        settings=settings.model_dump(exclude={"exports"}), destinations=settings.destinations(),
        interfaces=interfaces, silence=silence, checks=list(files(settings, {})),
    )  # fmt: skip
