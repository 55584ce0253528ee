"""A plot with axes: a title, ticks, labels with units, names at the ends of lines, nothing cut off."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archlang.views.canvas.letters import width_of
from archlang.views.canvas.scales import Scale, bounds
from archlang.views.canvas.shapes import Anchor, Disc, Lettering, Page, Pen, Polyline, Rectangle, Shape, Spot, placed_at
from archlang.views.elements import shade
from archlang.views.palette import FRAME, INK, QUIET, dashes, hue

SMALL, TEXT, TITLE = 9.5, 11.0, 12.0
GRID = Pen("#dfe4e9", 0.6)
KEY = 18.0
"""The length of the piece of a line beside its name."""

APART = 12.0
"""Points between the names of neighbouring lines."""

NUMBERED = 26.0
"""Cells of at least this size have their number in them."""


class Plot:
    """A frame of `width` x `height` points with two axes; what is drawn is in the axes' numbers.

    `grid` draws thin lines at the ticks of the upright axis.
    """

    def __init__(self, title: str, x: Scale, y: Scale, width: float = 320.0, height: float = 190.0,
                 grid: bool = True) -> None:
        self.title, self.x, self.y = title, x, y
        self.width, self.height, self.grid = width, height, grid
        self.shapes: list[Shape] = []
        self.ends: list[tuple[float, str, str]] = []  # names at the right edge: height, text, colour
        self.room = 0.0  # points to the right of the frame for what a caller draws there
        self.keys: list[tuple[str, int]] = []  # names with a piece of their line, from the top right corner down

    def at(self, x: float, y: float) -> Spot:
        """The place of two numbers, from the frame's top left corner."""
        return self.width * self.x.share(x), self.height * (1 - self.y.share(y))

    def line(self, points: Sequence[tuple[float, float]], name: str = "", number: int = 0, width: float = 1.6) -> None:
        """Draw a line through points; `number` gives it a colour and dashes of its own, its name stands at its end.

        Where a number is not finite the line has a gap.
        """
        for run in _runs(points):
            places = tuple(self.at(x, y) for x, y in run)
            pen = Pen(hue(number), width, dashes(number))
            if len(places) > 1:
                self.shapes.append(Polyline(places, pen, tip=name))
            else:  # one point alone has no line
                self.shapes.append(Disc(*places[0], 2.0, 2.0, hue(number)))

        known = [point for run in _runs(points) for point in run]
        if name and known:
            self.ends.append((self.at(*known[-1])[1], name, hue(number)))

    def band(self, points: Sequence[tuple[float, float, float]], number: int = 0) -> None:
        """Shade from one height to another: (x, low, high)."""
        lower = [self.at(x, low) for x, low, _ in points]
        upper = [self.at(x, high) for x, _, high in points]
        self.shapes.append(Polyline((*lower, *reversed(upper)), None, hue(number), closed=True, opacity=0.15))

    def area(self, points: Sequence[tuple[float, float]], name: str = "", number: int = 0,
             opacity: float = 0.18, hiding: bool = False) -> None:
        """Fill an area and draw its outline; with `hiding` nothing behind it shows through."""
        places = tuple(self.at(x, y) for x, y in points)
        if hiding:
            self.shapes.append(Polyline(places, None, "#ffffff", closed=True))
        pen = Pen(hue(number), 1.2, dashes(number))
        self.shapes.append(Polyline(places, pen, hue(number), closed=True, opacity=opacity, tip=name))

    def dot(self, x: float, y: float, number: int = 0, radius: float = 3.0, tip: str = "") -> None:
        """Draw a dot."""
        self.shapes.append(Disc(*self.at(x, y), radius, radius, hue(number), tip=tip))

    def bar(self, x: float, low: float, high: float, number: int = 0, width: float = 1.2) -> None:
        """Draw an upright bar, such as an interval."""
        self.shapes.append(Polyline((self.at(x, low), self.at(x, high)), Pen(hue(number), width)))

    def rule(self, value: float, name: str = "") -> None:
        """Draw a dotted line across at a height."""
        y = self.at(self.x.low, value)[1]
        self.shapes.append(Polyline(((0.0, y), (self.width, y)), Pen(QUIET, 1.0, (1.5, 2.5))))
        if name:
            self.ends.append((y, name, QUIET))

    def stand(self, value: float) -> None:
        """Draw a dotted line upwards at a place of the lying axis."""
        x = self.at(value, self.y.low)[0]
        self.shapes.append(Polyline(((x, 0.0), (x, self.height)), Pen(QUIET, 1.0, (1.5, 2.5))))

    def cells(self, rows: Sequence[Sequence[float]], low: float, high: float, form: str = "") -> None:
        """Fill the frame with cells, the first row at the top, from white (`low`) to dark blue (`high`).

        With a `form` such as `.2f` cells that are large enough show their numbers, the largest of all in bold. Numbers
        that are not finite stay white.
        """
        most = max((v for row in rows for v in row if math.isfinite(v)), default=0.0)
        tall = self.height / max(len(rows), 1)
        for r, row in enumerate(rows):
            wide = self.width / len(row)
            for c, value in enumerate(row):
                share = _share(value, low, high)
                # Cells overlap a little, so that no viewer shows a hairline between them.
                self.shapes.append(Rectangle(c * wide, r * tall, wide + 0.25, tall + 0.25, shade(share)))
                if form and wide >= NUMBERED and tall >= SMALL + 4:
                    self._number(value, form, (c + 0.5) * wide, (r + 0.5) * tall, share, value == most)

    def _number(self, value: float, form: str, x: float, y: float, share: float, largest: bool) -> None:
        ink = INK
        if share > 0.55:  # dark letters could not be read on it
            ink = "#ffffff"
        text = format(value, form).replace("-", "−")
        self.shapes.append(Lettering(x, y + 3.4, text, SMALL, ink, "middle", bold=largest))

    def key(self, name: str, number: int) -> None:
        """Name the line or area of this number beside the frame, where it has no end to be named at."""
        self.keys.append((name, number))

    def words(self, x: float, y: float, text: str, colour: str = INK, anchor: Anchor = "start",
              size: float = SMALL) -> None:
        """Write at a place in the axes' numbers."""
        left, top = self.at(x, y)
        self.shapes.append(Lettering(left, top, text, size, colour, anchor))

    def page(self) -> Page:
        """The plot with its axes, as large as its texts need."""
        left = max((width_of(text, SMALL) for _, text in self.y.ticks), default=0.0) + 8
        if self.y.label:
            left += TEXT + 6
        right = max((width_of(name, SMALL) for _, name, _ in self.ends), default=0.0) + 10
        right = max([right, self.room, *(width_of(name, SMALL) + KEY + 16 for name, _ in self.keys)])
        top = 6.0
        if self.title:
            top += TITLE + 6

        below, axis = self._lying()
        ends = self._ends()
        # Names of many lines may be more than the frame is high.
        heights = [shape.y for shape in ends]
        over = max([0.0, *(SMALL - y for y in heights)])
        below = max([below, *(y + 3 - self.height for y in heights)])
        top = max(top, over)
        # The last tick's text reaches past the frame by half its width.
        if self.x.ticks and not self._upright():
            value, text = self.x.ticks[-1]
            over = self.at(value, self.y.low)[0] + width_of(text, SMALL) / 2 - self.width
            right = max(right, over + 2)
            value, text = self.x.ticks[0]
            left = max(left, width_of(text, SMALL) / 2 - self.at(value, self.y.low)[0])
        right = max(right, width_of(self.title, TITLE) - self.width + 2)
        right = max(right, width_of(self.x.label, TEXT) - self.width - left)

        whole = Page(0, 0, (*self._frame(), *self.shapes, *self._border(), *axis, *self._beside(left), *ends,
                           *self._keys()))
        shapes = placed_at(whole, left, top)
        if self.title:
            shapes.append(Lettering(left, top - 6, self.title, TITLE))
        # Names beside the frame may be more than it is high.
        high = max(self.height + below, APART * len(self.keys) + 4)
        return Page(left + self.width + right, top + high, tuple(shapes), self.title)

    def _frame(self) -> list[Shape]:
        found: list[Shape] = []
        if self.grid and not self.y.named:
            for value, _ in self.y.ticks:
                y = self.at(self.x.low, value)[1]
                found.append(Polyline(((0.0, y), (self.width, y)), GRID))
        return found

    def _border(self) -> list[Shape]:
        return [Rectangle(0.0, 0.0, self.width, self.height, None, Pen(FRAME, 0.9))]

    def _upright(self) -> bool:
        """Tell whether the texts below the lying axis would touch, and so read upwards."""
        if len(self.x.ticks) < 2:
            return False
        room = min(self.width * abs(self.x.share(b[0]) - self.x.share(a[0]))
                   for a, b in zip(self.x.ticks, self.x.ticks[1:], strict=False))
        return max(width_of(text, SMALL) for _, text in self.x.ticks) + 2 > room

    def _lying(self) -> tuple[float, list[Shape]]:
        """The height and the shapes of what stands below the frame."""
        found: list[Shape] = []
        below = 4.0
        upright = self._upright()
        for value, text in self.x.ticks:
            x = self.at(value, self.y.low)[0]
            if not self.x.named:
                found.append(Polyline(((x, self.height), (x, self.height + 3)), Pen(FRAME, 0.9)))
            if upright:
                found.append(Lettering(x + SMALL * 0.36, self.height + 6, text, SMALL, QUIET, "end", upright=True))
                below = max(below, width_of(text, SMALL) + 8)
            else:
                found.append(Lettering(x, self.height + SMALL + 5, text, SMALL, QUIET, "middle"))
                below = max(below, SMALL + 8)

        if self.x.label:
            below += TEXT + 4
            found.append(Lettering(self.width / 2, self.height + below - 4, self.x.label, TEXT, INK, "middle"))
        return below, found

    def _beside(self, left: float) -> list[Shape]:
        found: list[Shape] = []
        for value, text in self.y.ticks:
            y = self.at(self.x.low, value)[1]
            found.append(Lettering(-5, y + SMALL * 0.36, text, SMALL, QUIET, "end"))
        if self.y.label:
            found.append(Lettering(TEXT - left, self.height / 2, self.y.label, TEXT, INK, "middle", upright=True))
        return found

    def _ends(self) -> list[Lettering]:
        """The names of lines at the right edge, moved apart where lines end close to one another."""
        ordered = sorted(self.ends, key=lambda end: end[0])
        places = spread([end[0] for end in ordered], APART)
        return [Lettering(self.width + 6, place + SMALL * 0.36, name, SMALL, colour)
                for place, (_, name, colour) in zip(places, ordered, strict=True)]

    def _keys(self) -> list[Shape]:
        found: list[Shape] = []
        for place, (name, number) in enumerate(self.keys):
            y = 6.0 + APART * place
            line = ((self.width + 8, y), (self.width + 8 + KEY, y))
            found.append(Polyline(line, Pen(hue(number), 1.6, dashes(number))))
            found.append(Lettering(self.width + 12 + KEY, y + SMALL * 0.36, name, SMALL, hue(number)))
        return found


def spread(wishes: Sequence[float], apart: float) -> list[float]:
    """Places nearest to ascending wishes that keep a distance: neighbours that would touch share their middle.

    >>> spread([0.0, 1.0, 50.0], 10.0)
    [-4.5, 5.5, 50.0]
    """
    pools: list[tuple[float, int]] = []
    for place, wish in enumerate(wishes):
        mean, count = wish - apart * place, 1
        # Pool adjacent violators: in shifted numbers, places may not descend.
        while pools and pools[-1][0] > mean:
            other, size = pools.pop()
            mean, count = (other * size + mean * count) / (size + count), size + count
        pools.append((mean, count))

    shifted = [mean for mean, count in pools for _ in range(count)]
    return [value + apart * place for place, value in enumerate(shifted)]


def colour_bar(low: float, high: float, label: str, height: float = 120.0, form: str = ".3g") -> Page:
    """Draw what the shades of cells mean: the lightest at the bottom, the darkest at the top."""
    parts: list[Shape] = []
    count = 40
    for i in range(count):
        # From the top down; cells overlap a little.
        parts.append(Rectangle(0, height * i / count, 11, height / count + 0.3, shade(1 - i / (count - 1))))
    parts.append(Rectangle(0, 0, 11, height, None, Pen(FRAME, 0.9)))

    wide = 0.0
    scale = bounds(low, high)
    for value in dict.fromkeys((scale.low, (scale.low + scale.high) / 2, scale.high)):
        text = format(value, form).replace("-", "−")
        y = height * (1 - scale.share(value))
        parts.append(Lettering(16, y + SMALL * 0.36, text, SMALL, QUIET))
        wide = max(wide, width_of(text, SMALL))

    parts.append(Lettering(16 + wide + TEXT + 3, height / 2, label, TEXT, INK, "middle", upright=True))
    shown = placed_at(Page(0, 0, tuple(parts)), 0.0, 24.0)
    return Page(16 + wide + TEXT + 8, height + 30, tuple(shown))


def _share(value: float, low: float, high: float) -> float:
    if not math.isfinite(value):
        return 0.0
    # One number alone has no scale: it gets the middle of it.
    if not high > low:
        return 0.5
    return (value - low) / (high - low)


def _runs(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The stretches of a line between numbers that are not finite."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if all(map(math.isfinite, point)):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
