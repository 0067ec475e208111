"""The demonstration plant with levels and roles as a test wants them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from sensor.capture import open_capture
from sensor.conduits.model import Site, Violation
from sensor.conduits.violations import judge
from sensor.conduits.zones import zone_of
from sensor.inventory.model import Level, Role
from sensor.knowledge import Knowledge, Party
from sensor.observations import Observations, observe
from sensor.pipeline import conclude

PCAPS = Path(__file__).parents[2] / "pcaps"
HMI, ENGINEER, STRANGER, HISTORIAN = "10.20.1.100", "10.20.1.110", "10.20.1.66", "10.3.0.20"
MIXER, BOILER, METER = "10.20.1.11", "10.20.1.12", "10.20.1.15"


@lru_cache
def observations(name: str = "demo") -> Observations:
    return observe(open_capture(PCAPS / f"{name}.pcap"))


def known(
    levels: Mapping[str, float] | None = None,
    roles: Mapping[str, Role] | None = None,
    site: Site | None = None,
    capture: str = "demo",
) -> Knowledge:
    """Levels by IP, certain; all else unknown. Roles by IP, no others."""
    plant = conclude(observations(capture), site)
    for name, asset in plant.assets.items():
        ip = next(iter(asset.ips), "")
        value = (levels or {}).get(ip)
        level = Level(value, 1.0 if value is not None else 0.0, settled=value is not None)
        role = (roles or {}).get(ip)
        changed = replace(asset, level=level, roles=(role,) if role else (), outside=value == 5)
        plant.assets[name] = replace(changed, zone=zone_of(changed, plant.site))
    for number, dialogue in plant.dialogues.items():
        ends = [Party(party.address, plant.assets.get(party.id or "")) for party in (dialogue.client, dialogue.server)]
        plant.dialogues[number] = replace(dialogue, client=ends[0], server=ends[1])
    return plant


def violations(levels: Mapping[str, float], roles: Mapping[str, Role] | None = None, site: Site | None = None) -> list[Violation]:
    return list(judge(known(levels, roles, site)))


def told(found: list[Violation]) -> set[tuple[str, str, str]]:
    return {(row.rule, row.intent or "", str(row.severity)) for row in found}
