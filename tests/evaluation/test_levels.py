"""Levels on the labelled plants hold what is promised, and the plants are what their recipes make."""

from importlib import import_module

import pytest

from pcaps.plants import control, office
from pcaps.plants.network import FOLDER
from tests.evaluation.levels import REQUIRED, accuracy, misses, plant, plants


def test_levels_of_the_labelled_plants():
    verdicts = [verdict for name in plants() for verdict in plant(name)]
    assert accuracy(verdicts) >= REQUIRED, misses(verdicts)


@pytest.mark.parametrize("name", plants())
def test_nothing_is_gravely_misplaced_in_a_labelled_plant(name):
    verdicts = plant(name)
    assert [verdict for verdict in verdicts if verdict.grave] == []
    assert accuracy(verdicts) >= 0.75, misses(verdicts)


def test_a_recipe_makes_the_committed_capture(tmp_path):
    for module in (control, office):
        module.RANDOM.seed("flat")
    import_module("pcaps.plants.flat").build().write(tmp_path)
    for name in ("flat.pcap", "flat.labels.json"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
