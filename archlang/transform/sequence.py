"""A sequential network as flows of steps, each with its types: the view of a network that whole rewrites work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import Network
from archlang.graph.ir import Graph, Node
from archlang.shapes import Tensor
from archlang.source import Span
from archlang.syntax.tree import Argument, As, Bind, Call, Expr, File, Flow, Input, Layer, Let, Name, Output, Parens
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.base import refuse

BUNDLES = ("fork", "each", "shared", "parallel", "route", "layers")
"""Stages that work on several tensors at once."""


@dataclass(frozen=True)
class SequentialStep:
    """One step of a flow: its expression, the types that enter and leave it, and the kinds of layers inside it.

    `dense`: a linear layer is in it; `windowed`: a convolution is in it.
    """

    expr: Expr
    entering: Tensor
    leaving: Tensor
    dense: bool
    windowed: bool

    @property
    def shrinks(self) -> bool:
        """Tell whether the map that leaves is smaller than the one that enters."""
        return self.entering.rank == self.leaving.rank >= 3 and self.entering.dims[1:] != self.leaving.dims[1:]

    @property
    def makes_vector(self) -> bool:
        """Tell whether a map enters and a vector leaves: flattening, global pooling."""
        return self.entering.rank >= 3 and self.leaving.rank == 1


@dataclass(frozen=True)
class SequentialFlow:
    """One flow of a sequential network: the statement, the name it starts from, its steps."""

    statement: Bind | Output
    head: str
    steps: tuple[SequentialStep, ...]

    @property
    def name(self) -> str | None:
        """The name that the flow's result is bound to."""
        return self.statement.name


def tree_of(net: Network) -> NetworkTree:
    """The network's declaration in the file."""
    tree = net.project.main.network
    assert tree is not None, "a Network has one"
    return tree


def flows_of(net: Network) -> tuple[list[SequentialFlow], list[Diagnostic]]:
    """The network's flows in order, and why it is no sequential network (empty where it is one)."""
    tree = tree_of(net)
    reasons = _reasons(tree)
    if reasons:
        return [], reasons

    flows: list[SequentialFlow] = []
    # There is one input: `_reasons` refused several.
    current = next(s.name for s in tree.body.statements if isinstance(s, Input))
    for statement in tree.body.statements:
        if not isinstance(statement, Bind | Output):
            continue

        first, *rest = steps_of(statement.value)
        if isinstance(first, Name):
            head = first.text
        else:
            head = ""
        if head != current:
            return [], [refuse(f"a flow starts at `{current}` in a sequential network", first.span,
                               help="every flow must go on where the one before it ended")]

        flows.append(SequentialFlow(statement, head, _typed(net.graph, flows, rest)))
        if isinstance(statement, Bind):
            current = statement.name

    if not flows:
        return [], [refuse("this network has no flow", tree.name_span)]
    return flows, []


def steps_of(value: Expr) -> tuple[Expr, ...]:
    """The steps of a flow; an expression that is no flow is one step."""
    if isinstance(value, Flow):
        return value.steps
    return (value,)


def skips(net: Network) -> list[tuple[Name, str]]:
    """The uses of a value inside a step or a `let`, beside the place where a flow starts; each with its name."""
    tree = tree_of(net)
    values = {s.name for s in tree.body.statements if isinstance(s, Input | Bind)}
    places: list[Expr] = []
    for statement in tree.body.statements:
        if isinstance(statement, Bind | Output):
            # Where a flow starts, the name is the sequence itself; anywhere else it is a shortcut past some steps.
            places += steps_of(statement.value)[1:]
        elif isinstance(statement, Let):
            places.append(statement.value)

    names = (node for place in places for node in walk(place) if isinstance(node, Name))
    return [(name, name.text) for name in names if name.text in values]


def _reasons(tree: NetworkTree) -> list[Diagnostic]:
    """Several inputs, several outputs, or parts that are parallel already."""
    statements = tree.body.statements
    inputs = [s for s in statements if isinstance(s, Input)]
    outputs = [s for s in statements if isinstance(s, Output)]
    reasons = [refuse("a network with several inputs is not sequential", s.span) for s in inputs[1:]]
    reasons += [refuse("a network with several outputs is not sequential", s.span) for s in outputs[1:]]
    # Copied into paths or moved between layers, its uses would share weights that each should have of its own.
    reasons += [refuse(f"`{s.name}` holds its weights for several uses, and a sequence uses each stage once", s.span,
                       help=f"with `let {s.name} = ...` every use has weights of its own")
                for s in statements if isinstance(s, Layer)]

    for node in walk(tree.body):
        if isinstance(node, Call):
            stage = node.callee
        else:
            stage = None
        if isinstance(stage, Name) and stage.text in BUNDLES:
            reasons.append(refuse(f"this network has parallel parts already: `{stage.text}`", node.span))
    return reasons


def _typed(graph: Graph, before: Sequence[SequentialFlow], exprs: Sequence[Expr]) -> tuple[SequentialStep, ...]:
    """The steps with their types. A step that makes no node (an `if` not taken) leaves what enters it."""
    done = [step for flow in before for step in flow.steps]
    if done:
        current = done[-1].leaving
    else:
        current = graph.inputs[0].type

    steps = []
    # A step's nodes are those whose outermost use lies in its text, whatever blocks they come from.
    for expr in exprs:
        nodes = [node for node in graph if _within(_origin(node), expr.span)]
        if nodes:
            # The last node gives what leaves.
            leaving = nodes[-1].outputs[0]
        else:
            leaving = current
        kinds = {node.op.name for node in nodes}
        steps.append(SequentialStep(expr, current, leaving, "linear" in kinds, any("conv" in k for k in kinds)))
        current = leaving
    return tuple(steps)


def _origin(node: Node) -> Span:
    """The place where the network's own text made a node: the use of the outermost block around it."""
    if node.frames:
        return node.frames[0].span
    return node.span


def _within(inner: Span, outer: Span) -> bool:
    """Tell whether a place lies inside another."""
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def arguments_of(expr: Expr) -> tuple[Argument, ...]:
    """The arguments of a call; none of a bare stage."""
    if isinstance(expr, Call) and expr.arguments is not None:
        return expr.arguments
    return ()


def stage_name(expr: Expr) -> str:
    """The name of a stage, called or bare; empty for another expression."""
    if isinstance(expr, Call):
        expr = expr.callee
    if isinstance(expr, Name):
        return expr.text
    return ""


def one_flow(steps: Sequence[Expr]) -> Expr:
    """Steps as one expression: a flow, or the step itself."""
    if len(steps) == 1:
        return steps[0]
    return Flow(tuple(steps))


def with_network(net: Network, new: NetworkTree) -> File:
    """The main file with another declaration in the place of the network's."""
    main, old = net.project.main.file, tree_of(net)
    # By identity: a file may hold two networks of the same text.
    at = next(i for i, declaration in enumerate(main.declarations) if declaration is old)
    return replace(main, declarations=(*main.declarations[:at], new, *main.declarations[at + 1 :]))


def bare(expr: Expr) -> Expr:
    """An expression without parentheses around it and without an `as` name."""
    while isinstance(expr, Parens | As):
        if isinstance(expr, Parens):
            expr = expr.inner
        else:
            expr = expr.step
    return expr
