"""A picture before it is drawn: boxes, arrows and clusters, the same for every engine and format."""

from __future__ import annotations

from typing import Literal

from archlang.dataclass import dataclass, unguarded
from archlang.graph.ir import Port
from archlang.views.palette import Paint, active, paint, printed

Look = Literal["plain", "scope", "gate", "sum", "end"]
Line = Literal["flow", "fan", "gate", "attend"]
Turn = tuple[str, int]


@unguarded
@dataclass(frozen=True)
class Box:
    """One thing to see: an operation with what follows it at once, a closed scope, a router's part, an input or output.

    `look` says which of these: `plain`, `scope`, `gate` (a router's gates), `sum` (one output of a router), `end`.
    `shade`, from 0 to 1, colours it by how active it is. `turn` is the place of a member among its like, from left to
    right: what all of them are called, and the member's number. `nodes` are the ids of what it shows, `scopes` the keys
    of the closed scopes that it stands for.
    """

    id: str
    lines: tuple[str, ...]
    look: Look
    family: str
    tip: str
    cluster: str | None
    shade: float | None = None
    turn: Turn | None = None
    nodes: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


def colours_of(box: Box, paper: bool = False) -> Paint:
    """Return the colours of a box: its family's, or by how active it is where that is known."""
    if box.shade is not None:
        return active(box.shade)
    if paper:
        return printed(box.family)
    return paint(box.family)


@unguarded
@dataclass(frozen=True)
class Arrow:
    """From box to box: `flow` carries tensors (labelled by type), `fan` a router's, `gate` leads to or from gates,
    `attend` leads from a layer to the attention over layers. `ports` are the tensors; `strength`, from 0 to 1, draws it
    as wide and as dark as a gate is open.
    """

    tail: str
    head: str
    label: str
    line: Line
    ports: tuple[Port, ...] = ()
    strength: float | None = None


@dataclass(frozen=True)
class Cluster:
    """A frame around boxes and further clusters: a block, a bound name, a path; `turn` as a box has one.

    `scopes` are the keys of the scopes that close with it.
    """

    id: str
    label: str
    parent: str | None
    turn: Turn | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownCode:
    """A branch code: its name, a word of 0 and 1 for each class, and the smallest frame around all that it governs
    (None: the picture itself). `classes` are the classes' names as far as they are known.
    """

    name: str
    words: tuple[str, ...]
    cluster: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """All that an engine needs. Boxes stand in program order, clusters outer before inner.

    `codes` are the branch codes, each to be shown beside the frame that its stages stand in. `sideways` it reads from
    left to right; for `paper` it is drawn in black and greys.
    """

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...]
    codes: tuple[ShownCode, ...] = ()
    sideways: bool = False
    paper: bool = False

    def inside(self, cluster: str | None) -> tuple[list[Box], list[Cluster]]:
        """Return the boxes and clusters that stand directly in a cluster (None: in no cluster)."""
        return [b for b in self.boxes if b.cluster == cluster], [c for c in self.clusters if c.parent == cluster]

    @property
    def height(self) -> int:
        """Boxes on the longest way from top to bottom."""
        return max(ranks(self).values(), default=-1) + 1


def ranks(picture: Picture) -> dict[str, int]:
    """Count for each box the boxes above it on the longest way; arrows back in program order count for none.

    >>> boxes = [Box(name, (name,), "plain", "linear", "", None) for name in "abc"]
    >>> ranks(Picture("p", tuple(boxes), (Arrow("a", "b", "", "flow"), Arrow("b", "c", "", "flow")), ()))
    {'a': 0, 'b': 1, 'c': 2}
    """
    place = {box.id: i for i, box in enumerate(picture.boxes)}
    rank = dict.fromkeys(place, 0)
    # In program order each box is settled before the arrows that leave it are looked at.
    forward = [a for a in picture.arrows if place[a.tail] < place[a.head]]
    for arrow in sorted(forward, key=lambda a: place[a.head]):
        rank[arrow.head] = max(rank[arrow.head], rank[arrow.tail] + 1)
    return rank


def clean(text: str, width: int = 56) -> str:
    """Return one line without control characters, cut when long.

    >>> clean("a\\nb\\x1b[0m"), clean("x" * 60, 4)
    ('a b [0m', 'xxx…')
    """
    plain = text
    if not text.isprintable():
        plain = "".join(c if c.isprintable() else " " for c in text)
    if len(plain) <= width:
        return plain
    return plain[: width - 1] + "…"
