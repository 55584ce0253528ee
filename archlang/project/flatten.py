"""A project as one file: imports written out, dials bound, names kept apart, the modules' names unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import TypeVar

from archlang.ops import CATALOGUE
from archlang.ops.values import CodeValue, Placed
from archlang.project.project import Project, Unit
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import (
    Argument,
    As,
    Binary,
    Bind,
    Block,
    Call,
    CodeDeclaration,
    Declaration,
    Expr,
    File,
    Flow,
    For,
    If,
    Import,
    Input,
    Let,
    ListOf,
    Name,
    NetworkDeclaration,
    Number,
    Parameter,
    Parens,
    SizeLiteral,
    Text,
    Train,
    TreeNode,
    Truth,
    TupleOf,
)
from archlang.syntax.walk import walk

Declared = Let | Block | CodeDeclaration
D = TypeVar("D", bound=Declaration)
N = TypeVar("N", bound=TreeNode)


Spell = Callable[[TreeNode], TreeNode]
Codes = Mapping[int, CodeValue]
Proposed = Mapping[int, Set[tuple[Placed, ...]]]


def flatten(project: Project, given: Mapping[str, Expr], codes: Codes | None = None,
            proposed: Proposed | None = None) -> File:
    """One file with the same network. A name that would clash gets another, with `as` where it names modules.

    `codes` holds what `design` and `from` gave, by the id of their tree: it is written out. `proposed` holds the small
    kernels that `propose` gave, one set of them for each size: they are written out where there is one alone.
    """
    main = project.main
    spelled: dict[int, Spell] = {id_: partial(_words, code) for id_, code in (codes or {}).items()}
    spelled |= {id_: partial(_kernels, sets) for id_, sets in (proposed or {}).items()}
    if not given and not any(True for _ in main.of(Import)):
        return _written(main.file, spelled) if spelled else main.file
    final = _names(project, _needed(project, given))
    body: list[Declaration] = []
    for unit in project.units.values():
        for item in unit.file.declarations:
            if isinstance(item, Declared):
                if id(item) in final:
                    body.append(replace(_renamed(unit, _written(item, spelled), final), name=final[id(item)]))
            elif unit is main and isinstance(item, NetworkDeclaration):
                body.append(_renamed(unit, _written(_bound(item, given), spelled), final))
            elif unit is main and isinstance(item, Train):
                body.append(_renamed(unit, item, final))
    return replace(main.file, declarations=tuple(body))


def _written(tree: N, spelled: Mapping[int, Spell]) -> N:
    """The tree with its codes and kernels written out."""
    return mapped(tree, lambda node: spelled[id(node)](node) if id(node) in spelled else node)


def _words(code: CodeValue, node: TreeNode) -> TreeNode:
    shared = (Argument("duplicates", Truth(True)),) if code.shared else ()
    return Call(Name("words"), (*(Argument(None, Text(word)) for word in code.words), *shared))


def _kernels(sets: Set[tuple[Placed, ...]], node: TreeNode) -> TreeNode:
    """One list of small kernels; where none says it, `propose`, as `pbconv` means that from outside the file only."""
    if len(sets) == 1 and all(sets):
        return listed(*sets)
    return replace(node, callee=Name("propose")) if isinstance(node, Call) else Name("propose")


def listed(kernels: Sequence[Placed]) -> Expr:
    """`[3x1 at (1, 2), ...]`."""
    return ListOf(tuple(
        Binary("at", SizeLiteral(tuple(one.size)), TupleOf(tuple(Number(n) for n in one.place))) for one in kernels
    ))


def _bound(network: NetworkDeclaration, given: Mapping[str, Expr]) -> NetworkDeclaration:
    """The network with the values given from outside as its dials' defaults, and as bounds of its inputs' sizes."""
    dials = tuple(replace(dial, default=given.get(dial.name, dial.default)) for dial in network.dials)
    others = {name: expr for name, expr in given.items() if name not in {dial.name for dial in network.dials}}
    statements = tuple(_sized(s, others) if isinstance(s, Input) else s for s in network.body.statements)
    return replace(network, dials=dials, body=replace(network.body, statements=statements))


def _sized(statement: Input, given: Mapping[str, Expr]) -> Input:
    """The input with a bound `H == 64` for each of its symbols that was given a number."""
    here = {node.text for item in statement.sizes.items for node in walk(item) if isinstance(node, Name)}
    for name, expr in given.items():
        if name in here:
            bound = Binary("==", Name(name), expr)
            statement = replace(
                statement, where=bound if statement.where is None else Binary("and", statement.where, bound)
            )
    return statement


def _scope(unit: Unit) -> dict[str, tuple[Unit, Declared]]:
    """Map each name of a file to what it stands for: its own declarations, and those that it imports."""
    found: dict[str, tuple[Unit, Declared]] = {name: (unit, item) for name, item in unit.exports.items()}
    for item in unit.of(Import):
        assert isinstance(item, Import)
        source = unit.imported(item)
        for name in item.names:
            if source is not None and name.name in source.exports:
                found[name.alias or name.name] = (source, source.exports[name.name])
    return found


def _needed(project: Project, given: Mapping[str, Expr]) -> dict[int, tuple[Unit, Declared]]:
    """All declarations of the main file, and of others those that it uses, directly or not."""
    main = project.main
    waiting: list[tuple[Unit, TreeNode]] = [(main, item) for item in main.file.declarations]
    waiting += [(main, expr) for expr in given.values()]
    found = {id(item): (main, item) for item in main.exports.values()}
    while waiting:
        unit, tree = waiting.pop()
        scope = _scope(unit)
        for name in _uses(tree):
            if name in scope and id(scope[name][1]) not in found:
                found[id(scope[name][1])] = scope[name]
                waiting.append(scope[name])
    return found


def _uses(tree: TreeNode) -> Iterator[str]:
    return (node.text for node in walk(tree) if isinstance(node, Name))


def _names(project: Project, needed: Mapping[int, tuple[Unit, Declared]]) -> dict[int, str]:
    """A name for each declaration that no other one has and that no other file binds inside a body."""
    inner = {id(unit): _inner_names(unit) for unit in project.units.values()}
    taken: set[str] = {n.name for n in project.main.of(NetworkDeclaration) if isinstance(n, NetworkDeclaration)}
    final: dict[int, str] = {}
    for id_, (unit, item) in sorted(needed.items(), key=lambda pair: pair[1][0] is not project.main):
        others = set().union(*(names for key, names in inner.items() if key != id(unit)))
        name, count = item.name, 1
        while name in taken or name in others:
            count += 1
            name = f"{item.name}_{count}"
        taken.add(name)
        final[id_] = name
    return final


def _inner_names(unit: Unit) -> set[str]:
    """Every name bound inside the bodies of a file."""
    found: set[str] = set()
    for item in unit.file.declarations:
        for node in walk(item):
            if isinstance(node, Let | Bind | Parameter | For) and node is not item:
                found.add(node.name)
    return found


def _renamed(unit: Unit, item: D, final: Mapping[int, str]) -> D:
    """A declaration with every name that it uses as the one file has it; stages keep the names of their modules."""
    scope = _scope(unit)

    def change(node: TreeNode) -> TreeNode:
        match node:
            case Name(text=text) if text in scope:
                declared = scope[text][1]
                new = replace(node, text=final[id(declared)])
                called = declared.name if isinstance(declared, Block) else text
                return As(new, called) if _is_stage(declared) and called != new.text else new
            case Call(callee=As(step=Name() as callee, name=called)):
                return As(replace(node, callee=callee), called)
            case As(step=As(step=step)):
                return replace(node, step=step)
        return node

    return mapped(item, change)


def _is_stage(declared: Declared) -> bool:
    """Tell whether a declaration's name can stand in a flow, and so in a module's name."""
    if isinstance(declared, Block):
        return True
    value: Expr = declared.value
    while isinstance(value, Parens | As):
        value = value.inner if isinstance(value, Parens) else value.step
    callee = value.callee if isinstance(value, Call) else value
    if isinstance(callee, Name):
        return isinstance(declared, Let) and CATALOGUE.stage(callee.text) is not None
    return isinstance(value, Flow | If | For) or (isinstance(value, Binary) and _is_stage(Let("_", value.right)))
