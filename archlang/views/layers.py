"""The order of items in layers and their places: barycentres, then least squares that keep the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise

from archlang.dataclass import dataclass, unguarded
from archlang.views.picture import Turn
from archlang.views.turns import in_turn

GAP_X = 18.0

ORDERING, PLACING = 3, 6
"""Times that the layers are gone through down and up, to put them in order and to place them."""

LARGE = 5_000
"""Items of a picture that is gone through once: nobody sees its crossings, and each time takes a tenth of a second."""

FAR = 1e5
"""The distance of neighbours in a layer, seen from where arrows meet one of them."""

Point = tuple[float, float]


@unguarded
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
class LayerItem:
    """A thing in a layer: a box, a frame (`inner` is its layout), or the lane of an arrow."""

    w: float
    h: float
    name: str = ""
    inner: Layout | None = None
    turn: Turn | None = None
    rank: int = 0
    x: float = 0.0
    above: list[tuple[LayerItem, int]] = field(default_factory=list)
    below: list[tuple[LayerItem, int]] = field(default_factory=list)

    def port(self, arrow: int, bottom: bool) -> float:
        """The place where the arrow meets the item, from its middle to the right."""
        if self.inner is None or arrow not in self.inner.routes:
            return 0.0

        end = 0
        if bottom:
            end = -1
        return self.inner.routes[arrow][end][0] - self.w / 2


def arrange(layers: list[list[LayerItem]]) -> None:
    """Order every layer by the middle of its neighbours' places, down and up in turn."""
    # More sweeps than these hardly lower the number of crossings.
    for down in (True, False) * _rounds(layers, ORDERING):
        place = {id(item): share for layer in layers for item, share in _shares(layer)}
        for layer in _sweep(layers, down):
            if len(layer) == 1:  # there is no other order, and no other place
                continue

            # All keys before sorting: places change while a layer is put in order.
            keys = {id(item): _middle(item, place, down) for item in layer}
            layer.sort(key=lambda item: keys[id(item)])
            layer[:] = in_turn(layer, lambda item: item.turn)
            place.update((id(item), share) for item, share in _shares(layer))


def _rounds(layers: list[list[LayerItem]], usual: int) -> int:
    """The times that layers are gone through: once where there are very many items."""
    if sum(map(len, layers)) > LARGE:
        return 1
    return usual


def _sweep(layers: list[list[LayerItem]], down: bool) -> list[list[LayerItem]]:
    if down:
        return layers
    return layers[::-1]


def _shares(layer: list[LayerItem]) -> list[tuple[LayerItem, float]]:
    """Each item of a layer with its place in the order, from 0 to 1."""
    return [(item, i / max(len(layer) - 1, 1)) for i, item in enumerate(layer)]


def _joined(item: LayerItem, down: bool) -> list[tuple[LayerItem, int]]:
    """The neighbours that an item follows in a sweep, and the numbers of the arrows between."""
    if down:
        return item.above
    return item.below


def _middle(item: LayerItem, place: dict[int, float], down: bool) -> float:
    # A port counts less than any step in the order: it only decides between equal neighbours.
    near = [place[id(other)] + other.port(number, down) / FAR for other, number in _joined(item, down)]
    if not near:
        return place[id(item)]
    return sum(near) / len(near)


def place_all(layers: list[list[LayerItem]]) -> None:
    """Pull every item to where its neighbours are, down and up in turn."""
    for layer in layers:
        # Packed first, so that every item has a place when the first sweep looks at its neighbours.
        _spread(layer, [0.0] * len(layer))
    before: list[float] = []
    for _ in range(_rounds(layers, PLACING)):
        for down in (True, False):
            for layer in _sweep(layers, down):
                _spread(layer, [_wish(item, down) for item in layer])

        # Sweeps depend on the places alone: once they change nothing, none will. A row is done at once.
        places = [item.x for layer in layers for item in layer]
        if places == before:
            break
        before = places


def _wish(item: LayerItem, down: bool) -> float:
    near = [other.x + other.port(number, down) - item.port(number, not down) for other, number in _joined(item, down)]
    if not near:
        return item.x
    return sum(near) / len(near)


def _spread(layer: Sequence[LayerItem], wishes: Sequence[float]) -> None:
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
