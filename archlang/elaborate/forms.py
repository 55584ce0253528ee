"""Lines [channels, length] and sequences [positions, features]: a warning where one is read as the other.

Both are two sizes. What makes a tensor says which it is, and what reads it says which it takes it for: a recurrent
layer behind a convolution over lines would take the channels for positions, and no size would show it.
"""

from __future__ import annotations

from archlang.diagnostics import error
from archlang.elaborate.context import Build
from archlang.graph.forms import MADE, NAMES, made_form, passed_form
from archlang.graph.ir import Node
from archlang.ops.facts import Form


def forms_are_read(b: Build) -> None:
    """Warn of every operation that reads a line as a sequence, or a sequence as a line."""
    forms: dict[str, Form] = {}  # of what a node gives, nodes in the order of the flow
    for node in b.graph:
        forms[node.id] = made_form(node) or passed_form(node, forms)
        if not node.inputs or b.graph.type(node.inputs[0]).rank != 2:
            continue

        entering, read = forms[node.inputs[0].node], _read_form(node)
        if entering and read and read != entering:
            _warn(b, node, entering, read)


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


def _said_axes(node: Node) -> tuple[str, ...]:
    """The axes that a node names otherwise than by default: for `slice` the first axis is that, whatever it is."""
    axes = node.args.get("axis")
    if axes is None or any(arg.name == "axis" and arg.default == axes for arg in node.op.args):
        return ()
    if isinstance(axes, str):
        return (axes,)
    return tuple(axes)


def _warn(b: Build, node: Node, entering: Form, read: Form) -> None:
    here, taken = (" and ".join(NAMES[form]) for form in (entering, read))
    order = ", ".join(reversed(NAMES[entering]))
    help = [f"`permute([{order}]) -> {node.op.name}` reads a {read} whose {MADE[read]} are the {MADE[entering]}"]
    if any(arg.name == "axis" for arg in node.op.args):
        help = [f"say which it is: {' or '.join(f'`axis = {name}`' for name in NAMES[entering])}"]
    message = f"`{node.op.name}` takes the {here} of this {entering} {b.graph.type(node.inputs[0])} for {taken}"
    b.report(error("line-or-sequence", message, node.span, help=help))
