"""Axes that an operation takes for others, which no size shows: a warning at its place.

A line [channels, length] and a sequence [positions, features] are both two sizes. What makes a tensor says which it is,
and what reads it says which it takes it for: a recurrent layer behind a convolution over lines would take the channels
for positions. And of a map an operation takes the first axis for the channels, wherever `permute` has put them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.diagnostics import error
from archlang.elaborate.context import Build
from archlang.graph.forms import MADE, NAMES, keeps_axes, made_form, passed_form
from archlang.graph.ir import Graph, Node
from archlang.ops.facts import Form
from archlang.ops.rules import NAMES as WORDS

_UNNAMED = "unnamed"
"""What lies along an axis that the file says and that has no name, such as those of `einsum`."""


def axes_are_read(b: Build) -> None:
    """Warn of every operation that takes axes for others than what made the tensor, or moved them, says."""
    forms: dict[str, Form] = {}  # of what a node gives, nodes in the order of the flow
    labels: dict[str, Sequence[str]] = {}  # what lies along each axis of it

    for node in b.graph:
        forms[node.id] = made_form(node) or passed_form(node, forms)
        labels[node.id] = _labels(b.graph, node, labels)
        if not node.inputs:
            continue

        entered = node.inputs[0].node
        if b.graph.type(node.inputs[0]).rank == 2:
            _check_form(b, node, forms[entered])
        else:
            _check_channels(b, node, labels[entered])


# --- lines and sequences ---------------------------------------------------------------------------------------------


def _check_form(b: Build, node: Node, entering: Form) -> None:
    read = _read_form(node)
    if not entering or not read or read == entering:
        return

    here, taken = (" and ".join(NAMES[form]) for form in (entering, read))
    order = ", ".join(reversed(NAMES[entering]))
    help = f"`permute([{order}]) -> {node.op.name}` reads a {read} whose {MADE[read]} are the {MADE[entering]}"
    if _has_axis(node):
        help = f"say which it is: {' or '.join(f'`axis = {name}`' for name in NAMES[entering])}"
    message = f"`{node.op.name}` takes the {here} of this {entering} {b.graph.type(node.inputs[0])} for {taken}"
    b.report(error("misread-axes", message, node.span, help=help))


def _read_form(node: Node) -> Form:
    """The form that a node takes a tensor of two sizes for: by the axes that it names, else by what it does."""
    axes = _said_axes(node)
    if axes:
        said = {kind for kind, names in NAMES.items() if set(names) & set(axes)}
        # A list with words of both kinds names every axis, and means no form.
        if len(said) == 1:
            return said.pop()
        return ""

    return node.op.reads or made_form(node)


# --- channels of maps ------------------------------------------------------------------------------------------------


def _labels(graph: Graph, node: Node, labels: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The names of the axes of a node's result: the usual ones, in the order that `permute` has given them."""
    rank = node.outputs[0].rank
    usual = WORDS.get(rank, (_UNNAMED,) * rank)
    if _UNNAMED in node.op.gives:
        return (_UNNAMED,) * rank
    if not node.inputs or graph.type(node.inputs[0]).rank != rank:
        return usual

    entered = labels[node.inputs[0].node]
    if node.op.order is not None:
        return [entered[axis] for axis in node.op.order(graph.call(node))]
    if keeps_axes(node):
        return entered
    return usual


def _check_channels(b: Build, node: Node, entering: Sequence[str]) -> None:
    if len(entering) < 3 or entering[0] == "channels" or not node.op.reads:
        return
    # With an axis of its own, or over all numbers, it asks for no channels.
    if _said_axes(node) or node.op.piece or node.args.get("over") == "all":
        return

    taken = f"the first axis of {b.graph.type(node.inputs[0])}"
    if entering[0] == _UNNAMED:
        taken += ", where axes have no names, for the channels"
    else:
        taken += f" for the channels, and `permute` has put `{entering[0]}` there"
    help = f"let `{node.op.name}` stand before the axes are moved, or `permute` the channels to the front"
    if _has_axis(node):
        help = "say the axis: " + " or ".join(f"`axis = {word}`" for word in WORDS[len(entering)])
    b.report(error("misread-axes", f"`{node.op.name}` takes {taken}", node.span, help=help))


# --- axes that are said ----------------------------------------------------------------------------------------------


def _has_axis(node: Node) -> bool:
    return any(arg.name == "axis" for arg in node.op.args)


def _said_axes(node: Node) -> tuple[str, ...]:
    """The axes that a node names otherwise than by default: for `slice` the first axis is that, whatever it is."""
    axes = node.args.get("axis")
    if axes is None or any(arg.name == "axis" and arg.default == axes for arg in node.op.args):
        return ()
    if isinstance(axes, str):
        return (axes,)
    return tuple(axes)
