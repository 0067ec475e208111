"""From observations to knowledge.

    knowledge = conclude(observations, site)

is a pure function: the same rows give the same knowledge, however they arrived. How, and what is done where only some rows have changed,
is in sensor/conclusions.py.
"""

from sensor.baseline.compare import Difference, compare
from sensor.baseline.model import Baseline
from sensor.conclusions import Conclusions
from sensor.conduits.model import Site
from sensor.detections.run import detect
from sensor.knowledge import Knowledge
from sensor.observations import Observations


def conclude(observations: Observations, site: Site | None = None, baseline: Baseline | None = None) -> Knowledge:
    """Everything that follows from what was observed."""
    return Conclusions(site, baseline).update(observations)


def against(known: Knowledge, baseline: Baseline | None) -> None:
    """What differs from a baseline, and the alerts and incidents anew."""
    known.changes = tuple(compare(baseline, known)) if baseline else ()
    known.fresh = frozenset(change.asset.id for change in known.changes if change.difference is Difference.ASSET and change.asset)
    known.alerts, known.incidents = detect(known)
