"""A sequential network as one line of steps, each with its types: what rewrites of whole networks need."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.diagnostics import Diagnostic
from archlang.elaborate import Network
from archlang.elaborate.values import Place
from archlang.graph import Graph, Node
from archlang.shapes import Tensor
from archlang.source import Span
from archlang.syntax.tree import As, Bind, Call, Expr, Flow, For, Input, Name, Output, Parens
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.base import refuse

BUNDLES = ("fork", "each", "shared", "parallel", "route", "layers")


@dataclass(frozen=True)
class Step:
    """One step of a flow: its expression, the types that enter and leave it, whether a dense layer is in it."""

    expr: Expr
    entering: Tensor
    leaving: Tensor
    dense: bool
    windowed: bool  # a convolution is in it

    @property
    def shrinks(self) -> bool:
        """Whether the map that leaves is smaller than the one that enters."""
        return self.entering.rank == self.leaving.rank >= 3 and self.entering.dims[1:] != self.leaving.dims[1:]

    @property
    def leaves_map(self) -> bool:
        """Whether a map enters and a vector leaves: flattening, global pooling."""
        return self.entering.rank >= 3 and self.leaving.rank == 1


@dataclass(frozen=True)
class Line:
    """One flow of a sequential network: the statement, the name it starts from, its steps."""

    statement: Bind | Output
    head: str
    steps: tuple[Step, ...]


def tree_of(net: Network) -> NetworkTree:
    """The network's declaration in the file."""
    found = net.project.main.network
    assert found is not None, "a Network has one"
    return found


def lines_of(net: Network) -> list[Line] | list[Diagnostic]:
    """The network's flows in order, or why it is no sequential network."""
    tree = tree_of(net)
    reasons = _reasons(tree)
    if reasons:
        return reasons
    lines: list[Line] = []
    current = next(s.name for s in tree.body.statements if isinstance(s, Input))
    for statement in tree.body.statements:
        if not isinstance(statement, Bind | Output):
            continue
        steps = statement.value.steps if isinstance(statement.value, Flow) else (statement.value,)
        head = steps[0].text if isinstance(steps[0], Name) else ""
        if head != current:
            return [refuse(f"a flow starts at `{current}` in a sequential network", steps[0].span,
                           help="every flow must go on where the one before it ended")]
        line = Line(statement, head, _typed(net.graph, lines, net, steps[1:]))
        lines.append(line)
        current = statement.name if isinstance(statement, Bind) else current
    return lines


def _reasons(tree: NetworkTree) -> list[Diagnostic]:
    statements = tree.body.statements
    inputs = [s for s in statements if isinstance(s, Input)]
    outputs = [s for s in statements if isinstance(s, Output)]
    reasons = [refuse("a network with several inputs is not sequential", s.span) for s in inputs[1:]]
    reasons += [refuse("a network with several outputs is not sequential", s.span) for s in outputs[1:]]
    for node in walk(tree.body):
        name = node.callee if isinstance(node, Call) else node
        if isinstance(name, Name) and name.text in BUNDLES and node is not name:
            reasons.append(refuse(f"this network has parallel parts already: `{name.text}`", node.span))
    return reasons


def _typed(graph: Graph, before: list[Line], net: Network, exprs: tuple[Expr, ...]) -> tuple[Step, ...]:
    """The steps with their types. A step that makes no node (an `if` not taken) leaves what enters it."""
    done = [step for line in before for step in line.steps]
    current = done[-1].leaving if done else net.graph.inputs[0].type
    steps = []
    for expr in exprs:
        nodes = [node for node in graph if _within(_origin(node), expr.span)]
        leaving = nodes[-1].outputs[0] if nodes else current
        kinds = {node.op.name for node in nodes}
        steps.append(Step(expr, current, leaving, "linear" in kinds, any("conv" in k for k in kinds)))
        current = leaving
    return tuple(steps)


def _origin(node: Node) -> Span:
    """Where the network's own text made a node: the use of the outermost block around it."""
    return node.frames[0].span if node.frames else node.span


def _within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def bare(expr: Expr) -> Expr:
    """An expression without parentheses around it and without an `as` name."""
    while isinstance(expr, Parens | As):
        expr = expr.inner if isinstance(expr, Parens) else expr.step
    return expr


__all__ = ["For", "Line", "Place", "Step", "bare", "lines_of", "tree_of"]
