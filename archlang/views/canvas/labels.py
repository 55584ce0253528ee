"""Names beside dots, where they cover neither each other nor another dot."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.views.canvas.letters import width_of
from archlang.views.canvas.shapes import Anchor, Lettering
from archlang.views.palette import INK

SIZE, AWAY = 9.5, 6.0
"""Letters, and the distance of a name from the middle of its dot, in points."""

LINES = (0, 1, -1, 2, -2, 3)
"""Lines of a name, the nearest first: 0 is above its dot, 1 below it."""

SIDES: tuple[Anchor, ...] = ("start", "end")

Spot = tuple[float, float]
Extent = tuple[float, float, float, float]


def labels(dots: Sequence[Spot], names: Sequence[str], width: float, height: float) -> list[Lettering]:
    """Write a name beside each dot of a frame that is so wide and high, at the first free place around it.

    Places are tried above right, above left, below right, below left, then a line further off. Dots at one spot share
    their names.

    >>> [(label.x, label.y, label.anchor) for label in labels([(10, 50), (98, 50)], ["a", "b"], 100, 100)]
    [(16.0, 45.0, 'start'), (92.0, 45.0, 'end')]
    """
    called: dict[Spot, list[str]] = {}
    for dot, name in zip(dots, names, strict=True):
        called.setdefault((round(dot[0], 1), round(dot[1], 1)), []).append(name)

    # The dots themselves are taken from the beginning, those that come later too.
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in called]
    written = []
    for (x, y), shared in called.items():
        text = ", ".join(shared)
        places = [_label(text, x, y, side, line) for line in LINES for side in SIDES]
        free = [place for place in places if _fits(place, width, height, taken)]
        # Crowded beyond hope: a name that covers something is better than none.
        chosen = (free or places)[0]
        written.append(chosen)
        taken.append(_extent(chosen))
    return written


def _label(text: str, x: float, y: float, side: Anchor, line: int) -> Lettering:
    """The name on a side of its dot: on line 0 above it, on line 1 below it."""
    left = x + AWAY
    if side == "end":
        left = x - AWAY
    return Lettering(left, y - 5 + line * (SIZE + 6), text, SIZE, INK, side)


def _extent(label: Lettering) -> Extent:
    wide = width_of(label.text, label.size)
    left = label.x
    if label.anchor == "end":
        left -= wide
    return left, label.y - 0.8 * label.size, left + wide, label.y + 0.2 * label.size


def _fits(label: Lettering, width: float, height: float, taken: Sequence[Extent]) -> bool:
    left, top, right, bottom = _extent(label)
    if left < 0 or top < 0 or right > width or bottom > height:
        return False
    return not any(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in taken
    )
