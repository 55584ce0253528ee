"""Networks of the same form under other names: both graphs walked back from the outputs, side by side."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from archlang.emit import module_name
from archlang.graph.ir import Graph, Node, Port


def counterparts(ours: Graph, theirs: Graph) -> dict[str, str]:
    """For each of our tensors the name of its counterpart, found from the outputs backwards.

    Two operations are counterparts where both are the same and stand at the same place before counterparts. Tensors of
    different shapes are counterparts too, so that a head of another size is named as such.
    """
    names: dict[str, str] = {}
    for mine, other in _walked(ours, theirs):
        if not mine.path or not other.path:
            continue
        known = {weight.name for weight in theirs.weights(other)}
        for weight in ours.weights(mine):
            if weight.name in known:
                names[f"{module_name(mine.path)}.{weight.name}"] = f"{module_name(other.path)}.{weight.name}"
    return names


def _walked(ours: Graph, theirs: Graph) -> list[tuple[Node, Node]]:
    """The pairs of operations, from the outputs back to the first difference on each way."""
    signed = Signed(ours), Signed(theirs)
    pairs: dict[str, str] = {}
    waiting: list[tuple[Port, Port]] = []
    for output, same in zip(ours.outputs, theirs.outputs, strict=False):
        waiting.append((output.port, same.port))

    while waiting:
        a, b = waiting.pop()
        mine, other = ours.node(a.node), theirs.node(b.node)
        if mine.op.name != other.op.name or mine.id in pairs or len(mine.inputs) != len(other.inputs):
            continue
        pairs[mine.id] = other.id
        waiting.extend(_inputs(mine, other, signed))

    # A layer of theirs that has several partners would be a guess.
    taken = Counter(pairs.values())
    return [(ours.node(a), theirs.node(b)) for a, b in pairs.items() if taken[b] == 1]


def _inputs(mine: Node, other: Node, signed: tuple[Signed, Signed]) -> list[tuple[Port, Port]]:
    """The inputs of two counterparts in pairs: where they may change places, as they fit best."""
    straight = list(zip(mine.inputs, other.inputs, strict=True))
    if not mine.op.commutes or len(straight) != 2:
        return straight

    # A sum may be written the other way round: the deeper likeness decides, and the order where both are alike.
    best = max(
        permutations(other.inputs),
        key=lambda ports: sum(signed[0](a) == signed[1](b) for a, b in zip(mine.inputs, ports, strict=True)),
    )
    return list(zip(mine.inputs, best, strict=True))


class Signed:
    """Numbers for ports that are equal where all that leads to them is."""

    def __init__(self, graph: Graph) -> None:
        self.numbers: dict[str, int] = {}
        for node in graph:
            before = tuple((self.numbers[port.node], port.index) for port in node.inputs)
            # A sum is the same whichever way round it is written.
            if node.op.commutes:
                before = tuple(sorted(before))
            shapes = tuple(str(weight.shape) for weight in graph.weights(node))
            self.numbers[node.id] = hash((node.op.name, shapes, before))

    def __call__(self, port: Port) -> int:
        return hash((self.numbers[port.node], port.index))
