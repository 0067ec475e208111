"""Each detector on what the real engine reads: raised by what is guilty, not by what looks alike."""

import pytest

from tests.detections.captures import CASES, Case
from tests.detections.commands import COMMANDS


@pytest.mark.parametrize("case", [*CASES, *COMMANDS], ids=lambda case: case.rule)
def test_raised_by_what_is_guilty_and_not_by_what_looks_alike(case: Case) -> None:
    assert case.rule in case.guilty().rules(case.site)
    assert case.rule not in case.innocent().rules(case.site)
