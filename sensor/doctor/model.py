"""The shape of what a look at the sensor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is."""

    GOOD = "good"
    NOTE = "note"  # worth knowing
    BAD = "bad"  # something will be missed or lost


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it is, what was found, and where it is not good what to do."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def good(what: str, found: str) -> Check:
    """It is as it should be."""
    return Check(what, Verdict.GOOD, found)


def note(what: str, found: str, advice: str = "") -> Check:
    """Worth knowing."""
    return Check(what, Verdict.NOTE, found, advice)


def bad(what: str, found: str, advice: str) -> Check:
    """Something will be missed or lost."""
    return Check(what, Verdict.BAD, found, advice)
