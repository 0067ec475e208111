"""Where things stand on the map: levels as bands, zones as boxes in them, conversations as lines in the channels between.

Every line runs through channels that no box stands in: down into the channel below its box, along it, and, where the other box is not in
the next row, along a gutter at the side. Each line has a lane of its own, so that none hides another.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sensor.report.places import Chip, Place

WIDTH = 1240
LABELS = 128
CHIP_WIDTH, CHIP_HEIGHT = 168, 38
_GAP, _PADDING, _TITLE, _FOOT = 20, 10, 24, 20
_LANE, _CHANNEL = 9, 13
_PORT = 8
_CORNER = 5
_COLUMNS = 3
_MANY_BOXES = 14
"""More than these are drawn narrow, so that several stand in a row."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is to be drawn from one box to another.

    style: class of the line, "ask". title: what it says, for a screen reader and the mouse.
    number: of the violation, to find it in the table.
    """

    source: str
    target: str
    style: str
    title: str
    weight: float = 1.5
    number: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A line with the corners it goes through; badge: where its number stands."""

    line: Line
    d: str
    badge: tuple[float, float]


@dataclass(slots=True)
class Box:
    """A place with where it stands; chips with theirs, from the box's corner."""

    place: Place
    chips: list[tuple[int, int, Chip]]
    width: int
    height: int
    x: float = 0
    y: float = 0


@dataclass(frozen=True, slots=True)
class Band:
    """The stripe of one level."""

    level: float | None
    y: float
    height: float
    count: int


@dataclass(slots=True)
class Drawing:
    """All that the template draws."""

    bands: list[Band]
    boxes: list[Box]
    paths: list[Path]
    width: float
    height: float


@dataclass(slots=True)
class _Route:
    """A line with its rows, and what it was given: ports and lanes. Rows count from the top; channel n is above row n."""

    line: Line
    rows: tuple[int, int]
    gutter: int | None = None
    ports: list[float] = field(default_factory=lambda: [0.0, 0.0])
    lanes: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[int, int]:
        """The channels of its first and its last corner."""
        first, last = self.rows
        if first == last:
            return first + 1, first + 1
        return (first + 1, last) if first < last else (first, last + 1)


def draw(places: Sequence[Place], lines: Iterable[Line]) -> Drawing:
    """Find a place for everything."""
    most = _COLUMNS if len(places) <= _MANY_BOXES else 1
    rows = _rows([_box(place, most) for place in places])
    at = {box.place.key: (number, box) for number, row in enumerate(rows) for box in row}
    routes = [_route(line, at) for line in lines if line.source in at and line.target in at]
    left, right = (sum(route.gutter == side for route in routes) for side in (0, 1))
    gutters = (LABELS + 8 + _LANE * left, WIDTH + _LANE * left)
    _stand(rows, gutters)
    _ports(routes, at, gutters)
    _lanes(routes, gutters)
    channels = _channels(len(rows) + 1, routes)
    bands, height = _heights(rows, channels)
    tops = _tops(rows, channels)
    width = gutters[1] + _LANE * right + 12
    paths = [_path(route, at, tops, gutters, width) for route in routes]
    return Drawing(bands, [box for row in rows for box in row], paths, width, height)


def _box(place: Place, most: int) -> Box:
    count = len(place.chips)
    columns = min(most, max(1, count if count < 3 else -(-count // 3) if count > 4 else 2))
    chips = [
        (_PADDING + number % columns * (CHIP_WIDTH + 6), _TITLE + 4 + number // columns * (CHIP_HEIGHT + 6), chip)
        for number, chip in enumerate(place.chips)
    ]
    width = 2 * _PADDING + columns * CHIP_WIDTH + (columns - 1) * 6
    height = _TITLE + 4 + -(-count // columns) * (CHIP_HEIGHT + 6) + (_FOOT if place.more else 4)
    return Box(place, chips, width, height)


def _rows(boxes: Iterable[Box]) -> list[list[Box]]:
    """Boxes in rows: a level has as many as its boxes need."""
    rows: list[list[Box]] = []
    used = 0
    for box in boxes:
        if not rows or rows[-1][0].place.level != box.place.level or used + box.width > WIDTH - LABELS - 8 - 2 * _GAP:
            rows.append([])
            used = 0
        rows[-1].append(box)
        used += box.width + _GAP
    return rows


def _stand(rows: Sequence[list[Box]], gutters: tuple[float, float]) -> None:
    """Spread the boxes of each row over the width, those of one zone below each other: the fullest row leads, the others follow it."""
    left, right = gutters[0] + _GAP, gutters[1] - _GAP / 2
    centres: dict[str, float] = {}
    widest = max(range(len(rows)), key=lambda number: sum(box.width for box in rows[number]), default=0)
    for number in (*range(widest, len(rows)), *range(widest - 1, -1, -1)):
        row = rows[number]
        free = max(0, right - left - sum(box.width for box in row)) / (len(row) + 1)
        x, wanted = left + free, {}
        for box in row:
            wanted[box.place.key] = centres.get(box.place.title, x + box.width / 2)
            x += box.width + free
        row.sort(key=lambda box: wanted[box.place.key])
        _pack(row, wanted, left, right)
        for box in row:
            centres[box.place.title] = box.x + box.width / 2


def _pack(row: Sequence[Box], wanted: Mapping[str, float], left: float, right: float) -> None:
    """Put boxes where they want to be, as far as they do not overlap."""
    for box in row:
        box.x = round(max(left, wanted[box.place.key] - box.width / 2))
        left = box.x + box.width + _GAP
    for box in reversed(row):
        box.x = min(box.x, round(right - box.width))
        right = box.x - _GAP


def _route(line: Line, at: dict[str, tuple[int, Box]]) -> _Route:
    first, last = at[line.source][0], at[line.target][0]
    far = abs(first - last) > 1
    return _Route(line, (first, last), (1 if line.number else 0) if far else None)


def _ports(routes: Sequence[_Route], at: dict[str, tuple[int, Box]], gutters: tuple[float, float]) -> None:
    """Where each line leaves its box: in the order of where it goes, so that few cross. Ports of upper and lower edges never meet."""
    edges: defaultdict[tuple[str, bool], list[tuple[float, int, int]]] = defaultdict(list)
    for number, route in enumerate(routes):
        keys = (route.line.source, route.line.target)
        for end in (0, 1):
            _, other = at[keys[1 - end]]
            towards = other.x + other.width / 2 if route.gutter is None else gutters[route.gutter]
            below = route.channels[end] > route.rows[end]
            edges[keys[end], below].append((towards, number, end))
    for (key, below), ends in edges.items():
        box = at[key][1]
        step = min(26.0, (box.width - 24) / (len(ends) + 1))
        start = box.x + box.width / 2 - step * (len(ends) - 1) / 2
        for place, (_, number, end) in enumerate(sorted(ends)):
            x = start + step * place
            routes[number].ports[end] = round(x / _PORT) * _PORT + (_PORT / 2 if below else 0) if step >= _PORT else x


def _lanes(routes: Sequence[_Route], gutters: tuple[float, float]) -> None:
    """Give each stretch along a channel or a gutter a lane of its own."""
    stretches: defaultdict[tuple[str, int], list[tuple[float, float, _Route]]] = defaultdict(list)
    for route in routes:
        first, last = route.channels
        if route.gutter is None:
            low, high = sorted(route.ports)
            stretches["channel", first].append((low, high, route))
            continue
        for channel, port in zip((first, last), route.ports, strict=True):
            low, high = sorted((port, gutters[route.gutter]))
            stretches["channel", channel].append((low, high, route))
        stretches["gutter", route.gutter].append((min(first, last), max(first, last), route))
    for key, found in stretches.items():
        ends: list[float] = []
        for low, high, route in sorted(found, key=lambda stretch: (stretch[0], stretch[1])):
            lane = next((lane for lane, end in enumerate(ends) if end + _PORT < low), len(ends))
            if lane == len(ends):
                ends.append(high)
            ends[lane] = high
            route.lanes[key] = lane


def _channels(count: int, routes: Iterable[_Route]) -> list[float]:
    """The height of each channel."""
    most = [0] * count
    for route in routes:
        for (kind, place), lane in route.lanes.items():
            if kind == "channel":
                most[place] = max(most[place], lane + 1)
    return [2 * _CHANNEL + _LANE * max(0, lanes - 1) if lanes else _CHANNEL for lanes in most]


def _tops(rows: Sequence[list[Box]], channels: Sequence[float]) -> list[float]:
    """Where each channel begins, and the y of each box."""
    tops, y = [], 8.0
    for row, channel in zip(rows, channels, strict=False):
        tops.append(y)
        y += channel
        for box in row:
            box.y = y
        y += max(box.height for box in row)
    return [*tops, y]


def _heights(rows: Sequence[list[Box]], channels: Sequence[float]) -> tuple[list[Band], float]:
    """Bands meet in the middle of the channel between them."""
    tops = _tops(rows, channels)
    bands: list[Band] = []
    for number, row in enumerate(rows):
        top = tops[number] + (channels[number] / 2 if number else 0)
        bottom = tops[number + 1] + channels[number + 1] / (2 if number + 1 < len(rows) else 1)
        count = sum(box.place.count for box in row)
        if bands and bands[-1].level == row[0].place.level:
            bands[-1] = replace(bands[-1], height=bottom - bands[-1].y, count=bands[-1].count + count)
        else:
            bands.append(Band(row[0].place.level, top, bottom - top, count))
    return bands, tops[-1] + channels[-1] + 8


def _path(route: _Route, at: dict[str, tuple[int, Box]], tops: Sequence[float], gutters: tuple[float, float], width: float) -> Path:
    ends = []
    for end, key in enumerate((route.line.source, route.line.target)):
        box, channel = at[key][1], route.channels[end]
        below = channel > route.rows[end]
        y = tops[channel] + _CHANNEL + _LANE * route.lanes["channel", channel]
        ends.append((route.ports[end], box.y + box.height + 0.5 if below else box.y - 0.5, y))
    (x1, from_y, y1), (x2, to_y, y2) = ends
    if route.gutter is None:
        corners = [(x1, from_y), (x1, y1), (x2, y1), (x2, to_y)]
        badge = ((x1 + x2) / 2, y1)
    else:
        lane = _LANE * (route.lanes["gutter", route.gutter] + 1)
        x = gutters[route.gutter] + (lane if route.gutter else -lane + 8)
        corners = [(x1, from_y), (x1, y1), (x, y1), (x, y2), (x2, y2), (x2, to_y)]
        # A number of four characters has room on both sides.
        badge = (min(x, width - 20.0), y1 + (y2 - y1) * (0.3 + 0.2 * (route.lanes["gutter", route.gutter] % 3)))
    return Path(route.line, _rounded(corners), badge)


def _rounded(corners: Sequence[tuple[float, float]]) -> str:
    """A path through corners, those rounded."""
    parts = [f"M{corners[0][0]:g} {corners[0][1]:g}"]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        start, end = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    parts.append(f"L{corners[-1][0]:g} {corners[-1][1]:g}")
    return "".join(parts)


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point on the way from a corner where its rounding begins."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx), abs(dy))
    part = min(_CORNER, length / 2) / length if length else 0
    return corner[0] + dx * part, corner[1] + dy * part
