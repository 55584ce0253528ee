"""The built-in layout, for machines without Graphviz: layers from top to bottom, frames as nested rectangles.

Sugiyama, Tagawa and Toda's method (1981), one frame at a time from the inside out: layers by longest way, lanes for
arrows that pass a layer, order by barycentres, places by least squares that keep the order (pool adjacent violators).
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise

from archlang.views.layers import LayerItem, Layout, Point, Rect, arrange, place_all
from archlang.views.measure import SMALL, box_size, text_width
from archlang.views.picture import Picture
from archlang.views.turns import turns_of

GAP_Y, LANE, PAD, TITLE = 34.0, 9.0, 12.0, 14.0
LANES = 10_000
"""Places of lanes in all layers of a frame, at most. Arrows past that, the longest, go straight."""

Ends = tuple[LayerItem | None, LayerItem | None]
"""The items that an arrow joins; None for an end outside the frame."""


def layout(picture: Picture) -> Layout:
    """Find a place for everything in the picture; an arrow against the order of its frames goes straight.

    A picture that reads sideways is laid out lying on its side, boxes too, and then turned.
    """
    done = _Frame(picture, _homes(picture), None, _early(picture)).placed()
    for number, arrow in enumerate(picture.arrows):
        tail, head = done.boxes[arrow.tail], done.boxes[arrow.head]
        start, stop = (tail.x + tail.w / 2, tail.y + tail.h), (head.x + head.w / 2, head.y)

        points = done.routes.get(number, [])

        # Arrows that lead back, or past the frames that they were routed in, go straight.
        if len(points) < 2 or _far(points[0], start) or _far(points[-1], stop):
            done.routes[number] = [start, stop]

    if picture.sideways:
        return _turned(done)
    return done


def _turned(done: Layout) -> Layout:
    """The layout with across and down exchanged."""
    boxes, frames = ({key: Rect(r.y, r.x, r.h, r.w) for key, r in held.items()} for held in (done.boxes, done.frames))
    routes = {number: [(y, x) for x, y in points] for number, points in done.routes.items()}
    return Layout(done.height, done.width, boxes, frames, routes)


def _far(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) > 0.1


def _homes(picture: Picture) -> dict[str, tuple[str | None, ...]]:
    """For every box the frames around it, from the outermost (None: the picture itself) on."""
    chains: dict[str | None, tuple[str | None, ...]] = {None: (None,)}
    for cluster in picture.clusters:
        chains[cluster.id] = (*chains[cluster.parent], cluster.id)
    return {box.id: chains[box.cluster] for box in picture.boxes}


def _early(picture: Picture) -> frozenset[int]:
    """The arrows from layers to the members that attend to them, but for the last member: by number."""
    attending = {arrow.tail for arrow in picture.arrows if arrow.line == "attend"}
    if not attending:
        return frozenset()

    turns = turns_of(picture)
    kinds = {turns[tail][0] for tail in attending if tail in turns}
    last = max((turns[tail][1] for tail in attending if tail in turns), default=0)
    return frozenset(
        number for number, arrow in enumerate(picture.arrows)
        if arrow.head in turns and turns[arrow.head][0] in kinds and turns[arrow.head][1] < last
    )


class _Frame:
    """One frame being laid out; frames inside are finished first."""

    def __init__(self, picture: Picture, homes: dict[str, tuple[str | None, ...]], name: str | None,
                 early: frozenset[int]) -> None:
        self.picture, self.homes, self.name, self.early = picture, homes, name, early
        self.items: dict[str, LayerItem] = {}

        boxes, clusters = picture.inside(name)
        inner = {c.id: _Frame(picture, homes, c.id, early).placed() for c in clusters}
        turns = {c.id: c.turn for c in clusters}
        titles = {c.id: text_width(c.label, SMALL + 1) + 2 * PAD for c in clusters}
        for box in boxes:
            wide, high = box_size(box)
            if picture.sideways:
                wide, high = high, wide
            self.items[box.id] = LayerItem(wide, high, box.id, turn=box.turn)
        for key, done in inner.items():
            wide, high = max(done.width, titles[key]), done.height
            if picture.sideways:  # the title runs the way of the layers
                wide, high = done.width, max(done.height, titles[key])
            self.items[key] = LayerItem(wide, high, key, done, turns[key])

        # Items stand in program order, a frame where its first box stands.
        holders = {box.id: self._holder(box.id) for box in picture.boxes}
        first: dict[str, int] = {}
        for i, holder in enumerate(holders.values()):
            if holder:
                first.setdefault(holder, i)
        self.joined = [(holders[arrow.tail], holders[arrow.head]) for arrow in picture.arrows]
        self.order = self._ordered(sorted(self.items, key=lambda key: first[key]))

    def _ordered(self, names: list[str]) -> dict[str, int]:
        """Each item's number in an order in which arrows lead on, as far as frames allow one."""
        rank = {name: i for i, name in enumerate(names)}
        joined = [(tail, head) for tail, head in self.joined if tail and head and tail != head]
        # Mostly program order is one: then the first of what is ready would be the next item each time.
        if all(rank[tail] < rank[head] for tail, head in joined):
            return rank

        into: dict[str, set[str]] = {name: set() for name in names}
        onward: dict[str, set[str]] = {name: set() for name in names}
        for tail, head in joined:
            into[head].add(tail)
            onward[tail].add(head)

        # A heap of places: of what is ready, the first in program order comes next.
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

        layers: list[list[LayerItem]] = [[] for _ in range(1 + max((i.rank for i in self.items.values()), default=0))]
        for key in self.order:
            layers[self.items[key].rank].append(self.items[key])

        ends = self._affordable(ends, len(layers))
        lanes = self._lanes(ends, layers)
        arrange(layers)
        place_all(layers)
        return self._finish(layers, ends, lanes)

    def _ends(self) -> dict[int, Ends]:
        """The arrows that matter here, with the items at their ends; None for an end outside."""
        ends: dict[int, Ends] = {}
        for number, (tail, head) in enumerate(self.joined):
            # An arrow inside an item is that item's own affair, and one that leads back would make a circle.
            inside = tail == head
            backward = tail and head and self.order[tail] > self.order[head]
            if not inside and not backward:
                ends[number] = (self.items.get(tail or ""), self.items.get(head or ""))
        return ends

    def _rank(self, ends: dict[int, Ends]) -> None:
        into: dict[str, list[LayerItem]] = {}
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

    def _lanes(self, ends: dict[int, Ends], layers: list[list[LayerItem]]) -> dict[int, list[LayerItem]]:
        lanes: dict[int, list[LayerItem]] = {}
        left = [0] * len(layers)
        for number, (tail, head) in ends.items():
            arrow = self.picture.arrows[number]
            # A label stands beside its lane, and needs its room there.
            wide = LANE
            if arrow.label and self.picture.sideways:
                wide += SMALL
            elif arrow.label:
                wide += 1.4 * text_width(arrow.label, SMALL)
            lanes[number] = [LayerItem(wide, 0.0, rank=rank) for rank in _passed(tail, head, len(layers))]
            for lane in lanes[number]:
                # What leaves for an early member runs left of what comes later, so that both do not cross below.
                if number in self.early and head is None:
                    layers[lane.rank].insert(left[lane.rank], lane)
                    left[lane.rank] += 1
                else:
                    layers[lane.rank].append(lane)

            chain = [item for item in (tail, *lanes[number], head) if item]
            for upper, lower in pairwise(chain):
                upper.below.append((lower, number))
                lower.above.append((upper, number))
        return lanes

    def _finish(
        self,
        layers: list[list[LayerItem]],
        ends: dict[int, Ends],
        lanes: dict[int, list[LayerItem]],
    ) -> Layout:
        # Items are placed by their middles, of which some lie left of 0.
        left = min((i.x - i.w / 2 for layer in layers for i in layer), default=0.0) - PAD
        right = max((i.x + i.w / 2 for layer in layers for i in layer), default=0.0) + PAD
        top, gap = PAD + TITLE, GAP_Y
        if self.picture.sideways:
            # Titles stand beside what is then above, and labels lie between the layers.
            left, top = left - TITLE, PAD
            labels = [text_width(self.picture.arrows[number].label, SMALL) for number in ends]
            gap = 22.0 + max(labels, default=0.0)
        done = Layout(width=right - left)

        tops, heights = [], []
        for layer in layers:
            tops.append(top)
            heights.append(max((item.h for item in layer), default=0.0))
            top += heights[-1] + gap
        done.height = top - gap + PAD

        for item in self.items.values():
            y = tops[item.rank] + (heights[item.rank] - item.h) / 2
            self._settle(done, item, item.x - left - item.w / 2, y)

        for number, (tail, head) in ends.items():
            passing = [(i.x - left, tops[i.rank] + part * heights[i.rank]) for i in lanes[number] for part in (0, 1)]
            leaving, entering = _leave(done, tail, number), _enter(done, head, number)
            # Within its layer an arrow keeps to the column of its item: nothing else stands there.
            if tail:
                leaving = [*leaving, (leaving[-1][0], tops[tail.rank] + heights[tail.rank])]
            if head:
                entering = [(entering[0][0], tops[head.rank]), *entering]
            done.routes[number] = _apart([*leaving, *passing, *entering])
        return done

    def _settle(self, done: Layout, item: LayerItem, x: float, y: float) -> None:
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


def _passed(tail: LayerItem | None, head: LayerItem | None, layers: int) -> range:
    """The layers between the ends of an arrow; an end outside the frame lies before the first or behind the last."""
    start, stop = 0, layers
    if tail:
        start = tail.rank + 1
    if head:
        stop = head.rank
    return range(start, max(stop, start))


def _apart(points: list[Point]) -> list[Point]:
    """Drop points that lie on the one before them: a curve through both would bend between."""
    kept = [point for before, point in pairwise(points) if _far(before, point)]
    return [*points[:1], *kept]


def _leave(done: Layout, item: LayerItem | None, number: int) -> list[Point]:
    if item is None:
        return []
    if item.inner is not None:
        return item.inner.routes[number]
    rect = done.boxes[item.name]
    return [(rect.x + rect.w / 2, rect.y + rect.h)]


def _enter(done: Layout, item: LayerItem | None, number: int) -> list[Point]:
    if item is None:
        return []
    if item.inner is not None:
        return item.inner.routes[number]
    rect = done.boxes[item.name]
    return [(rect.x + rect.w / 2, rect.y)]
