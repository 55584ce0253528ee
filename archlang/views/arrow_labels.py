"""The places of arrows' labels in the built-in engine's drawing: beside their line, on no box, title or other label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archlang.views.canvas.letters import width_of
from archlang.views.layers import Layout, Point, Rect
from archlang.views.measure import SMALL
from archlang.views.picture import Picture

CELL = 64.0
"""The side of the squares that what is placed already is looked up by, in points."""

ALONG, BENT = (0.5, 0.25, 0.75, 0.12, 0.88), (0.12, 0.88, 0.5, 0.25, 0.75)
"""Places of a label on a straight stretch of its arrow, and on a bent one, the usual place first.

Bent stretches of many arrows run side by side in their middles.
"""


class _Taken:
    """All that stands on the page already, by the squares that it touches: a look does not go through all of it."""

    def __init__(self) -> None:
        self.squares: dict[tuple[int, int], list[Rect]] = {}

    def add(self, place: Rect) -> None:
        for square in _touched(place):
            self.squares.setdefault(square, []).append(place)

    def is_free(self, place: Rect) -> bool:
        near = (other for square in _touched(place) for other in self.squares.get(square, ()))
        return not any(
            place.x < other.x + other.w and other.x < place.x + place.w
            and place.y < other.y + other.h and other.y < place.y + place.h for other in near
        )


def label_places(picture: Picture, done: Layout) -> dict[int, Point]:
    """Find for each label, by its arrow's number, where its letters begin on their line.

    A label that finds no free place is left out where another arrow of the same box says the same; else it covers what
    is there.
    """
    taken = _Taken()
    for box in done.boxes.values():
        taken.add(box)
    for cluster in picture.clusters:
        frame = done.frames[cluster.id]
        taken.add(Rect(frame.x + 7, frame.y + 5, width_of(cluster.label, 10.0) + 4, 12.0))
        for line in _lines(frame):
            taken.add(line)

    found: dict[int, Point] = {}
    said: set[tuple[str, str]] = set()
    waiting: list[int] = []
    for number, arrow in enumerate(picture.arrows):
        if not arrow.label or number not in done.routes:
            continue
        place = _free_place(done.routes[number], arrow.label, picture.sideways, taken)
        if place is None:
            waiting.append(number)
            continue
        found[number] = place
        taken.add(_ground(place, arrow.label))
        said.add((arrow.tail, arrow.label))

    # Only now is it known what the others say.
    for number in waiting:
        arrow = picture.arrows[number]
        if (arrow.tail, arrow.label) not in said:
            found[number] = next(_candidates(done.routes[number], arrow.label, picture.sideways))
            said.add((arrow.tail, arrow.label))
    return found


def _free_place(points: Sequence[Point], label: str, sideways: bool, taken: _Taken) -> Point | None:
    places = _candidates(points, label, sideways)
    return next((place for place in places if taken.is_free(_ground(place, label))), None)


def _candidates(points: Sequence[Point], label: str, sideways: bool) -> Iterator[Point]:
    """The places beside an arrow: those at straight stretches first, at long ones before short ones."""
    wide = width_of(label, SMALL)
    along, needed = 1, SMALL
    if sideways:
        along, needed = 0, wide

    def is_bent(pair: tuple[Point, Point]) -> bool:
        start, end = pair
        return abs(end[1 - along] - start[1 - along]) > 0.1 or abs(end[along] - start[along]) < needed

    def rank(pair: tuple[Point, Point]) -> tuple[bool, float]:
        start, end = pair
        return is_bent(pair), -abs(end[along] - start[along])

    for start, end in sorted(pairwise(points), key=rank):
        bent = is_bent((start, end))
        for share in BENT if bent else ALONG:
            x, y = _on_curve(start, end, share, sideways)
            # On the side that the curve does not turn to, or has not come from.
            turns = bent and (end[1 - along] - start[1 - along]) * (0.5 - share) > 0
            if sideways:
                yield x - wide / 2, y - 4.0
            elif turns:
                yield x - 4.0 - wide, y + 3.0
            else:
                yield x + 4.0, y + 3.0


def _on_curve(start: Point, end: Point, share: float, sideways: bool) -> Point:
    """A point of the curve from place to place that leaves and arrives along the layout (a cubic of Bézier's)."""
    (x, y), (x1, y1) = start, end
    # Across, both handles lie at the ends; along, both lie in the middle.
    bent, even = 3 * share**2 - 2 * share**3, 1.5 * share * (1 - share) + share**3
    if sideways:
        return x + (x1 - x) * even, y + (y1 - y) * bent
    return x + (x1 - x) * bent, y + (y1 - y) * even


def _lines(frame: Rect) -> Iterator[Rect]:
    """The four lines of a frame."""
    for y in (frame.y, frame.y + frame.h):
        yield Rect(frame.x, y, frame.w, 0.0)
    for x in (frame.x, frame.x + frame.w):
        yield Rect(x, frame.y, 0.0, frame.h)


def _ground(place: Point, label: str) -> Rect:
    x, y = place
    return Rect(x - 1, y - SMALL * 0.8, width_of(label, SMALL) + 2, SMALL)


def _touched(place: Rect) -> list[tuple[int, int]]:
    across = range(int(place.x // CELL), int((place.x + place.w) // CELL) + 1)
    down = range(int(place.y // CELL), int((place.y + place.h) // CELL) + 1)
    return [(column, row) for column in across for row in down]
