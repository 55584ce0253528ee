"""The order of members (branches, experts, paths) from left to right: that of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from archlang.views.picture import Box, Picture, Turn

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
        own = _own_turn(box)
        if own is not None:
            found[box.id] = own
        if box.look == "sum":
            continue
        at = box.cluster
        while at is not None:
            cluster = frames[at]
            if cluster.turn is not None:
                found[box.id] = cluster.turn
            at = cluster.parent
    return found


def _own_turn(box: Box) -> Turn | None:
    """The place of a box among its like, whatever frames it stands in."""
    # The outputs of a router are called by its sum and their number.
    if box.look == "sum":
        of, _, number = box.id.rpartition("_")
        return of, int(number)
    return box.turn


def fans_of(picture: Picture) -> list[str]:
    """The boxes that feed several members of one kind, by id."""
    turns = turns_of(picture)
    fed: dict[str, set[Turn]] = {}
    for arrow in picture.arrows:
        if arrow.head in turns and arrow.line in ("flow", "fan"):
            fed.setdefault(arrow.tail, set()).add(turns[arrow.head])
    return [tail for tail, members in fed.items() if len(members) > 1 and len({kind for kind, _ in members}) == 1]


def stand_beside(picture: Picture) -> bool:
    """Tell whether members stand side by side: one box feeds several of them, or one of them attends to the others."""
    frames = {cluster.id: cluster for cluster in picture.clusters}
    boxes = {box.id: box for box in picture.boxes}
    fed: dict[tuple[str, str | None, str], set[int]] = {}
    for arrow in picture.arrows:
        if arrow.line == "attend":
            return True

        # A branch in a block of a loop is a member of both.
        head = boxes[arrow.head]
        own = _own_turn(head)
        if own is not None:
            fed.setdefault((arrow.tail, head.cluster, own[0]), set()).add(own[1])
        at = head.cluster
        while at is not None:
            turn, at = frames[at].turn, frames[at].parent
            if turn is not None:
                fed.setdefault((arrow.tail, at, turn[0]), set()).add(turn[1])
    return any(len(members) > 1 for members in fed.values())
