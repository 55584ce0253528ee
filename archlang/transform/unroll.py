"""Loops written out: `for c in [32, 64] { f(c) }  -->  f(32) -> f(64)`."""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import Bind, Body, Expr, File, Flow, For, In, ListOf, Name, Output, TreeNode, TupleOf
from archlang.syntax.walk import walk
from archlang.transform.base import refuse
from archlang.transform.sequence import bare, steps_of, tree_of, with_network


def unrolled(net: Network) -> File:
    """The file with the loops of its network's flows written out.

    Raises ArchError (pass-does-not-apply) where the list of a loop does not stand in place.
    """
    tree = tree_of(net)
    statements = tuple(
        replace(s, value=_flow(s.value)) if isinstance(s, Bind | Output) else s for s in tree.body.statements
    )
    new = replace(tree, body=replace(tree.body, statements=statements))
    return with_network(net, new)


def _flow(value: Expr) -> Expr:
    """A flow with its loops written out."""
    steps = tuple(new for step in steps_of(value) for new in _step(step))
    if len(steps) == 1:
        return steps[0]
    return Flow(steps, span=value.span, before=value.before, behind=value.behind)


def _step(step: Expr) -> tuple[Expr, ...]:
    """A step, or the turns of a loop. Raises ArchError."""
    loop = bare(step)
    if not isinstance(loop, For):
        return (step,)
    # `in` is what enters a turn, and written out there is no turn.
    if any(isinstance(node, In) for node in walk(loop.body)):
        raise ArchError(refuse("this loop cannot be written out: `in` is what enters each of its turns", loop.span,
                               help="a block for one turn keeps that meaning"))
    written = isinstance(loop.values, ListOf) and not any(isinstance(item, For) for item in loop.values.items)
    if not written or not loop.body.flows:
        raise ArchError(refuse("this loop cannot be written out: its list is not written in place", loop.span))
    assert isinstance(loop.values, ListOf)
    return tuple(new for item in loop.values.items for new in _turn(loop, item))


def _members(loop: For, item: Expr) -> tuple[Expr, ...]:
    """The members of an item that is written in place. Raises ArchError for another one."""
    if isinstance(item, ListOf | TupleOf) and len(item.items) == len(loop.names):
        return item.items
    raise ArchError(refuse("this loop cannot be written out: its items are not written in place", item.span))


def _turn(loop: For, item: Expr) -> tuple[Expr, ...]:
    """One turn of a loop, the item in the place of the loop's name, or its members in the places of several."""
    members: tuple[Expr, ...] = (item,)
    if len(loop.names) > 1:
        members = _members(loop, item)
    values = {name.name: member for name, member in zip(loop.names, members, strict=True)}

    def change(node: TreeNode) -> TreeNode:
        if isinstance(node, Name) and node.text in values:
            return values[node.text]
        return node

    body: Body = mapped(loop.body, change)
    # A loop inside the loop is written out too.
    return tuple(new for step in steps_of(body.flows[0]) for new in _step(step))
