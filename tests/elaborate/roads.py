"""Texts in which a value reaches an argument by every road: written in place, or carried there by a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from archlang.ops.model import Arg, Entry, Setting, by_place
from archlang.source import Source
from archlang.syntax import parse, parse_expr, tree
from archlang.syntax.mapping import mapped
from archlang.syntax.printer import print_file
from archlang.syntax.walk import walk

CARRIED = "w"


@dataclass(frozen=True)
class Road:
    """A text, and the dials that it is given from outside."""

    name: str
    text: str
    dials: dict[str, str] = field(default_factory=dict)


def roads(text: str, entry: Entry, arg: Arg, value: str, other: str) -> Iterator[Road]:
    """The text with `value` for an argument of an entry: first in place, then by every name that can carry it.

    `other` is another value that the argument may have: the default of a dial that is then given `value`.
    """
    file = parse(Source("<road>", text))
    carrying = _with_argument(file, entry, arg)
    expr = parse_expr(value)
    if carrying is None:
        return

    def put(node: tree.TreeNode) -> tree.TreeNode:
        return expr if node == tree.Name(CARRIED) else node

    yield Road("in place", print_file(mapped(carrying, put)))
    let = tree.Let(CARRIED, expr)
    yield Road("let of the file", print_file(replace(carrying, declarations=(let, *carrying.declarations))))
    yield Road("two lets", print_file(replace(carrying, declarations=(
        tree.Let("v", expr), tree.Let(CARRIED, tree.Name("v")), *carrying.declarations))))
    if not any(_holds(item) for item in carrying.declarations if isinstance(item, tree.CodeDeclaration)):
        yield Road("dial", print_file(_dialled(carrying, expr)))
        yield Road("-p", print_file(_dialled(carrying, parse_expr(other))), {CARRIED: value})
    yield Road("list", print_file(replace(carrying, declarations=(
        tree.Let("listed", tree.ListOf((expr,))),
        tree.Let(CARRIED, tree.Index(tree.Name("listed"), tree.Number(0))), *carrying.declarations))))

    yield from _around_the_step(file, carrying, expr)


def _around_the_step(file: tree.File, carrying: tree.File, expr: tree.Expr) -> Iterator[Road]:
    """The stage that holds the argument inside a block and inside a loop, where it stands in a network's flow."""
    inside = _in_network(carrying, lambda body: replace(body, statements=(tree.Let(CARRIED, expr), *body.statements)))
    if not _network_holds(carrying):
        return
    yield Road("let of the network", print_file(inside))

    moved: list[tree.Expr] = []

    # A block sees no tensor of the network but those that it is given.
    def tensors(step: tree.Expr) -> tuple[str, ...]:
        return tuple(name for name in _bound(file) if any(inner == tree.Name(name) for inner in walk(step)))

    def handed(step: tree.Expr) -> tuple[tree.Argument, ...]:
        return tuple(tree.Argument(name, tree.Name(name)) for name in tensors(step))

    def block(step: tree.Expr) -> tree.Expr:
        moved.append(step)
        return tree.Call(tree.Name("carried"), (*handed(step), tree.Argument(CARRIED, expr)))

    def default(step: tree.Expr) -> tree.Expr:
        moved.append(step)
        given = handed(step)
        return tree.Call(tree.Name("carried"), given) if given else tree.Name("carried")

    def loop(step: tree.Expr) -> tree.Expr:
        return tree.For((tree.LoopName(CARRIED),), tree.ListOf((expr,)), tree.Body(flows=(step,)))

    for name, change, preset in (("block", block, None), ("default of a block", default, expr)):
        moved.clear()
        changed = _steps(carrying, change)
        if moved:
            parameters = (*map(tree.Parameter, tensors(moved[0])), tree.Parameter(CARRIED, preset))
            declared = tree.Block("carried", parameters, moved[0])
            yield Road(name, print_file(replace(changed, declarations=(declared, *changed.declarations))))
    changed = _steps(carrying, loop)
    if changed != carrying:
        yield Road("loop", print_file(changed))


def _with_argument(file: tree.File, entry: Entry, arg: Arg) -> tree.File | None:
    """The file with the name `w` for the argument, at the first use of the entry."""
    done: list[bool] = []
    places = by_place(entry.args)

    def change(node: tree.TreeNode) -> tree.TreeNode:
        callee = node.callee if isinstance(node, tree.Call) else node
        if done or not isinstance(callee, tree.Name) or callee.text != entry.name:
            return node
        call = node if isinstance(node, tree.Call) else tree.Call(callee, ())
        kept = [a for i, a in enumerate(call.arguments or ())
                if a.name != arg.name and not (a.name is None and places[i:i + 1] == (arg.name,))]
        if any(a.name is None for a in kept) and arg.name in places[:1]:
            return node
        done.append(True)
        return replace(call, arguments=(*kept, tree.Argument(arg.name, tree.Name(CARRIED))))

    made = _mapped_calls(file, change, isinstance(entry, Setting))
    return made if done else None


def _mapped_calls(file: tree.File, change: Callable[[tree.TreeNode], tree.TreeNode], setting: bool) -> tree.File:
    """Apply `change` to calls and bare names, but to no callee; to a setting's name where it is no step of a flow."""
    callees = {id(node.callee) for node in walk(file) if isinstance(node, tree.Call)}
    steps = {id(step) for node in walk(file) if isinstance(node, tree.Flow) for step in node.steps}

    def only(node: tree.TreeNode) -> tree.TreeNode:
        if id(node) in callees or (setting and id(node) in steps):
            return node
        return change(node)

    return mapped(file, only)


def _dialled(file: tree.File, default: tree.Expr) -> tree.File:
    declarations = tuple(
        replace(d, dials=(*d.dials, tree.Parameter(CARRIED, default))) if isinstance(d, tree.NetworkDeclaration) else d
        for d in file.declarations
    )
    return replace(file, declarations=declarations)


def _in_network(file: tree.File, change: Callable[[tree.Body], tree.Body]) -> tree.File:
    declarations = tuple(
        replace(d, body=change(d.body)) if isinstance(d, tree.NetworkDeclaration) else d for d in file.declarations
    )
    return replace(file, declarations=declarations)


def _bound(file: tree.File) -> list[str]:
    """The names of the tensors of a file's networks, each once."""
    bodies = [d.body for d in file.declarations if isinstance(d, tree.NetworkDeclaration)]
    names = [s.name for body in bodies for s in body.statements if isinstance(s, tree.Input | tree.Bind)]
    return list(dict.fromkeys(names))


def _network_holds(file: tree.File) -> bool:
    networks = [d for d in file.declarations if isinstance(d, tree.NetworkDeclaration)]
    return any(_holds(network) for network in networks)


def _holds(node: tree.TreeNode) -> bool:
    return any(inner == tree.Name(CARRIED) for inner in walk(node))


def _steps(file: tree.File, change: Callable[[tree.Expr], tree.Expr]) -> tree.File:
    """The file with the step of a network's flow changed that holds the carried name."""
    def statement(s: tree.Statement) -> tree.Statement:
        if not isinstance(s, tree.Bind | tree.Output) or not isinstance(s.value, tree.Flow):
            return s
        head, *rest = s.value.steps
        steps = (head, *(change(step) if _holds(step) else step for step in rest))
        return replace(s, value=replace(s.value, steps=steps))

    return _in_network(file, lambda body: replace(body, statements=tuple(map(statement, body.statements))))
