"""Loops written out: `for c in [32, 64] { f(c) }  -->  f(32) -> f(64)`."""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import ArchError
from archlang.elaborate import Network
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import Bind, Body, Expr, File, Flow, For, In, ListOf, Name, Output, TreeNode
from archlang.syntax.walk import walk
from archlang.transform.base import refuse
from archlang.transform.sequence import bare, tree_of


def unrolled(net: Network) -> File:
    """The file with the loops of its network's flows written out. Raises ArchError where a list is not written."""
    tree = tree_of(net)
    statements = tuple(
        replace(s, value=_flow(s.value)) if isinstance(s, Bind | Output) else s for s in tree.body.statements
    )
    new = replace(tree, body=replace(tree.body, statements=statements))
    main = net.project.main.file
    return replace(main, declarations=tuple(new if d is tree else d for d in main.declarations))


def _flow(value: Expr) -> Expr:
    steps = value.steps if isinstance(value, Flow) else (value,)
    made = tuple(new for step in steps for new in _step(step))
    return made[0] if len(made) == 1 else Flow(made, span=value.span, before=value.before, behind=value.behind)


def _step(step: Expr) -> tuple[Expr, ...]:
    loop = bare(step)
    if not isinstance(loop, For):
        return (step,)
    if any(isinstance(node, In) for node in walk(loop.body)):
        raise ArchError(refuse("this loop cannot be written out: `in` is what enters each of its turns", loop.span,
                               help="a block for one turn keeps that meaning"))
    if not isinstance(loop.values, ListOf) or not loop.body.flows:
        raise ArchError(refuse("this loop cannot be written out: its list is not written in place", loop.span))
    return tuple(new for item in loop.values.items for new in _turn(loop, item))


def _turn(loop: For, item: Expr) -> tuple[Expr, ...]:
    def change(node: TreeNode) -> TreeNode:
        return item if isinstance(node, Name) and node.text == loop.name else node

    body: Body = mapped(loop.body, change)
    value = body.flows[0]
    return tuple(new for step in (value.steps if isinstance(value, Flow) else (value,)) for new in _step(step))
