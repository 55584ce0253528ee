"""The order of members (branches, experts, paths) from left to right: that of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from archlang.views.picture import Picture, Turn

Item = TypeVar("Item")


def in_turn(items: Sequence[Item], turn: Callable[[Item], Turn | None]) -> list[Item]:
    """Put members in order of their numbers, each kind of them in the places that it holds already.

    >>> in_turn(["b.1", "a", "b.0"], lambda name: ("b", int(name[2:])) if name[1:] else None)
    ['b.0', 'a', 'b.1']
    """
    places: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        held = turn(item)
        if held is not None:
            places.setdefault(held[0], []).append(i)

    ordered = list(items)
    for held_places in places.values():
        members = sorted((items[i] for i in held_places), key=lambda item: turn(item) or ("", 0))
        for i, member in zip(held_places, members, strict=True):
            ordered[i] = member
    return ordered


def turns_of(picture: Picture) -> dict[str, Turn]:
    """Find the place among its like of each box: its own, or that of the outermost frame around it that has one."""
    frames = {cluster.id: cluster for cluster in picture.clusters}
    found: dict[str, Turn] = {}
    for box in picture.boxes:
        if box.turn is not None:
            found[box.id] = box.turn
        # The outputs of a router are called by its sum and their number.
        if box.look == "sum":
            of, _, number = box.id.rpartition("_")
            found[box.id] = of, int(number)
            continue
        at = box.cluster
        while at is not None:
            cluster = frames[at]
            if cluster.turn is not None:
                found[box.id] = cluster.turn
            at = cluster.parent
    return found
