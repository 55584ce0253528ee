"""Passing tensors through stages: blocks expanded, loops and repetitions unrolled, module names given out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.syntax import tree
from tests.reference.catalogue import OPS
from tests.reference.names import as_stage, evaluate, stage
from tests.reference.own import all_made, made
from tests.reference.values import (
    BlockName,
    BlockUse,
    Called,
    Choice,
    Chosen,
    Flowing,
    FlowUse,
    Group,
    Held,
    Looped,
    OpUse,
    Repeated,
    Scope,
    Stage,
    StructureUse,
    Surprise,
    Turn,
    Value,
    Where,
    Word,
)

if TYPE_CHECKING:
    from tests.reference.machine import Reference


OPTIONAL = ("mask", "memory", "lengths", "state", "cell", "added")
"""Arguments that are tensors and may be left out: a rule takes them by name."""


def run(m: Reference, value: Flowing, steps: Sequence[tree.Expr], scope: Scope) -> Flowing:
    """Pass a value through steps, one after the other."""
    for step in steps:
        value = apply(m, stage(m, step, scope), value, _where(scope))
    return value


def apply(m: Reference, use: Stage, value: Flowing, where: Where) -> Flowing:
    """Pass a value through one stage, whose modules are named in `where`."""
    match use:
        case OpUse():
            return operation(m, use, value, where.inside(where.name(use.name)).path)
        case BlockUse():
            return block(m, use, value, where.enter(use.block.name))
        case StructureUse():
            from tests.reference.structures import structure

            return structure(m, use, value, where.enter(use.name))
        case FlowUse():
            return run(m, value, use.steps, replace(use.scope, where=where))
        case Repeated():
            return _repeat(m, use, value, where.enter(use.name or _repeated_name(use.stage)))
        case Turn():
            return _turn(m, use, value, where)
        case Chosen():
            return _choose(m, use, value, where)
        case Looped():
            return _loop(m, use, value, where.enter("loop"))
        case Held():
            return apply(m, use.stage, value, Where(use.path))
        case Called(bound=True):
            return apply(m, use.stage, value, where.enter(use.name))
        case Called():
            return _renamed(m, use.stage, value, where.enter(use.name))
    raise Surprise(str(use))


def _where(scope: Scope) -> Where:
    if scope.where is None:
        raise Surprise("no tensors flow here")
    return scope.where


def operation(m: Reference, use: OpUse, value: Flowing, path: tuple[str, ...]) -> Flowing:
    """Run an operation whose module has this path: what flows in comes first, then tensors among the arguments."""
    below = Where(path)
    use = replace(use, places=tuple(made(m, a, below, value) for a in use.places),
                  names=all_made(m, dict(use.names), below, value))
    optional = {k: v for k, v in use.names.items() if isinstance(v, Value) and k in OPTIONAL}
    further = [a for a in (*use.places, *use.names.values()) if isinstance(a, Value) and a not in optional.values()]
    members = value.members if isinstance(value, Group) else (value,)
    placed = tuple(v for v in (*members, *further) if isinstance(v, Value))
    reads = (*placed, *optional.values())
    places = tuple(a for a in use.places if not isinstance(a, Value))
    names = {k: v for k, v in use.names.items() if not isinstance(v, Value)}
    names |= {k: v.data for k, v in optional.items()}
    rule = OPS[use.name]
    return m.make(use.name, path, reads, lambda u: rule(u, *(v.data for v in placed), given=places, **names))


def _renamed(m: Reference, use: Stage, value: Flowing, where: Where) -> Flowing:
    """A stage whose own name is the last part of the path already."""
    match use:
        case OpUse():
            return operation(m, use, value, where.path)
        case BlockUse():
            return block(m, use, value, where)
        case StructureUse():
            from tests.reference.structures import structure

            return structure(m, use, value, where)
        case Repeated():
            return _repeat(m, use, value, where)
        case Looped():
            return _loop(m, use, value, where)
        case Called():
            return apply(m, use.stage, value, where)
        case _:
            return apply(m, use, value, where)


def _repeated_name(use: Stage) -> str:
    match use:
        case OpUse() | StructureUse() | Called():
            return use.name
        case BlockUse():
            return use.block.name
        case Held():
            return use.path[-1]  # the turns of a layer have no modules of their own
        case _:
            return "repeat"


def _repeat(m: Reference, use: Repeated, value: Flowing, where: Where) -> Flowing:
    for i in range(use.count):
        value = _copy(m, use.stage, value, where.inside(str(i)))
    return value


def _copy(m: Reference, use: Stage, value: Flowing, where: Where) -> Flowing:
    """One copy of a repeated stage: the stage's name is in the path, its index the last part."""
    if isinstance(use, Called):
        return apply(m, use.stage, value, where) if use.bound else _copy(m, use.stage, value, where)
    if isinstance(use, OpUse | BlockUse | StructureUse):
        return _renamed(m, use, value, where)
    return apply(m, use, value, where)


def _turn(m: Reference, use: Turn, value: Flowing, where: Where) -> Flowing:
    made = evaluate(m, use.expr, Scope(use.scope, value, where))
    return made if isinstance(made, Value | Group) else _copy(m, as_stage(made), value, where)


def _choose(m: Reference, use: Chosen, value: Flowing, where: Where) -> Flowing:
    branch: tree.Body | tree.If | None = use.expr
    while isinstance(branch, tree.If):
        test = evaluate(m, branch.test, replace(use.scope, where=None))
        assert isinstance(test, bool)
        branch = branch.then if test else branch.otherwise
    return value if branch is None else body(m, branch, Scope(use.scope, use.scope.entering, where, flowing=value))


def _loop(m: Reference, use: Looped, value: Flowing, where: Where) -> Flowing:
    for i, given in enumerate(turns(m, use.expr, use.scope)):
        value = body(m, use.expr.body, Scope(use.scope, value, where.inside(str(i)), given))
    return value


def turns(m: Reference, loop: tree.For, scope: Scope) -> list[dict[str, object]]:
    """What the names of a `for` stand for in each of its turns."""
    values = evaluate(m, loop.values, replace(scope, where=None))
    items = values.members if isinstance(values, Group) else values

    found = []
    for item in items:  # type: ignore[attr-defined]
        held = item.members if isinstance(item, Group) else item
        members = held if len(loop.names) > 1 else [item]
        found.append({name.name: member for name, member in zip(loop.names, members, strict=True)})
    return found


# --- blocks and bodies -----------------------------------------------------------------------------------------------


def block(m: Reference, use: BlockUse, value: Flowing, where: Where) -> Flowing:
    """Expand a block: parameters as given, else their defaults, read where the block is declared."""
    scope = Scope(use.home, value, where)
    for parameter in use.block.parameters:
        given = use.given.get(parameter.name)
        if given is None:
            assert parameter.default is not None, parameter.name
            given = evaluate(m, parameter.default, replace(scope, entering=None, flowing=None))
        given = made(m, given, where, value)
        scope.names[parameter.name] = as_stage(given) if isinstance(given, BlockName) else given
    return body(m, use.block.body, scope)


def body(m: Reference, content: tree.Body | tree.Expr, scope: Scope) -> Flowing:
    """What a body hands out."""
    if not isinstance(content, tree.Body):
        return tensors(m, content, scope)
    if content.flows:
        return tensors(m, content.flows[0], scope)
    inner = Scope(scope, scope.entering, scope.where, flowing=scope.flowing)
    names = reserve(content, inner)
    result: Flowing | None = None
    for statement in content.statements:
        match statement:
            case tree.Let():
                let(m, statement, inner)
            case tree.Layer():
                layer(m, statement, inner, names[id(statement)])
            case tree.Bind():
                bind(m, statement, inner, names[id(statement)])
            case tree.Output():
                result = tensors(m, statement.value, inner)
    assert result is not None, "a body hands something out"
    return result


def reserve(content: tree.Body, scope: Scope) -> dict[int, str]:
    """Bound names are modules' names: no stage gets one of them. The names, by the id of the statement."""
    binding = [s for s in content.statements if isinstance(s, tree.Bind | tree.Layer | tree.Input)]
    return {id(statement): _where(scope).name(statement.name) for statement in binding}


def let(m: Reference, statement: tree.Let, scope: Scope) -> None:
    """`let name = value`."""
    value = evaluate(m, statement.value, replace(scope, where=None))
    scope.names[statement.name] = value


def layer(m: Reference, statement: tree.Layer, scope: Scope, called: str) -> None:
    """`layer name = stage`, or a router: wherever it is used, its modules are those below the name here."""
    made, path = evaluate(m, statement.value, replace(scope, where=None)), _where(scope).inside(called).path
    if isinstance(made, Word):
        made = Choice(made.text)
    is_router = isinstance(made, Choice)
    scope.names[statement.name] = replace(made, held=made.held or path) if is_router else Held(as_stage(made), path)


def bind(m: Reference, statement: tree.Bind, scope: Scope, called: str) -> None:
    """`name = flow`: its modules are below the name."""
    inner = replace(scope, where=_where(scope).inside(called))
    scope.names[statement.name] = tensors(m, statement.value, inner)


def tensors(m: Reference, expr: tree.Expr, scope: Scope) -> Flowing:
    """The tensors of an expression in a body: a stage there means `in -> stage`."""
    value = made(m, evaluate(m, expr, scope), _where(scope), scope.entering or scope.flowing)
    if isinstance(value, Value | Group):
        return value
    assert scope.flowing is not None, "a flow of a network starts with a tensor"
    return apply(m, as_stage(value), scope.flowing, _where(scope))
