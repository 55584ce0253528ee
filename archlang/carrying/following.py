"""The modules of a network that was made over, each with the one that stood at its place before."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from archlang.elaborate.network import Network
from archlang.graph.ir import Graph, Node, Port
from archlang.source import Span

Path = tuple[str, ...]
Place = tuple[tuple[int, int], ...]
"""A place in the text with the uses of blocks that lead there, each as its source and offset."""


@dataclass(frozen=True)
class Ancestor:
    """The module that stood at a place before. `part`: which of `parts` copies of it, or shares in it, is meant."""

    path: Path
    part: int = 0
    parts: int = 1


def ancestors(before: Network, after: Network, copies: str) -> dict[Path, Ancestor]:
    """By its path, the ancestor of every module with weights that has one.

    Args:
        before: a network.
        after: what a transformation made of it.
        copies: the kind of member that became several of one, such as `each`; empty where nothing did.
    """
    old: dict[Place, list[Node]] = {}
    for node in before.graph:
        old.setdefault(_place(node), []).append(node)

    sources = {id(unit.source) for unit in before.project.units.values()}
    new: dict[Place, list[Node]] = {}
    for node in after.graph:
        place = _former(node, sources)
        if place is not None:
            new.setdefault(place, []).append(node)

    found: dict[Path, set[Ancestor]] = {}
    for place, nodes in new.items():
        for node, ancestor in _matched((before.graph, after.graph), old.get(place, []), nodes, copies):
            found.setdefault(node.path, set()).add(ancestor)
    return {path: one for path, several in found.items() if (one := _one_of(several)) is not None}


def _one_of(several: Set[Ancestor]) -> Ancestor | None:
    """The ancestor of weights that several places share; None where it could not be named."""
    if len(several) == 1:
        return next(iter(several))
    # A layer that all copies use is one module, and no copy of one.
    paths = {ancestor.path for ancestor in several}
    if len(paths) == 1:
        return Ancestor(paths.pop())
    return None


def _place(node: Node) -> Place:
    return tuple(_key(span) for span in (*(frame.span for frame in node.frames), node.span))


def _key(span: Span) -> tuple[int, int]:
    # The source by identity, as sources are equal: places of two files may have the same offset.
    return id(span.source), span.start


def _former(node: Node, sources: Set[int]) -> Place | None:
    """The place in one of the sources that a node's text had before; None where some of the way to it is new."""
    keys = []
    for span in (*(frame.span for frame in node.frames), node.span):
        former: Span | None = span
        # A pass may have written and read the text several times.
        while former is not None and id(former.source) not in sources:
            former = former.source.former.get(former.start)
        if former is None:
            return None
        keys.append(_key(former))
    return tuple(keys)


def _matched(
    graphs: tuple[Graph, Graph], old: Sequence[Node], new: Sequence[Node], copies: str
) -> list[tuple[Node, Ancestor]]:
    """The nodes of one place in pairs, each with the node before."""
    # Turns of a loop and repetitions stand at one place, and their order is that of the graph in both.
    if [node.op.name for node in old] == [node.op.name for node in new]:
        return [(one, Ancestor(other.path)) for one, other in zip(new, old, strict=True)]
    if copies == "pbconv":
        return _boosted(graphs, old, new)

    groups: dict[int, list[Node]] = {}
    for node in new:
        index = next((member.index for member in node.members if member.kind == copies), None)
        if index is not None:
            groups.setdefault(index, []).append(node)

    pairs = []
    for index, nodes in groups.items():
        # Fewer or more than before: which is which would be a guess.
        if len(nodes) != len(old):
            return []
        pairs += [(one, Ancestor(other.path, index, len(groups))) for one, other in zip(nodes, old, strict=True)]
    return pairs


def _boosted(graphs: tuple[Graph, Graph], old: Sequence[Node], new: Sequence[Node]) -> list[tuple[Node, Ancestor]]:
    """Convolutions that became boosted ones: the first branch is the convolution, with the norm that stood behind."""
    before, after = graphs
    # A block's convolution may stay as it is where a use makes it 1x1.
    convs = [node for node in new if node.convolves and not _added(node)]
    if len(convs) != len(old):
        return []

    pairs = []
    for one, other in zip(convs, old, strict=True):
        pairs.append((one, Ancestor(other.path)))
        norm, its = _norm_of(after, one), _norm_of(before, other)
        if norm is not None and its is not None:
            pairs.append((norm, Ancestor(its.path)))
    return pairs


def _added(node: Node) -> bool:
    """Tell whether a node belongs to a branch that boosting put beside a convolution."""
    return any(member.kind == "pbconv" and member.index > 0 for member in node.members)


def _norm_of(graph: Graph, conv: Node) -> Node | None:
    """The batch norm that alone reads a convolution."""
    readers = [reader for reader, _ in graph.consumers(Port(conv.id))]
    if len(readers) == 1 and readers[0].op.batched:
        return readers[0]
    return None
