"""The last steps on a graph without mistakes: cut off what no output needs, settle biases, keep to the budgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archlang.diagnostics import error
from archlang.elaborate.axes import axes_are_read
from archlang.elaborate.context import Build
from archlang.elaborate.layers import KIND
from archlang.elaborate.structures.coded import codes_fit
from archlang.elaborate.training.augmentation import augmentations_fit
from archlang.elaborate.training.coverage import groups_fit, phases_train_something
from archlang.graph.ir import Graph, Member, Node, Port
from archlang.shapes import Dim, Tensor, at_least, product


def finish(b: Build) -> None:
    """Prune, settle, verify. Only called where no error stands."""
    if not b.graph.outputs:
        return
    prune(b.graph)
    settle_biases(b.graph)
    count_uses(b.graph)
    for rule in RULES:
        rule(b)


def prune(graph: Graph) -> None:
    """Remove every node from which no output (and no loss) can be reached; inputs stay."""
    waiting = [output.port.node for output in graph.outputs]
    waiting += [port.node for port in _read_by_losses(graph)]

    # Inputs are the signature of the module: one that is not read stays an argument.
    needed = {spec.node for spec in graph.inputs}
    while waiting:
        id = waiting.pop()
        if id not in needed:
            needed.add(id)
            waiting.extend(port.node for port in graph.node(id).inputs if port.node not in needed)

    graph.keep(needed)
    kept = {}
    for name, ports in graph.bound.items():
        if all(port.node in needed for port in ports):
            kept[name] = ports
    graph.bound = kept


def settle_biases(graph: Graph) -> None:
    """A bias left open is learned unless the node's only reader takes it off again; sharers of a module agree."""
    read_by_losses = _read_by_losses(graph)
    undecided = [node for node in graph if node.args.get("bias", True) is None]

    # Nodes of one path share one module: where a single one of them needs the bias, it is there.
    wanted: dict[tuple[str, ...], bool] = {}
    for node in undecided:
        wanted[node.path] = wanted.get(node.path, False) or not _taken_off(graph, node, read_by_losses)
    for node in undecided:
        graph.update(node.id, args={**node.args, "bias": wanted[node.path]})


def count_uses(graph: Graph) -> None:
    """Number the uses of each layer that are left, and say on each of their nodes how many there are."""
    uses: dict[tuple[str, ...], dict[int, int]] = {}  # of each layer: the number that a use had, and has now
    for node in graph:
        for member in node.members:
            if member.kind == KIND:
                numbers = uses.setdefault(member.region, {})
                numbers.setdefault(member.index, len(numbers))

    def counted(member: Member) -> Member:
        if member.kind != KIND:
            return member
        numbers = uses[member.region]
        return replace(member, index=numbers[member.index], count=len(numbers))

    for node in graph:
        if any(member.kind == KIND for member in node.members):
            graph.update(node.id, members=tuple(map(counted, node.members)))


def _taken_off(graph: Graph, node: Node, read_by_losses: set[Port]) -> bool:
    """Tell whether one operation alone sees a node's result, and takes the mean off along the axis of the bias.

    Of a sequence a batch norm takes that of each position, not of each feature: there a bias still says something.
    """
    port = Port(node.id)
    # A tensor of the file's own reads the rows alone.
    readers = [(reader, slot) for reader, slot in graph.consumers(port) if not reader.op.own]
    if len(readers) != 1 or graph.is_output(port) or port in read_by_losses:
        return False

    reader = readers[0][0]
    axis = reader.op.centres(graph.call(reader))
    return axis is not None and axis == node.op.biased % node.outputs[0].rank


def _read_by_losses(graph: Graph) -> set[Port]:
    if graph.plan is None:
        return set()

    # With steps, each of them has losses of its own and the plan has none.
    ports = {port for loss in graph.plan.losses for port in loss.ports}
    for step in graph.plan.steps:
        ports.update(port for loss in step.losses for port in loss.ports)
    return ports


# --- rules on the whole graph ----------------------------------------------------------------------------------------


def parameters_within_budget(b: Build) -> None:
    """No more parameters than allowed."""
    _budget(b, "too-many-parameters", b.graph.parameters, b.limits.parameters, "parameters")


def memory_within_budget(b: Build) -> None:
    """No more activation bytes for one sample than allowed."""
    _budget(b, "too-much-memory", b.graph.activation_bytes, b.limits.activation_bytes, "bytes of activations a sample")


def _budget(b: Build, name: str, amount: Dim, limit: int, what: str) -> None:
    # A symbolic amount may be within the limit for some sizes: only what is too much for certain is refused.
    if at_least(amount, limit + 1) is not True:
        return

    costs: dict[str, Callable[[Node], Dim]] = {
        "too-many-parameters": lambda node: sum((w.numel for w in b.graph.weights(node) if w.trained), 0),
        "too-much-memory": lambda node: sum((node.rows * t.elements for t in node.outputs), 0),
    }
    largest = max(b.graph, key=lambda node: _number(costs[name](node)))
    b.report(error(name, f"this network has {_grouped(amount)} {what}; the limit is {limit:,}", largest.span,
                   "the largest part of it is here", help="a higher limit can be set on the command line"))


def _grouped(amount: Dim) -> str:
    if isinstance(amount, int):
        return f"{amount:,}"
    return str(amount)


def batch_norms_see_enough(b: Build) -> None:
    """Warn of a batch norm whose statistics stand on fewer than 16 values a channel in training."""
    if b.graph.plan is None or b.graph.plan.batch is None:
        return

    batch = b.graph.plan.batch
    for node in b.graph:
        if not node.op.batched:
            continue

        # A map gives a value for each of its places, a patch a row of its own.
        places = product(_type(b.graph, node).dims[1:])
        values = node.rows * places * batch
        if isinstance(values, int) and values < 16:
            b.report(error("small-batch-norm", f"this batch norm sees {values} values a channel in training", node.span,
                           help="a larger batch, or group_norm, which does not depend on it"))


def _type(graph: Graph, node: Node) -> Tensor:
    return graph.type(node.inputs[0])


def _number(size: Dim) -> float:
    if isinstance(size, int):
        return size
    return size.high


RULES = (
    parameters_within_budget, memory_within_budget, batch_norms_see_enough, codes_fit, phases_train_something,
    groups_fit, augmentations_fit, axes_are_read,
)
