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
    Layer,
    Let,
    ListOf,
    LoopName,
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
            proposed: Proposed | None = None, tables: Mapping[int, ListOf] | None = None) -> File:
    """One file with the same network. A name that would clash gets another, with `as` where it names modules.

    `codes` holds what `design` and `from` gave, by the id of their tree: it is written out. `proposed` holds the small
    kernels that `propose` gave, one set of them for each size: they are written out where there is one alone. `tables`
    holds the rows of tables, which are written out as lists.
    """
    main = project.main
    # By identity: two equal `design(...)` in one file may have given different codes.
    spelled: dict[int, Spell] = {id_: partial(_words, code) for id_, code in (codes or {}).items()}
    spelled |= {id_: partial(_kernels, sets) for id_, sets in (proposed or {}).items()}

    spelled |= {id_: partial(_rows, rows) for id_, rows in (tables or {}).items()}

    # A file that imports nothing is one file already: its text keeps its spans and comments.
    if not given and next(main.of(Import), None) is None:
        return _written(main.file, spelled)

    final = _names(project, _needed(project, given))
    body: list[Declaration] = []
    # Units come in the order in which they are complete: what a declaration uses stands before it.
    for unit in project.units.values():
        for item in unit.file.declarations:
            # Codes and kernels are written out first: renaming copies trees, and the copies have other identities.
            if isinstance(item, Declared):
                if id(item) in final:
                    body.append(replace(_renamed(unit, _written(item, spelled), final), name=final[id(item)]))
            # An imported file's own network and training belong to that file alone.
            elif unit is main and isinstance(item, NetworkDeclaration):
                body.append(_renamed(unit, _written(_bound(item, given), spelled), final))
            elif unit is main and isinstance(item, Train):
                body.append(_renamed(unit, item, final))
    return replace(main.file, declarations=tuple(body))


def _written(tree: N, spelled: Mapping[int, Spell]) -> N:
    """The tree with its codes and kernels written out; the tree itself where it has none."""
    if not spelled:
        return tree

    def change(node: TreeNode) -> TreeNode:
        if id(node) in spelled:
            return spelled[id(node)](node)
        return node

    return mapped(tree, change)


def _words(code: CodeValue, node: TreeNode) -> TreeNode:
    """`words("110", "011")`, with `duplicates = true` where classes share a word."""
    arguments = [Argument(None, Text(word)) for word in code.words]
    if code.shared:
        arguments.append(Argument("duplicates", Truth(True)))
    return Call(Name("words"), tuple(arguments))


def _rows(rows: ListOf, node: TreeNode) -> TreeNode:
    """`[(3, 64), (5, 32)]` in the place of `from "table.csv"`."""
    return replace(rows, span=node.span)


def _kernels(sets: Set[tuple[Placed, ...]], node: TreeNode) -> TreeNode:
    """One list of small kernels; where none says it, `propose`, as `pbconv` means that from outside the file only."""
    # A block used at several sizes proposes different kernels, and no one list says them all.
    if len(sets) == 1 and all(sets):
        return listed(*sets)
    if isinstance(node, Call):
        return replace(node, callee=Name("propose"))
    return Name("propose")


def listed(kernels: Sequence[Placed]) -> Expr:
    """`[3x1 at (1, 2), ...]`."""
    items = []
    for kernel in kernels:
        place = TupleOf(tuple(Number(position) for position in kernel.place))
        items.append(Binary("at", SizeLiteral(tuple(kernel.size)), place))
    return ListOf(tuple(items))


def _bound(network: NetworkDeclaration, given: Mapping[str, Expr]) -> NetworkDeclaration:
    """The network with the values given from outside as its dials' defaults, and as bounds of its inputs' sizes."""
    dials = tuple(replace(dial, default=given.get(dial.name, dial.default)) for dial in network.dials)
    dial_names = {dial.name for dial in network.dials}
    symbols = {name: expr for name, expr in given.items() if name not in dial_names}

    statements = []
    for statement in network.body.statements:
        if isinstance(statement, Input):
            statement = _sized(statement, symbols)
        statements.append(statement)
    return replace(network, dials=dials, body=replace(network.body, statements=tuple(statements)))


def _sized(statement: Input, given: Mapping[str, Expr]) -> Input:
    """The input with a bound `H == 64` for each of its symbols that was given a number."""
    symbols: set[str] = set()
    for size in statement.sizes.items:
        symbols.update(_uses(size))

    where = statement.where
    for name, expr in given.items():
        if name not in symbols:
            continue

        # The file's own bounds hold too: a size that breaks them is refused, not silently let in.
        bound = Binary("==", Name(name), expr)
        if where is None:
            where = bound
        else:
            where = Binary("and", where, bound)

    if where is statement.where:
        return statement
    return replace(statement, where=where)


def _scope(unit: Unit) -> dict[str, tuple[Unit, Declared]]:
    """Map each name of a file to what it stands for: its own declarations, and those that it imports."""
    scope: dict[str, tuple[Unit, Declared]] = {name: (unit, item) for name, item in unit.exports.items()}
    for item in unit.of(Import):
        assert isinstance(item, Import)
        source = unit.imported(item)
        if source is None:
            continue  # the file could not be read, which is reported already

        # Only what the file itself declares: imports are not handed on.
        for name in item.names:
            if name.name in source.exports:
                scope[name.alias or name.name] = (source, source.exports[name.name])
    return scope


def _needed(project: Project, given: Mapping[str, Expr]) -> dict[int, tuple[Unit, Declared]]:
    """All declarations of the main file, and of others those that it uses, directly or not."""
    main = project.main
    waiting: list[tuple[Unit, TreeNode]] = [(main, item) for item in main.file.declarations]
    # Values from outside are written in the main file's terms: `block = bottleneck` may be the only use of a block.
    waiting += [(main, expr) for expr in given.values()]
    needed = {id(item): (main, item) for item in main.exports.values()}

    while waiting:
        unit, tree = waiting.pop()
        scope = _scope(unit)
        for name in _uses(tree):
            if name not in scope:
                continue  # an operation, a dial, or a name bound inside a body

            _, item = scope[name]
            if id(item) not in needed:
                needed[id(item)] = scope[name]
                waiting.append(scope[name])
    return needed


def _uses(tree: TreeNode) -> Iterator[str]:
    return (node.text for node in walk(tree) if isinstance(node, Name))


def _names(project: Project, needed: Mapping[int, tuple[Unit, Declared]]) -> dict[int, str]:
    """A name for each declaration that no other one has and that no other file binds inside a body."""
    inner = {id(unit): _inner_names(unit) for unit in project.units.values()}
    taken = {item.name for item in project.main.of(NetworkDeclaration) if isinstance(item, NetworkDeclaration)}
    final: dict[int, str] = {}

    # The main file first: its own names are the ones that a reader knows, and stay.
    for id_, (unit, item) in sorted(needed.items(), key=lambda pair: pair[1][0] is not project.main):
        # A name bound inside a body of another file would hide the declaration there.
        hiding = set().union(*(names for key, names in inner.items() if key != id(unit)))

        name, count = item.name, 1
        while name in taken or name in hiding:
            count += 1
            name = f"{item.name}_{count}"
        taken.add(name)
        final[id_] = name
    return final


def _inner_names(unit: Unit) -> set[str]:
    """Every name bound inside the bodies of a file."""
    names: set[str] = set()
    for item in unit.file.declarations:
        for node in walk(item):
            if isinstance(node, Let | Layer | Bind | Parameter | LoopName) and node is not item:
                names.add(node.name)
    return names


def _renamed(unit: Unit, item: D, final: Mapping[int, str]) -> D:
    """A declaration with every name that it uses as the one file has it; stages keep the names of their modules."""
    scope = _scope(unit)

    def renamed_use(name: Name) -> TreeNode:
        declared = scope[name.text][1]
        new = replace(name, text=final[id(declared)])
        if not _is_stage(declared):
            return new

        # A module is called by the stage: by a block's declared name, whatever alias it is imported under.
        module_name = name.text
        if isinstance(declared, Block):
            module_name = declared.name
        if module_name == new.text:
            return new
        return As(new, module_name)

    def change(node: TreeNode) -> TreeNode:
        match node:
            case Name(text=text) if text in scope:
                return renamed_use(node)
            # `(block_2 as block)(64)`, which the line above made, is written `block_2(64) as block`.
            case Call(callee=As(step=Name() as callee, name=called)):
                return As(replace(node, callee=callee), called)
            # Of two names the outer one is the file's own: `(block_2 as block) as stem` is `block_2 as stem`.
            case As(step=As(step=step)):
                return replace(node, step=step)
        return node

    return mapped(item, change)


def _is_stage(declared: Declared) -> bool:
    """Tell whether a declaration's name can stand in a flow, and so in a module's name."""
    if isinstance(declared, Block):
        return True

    # `let f = ((conv(3x3) as c))` is the stage that its innermost expression is.
    value: Expr = declared.value
    while isinstance(value, Parens | As):
        if isinstance(value, Parens):
            value = value.inner
        else:
            value = value.step

    callee: Expr = value
    if isinstance(value, Call):
        callee = value.callee
    if isinstance(callee, Name):
        return isinstance(declared, Let) and CATALOGUE.stage(callee.text) is not None

    # `3 * relu` repeats a stage: what it repeats stands on the right.
    repeats_stage = isinstance(value, Binary) and _is_stage(Let("_", value.right))
    # An `if` between numbers is a number: it is what its branches are.
    if isinstance(value, If):
        return any(_is_stage(Let("_", branch)) for branch in _branches(value))
    return isinstance(value, Flow | For) or repeats_stage


def _branches(value: If) -> list[Expr]:
    """The flows of all branches of an `if`."""
    found = list(value.then.flows)
    if isinstance(value.otherwise, If):
        return [*found, *_branches(value.otherwise)]
    if value.otherwise is not None:
        found.extend(value.otherwise.flows)
    return found
