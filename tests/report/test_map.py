"""The picture: everything in its place, nothing over anything else."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from sensor.report.layout import draw
from sensor.report.map import _lines, map_of
from sensor.report.picture import picture_of
from sensor.report.places import places
from tests.report.hostile import hostile_plant
from tests.report.plant import crowd, plant

PLANTS = {"five": lambda: crowd(5), "plant": plant, "hundred": lambda: crowd(100), "five hundred": lambda: crowd(500)}


@pytest.fixture(params=PLANTS)
def drawing(request):
    known = PLANTS[request.param]()
    picture = picture_of(known)
    boxes, where = places(picture)
    return draw(boxes, _lines(picture, where)[0])


def test_boxes_stand_apart_within_their_band(drawing):
    for number, box in enumerate(drawing.boxes):
        assert box.x >= 0
        assert box.x + box.width <= drawing.width
        [band] = [band for band in drawing.bands if band.level == box.place.level]
        assert band.y <= box.y
        assert box.y + box.height <= band.y + band.height
        for other in drawing.boxes[:number]:
            apart = box.x >= other.x + other.width or other.x >= box.x + box.width
            assert apart or box.y >= other.y + other.height or other.y >= box.y + box.height


def test_a_number_stands_on_its_line_within_the_picture(drawing):
    for path in drawing.paths:
        points = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.d)]
        x, y = path.badge
        assert 0 <= x <= drawing.width - 20
        assert any(_is_between(x, y, one, other) for one, other in pairwise(points))


def _is_between(x, y, one, other):
    """Nearer to the line between the two than the number is wide."""
    (x1, y1), (x2, y2) = one, other
    return min(x1, x2) - 15 <= x <= max(x1, x2) + 15 and min(y1, y2) - 1 <= y <= max(y1, y2) + 1


def test_no_line_runs_through_a_box(drawing):
    assert drawing.paths
    for path in drawing.paths:
        points = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.d)]
        for (x1, y1), (x2, y2) in pairwise(points):
            assert min(x1, x2) >= 0
            assert max(x1, x2) <= drawing.width
            for box in drawing.boxes:
                beside = max(x1, x2) <= box.x or min(x1, x2) >= box.x + box.width
                assert beside or max(y1, y2) <= box.y or min(y1, y2) >= box.y + box.height


def test_no_line_hides_another(drawing):
    stretches = []
    for path in drawing.paths:
        points = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.d)]
        stretches += [(y1, *sorted((x1, x2)), path) for (x1, y1), (x2, y2) in pairwise(points) if y1 == y2 and abs(x1 - x2) > 20]
    for number, (y, left, right, path) in enumerate(stretches):
        for other_y, other_left, other_right, other in stretches[:number]:
            assert path is other or abs(y - other_y) > 4 or right < other_left or other_right < left


def test_every_level_is_there_whether_seen_or_not():
    picture = map_of(picture_of(crowd(3)))
    assert [level for level in ("5", "4", "3.5", "3", "2", "1", "0") if f">Level {level}<" not in picture] == []
    assert "nothing seen" in picture


def test_violations_are_red_numbered_and_described():
    picture = map_of(picture_of(plant()))
    assert picture.count('class="line violation"') == 5  # four pairs of boxes, and the legend
    assert "enterprise" in picture
    assert "not allowed: Enterprise reaches a controller" in picture
    assert "<desc" in picture


def test_the_picture_is_a_file_of_its_own_whatever_the_names():
    root = ET.fromstring(map_of(picture_of(hostile_plant())))  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert map_of(picture_of(hostile_plant())) == map_of(picture_of(hostile_plant()))


def test_a_large_plant_is_summed_up():
    boxes, where = places(picture_of(crowd(500)))
    assert sum(box.count for box in boxes) == 500
    assert sum(len(box.chips) for box in boxes) < 120
    assert all(box.count == len(box.chips) + sum(number for _, number in box.more) for box in boxes)
    assert len(set(where.values())) == len([box for box in boxes if box.count])
