"""Lines and sequences, which have as many sizes: told apart by the operations that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archlang.graph.ir import Graph, Node, Port
from archlang.ops.facts import Form

_KEEPING = ("activation", "normalisation", "regularisation", "pooling", "element-wise", "merging", "learned")
"""Families that leave every axis where it was, so that what flowed into them tells."""

NAMES: Mapping[Form, tuple[str, str]] = {"line": ("channels", "length"), "sequence": ("positions", "features")}
"""The names of the two sizes, by the form that has them."""

MADE: Mapping[Form, str] = {"line": "channels", "sequence": "features"}
"""The size that a layer decides; the other one says how many places there are."""


def form_of(graph: Graph, port: Port) -> Form:
    """The form of a tensor of two sizes: a 1d convolution makes a line, attention a sequence, an input neither."""
    node, read = graph.node(port.node), ""
    while not made_form(node):
        if not node.inputs:
            return ""
        if not keeps_axes(node):
            # A dense map of a sequence gives a sequence; of a line it gives neither.
            if not node.op.reads or read not in ("", node.op.reads):
                return ""
            read = node.op.reads
        node = graph.node(node.inputs[0].node)

    if read in ("", made_form(node)):
        return made_form(node)
    return ""


def made_form(node: Node) -> Form:
    """The form of what an operation makes, whatever enters it; "" where it keeps the form, or may make either."""
    if "line" in node.op.gives:
        return "line"
    if "sequence" in node.op.gives:
        return "sequence"
    return ""


def keeps_axes(node: Node) -> bool:
    """Tell whether an operation leaves every axis where it was."""
    return node.op.family in _KEEPING


def passed_form(node: Node, forms: Mapping[str, Form]) -> Form:
    """The form that an operation passes on; `forms` holds those of the nodes before it.

    It does where it leaves every axis where it was, and where it reads the form that enters: a dense map of a sequence
    gives a sequence.
    """
    if not node.inputs:
        return ""
    entered = forms[node.inputs[0].node]
    if keeps_axes(node) or node.op.reads == entered:
        return entered
    return ""


def back(graph: Graph, port: Port, families: tuple[str, ...]) -> Iterator[Node]:
    """The nodes from a port back along their first inputs, as far as operations are of these families, and one more."""
    node = graph.node(port.node)
    yield node
    while node.op.family in families and node.inputs:
        node = graph.node(node.inputs[0].node)
        yield node
