"""What the sensor that runs beside the console says of itself, by its metrics."""

from dataclasses import dataclass

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from sensor.metrics.serve import address_of, shown
from sensor.settings import Settings

_SECONDS = 1.0
_MOST_OCTETS = 8_000_000


@dataclass(frozen=True, slots=True)
class Listening:
    """One interface since the sensor began. fill: of the ring, 0 to 1."""

    name: str
    up: bool
    packets: int
    dropped: int
    fill: float


def listening(settings: Settings) -> tuple[list[Listening], str]:
    """Its interfaces; or why they are not known."""
    if not settings.metrics.listen:
        return [], "The settings let the sensor serve no metrics ([metrics] listen), by which it would say how it is."
    url = f"http://{shown(*address_of(settings.metrics.listen))}/metrics"
    try:
        with urllib3.PoolManager(retries=False) as pool, pool.request("GET", url, timeout=_SECONDS, preload_content=False) as answer:
            text = answer.read(_MOST_OCTETS).decode("utf-8", "replace")
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return [], f"No sensor answers at {url}: does otoscope run? ({type(error).__name__})"
    found: dict[str, dict[str, float]] = {}
    for sample in samples:
        if (name := sample.labels.get("interface")) is not None and sample.name.startswith("otoscope_interface_"):
            found.setdefault(name, {})[sample.name.removeprefix("otoscope_interface_")] = sample.value
    return [
        Listening(
            name, values.get("up") == 1, int(values.get("packets_total", 0)), int(values.get("dropped_packets_total", 0)),
            values.get("ring_fill_ratio", 0.0),
        )
        for name, values in sorted(found.items())
    ], ""  # fmt: skip
