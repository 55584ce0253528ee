"""The built-in layout, for machines without Graphviz: layers from top to bottom, frames as nested rectangles.

Sugiyama, Tagawa and Toda's method (1981), one frame at a time from the inside out: layers by longest way, lanes for
arrows that pass a layer, order by barycentres, places by least squares that keep the order (pool adjacent violators).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise

from archlang.views.measure import SMALL, box_size, text_width
from archlang.views.picture import Picture, Turn
from archlang.views.turns import in_turn

GAP_X, GAP_Y, LANE, PAD, TITLE = 18.0, 34.0, 9.0, 12.0, 14.0
SWEEPS = 12
LANES = 10_000
"""Places of lanes in all layers of a frame, at most. Arrows past that, the longest, go straight."""

FAR = 1e5
"""How far apart neighbours in a layer are, seen from where arrows meet one of them."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    """A place: left, top, width, height, in points."""

    x: float
    y: float
    w: float
    h: float


@dataclass
class Layout:
    """The place of everything: boxes and frames by id, for every arrow (by number) the points it runs through."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    routes: dict[int, list[Point]] = field(default_factory=dict)


@dataclass(eq=False)
class _Item:
    """A thing in a layer: a box, a frame (`inner` is its layout), or the lane of an arrow."""

    w: float
    h: float
    name: str = ""
    inner: Layout | None = None
    turn: Turn | None = None
    rank: int = 0
    x: float = 0.0
    above: list[tuple[_Item, int]] = field(default_factory=list)
    below: list[tuple[_Item, int]] = field(default_factory=list)

    def port(self, arrow: int, bottom: bool) -> float:
        """The place where the arrow meets the item, from its middle to the right."""
        if self.inner is None or arrow not in self.inner.routes:
            return 0.0

        end = 0
        if bottom:
            end = -1
        return self.inner.routes[arrow][end][0] - self.w / 2


Ends = tuple[_Item | None, _Item | None]
"""The items that an arrow joins; None for an end outside the frame."""


def layout(picture: Picture) -> Layout:
    """Find a place for everything in the picture; an arrow against the order of its frames goes straight."""
    done = _Frame(picture, _homes(picture), None).placed()
    for number, arrow in enumerate(picture.arrows):
        tail, head = done.boxes[arrow.tail], done.boxes[arrow.head]
        start, stop = (tail.x + tail.w / 2, tail.y + tail.h), (head.x + head.w / 2, head.y)

        points = done.routes.get(number, [])

        # Arrows that lead back, or past the frames that they were routed in, go straight.
        if len(points) < 2 or _far(points[0], start) or _far(points[-1], stop):
            done.routes[number] = [start, stop]
    return done


def _far(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.1


def _homes(picture: Picture) -> dict[str, tuple[str | None, ...]]:
    """For every box the frames around it, from the outermost (None: the picture itself) on."""
    chains: dict[str | None, tuple[str | None, ...]] = {None: (None,)}
    for cluster in picture.clusters:
        chains[cluster.id] = (*chains[cluster.parent], cluster.id)
    return {box.id: chains[box.cluster] for box in picture.boxes}


class _Frame:
    """One frame being laid out; frames inside are finished first."""

    def __init__(self, picture: Picture, homes: dict[str, tuple[str | None, ...]], name: str | None) -> None:
        self.picture, self.homes, self.name = picture, homes, name
        self.items: dict[str, _Item] = {}

        boxes, clusters = picture.inside(name)
        inner = {c.id: _Frame(picture, homes, c.id).placed() for c in clusters}
        turns = {c.id: c.turn for c in clusters}
        titles = {c.id: text_width(c.label, SMALL + 1) + 2 * PAD for c in clusters}
        for box in boxes:
            self.items[box.id] = _Item(*box_size(box), box.id, turn=box.turn)
        for key, done in inner.items():
            self.items[key] = _Item(max(done.width, titles[key]), done.height, key, done, turns[key])

        # Items stand in program order, a frame where its first box stands.
        first = {key: i for i, key in reversed([(i, self._holder(b.id)) for i, b in enumerate(picture.boxes)]) if key}
        self.order = self._ordered(sorted(self.items, key=lambda key: first[key]))

    def _ordered(self, names: list[str]) -> dict[str, int]:
        """Each item's number in an order in which arrows lead on, as far as frames allow one."""
        into: dict[str, set[str]] = {name: set() for name in names}
        onward: dict[str, set[str]] = {name: set() for name in names}
        for tail, head in self._joined():
            if tail and head and tail != head:
                into[head].add(tail)
                onward[tail].add(head)

        # A heap of places: of what is ready, the first in program order comes next.
        rank = {name: i for i, name in enumerate(names)}
        ready = [i for i, name in enumerate(names) if not into[name]]
        waiting = iter(range(len(names)))
        order: dict[str, int] = {}
        while len(order) < len(names):
            if ready:
                name = names[heappop(ready)]
            else:  # frames in a circle: the first in program order goes first
                name = names[next(i for i in waiting if names[i] not in order)]
            if name in order:
                continue

            order[name] = len(order)
            for other in onward[name]:
                into[other].discard(name)
                if not into[other]:
                    heappush(ready, rank[other])

        return order

    def _joined(self) -> Iterator[tuple[str | None, str | None]]:
        for arrow in self.picture.arrows:
            yield self._holder(arrow.tail), self._holder(arrow.head)

    def _holder(self, box: str) -> str | None:
        """The item in this frame that is the box or holds it."""
        chain = self.homes[box]
        if self.name not in chain:
            return None

        at = chain.index(self.name) + 1
        if at < len(chain):
            return chain[at]
        return box

    def placed(self) -> Layout:
        """Layers, lanes, order, places; then all as one layout with its corner at (0, 0)."""
        ends = self._ends()
        self._rank(ends)

        layers: list[list[_Item]] = [[] for _ in range(1 + max((i.rank for i in self.items.values()), default=0))]
        for key in self.order:
            layers[self.items[key].rank].append(self.items[key])

        ends = self._affordable(ends, len(layers))
        lanes = self._lanes(ends, layers)
        _arrange(layers)
        _place(layers)
        return self._finish(layers, ends, lanes)

    def _ends(self) -> dict[int, Ends]:
        """The arrows that matter here, with the items at their ends; None for an end outside."""
        ends: dict[int, Ends] = {}
        for number, (tail, head) in enumerate(self._joined()):
            # An arrow inside an item is that item's own affair, and one that leads back would make a circle.
            inside = tail == head
            backward = tail and head and self.order[tail] > self.order[head]
            if not inside and not backward:
                ends[number] = (self.items.get(tail or ""), self.items.get(head or ""))
        return ends

    def _rank(self, ends: dict[int, Ends]) -> None:
        into: dict[str, list[_Item]] = {}
        for tail, head in ends.values():
            if tail and head:
                into.setdefault(head.name, []).append(tail)

        for key in self.order:
            self.items[key].rank = max((tail.rank + 1 for tail in into.get(key, [])), default=0)

    def _affordable(self, ends: dict[int, Ends], layers: int) -> dict[int, Ends]:
        """The arrows that get lanes, short ones first: each takes a place in every layer that it passes."""
        spans = {number: _passed(tail, head, layers) for number, (tail, head) in ends.items()}
        if sum(map(len, spans.values())) <= LANES:
            return ends

        kept: dict[int, Ends] = {}
        left = LANES
        for number in sorted(spans, key=lambda number: len(spans[number])):
            left -= len(spans[number])
            if left < 0:
                break
            kept[number] = ends[number]
        return kept

    def _lanes(self, ends: dict[int, Ends], layers: list[list[_Item]]) -> dict[int, list[_Item]]:
        lanes: dict[int, list[_Item]] = {}
        for number, (tail, head) in ends.items():
            arrow = self.picture.arrows[number]
            # A label stands beside its lane, and needs its room there.
            wide = LANE
            if arrow.label:
                wide += 1.4 * text_width(arrow.label, SMALL)
            lanes[number] = [_Item(wide, 0.0, rank=rank) for rank in _passed(tail, head, len(layers))]
            for lane in lanes[number]:
                layers[lane.rank].append(lane)

            chain = [item for item in (tail, *lanes[number], head) if item]
            for upper, lower in pairwise(chain):
                upper.below.append((lower, number))
                lower.above.append((upper, number))
        return lanes

    def _finish(
        self,
        layers: list[list[_Item]],
        ends: dict[int, Ends],
        lanes: dict[int, list[_Item]],
    ) -> Layout:
        # Items are placed by their middles, of which some lie left of 0.
        left = min((i.x - i.w / 2 for layer in layers for i in layer), default=0.0) - PAD
        right = max((i.x + i.w / 2 for layer in layers for i in layer), default=0.0) + PAD
        top = PAD + TITLE
        done = Layout(width=right - left)

        tops, heights = [], []
        for layer in layers:
            tops.append(top)
            heights.append(max((item.h for item in layer), default=0.0))
            top += heights[-1] + GAP_Y
        done.height = top - GAP_Y + PAD

        for item in self.items.values():
            y = tops[item.rank] + (heights[item.rank] - item.h) / 2
            self._settle(done, item, item.x - left - item.w / 2, y)

        for number, (tail, head) in ends.items():
            passing = [(i.x - left, tops[i.rank] + part * heights[i.rank]) for i in lanes[number] for part in (0, 1)]
            done.routes[number] = [*_leave(done, tail, number), *passing, *_enter(done, head, number)]
        return done

    def _settle(self, done: Layout, item: _Item, x: float, y: float) -> None:
        if item.inner is None:
            done.boxes[item.name] = Rect(x, y, item.w, item.h)
            return

        done.frames[item.name] = Rect(x, y, item.w, item.h)
        for into, inner in ((done.boxes, item.inner.boxes), (done.frames, item.inner.frames)):
            into.update((key, Rect(r.x + x, r.y + y, r.w, r.h)) for key, r in inner.items())

        for number, points in item.inner.routes.items():
            # Moved in place: arrows of this frame that lead into the inner one go on from these points.
            item.inner.routes[number] = [(px + x, py + y) for px, py in points]
            done.routes[number] = item.inner.routes[number]


def _passed(tail: _Item | None, head: _Item | None, layers: int) -> range:
    """The layers between the ends of an arrow; an end outside the frame lies before the first or behind the last."""
    start, stop = 0, layers
    if tail:
        start = tail.rank + 1
    if head:
        stop = head.rank
    return range(start, max(stop, start))


def _leave(done: Layout, item: _Item | None, number: int) -> list[Point]:
    if item is None:
        return []
    if item.inner is not None:
        return item.inner.routes[number]
    rect = done.boxes[item.name]
    return [(rect.x + rect.w / 2, rect.y + rect.h)]


def _enter(done: Layout, item: _Item | None, number: int) -> list[Point]:
    if item is None:
        return []
    if item.inner is not None:
        return item.inner.routes[number]
    rect = done.boxes[item.name]
    return [(rect.x + rect.w / 2, rect.y)]


def _arrange(layers: list[list[_Item]]) -> None:
    """Order every layer by the middle of its neighbours' places, down and up in turn."""
    # Three times down and up: more sweeps hardly lower the number of crossings.
    for down in (True, False) * 3:
        place = {id(item): share for layer in layers for item, share in _shares(layer)}
        for layer in _sweep(layers, down):
            if len(layer) == 1:  # there is no other order, and no other place
                continue

            # All keys before sorting: places change while a layer is put in order.
            keys = {id(item): _middle(item, place, down) for item in layer}
            layer.sort(key=lambda item: keys[id(item)])
            layer[:] = in_turn(layer, lambda item: item.turn)
            place.update((id(item), share) for item, share in _shares(layer))


def _sweep(layers: list[list[_Item]], down: bool) -> list[list[_Item]]:
    if down:
        return layers
    return layers[::-1]


def _shares(layer: list[_Item]) -> list[tuple[_Item, float]]:
    """Each item of a layer with its place in the order, from 0 to 1."""
    return [(item, i / max(len(layer) - 1, 1)) for i, item in enumerate(layer)]


def _joined(item: _Item, down: bool) -> list[tuple[_Item, int]]:
    """The neighbours that an item follows in a sweep, and the numbers of the arrows between."""
    if down:
        return item.above
    return item.below


def _middle(item: _Item, place: dict[int, float], down: bool) -> float:
    # A port counts less than any step in the order: it only decides between equal neighbours.
    near = [place[id(other)] + other.port(number, down) / FAR for other, number in _joined(item, down)]
    if not near:
        return place[id(item)]
    return sum(near) / len(near)


def _place(layers: list[list[_Item]]) -> None:
    """Pull every item to where its neighbours are, down and up in turn."""
    for layer in layers:
        # Packed first, so that every item has a place when the first sweep looks at its neighbours.
        _spread(layer, [0.0] * len(layer))
    for down in (True, False) * (SWEEPS // 2):
        for layer in _sweep(layers, down):
            _spread(layer, [_wish(item, down) for item in layer])


def _wish(item: _Item, down: bool) -> float:
    near = [other.x + other.port(number, down) - item.port(number, not down) for other, number in _joined(item, down)]
    if not near:
        return item.x
    return sum(near) / len(near)


def _spread(layer: Sequence[_Item], wishes: Sequence[float]) -> None:
    """Place items nearest to their wishes (least squares), their order and distances kept."""
    if len(layer) == 1:  # most layers of a deep picture
        layer[0].x = wishes[0]
        return

    offsets, at = [0.0][: len(layer)], 0.0
    for before, item in pairwise(layer):
        gap = GAP_X
        if not before.name and not item.name:  # lanes run side by side
            gap = 2.0
        at += (before.w + item.w) / 2 + gap
        offsets.append(at)

    # Pool adjacent violators: neighbours whose wishes cross share their mean.
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, count = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, size = pools.pop()
            mean, count = (other * size + mean * count) / (size + count), size + count
        pools.append((mean, count))

    places = [mean for mean, count in pools for _ in range(count)]
    for item, place, offset in zip(layer, places, offsets, strict=True):
        item.x = place + offset
