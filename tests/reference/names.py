"""What expressions stand for: static values, tensors, stages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.syntax import tree
from archlang.syntax.walk import walk
from tests.reference import static
from tests.reference.catalogue import OPS, STRUCTURES
from tests.reference.own import made
from tests.reference.values import (
    STAGES,
    BlockName,
    BlockUse,
    Called,
    Choice,
    Chosen,
    Code,
    Flowing,
    FlowUse,
    Group,
    Held,
    Looped,
    OpUse,
    Repeated,
    Rows,
    Scope,
    Stage,
    StructureUse,
    Surprise,
    Turn,
    Value,
    Word,
)

if TYPE_CHECKING:
    from tests.reference.machine import Reference


def evaluate(m: Reference, expr: tree.Expr, scope: Scope) -> object:
    """The value of an expression in a scope."""
    match expr:
        case tree.Number() | tree.Truth() | tree.Text():
            return expr.value
        case tree.SizeLiteral():
            return Rows(expr.sizes)
        case tree.ListOf():
            return [value for item in expr.items for value in _items(m, item, scope)]
        case tree.TupleOf():
            return Group(tuple(_own(m, evaluate(m, item, scope), scope) for item in expr.items))  # type: ignore[misc]
        case tree.Parens():
            return evaluate(m, expr.inner, scope)
        case tree.In():
            return _entering(scope)
        case tree.Name():
            return _name(m, expr, scope)
        case tree.Unary():
            value = evaluate(m, expr.operand, scope)
            return not value if expr.operator == "not" else value if expr.operator == "+" else -value  # type: ignore[operator]
        case tree.Binary():
            return _binary(m, expr, scope)
        case tree.Call():
            return _call(m, expr, scope)
        case tree.Field():
            return static.field(evaluate(m, expr.value, scope), expr.name)
        case tree.Index():
            return _index(evaluate(m, expr.value, scope), evaluate(m, expr.index, scope))
        case tree.Flow():
            return _flow(m, expr, scope)
        case tree.As():
            return Called(_called(m, expr, scope), stage(m, expr.step, scope))
        case tree.If():
            return _chosen(m, expr, scope)
        case tree.For():
            return Looped(expr, scope)
    raise Surprise(str(type(expr)))


def _items(m: Reference, expr: tree.Expr, scope: Scope) -> list[object]:
    """The items that one part of a list stands for: the values of a loop's turns, a loop of stages itself."""
    if not isinstance(expr, tree.For):
        return [evaluate(m, expr, scope)]
    from tests.reference.flows import turns

    values = [evaluate(m, expr.body.flows[0], Scope(scope, scope.entering, None, given))
              for given in turns(m, expr, scope)]
    return [Looped(expr, scope)] if values and isinstance(values[0], STAGES) else values


def _called(m: Reference, expr: tree.As, scope: Scope) -> str:
    name = expr.name if isinstance(expr.name, str) else evaluate(m, expr.name, scope)
    assert isinstance(name, str)
    return name


def stage(m: Reference, expr: tree.Expr, scope: Scope) -> Stage:
    """The stage that an expression stands for; a block's bare name is a use without arguments."""
    return as_stage(evaluate(m, expr, scope))


def as_stage(value: object) -> Stage:
    """A value that is a stage, or a block that needs no arguments."""
    if isinstance(value, BlockName):
        return BlockUse(value.block, value.home, {})
    if isinstance(value, Choice):
        raise Surprise(f"`{value.name}` is no stage")
    assert isinstance(value, STAGES), f"{value} is no stage"
    return value


def _entering(scope: Scope) -> Flowing:
    if scope.entering is None:
        raise Surprise("nothing enters here")
    return scope.entering


def _index(value: object, index: object) -> object:
    assert isinstance(index, int)
    return (value.members if isinstance(value, Group) else value)[index]  # type: ignore[index]


def _name(m: Reference, expr: tree.Name, scope: Scope) -> object:
    found = scope.find(expr.text)
    if isinstance(found, Held):
        return found
    if isinstance(found, STAGES):
        return Called(expr.text, found, bound=True)
    if found is not None:
        return found
    if expr.text in OPS:
        return OpUse(expr.text)
    if expr.text in STRUCTURES:
        return StructureUse(expr.text, (), {}, None, scope)
    return Word(expr.text)


def _binary(m: Reference, expr: tree.Binary, scope: Scope) -> object:
    left = evaluate(m, expr.left, scope)
    repeated = _repeated(expr.right) if expr.operator == "*" else None
    if repeated is not None:
        assert isinstance(left, int)
        block = scope.find(repeated)
        return Repeated(left, Turn(expr.right, scope), block.block.name if isinstance(block, BlockName) else repeated)
    if expr.operator in ("and", "or"):
        return left if left is (expr.operator == "or") else evaluate(m, expr.right, scope)
    right = evaluate(m, expr.right, scope)
    if expr.operator == "*" and isinstance(right, (*STAGES, BlockName)):
        assert isinstance(left, int)
        return Repeated(left, as_stage(right))
    if expr.operator == "at":
        from tests.reference.boosting import at

        return at(left, right)
    return static.calculate(expr.operator, left, right)


def _repeated(expr: tree.Expr) -> str | None:
    """The name of a stage that says `in`, so that each turn has to be worked out by itself; else None."""
    if not any(isinstance(node, tree.In) for node in walk(expr)):
        return None
    while isinstance(expr, tree.Parens):
        expr = expr.inner
    match expr:
        case tree.Call(callee=tree.Name(text=text)):
            return None if text in static.FUNCTIONS else text
        case tree.As(name=str(name)):
            return name
        case tree.Flow() | tree.If() | tree.For():
            return "repeat"
    return None


def _own(m: Reference, value: object, scope: Scope) -> object:
    """A value, a tensor of the file's own made here."""
    return value if scope.where is None else made(m, value, scope.where, scope.entering or scope.flowing)


def _call(m: Reference, expr: tree.Call, scope: Scope) -> object:
    assert isinstance(expr.callee, tree.Name)
    name = expr.callee.text
    places = tuple(evaluate(m, a.value, scope) for a in expr.arguments or () if a.name is None)
    names = {a.name: evaluate(m, a.value, scope) for a in expr.arguments or () if a.name is not None}
    found = scope.find(name)
    if isinstance(found, BlockName):
        parameters = [p.name for p in found.block.parameters]
        return BlockUse(found.block, found.home, {**dict(zip(parameters, places, strict=False)), **names})
    if found is None and name == "words":
        return Code.of(places)
    if found is None and name in static.FUNCTIONS:
        return static.function(name, list(places))
    if found is None and name in OPS:
        return OpUse(name, places, names)
    if found is None and name in STRUCTURES:
        return StructureUse(name, places, names, expr.body, scope)
    assert found is None, f"`{name}` takes no arguments"
    return Choice(name, places, names)


def _chosen(m: Reference, expr: tree.If, scope: Scope) -> object:
    """The value of the branch whose test holds; a stage is chosen when something flows in."""
    branch: tree.If | tree.Body | None = expr
    while isinstance(branch, tree.If):
        branch = branch.then if evaluate(m, branch.test, scope) else branch.otherwise
    if branch is None or len(branch.flows) != 1 or isinstance(branch.flows[0], tree.Flow | tree.For | tree.In):
        return Chosen(expr, scope)
    value = evaluate(m, branch.flows[0], scope)
    if isinstance(value, (*STAGES, BlockName, Value, Group)):
        return Chosen(expr, scope)
    return value


def _flow(m: Reference, expr: tree.Flow, scope: Scope) -> object:
    from tests.reference.flows import run

    head = _own(m, evaluate(m, expr.steps[0], scope), scope)
    if isinstance(head, Value | Group):
        return run(m, head, expr.steps[1:], scope)
    return FlowUse(expr.steps, replace(scope))
