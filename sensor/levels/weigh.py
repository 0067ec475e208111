"""Evidence into a level: log-odds are added up, and the level with the most wins if it stands out."""

from collections.abc import Iterable
from functools import lru_cache
from math import exp

from sensor.inventory.model import Evidence, Level

LEVELS = (0.0, 1.0, 2.0, 3.0, 3.5, 4.0)
"""What can be concluded from behaviour; 5 is what the addresses say."""

SCALE = 1.5
"""Strong evidence (2) that nothing contradicts makes 80 %."""

KNOWN = 0.40
"""A level that is less likely stays unknown: better than wrong."""

SETTLED = 0.8
STRONG = 2.0
ENOUGH = 0.5
"""From which weight a piece counts as one of two."""


@lru_cache(maxsize=64)
def spoken_for(says: str) -> frozenset[float]:
    """The levels that evidence speaks for: "1", "2-" (2 and below), "3+" (3 and above)."""
    number = float(says.rstrip("+-"))
    if says.endswith("+"):
        return frozenset(level for level in LEVELS if level >= number)
    return frozenset(level for level in LEVELS if level <= number) if says.endswith("-") else frozenset((number,))


def weigh(evidence: Iterable[Evidence], *, exchanged: bool = False) -> Level:
    """The level that the evidence makes likely. exchanged: a strong piece among it rests on enough exchanges to stand alone."""
    pieces = list(evidence)
    scores = dict.fromkeys(LEVELS, 0.0)
    for piece in pieces:
        for level in spoken_for(piece.says):
            scores[level] += piece.weight
    best = max(LEVELS, key=lambda level: scores[level])
    confidence = exp(SCALE * scores[best]) / sum(exp(SCALE * score) for score in scores.values())
    speaks = tuple(sorted((piece for piece in pieces if _for(piece, best)), key=_rank))
    against = tuple(sorted((piece for piece in pieces if not _for(piece, best)), key=_rank))
    tied = sum(abs(score - scores[best]) < 1e-9 for score in scores.values()) > 1
    if tied or confidence < KNOWN:
        return Level(evidence=tuple(sorted(pieces, key=_rank)))
    independent = sum(piece.weight >= ENOUGH for piece in speaks)
    settled = confidence >= SETTLED and (independent >= 2 or exchanged)
    return Level(best, round(confidence, 3), settled, evidence=speaks, against=against)


def _for(piece: Evidence, level: float) -> bool:
    return (level in spoken_for(piece.says)) == (piece.weight > 0)


def _rank(piece: Evidence) -> tuple[float, str, str]:
    return -abs(piece.weight), piece.says, piece.because
