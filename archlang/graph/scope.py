"""Names: defining them once, finding them, and saying what is meant when they are not there."""

from __future__ import annotations

from collections.abc import Iterable

from archlang.diagnostics import Label, did_you_mean, error
from archlang.graph.context import Build
from archlang.graph.values import POISON, BlockValue, Env, Poisoned
from archlang.ops.kinds import Kind, StageKind
from archlang.source import Span
from archlang.syntax.tree import Node

FUNCTIONS = ("range", "len", "min", "max", "size", "words")


def define(b: Build, env: Env, name: str, value: object, node: Node, span: Span) -> None:
    """Bind a name in a scope. Reports a second binding, and a name that hides one of the same file."""
    earlier = env.nodes.get(name)
    if earlier is not None and earlier is not node:
        before = Label(_name_span(earlier), "bound here first")
        b.report(error("already-bound", f"`{name}` is bound twice", span, "again here", secondary=(before,)))
        return
    hidden = env.outer and find_node(env.outer, name)
    if hidden:
        before = Label(_name_span(hidden), "the outer one")
        message = f"`{name}` hides another `{name}` of this file"
        b.report(error("shadowed-name", message, span, "", secondary=(before,), help="give one of them another name"))
    env.names[name] = value
    env.nodes[name] = node


def lookup(b: Build, env: Env, name: str, span: Span) -> object | None:
    """What a name stands for here, or None; remembers that it was read, and which block names which."""
    node = find_node(env, name)
    if node is not None:
        b.used.add(id(node))
    found = env.find(name)
    if found is POISON:
        raise Poisoned
    if isinstance(found, BlockValue) and b.active:
        caller = b.active[-1]
        b.calls.setdefault((id(caller), id(found.block)), (caller, found.block, span))
    return found


def find_node(env: Env, name: str) -> Node | None:
    """The tree node that binds a name in this scope or further out."""
    scope: Env | None = env
    while scope is not None:
        if name in scope.nodes:
            return scope.nodes[name]
        scope = scope.outer
    return None


def unknown(b: Build, env: Env, name: str, span: Span, expect: Kind | None) -> Poisoned:
    """Report a name that means nothing here, with what it may have been meant to be."""
    shown = name[:64]
    if isinstance(expect, StageKind):
        known: Iterable[str] = (*b.catalogue.stages, *env.all_names())
        return b.refuse("unknown-stage", f"there is no stage called `{shown}`", span, help=did_you_mean(name, known))
    if expect is not None and (expect.words or expect.role):
        words = (*expect.words, *(b.catalogue.of_role(expect.role) if expect.role else ()))
        message = f"`{shown}` is not known here: {_listed(words)}"
        return b.refuse("unknown-word", message, span, help=did_you_mean(name, (*words, *env.all_names())))
    known = (*env.all_names(), *FUNCTIONS, *b.catalogue.stages)
    return b.refuse("undefined-name", f"nothing is called `{shown}` here", span, help=did_you_mean(name, known))


def _listed(words: tuple[str, ...]) -> str:
    if not words:
        return "there is nothing to choose from yet"
    shown = ", ".join(f"`{word}`" for word in words[:12])
    return f"it can be {shown}" + (" ..." if len(words) > 12 else "")


def _name_span(node: Node) -> Span:
    span: Span | None = getattr(node, "name_span", None)
    return span if span is not None and span.end else node.span
