"""The stages of a text: every step that a value goes through, with the place behind it."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.source import Span
from archlang.syntax.tree import Body, Expr, Flow, Parens, TreeNode
from archlang.syntax.walk import walk


def steps_of(tree: TreeNode) -> Iterator[tuple[Span, Span]]:
    """Every stage of every flow: the place that the compiler knows it by, and the place that it takes in the text.

    Both differ for `(a -> b)`: the parentheses are no stage.
    """
    for node in walk(tree):
        if isinstance(node, Flow):
            yield from ((_within(step).span, step.span) for step in node.steps)
        elif isinstance(node, Body):
            # A single stage in braces is a flow of one step.
            yield from ((_within(flow).span, flow.span) for flow in node.flows if not isinstance(flow, Flow))


def _within(step: Expr) -> Expr:
    while isinstance(step, Parens):
        step = step.inner
    return step
