"""Objects as ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sensor.objects import collapse, within


def test_ranges_that_touch_are_one():
    assert collapse(["HR 40001-40010", "HR 40008-40020", "HR 40021"]) == ("HR 40001-40021",)
    assert collapse(["HR 40001", "IR 30001", "Tag Pump"]) == ("HR 40001", "IR 30001", "Tag Pump")


@pytest.mark.parametrize(
    ("touched", "usual", "inside"),
    [
        ("HR 40005", ["HR 40001-40010"], True),
        ("HR 40005-40011", ["HR 40001-40010"], False),
        ("IR 40005", ["HR 40001-40010"], False),
        ("DB1.DBX0.3", ["DB1.DBX0.0-7"], True),
        ("DB2.DBX0.3", ["DB1.DBX0.0-7"], False),
        ("Tag Pump", ["Tag Pump"], True),
        ("Tag Pump", ["Tag Valve"], False),
        ("HR 9-1", ["HR 9-1"], True),  # a lying range is only itself
    ],
)
def test_within(touched, usual, inside):
    assert within(touched, usual) is inside


@given(some.lists(some.tuples(some.integers(0, 99), some.integers(0, 20)), min_size=1))
def test_collapsing_loses_and_adds_nothing(pairs):
    objects = [f"HR {first}-{first + length}" if length else f"HR {first}" for first, length in pairs]
    ranges = collapse(objects)
    assert all(within(text, ranges) for text in objects)
    covered = {number for first, length in pairs for number in range(first, first + length + 1)}
    assert all(within(f"HR {number}", ranges) == (number in covered) for number in range(121))
